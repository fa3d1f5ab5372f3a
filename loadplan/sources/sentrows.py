"""Sent rows: the rows of a step as they are sent, a batch at a time, in the order of the source; what must wait for a parent is
put aside. Decides nothing about parts.

Where a plain file's columns are only picked, a row is put together from the stretches of its bytes between the columns that
change place (`evenarrays`); any other row goes through the step's shape, field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from loadplan.plan.model import DELIMITERS, Step
from loadplan.sources.base import InputDigest
from loadplan.sources.chosen import Chooser
from loadplan.sources.evenlines import Batch, Lines, PlacedBatch, lines_of
from loadplan.sources.hasher import Hasher
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content
from loadplan.sources.partdata import changed
from loadplan.sources.rawrecords import TooLongError, first_record_end, unquoted
from loadplan.sources.rowsfile import RowsWriter
from loadplan.sources.shape import Shape

BLOCK = 1 << 18


Finder = Callable[[list[bytes]], "list[bytes | None]"]
"""From keys of parents to their ids; None where there is none."""


@dataclass(frozen=True)
class _Id:
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

    def batches(self, chooser: Chooser) -> Iterator[Sent]:
        """Read on to the end, or give it up; the digest is the chooser's. Raises what it raises."""
        picked = self._picked(chooser)
        return picked if picked is not None else self._shaped(chooser)

    def _key(self) -> int | None:
        return self.shape.header.index(self.shape.sent_key) if self.shape.sent_key is not None else None

    def _shaped(self, chooser: Chooser) -> Iterator[Sent]:
        join = DELIMITERS[self.step.csv.delimiter].encode().join
        key, parent = self._key(), self.parent
        waits = self.family is not None and not self.family.has_nothing_to_say
        for batch in chooser:
            numbers, rows = [row.record for row in batch], [row.fields for row in batch]
            if self.records is not None:
                numbers = [self.records[number - 1] for number in numbers]
            if waits:
                stays = [self._stays(*row) for row in zip(numbers, batch, strict=True)]
                numbers = [number for number, stay in zip(numbers, stays, strict=True) if stay]
                rows = [row for row, stay in zip(rows, stays, strict=True) if stay]
            names = (
                [unquoted(row[key]) for row in rows]
                if key is not None
                else [content([unquoted(f) for f in row]) for row in rows]
            )
            parents = [unquoted(row[parent]) for row in rows] if parent is not None else []
            yield Sent(numbers, list(map(hash64, names)), list(map(join, rows)), parents)

    def _stays(self, number: int, row: tuple[int, bytes, list[bytes]]) -> bool:
        assert self.family is not None
        record, raw, fields = row
        why = self.family.place(fields)
        if why and self.held is not None and record > self.aside:
            self.held.put(number, raw, why)
            self.aside = record
        return not why

    def _picked(self, chooser: Chooser) -> Iterator[Sent] | None:
        """The quick way, where there is one."""
        path, picks = chooser.picked_file, chooser.raw.picks
        finders = self.family.finders() if self.family is not None else {}
        if path is None or picks is None or finders is None:
            return None
        laid = spans_of([_Id(at, int(p), finders[at]) if at in finders else p for at, p in enumerate(picks)])
        if all(isinstance(span, bytes) for span in laid):
            return None
        try:
            size = path.stat().st_size
        except OSError as error:
            raise changed(path) from error
        lines = lines_of(chooser.rows.delimiter.encode(), len(chooser.rows.header), size=size)
        return self._of_stretches(chooser, path, laid, lines) if lines.has_stretches else None

    def _of_stretches(self, chooser: Chooser, path: Path, laid: Sequence[Laid], lines: Lines) -> Iterator[Sent]:
        reading, first = Reading(path, lines), 1
        for batch in reading:
            if batch.count:
                assert isinstance(batch, PlacedBatch)
                yield self._sent(chooser, batch, laid, lines, first)
                first += batch.count
        chooser.rows.note(InputDigest(reading.hasher.hexdigest(), reading.size, first - 1, plain=True))

    def _sent(self, chooser: Chooser, batch: PlacedBatch, laid: Sequence[Laid], lines: Lines, first: int) -> Sent:
        """One batch. Rows that need a closer look go through the shape, and take their place among the others."""
        picks, key, parent, join = chooser.raw.picks, self._key(), self.parent, lines.delimiter.join
        assert picks is not None
        ids = [span for span in laid if isinstance(span, _Id)]
        cells = [*(span.cell for span in ids), *(int(picks[at]) for at in (key, parent) if at is not None)]
        quoted, pieces, values, others = batch.stretches([s for s in laid if isinstance(s, tuple)], cells)
        found = [span.find(values.pop(0)) for span in ids]
        columns = _columns(laid, pieces, found)
        parents = values.pop() if parent is not None else []
        if parent is not None and (which := [n for n, span in enumerate(ids) if span.field == parent]):
            parents = list(cast(list[bytes], found[which[0]]))  # a list of its own: others are put into it
        odd = [n for n, row in enumerate(zip(*found, strict=True)) if None in row] if found else []
        if odd:
            keep = sorted(set(range(len(found[0]))) - set(odd))
            places = batch.places()
            others = sorted([*others, *((places[n], batch.record(places[n])) for n in odd)])
            columns = [c if isinstance(c, repeat) else [c[n] for n in keep] for c in columns]
            parents, values = [parents[n] for n in keep] if parents else [], [[v[n] for n in keep] for v in values]
        data: list[bytes] = columns[0] if len(laid) == 1 else list(map(join, zip(*columns, strict=False)))
        names = values[0] if key is not None else _names(laid, columns, data, lines, quoted=quoted)
        numbers: Sequence[int] = range(first, first + batch.count)
        if self.records is not None:
            numbers = self.records[numbers[0] - 1 : numbers[-1]]
        held: list[int] = []
        for at, record in others:
            row = chooser.raw.apply(chooser.rows.split(record))
            assert row is not None
            if ids and not self._stays(numbers[at], (first + at, record, row)):
                held.append(at)
                continue
            place = at - len(held)
            data.insert(place, join(row))
            names.insert(place, unquoted(row[key]) if key is not None else content([unquoted(f) for f in row]))
            if parent is not None:
                parents.insert(place, unquoted(row[parent]))
        if held:
            gone = set(held)
            numbers = [number for at, number in enumerate(numbers) if at not in gone]
        return Sent(numbers, list(map(hash64, names)), data, parents)


