"""Environments of jinja2 that keep what they compile, across processes: to compile the pages of a run takes longer than to render them.

Compiled templates lie where Python keeps compiled modules (`__pycache__` beside them, or where PYTHONPYCACHEPREFIX says), by its rules:
nothing is written where bytecode is switched off, and a folder that cannot be written is no trouble. One that was made from another
text, by another version or with other settings is not taken.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FunctionLoader, StrictUndefined
from jinja2.bccache import Bucket, bc_magic

from loadplan.version import __version__

_SEAL = 32


class _Kept(BytecodeCache):
    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        self._made_with = repr((__version__, bc_magic, sorted(settings.items())))

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError, NotImplementedError):
            kept = self._place(bucket).read_bytes()
            seal, code = kept[:_SEAL], kept[_SEAL:]
            if seal == self._seal(bucket, code):
                bucket.code = marshal.loads(code)  # noqa: S302 - as the interpreter does with its own, and sealed

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with suppress(OSError, NotImplementedError):
            place = self._place(bucket)
            place.parent.mkdir(parents=True, exist_ok=True)
            fd, begun = tempfile.mkstemp(dir=place.parent, prefix=f"{place.name}.")
            try:
                code = marshal.dumps(bucket.code)
                with os.fdopen(fd, "wb") as file:
                    file.write(self._seal(bucket, code) + code)
                Path(begun).chmod(0o644)  # for everyone, as the templates are
                Path(begun).replace(place)
            except OSError:
                Path(begun).unlink(missing_ok=True)

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return name

    def _seal(self, bucket: Bucket, code: bytes) -> bytes:
        """What the compiled template was made of and with, and that it is whole."""
        made = f"{self._made_with} {bucket.checksum}".encode()
        return hashlib.sha256(made + code).digest()

    def _place(self, bucket: Bucket) -> Path:
        return Path(cache_from_source(str(self._folder / bucket.key)))


def environment(folder: Path, source: Callable[[str], str], **settings: Any) -> Environment:
    """An environment, strict about unknown names, of the templates of `folder`, whose text `source` gives."""
    return Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False, loader=FunctionLoader(source),
        bytecode_cache=_Kept(folder, settings), **settings,
    )  # fmt: skip
