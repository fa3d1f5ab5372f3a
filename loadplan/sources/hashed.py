"""Hashed: a file whose bytes are hashed as they are read, so that a digest is of exactly what was seen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING

from loadplan.sources.problems import refuse_file

if TYPE_CHECKING:
    from hashlib import _Hash


class HashingFile(io.RawIOBase):
    """`hasher` may be shared by several files read in turn."""

    def __init__(self, file: IO[bytes], hasher: _Hash) -> None:
        super().__init__()
        self._file = file
        self._hasher = hasher
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hasher.update(data)
        self.count += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def open_source_file(file: Path, name: str) -> IO[bytes]:
    """The file, unbuffered. Raises InvalidInputError that names a missing file's neighbours."""
    try:
        return file.open("rb", buffering=0)
    except FileNotFoundError:
        refuse_file("LP0301", "the source file does not exist", name, hint=_neighbours(file))
    except OSError as error:
        refuse_file("LP0302", f"cannot be read: {error.strerror or error}", name)


def _neighbours(file: Path) -> str:
    """Files in the same folder with a name like the missing one."""
    from loadplan.diagnostics import did_you_mean

    if not file.parent.is_dir():
        return "its folder does not exist either; paths are relative to the plan's folder"
    return did_you_mean(file.name, sorted(p.name for p in file.parent.iterdir() if p.is_file()))