Laid = tuple[int, int] | bytes | _Id
Columns = list[Any]
"""Of each row a piece; a constant is a `repeat` without an end."""


def _columns(laid: Sequence[Laid], pieces: list[list[bytes]], found: Sequence[list[bytes | None]]) -> Columns:
    of_spans, of_ids = iter(pieces), iter(found)
    return [
        repeat(span) if isinstance(span, bytes) else next(of_ids) if isinstance(span, _Id) else next(of_spans)
        for span in laid
    ]


def _names(laid: Sequence[Laid], columns: Columns, data: list[bytes], lines: Lines, *, quoted: bool) -> list[bytes]:
    """The names of rows that have no key: all their values."""
    between = lines.between if quoted else lines.delimiter

    def plain(pieces: Sequence[bytes]) -> list[bytes]:
        inner = [piece[1:-1] for piece in pieces] if quoted else pieces
        return [piece.replace(between, b"\0") for piece in inner]

    if all(isinstance(span, tuple) for span in laid):
        return plain(data)
    parts = [
        repeat(unquoted(span)) if isinstance(span, bytes) else column if isinstance(span, _Id) else plain(column)
        for span, column in zip(laid, columns, strict=True)
    ]
    return list(map(b"\0".join, zip(*parts, strict=False)))


class Reading:
    """The batches of a plain file, hashed as it is read. Raises StaleError when it is no longer one."""

    def __init__(self, path: Path, lines: Lines) -> None:
        self._path = path
        self._lines = lines
        self.hasher = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[Batch]:
        lines, began = self._lines, b""
        header = True
        try:
            with self._path.open("rb", buffering=0) as file, Hasher() as thread:
                while block := file.read(BLOCK):
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


def spans_of(picks: Sequence[int | bytes | _Id]) -> list[Laid]:
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
