"""Part data: the bytes of one part, wherever they stand: a file of its own, or a range of the source behind a header.

It reads; it never decides what is sent. A range is proven to be what was planned while it is sent: its sha256 is compared
after the last byte, and a part that differs must not be closed.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from loadplan.errors import LocalError, StaleError
from loadplan.lean import dataclass
from loadplan.sources.durably import counted_file
from loadplan.sources.rawrecords import TooLongError, raw_records
from loadplan.sources.rowindex import read_index

BLOCK = 1 << 20


@dataclass(frozen=True)
class PartData:
    """`path` is the part's own file (`prefix` empty, `end` 0) or the source; then the part is `prefix`, the bytes `start` to
    `end`, and a last `line_ending` if `size` says so. `first` is the source record of the first row; where rows are not in
    a row in the source, `index` is the file that tells (None otherwise). `size` and `sha256` (hex) are of what is sent."""

    path: Path
    rows: int
    size: int
    sha256: str
    line_ending: str = "\n"
    prefix: bytes = b""
    start: int = 0
    end: int = 0
    first: int = 1
    index: Path | None = None

    @property
    def is_range(self) -> bool:
        return self.end > 0

    def open(self) -> Body:
        """What is sent, from its beginning. Raises StaleError when the source is gone, LocalError when a file is."""
        return Body(self)

    def records(self) -> Iterator[list[bytes]]:
        """The data records in order, without their line endings, some at a time. Raises as `open` does."""
        crlf = self.line_ending == "\r\n"
        header = True
        try:
            with self.open() as body:
                for batch in raw_records(iter(lambda: body.read(BLOCK), b"")):
                    if header and batch:
                        batch, header = batch[1:], False
                    yield [record.removesuffix(b"\r") for record in batch] if crlf else batch
        except TooLongError:
            raise torn(self.path) from None

    def header(self) -> bytes:
        """The header record as it is sent, with its line ending."""
        if self.is_range:
            return self.prefix
        with self.open() as body:
            for batch in raw_records(iter(lambda: body.read(BLOCK), b"")):
                if batch:
                    return batch[0] + b"\n"
        raise torn(self.path)

    def source_records(self) -> Sequence[int]:
        """The number of the source record of each row."""
        return range(self.first, self.first + self.rows) if self.index is None else read_index(self.index)

    def write(self, to: Path) -> None:
        """The same bytes as a file of their own, durable. Raises StaleError when they are not what was planned."""
        digest = hashlib.sha256()
        with self.open() as body, counted_file(to) as file:
            while block := body.read(BLOCK):
                digest.update(block)
                file.write(block)
            if digest.hexdigest() != self.sha256:
                raise changed(self.path)


class Body:
    """A part being read: what an HTTP client sends. It has a length, can be rewound, and knows the sha256 of what was read
    since."""

    def __init__(self, part: PartData) -> None:
        self._part = part
        tail = part.size - len(part.prefix) - (part.end - part.start) if part.is_range else 0
        self._tail = part.line_ending.encode() if tail > 0 else b""
        try:
            self._file = part.path.open("rb", buffering=0)
        except OSError as error:
            if part.is_range:
                raise changed(part.path) from error
            raise LocalError(
                f"a part cannot be read: {error.strerror or error}", code="LP0335", where=str(part.path)
            ) from error
        if part.is_range and os.fstat(self._file.fileno()).st_size < part.end:
            self._file.close()
            raise changed(part.path)
        self.seek(0)

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._part.size

    def close(self) -> None:
        self._file.close()

    def tell(self) -> int:
        return self._read

    def seek(self, offset: int, whence: int = 0) -> int:
        """To the beginning or, as clients do to learn the length, to the end."""
        self._digest = hashlib.sha256()
        self._read = self._part.size if whence == 2 else 0
        self._left = self._part.end - self._part.start if self._part.is_range else self._part.size
        self._pieces = [self._part.prefix] if whence != 2 and self._part.prefix else []
        self._last = self._tail
        self._file.seek(self._part.start if whence != 2 else 0)
        if whence == 2:
            self._left, self._last = 0, b""
        return self._read

    def read(self, size: int = -1) -> bytes:
        """The next bytes; at most a megabyte when asked for all."""
        data = self._pieces.pop() if self._pieces else b""
        if not data and self._left:
            data = self._file.read(min(self._left, size if size and size > 0 else BLOCK))
            self._left -= len(data)
            if not data:
                # Sending on would leave the receiver waiting for bytes that do not exist.
                raise changed(self._part.path) if self._part.is_range else torn(self._part.path)
        if not data and self._last:
            data, self._last = self._last, b""
        self._digest.update(data)
        self._read += len(data)
        return data

    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def is_as_planned(self) -> bool:
        """After the last byte: what was read is what was planned."""
        return self._digest.hexdigest() == self._part.sha256


def changed(path: Path) -> StaleError:
    """The source under a part is not what it was."""
    return StaleError(
        "the source changed since it was checked",
        code="LP0331",
        where=str(path),
        hint="put the file back as it was, or start a new run",
    )


def torn(path: Path) -> LocalError:
    return LocalError(
        "a part and its index do not fit",
        code="LP0335",
        where=str(path),
        hint="a file of the run folder was changed or cut; start a new run from the retry file",
    )


def chosen(records: Sequence[int], positions: Sequence[int]) -> array[int]:
    """The source records of some rows."""
    return array("Q", [records[i] for i in positions])
