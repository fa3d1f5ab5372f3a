"""Stream: the bytes of a source file to text blocks, with the digest of exactly the bytes that were read.

It decodes strictly, and names the byte and the line where that fails. It never repairs. Unpacking is `unpack.py`'s.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loadplan.sources.hashed import HashingFile, open_source_file
from loadplan.sources.problems import refuse_file
from loadplan.sources.unpack import BLOCK, plain_blocks

if TYPE_CHECKING:
    from hashlib import _Hash


class TextStream:
    """The text of one file in blocks. `name` is how messages call it; `compression` is None, `gzip` or `zstd`. Raises
    InvalidInputError: a missing or unreadable file, an encoding nobody knows, bytes that are not in it, a compressed file
    that is damaged or cut short."""

    def __init__(
        self, file: Path, name: str, *, encoding: str = "utf-8", compression: str | None = None,
        hasher: _Hash | None = None,
    ) -> None:  # fmt: skip
        self._name = name
        self._compressed = compression is not None
        self._hasher = hasher if hasher is not None else hashlib.sha256()
        self._decoder = _decoder(encoding, name)
        self._encoding = encoding
        self._raw = HashingFile(open_source_file(file, name), self._hasher)
        self._plain = plain_blocks(self._raw, compression, name) if compression is not None else self._blocks()

    @property
    def byte_count(self) -> int:
        return self._raw.count

    def sha256(self) -> str:
        """Hex digest of the raw bytes read so far (of the whole file once `blocks` has ended)."""
        return self._hasher.hexdigest()

    def close(self) -> None:
        self._plain.close()
        self._raw.close()

    def blocks(self) -> Iterator[str]:
        """Decoded text; a byte order mark at the very beginning is dropped."""
        offset, lines, fresh = 0, 0, True
        while True:
            data = self._read()
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                self._refuse_bytes(error, offset, len(data), lines)
            if fresh and text:
                text = text.removeprefix("\ufeff")
                fresh = False
            if text:
                yield text
            if not data:
                return
            offset += len(data)
            lines += text.count("\n")

    def _blocks(self) -> Generator[bytes, None, None]:
        while block := self._raw.read(BLOCK):
            yield block

    def _read(self) -> bytes:
        try:
            return next(self._plain, b"")
        except OSError as error:
            refuse_file("LP0302", f"cannot be read: {error.strerror or error}", self._name)

    def _refuse_bytes(self, error: UnicodeDecodeError, offset: int, size: int, lines: int) -> NoReturn:
        start = offset - (len(error.object) - size) + error.start
        before = error.object[: error.start].decode(error.encoding, "replace")
        of = " of the unpacked data" if self._compressed else ""
        found = " ".join(f"0x{b:02x}" for b in error.object[error.start : max(error.end, error.start + 1)][:4])
        refuse_file(
            "LP0303",
            f"byte {start}{of} is not {self._encoding}: {found or 'the file ends too early'} ({error.reason})",
            self._name,
            lines + before.count("\n") + 1,
            hint="name the file's encoding: `source: {path: …, encoding: cp1252}`",
        )


def _decoder(encoding: str, name: str) -> codecs.IncrementalDecoder:
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise LookupError
        return codecs.getincrementaldecoder(encoding)("strict")
    except LookupError:
        refuse_file(
            "LP0304", f"`{encoding}` is not an encoding", name, hint="examples: utf-8, utf-16, cp1252, iso-8859-15"
        )
