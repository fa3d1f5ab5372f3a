"""Sent rows: the rows of a step as they are sent, a batch at a time, in the order of the source; what must wait for a parent is
put aside. Decides nothing about parts.

Where a plain file's columns are only picked, a row is put together from the stretches of its bytes between the columns that
change place (`evenarrays`); any other row goes through the step's shape, field by field.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, Step
from loadplan.sources.chosen import Chooser
from loadplan.sources.evenlines import Batch, Lines, lines_of
from loadplan.sources.hasher import Hasher
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content
from loadplan.sources.partdata import changed
from loadplan.sources.rawrecords import TooLongError, first_record_end, unquoted
from loadplan.sources.rowsfile import RowsWriter
from loadplan.sources.shape import Shape

if TYPE_CHECKING:
    from loadplan.sources.grouping import ParentOrder
    from loadplan.sources.placedrows import PlacedRows

BLOCK = 1 << 18


Finder = Callable[[list[bytes]], "list[bytes | None]"]
"""From keys of parents to their ids; None where there is none."""


@dataclass(frozen=True)
class Id:
    """A sent field that becomes an id: its place in what is sent, the cell with the parent's key."""

    field: int
    cell: int
    find: Finder


class Sent(NamedTuple):
    """Rows: the source record of each, the hash of its name, its bytes without a line end, and the key of the parent whose rows
    stay together (b"" for none; an empty list when nobody asks)."""

    records: Sequence[int]
    names: Sequence[int]
    data: Sequence[bytes]
    parents: Sequence[bytes]

    @property
    def rows(self) -> int:
        return len(self.data)

    def fitting(self, at: int, room: int, most: int, ending: bytes) -> tuple[int, int]:
        """How many rows from `at` on fit into so many bytes, at most so many, and their bytes; with a line end each."""
        data = self.data[at:] if at else self.data
        size = sum(map(len, data)) + len(ending) * len(data)
        if size <= room and len(data) <= most:
            return len(data), size
        ends = list(accumulate([len(row) + len(ending) for row in data]))
        count = min(bisect_right(ends, room), most)
        return count, ends[count - 1] if count else 0

    def written(self, at: int, count: int, ending: bytes) -> bytes:
        """The bytes of some rows."""
        return ending.join([*self.data[at : at + count], b""])

    def total(self, at: int, count: int) -> int:
        """The sum of their names' hashes."""
        return sum(self.names[at : at + count])

    def numbers(self, at: int, count: int) -> bytes:
        """The numbers of their source records, 8 bytes each as the machine writes them."""
        return array("Q", self.records[at : at + count]).tobytes()

    def record(self, at: int) -> int:
        return self.records[at]

    def size(self, at: int, ending: bytes) -> int:
        return len(self.data[at]) + len(ending)

    def seen_by(self, order: ParentOrder) -> None:
        order.see(self.parents)


class Family(Protocol):
    """What is known of the parents of rows when they are cut."""

    @property
    def has_nothing_to_say(self) -> bool:
        """No row waits, and no field is replaced."""
        ...

    def place(self, fields: list[bytes]) -> str:
        """Put the ids of parents into the fields to send; the reason when the row must wait for a parent, else ""."""
        ...

    def finders(self) -> Mapping[int, Finder] | None:
        """For each sent field that becomes an id, what finds many at once; None when there are other reasons to wait."""
        ...


