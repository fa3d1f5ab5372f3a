"""Tally: how many rows a result file holds and the sum of their names, taken while it is received or from the file.

It is quick, and says nothing at all (`sum` None) about a file that is not written as Salesforce writes results: every cell
quoted, the columns that were sent in the order in which they were sent. Then the careful matching decides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loadplan.errors import LocalError
from loadplan.lean import dataclass
from loadplan.sources.evenlines import Batch, Lines, lines_of
from loadplan.sources.names import content, total
from loadplan.sources.rawrecords import LONGEST, TooLongError, field_splitter, first_record_end, unquoted

OWN = {"successful": 2, "failed": 2, "unprocessed": 0}
"""How many columns of Salesforce's own stand before those that were sent."""
BLOCK = 1 << 20


@dataclass(frozen=True)
class Sum:
    """`rows` data records; `names` the sum of their names, None when the file has to be looked at with care."""

    rows: int
    names: int | None


class Tally:
    """Feed it the blocks of one result file. `header` are the columns that were sent; `key` is the one of them that names a
    row, None when the whole row does. `kind` is the kind of result file, `size` about how many bytes it may have."""

    def __init__(self, kind: str, header: tuple[str, ...], key: str | None, delimiter: str, size: int = 0) -> None:
        self._own = OWN[kind]
        self._header = header
        self._width = self._own + len(header)
        self._key = self._own + header.index(key) if key is not None else None
        self._delimiter = delimiter.encode()
        self._size = size
        self._fields = field_splitter(self._delimiter, self._width)
        self._first = self._head = self._last = b""
        self._ended = self._blank = False
        self._lines: Lines | None = None
        self._doubt = False
        self._rows = 0
        self._names = 0

    def feed(self, block: bytes) -> None:
        """The next bytes of the file."""
        self._last = block[-1:]
        if self._doubt:
            return
        try:
            if self._lines is None:
                block = self._begin(block)
            if self._lines is not None:
                self._take(self._lines.feed(block))
        except TooLongError:
            self._doubt = True

    def result(self) -> Sum:
        """After the last block."""
        self._end()
        return Sum(self._rows, None if self._doubt else self._names)

    def counted(self) -> tuple[int, bytes] | None:
        """After the last block: how many records the file holds, the header among them, and the header's bytes. None when that is not
        beyond doubt (a line is blank, say), or when the file does not end with a line end."""
        self._end()
        if self._doubt or self._blank or self._last != b"\n":
            return None
        return self._rows + 1, self._head

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._lines is None and self._first:
            self._begin(b"\n")
        if self._lines is not None and not self._doubt:
            self._take(self._lines.end())
        if self._lines is None or self._lines.ends_open:
            self._doubt = self._doubt or bool(self._first)

    def _begin(self, block: bytes) -> bytes:
        """Read the header; what stands behind it."""
        self._first += block
        end = first_record_end(self._first)
        if not end:
            if len(self._first) > LONGEST:
                raise TooLongError
            return b""
        record, rest = self._first[: end - 1], self._first[end:]
        self._head = self._first[:end]
        crlf = record.endswith(b"\r")
        cells = self._fields(record.removesuffix(b"\r"))
        if cells is None or tuple(unquoted(c).decode("utf-8", "replace") for c in cells[self._own :]) != self._header:
            self._doubt = True
        self._first = b"."
        self._lines = lines_of(self._delimiter, self._width, size=self._size, crlf=crlf)
        return rest

    def _take(self, batch: Batch) -> None:
        others = [record for record in batch.others if record]
        self._blank = self._blank or len(others) < len(batch.others)
        self._rows += batch.count - len(batch.others) + len(others)
        if self._key is not None:
            self._names += batch.keys(self._key).total()
        else:
            self._names += batch.content_keys(self._own).total()
        if others:
            careful = self._careful(others)
            if careful is None:
                self._doubt = True
                return
            self._names += total(careful)

    def _careful(self, records: list[bytes]) -> list[bytes] | None:
        names = []
        for record in records:
            cells = self._fields(record)
            if cells is None:
                return None
            if self._key is not None:
                names.append(unquoted(cells[self._key]))
            else:
                names.append(content([unquoted(c) for c in cells[self._own :]]))
        return names


def tally_file(path: Path, tally: Tally) -> Sum:
    """The same for a file on disk. Raises LocalError when it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                tally.feed(block)
    except OSError as error:
        raise LocalError(
            f"a result file cannot be read: {error.strerror or error}", code="LP0335", where=str(path)
        ) from error
    return tally.result()


NameOf = Callable[[bytes], "bytes | None"]


def namer(header: tuple[str, ...], key: str | None, delimiter: str) -> NameOf:
    """From one raw record of a part to the row's name; None when the record is not what a part holds."""
    fields = field_splitter(delimiter.encode(), len(header))
    at = header.index(key) if key is not None else None

    def name(record: bytes) -> bytes | None:
        cells = fields(record)
        if cells is None:
            return None
        return unquoted(cells[at]) if at is not None else content([unquoted(c) for c in cells])

    return name
