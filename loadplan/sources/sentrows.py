"""Sent rows: the rows of a step as they are sent, a batch at a time, in the order of the source; what must wait for a parent is
put aside. Decides nothing about parts.

Where a plain file's columns are only picked, a row is put together from the stretches of its bytes between the columns that
change place (`evenarrays`); any other row goes through the step's shape, field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple, Protocol

from loadplan.plan.model import DELIMITERS, Step
from loadplan.sources.base import InputDigest
from loadplan.sources.chosen import Chooser
from loadplan.sources.evenlines import Batch, Lines, lines_of
from loadplan.sources.hasher import Hasher
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content
from loadplan.sources.partdata import changed
from loadplan.sources.rawrecords import TooLongError, first_record_end, unquoted
from loadplan.sources.rowsfile import RowsWriter
from loadplan.sources.shape import Shape

BLOCK = 1 << 18


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
        waits = self.family is not None and not self.family.has_nothing_to_say
        if path is None or picks is None or waits:
            return None
        constants = [at for at in picks if isinstance(at, bytes)]
        if constants and (self._key() is None or len(constants) == len(picks)):
            return None
        try:
            size = path.stat().st_size
        except OSError as error:
            raise changed(path) from error
        lines = lines_of(chooser.rows.delimiter.encode(), len(chooser.rows.header), size=size)
        return self._of_stretches(chooser, path, picks, lines) if lines.has_stretches else None

    def _of_stretches(self, chooser: Chooser, path: Path, picks: Sequence[int | bytes], lines: Lines) -> Iterator[Sent]:
        reading = _Reading(path, lines)
        apply, split = chooser.raw.apply, chooser.rows.split
        delimiter = lines.delimiter
        key, parent = self._key(), self.parent
        laid, cells = spans_of(picks), [int(picks[at]) for at in (key, parent) if at is not None]
        spans = [span for span in laid if not isinstance(span, bytes)]
        first = 1
        for batch in reading:
            if not batch.count:
                continue
            quoted, pieces, values, others = batch.stretches(spans, cells)
            if len(laid) == 1:
                data = pieces[0]
            else:
                found = iter(pieces)
                columns = [repeat(span) if isinstance(span, bytes) else next(found) for span in laid]
                data = list(map(delimiter.join, zip(*columns, strict=False)))  # what is repeated has no end
            parents = values.pop() if parent is not None else []
            if values:
                names = values[0]
            elif quoted:
                names = [row[1:-1].replace(lines.between, b"\0") for row in data]
            else:
                names = [row.replace(delimiter, b"\0") for row in data]
            for at, record in others:
                row = apply(split(record))
                assert row is not None
                data.insert(at, delimiter.join(row))
                names.insert(at, unquoted(row[key]) if key is not None else content([unquoted(f) for f in row]))
                if parent is not None:
                    parents.insert(at, unquoted(row[parent]))
            numbers: Sequence[int] = range(first, first + batch.count)
            first += batch.count
            if self.records is not None:
                numbers = self.records[numbers[0] - 1 : numbers[-1]]
            yield Sent(numbers, list(map(hash64, names)), data, parents)
        chooser.rows.note(InputDigest(reading.hasher.hexdigest(), reading.size, first - 1, plain=True))


class _Reading:
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


def spans_of(picks: Sequence[int | bytes]) -> list[tuple[int, int] | bytes]:
    """The stretches of columns that stay side by side, first and last of each, and the constants between them.

    >>> spans_of((1, 0, 2, 3, b"x", 5))
    [(1, 1), (0, 0), (2, 3), b'x', (5, 5)]
    """
    spans: list[tuple[int, int] | bytes] = []
    for at in picks:
        last = spans[-1] if spans else b""
        if isinstance(at, bytes):
            spans.append(at)
        elif not isinstance(last, bytes) and last[1] + 1 == at:
            spans[-1] = (last[0], at)
        else:
            spans.append((at, at))
    return spans