@dataclass
class Sender:
    """The rows of `step` in batches. `parent` is the sent field by which they are kept together. With a `family`, rows that
    must wait go to `held`; `records` are the source records of the chooser's rows, where those are a choice of their own.
    `aside` is the last row that was put aside: a second pass does not do it again."""

    step: Step
    shape: Shape
    parent: int | None
    family: Family | None = None
    held: RowsWriter | None = None
    records: Sequence[int] | None = None
    aside: int = 0

    def batches(self, chooser: Chooser) -> Iterator[Sent | PlacedRows]:
        """Read on to the end, or give it up; the digest is the chooser's. Raises what it raises."""
        picked = self._picked(chooser)
        return picked if picked is not None else self._shaped(chooser)

    @property
    def key(self) -> int | None:
        """The sent field that names a row, None when all its values do."""
        return self.shape.header.index(self.shape.sent_key) if self.shape.sent_key is not None else None

    def _shaped(self, chooser: Chooser) -> Iterator[Sent]:
        join = DELIMITERS[self.step.csv.delimiter].encode().join
        key, parent = self.key, self.parent
        waits = self.family is not None and not self.family.has_nothing_to_say
        for batch in chooser:
            numbers, rows = [row.record for row in batch], [row.fields for row in batch]
            if self.records is not None:
                numbers = [self.records[number - 1] for number in numbers]
            if waits:
                stays = [self.stays(*row) for row in zip(numbers, batch, strict=True)]
                numbers = [number for number, stay in zip(numbers, stays, strict=True) if stay]
                rows = [row for row, stay in zip(rows, stays, strict=True) if stay]
            names = (
                [unquoted(row[key]) for row in rows]
                if key is not None
                else [content([unquoted(f) for f in row]) for row in rows]
            )
            parents = [unquoted(row[parent]) for row in rows] if parent is not None else []
            yield Sent(numbers, list(map(hash64, names)), list(map(join, rows)), parents)

    def stays(self, number: int, row: tuple[int, bytes, list[bytes]]) -> bool:
        """Whether the row (record, raw bytes, fields to send) is sent now; ids are put into it. Source record `number` is put aside
        otherwise."""
        assert self.family is not None
        record, raw, fields = row
        why = self.family.place(fields)
        if why and self.held is not None and record > self.aside:
            self.held.put(number, raw, why)
            self.aside = record
        return not why

    def _picked(self, chooser: Chooser) -> Iterator[PlacedRows] | None:
        """The quick way, where there is one."""
        path, picks = chooser.picked_file, chooser.raw.picks
        finders = self.family.finders() if self.family is not None else {}
        if path is None or picks is None or finders is None:
            return None
        laid = spans_of([Id(at, int(p), finders[at]) if at in finders else p for at, p in enumerate(picks)])
        if all(isinstance(span, bytes) for span in laid):
            return None
        try:
            size = path.stat().st_size
        except OSError as error:
            raise changed(path) from error
        lines = lines_of(chooser.rows.delimiter.encode(), len(chooser.rows.header), size=size)
        if not lines.has_places:
            return None
        from loadplan.sources.sentarrays import placed_batches

        return placed_batches(self, chooser, path, laid, lines)


Laid = tuple[int, int] | bytes | Id


def names_of(laid: Sequence[Laid], columns: Sequence[Any], lines: Lines, *, quoted: bool) -> list[bytes]:
    """The names of rows that have no key: all their values. Of each `laid` stretch the bytes in all rows."""
    between = lines.between if quoted else lines.delimiter

    def plain(pieces: Sequence[bytes]) -> list[bytes]:
        inner = [piece[1:-1] for piece in pieces] if quoted else pieces
        return [piece.replace(between, b"\0") for piece in inner]

    parts = [
        repeat(unquoted(span)) if isinstance(span, bytes) else column if isinstance(span, Id) else plain(column)
        for span, column in zip(laid, columns, strict=True)
    ]
    return list(map(b"\0".join, zip(*parts, strict=False)))


class Reading:
    """The batches of a plain file, hashed as it is read. Raises StaleError when it is no longer one."""

    def __init__(self, path: Path, lines: Lines, block: int = BLOCK) -> None:
        self._path = path
        self._block = block
        self._lines = lines
        self.hasher = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[Batch]:
        lines, began = self._lines, b""
        header = True
        try:
            with self._path.open("rb", buffering=0) as file, Hasher() as thread:
                while block := file.read(self._block):
                    thread.update(block, self.hasher)
                    self.size += len(block)
                    if header:
                        began += block
                        if not (end := first_record_end(began)):
                            continue
                        lines.crlf, header = began[:end].endswith(b"\r\n"), False
                        block = began[end:]
                    yield lines.feed(block)
                thread.join()
            yield lines.end()
        except (OSError, TooLongError) as error:
            raise changed(self._path) from error
        if lines.ends_open:
            raise changed(self._path)


def spans_of(picks: Sequence[int | bytes | Id]) -> list[Laid]:
    """The stretches of columns that stay side by side, first and last of each, and the constants and ids between them.

    >>> spans_of((1, 0, 2, 3, b"x", 5))
    [(1, 1), (0, 0), (2, 3), b'x', (5, 5)]
    """
    spans: list[Laid] = []
    for at in picks:
        last = spans[-1] if spans else b""
        if not isinstance(at, int):
            spans.append(at)
        elif isinstance(last, tuple) and last[1] + 1 == at:
            spans[-1] = (last[0], at)
        else:
            spans.append((at, at))
    return spans
