"""Tally: how many rows a result file holds and the sum of their names, taken while it is received or from the file.

It is quick, and says nothing at all (`sum` None) about a file that is not written as Salesforce writes results: every cell
quoted, the columns that were sent in the order in which they were sent. Then the careful matching decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadplan.errors import LocalError
from loadplan.sources.names import content, total
from loadplan.sources.rawrecords import RawRecords, TooLongError, field_splitter, unquoted

OWN = {"successful": 2, "failed": 2, "unprocessed": 0}
"""How many columns of Salesforce's own stand before those that were sent."""
BLOCK = 1 << 20
_QUOTE = ord('"')


@dataclass(frozen=True)
class Sum:
    """`rows` data records; `names` the sum of their names, None when the file has to be looked at with care."""

    rows: int
    names: int | None


class Tally:
    """Feed it the blocks of one result file. `header` are the columns that were sent; `key` is the one of them that names a
    row, None when the whole row does. `kind` is the kind of result file."""

    def __init__(self, kind: str, header: tuple[str, ...], key: str | None, delimiter: str) -> None:
        self._own = OWN[kind]
        self._header = header
        self._width = self._own + len(header)
        self._key = self._own + header.index(key) if key is not None else None
        self._delimiter = delimiter.encode()
        self._fields = field_splitter(self._delimiter, self._width)
        self._records = RawRecords()
        self._began = self._crlf = False
        self._doubt = False
        self._rows = 0
        self._names = 0

    def feed(self, block: bytes) -> None:
        """The next bytes of the file."""
        if self._doubt:
            return
        try:
            self._take(self._records.feed(block))
        except TooLongError:
            self._doubt = True

    def result(self) -> Sum:
        """After the last block."""
        if not self._doubt:
            self._take(self._records.end())
        if self._records.is_open:
            self._doubt = True
        return Sum(self._rows, None if self._doubt else self._names)

    def _take(self, records: list[bytes]) -> None:
        if not self._began and records:
            self._began, self._crlf = True, records[0].endswith(b"\r")
            self._check_header(records.pop(0).removesuffix(b"\r"))
        if self._crlf:
            records = [record.removesuffix(b"\r") for record in records]
        if b"" in records:
            records = [record for record in records if record]
        if not records or self._doubt:
            return
        names = self._quick(records) or self._careful(records)
        if names is None:
            self._doubt = True
            return
        self._rows += len(records)
        self._names += total(names)

    def _check_header(self, record: bytes) -> None:
        cells = self._fields(record)
        if cells is None or tuple(unquoted(c).decode("utf-8", "replace") for c in cells[self._own :]) != self._header:
            self._doubt = True

    def _quick(self, records: list[bytes]) -> list[bytes] | None:
        """Names of records in which every cell is quoted and none holds a quote; None when there is another."""
        between, last = b'"' + self._delimiter + b'"', self._width - 1
        quotes, key, own = 2 * self._width, self._key, self._own
        # Every quote is one of a pair around a cell when there are as many as cells need, the first and the last byte are
        # quotes, and all others stand in the separators. Then there is one reading only.
        if [
            1
            for r in records
            if r.count(b'"') != quotes or r.count(between) != last or r[0] != _QUOTE or r[-1] != _QUOTE
        ]:
            return None
        if key is None:
            return [r[1:-1].replace(between, b"\0").split(b"\0", own)[own] for r in records]
        if key == 0:
            return [r[1:].partition(between)[0] if last else r[1:-1] for r in records]
        if key == last:
            return [r[:-1].rpartition(between)[2] for r in records]
        return [r.split(between, key + 1)[key] for r in records]

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
