"""Stream: the bytes of a source file to text blocks, with the digest of exactly the bytes that were read.

It decompresses and decodes strictly, and names the byte and the line where that fails. It never repairs.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, cast

from loadplan.sources.problems import refuse_file

if TYPE_CHECKING:
    from hashlib import _Hash

BLOCK = 1 << 18


class HashingFile(io.RawIOBase):
    """A file whose bytes are hashed as they are read. `hasher` may be shared by several files read in turn."""

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


class TextStream:
    """The text of one file in blocks. `name` is how messages call it. Raises InvalidInputError: a missing or unreadable
    file, an encoding nobody knows, bytes that are not in it, a gzip file that is damaged or cut short."""

    def __init__(
        self, file: Path, name: str, *, encoding: str = "utf-8", compressed: bool = False, hasher: _Hash | None = None
    ) -> None:
        self._name = name
        self._compressed = compressed
        self._hasher = hasher if hasher is not None else hashlib.sha256()
        self._decoder = _decoder(encoding, name)
        self._encoding = encoding
        self._raw = HashingFile(_open(file, name), self._hasher)
        # The gzip module only reads from what it is given, which a HashingFile can.
        self._plain: io.RawIOBase | gzip.GzipFile = (
            gzip.GzipFile(fileobj=cast("IO[bytes]", self._raw), mode="rb") if compressed else self._raw
        )

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

    def _read(self) -> bytes:
        try:
            data = self._plain.read(BLOCK) or b""
            while not data and self._compressed and self._raw.read(BLOCK):
                pass  # padding after the last gzip member belongs to the digest
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            cut = isinstance(error, EOFError)
            summary = "the gzip file is cut short" if cut else f"the gzip file is damaged ({error})"
            refuse_file("LP0305", summary, self._name, hint="copy it again, or test it with `gzip -t`")
        except OSError as error:
            refuse_file("LP0302", f"cannot be read: {error.strerror or error}", self._name)
        return data

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


def _open(file: Path, name: str) -> IO[bytes]:
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


def _decoder(encoding: str, name: str) -> codecs.IncrementalDecoder:
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise LookupError
        return codecs.getincrementaldecoder(encoding)("strict")
    except LookupError:
        refuse_file(
            "LP0304", f"`{encoding}` is not an encoding", name, hint="examples: utf-8, utf-16, cp1252, iso-8859-15"
        )
