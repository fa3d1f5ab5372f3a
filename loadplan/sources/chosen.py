"""Chosen rows: which records of a source are sent, and their fields as they are sent: `where`, then `dedupe`, then `limit`.

The same step and the same source always choose the same rows. A source is read to its end also when `limit` was reached early,
so that its digest is of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from loadplan.diagnostics import Place
from loadplan.plan.model import DELIMITERS, FileSource, Step
from loadplan.sources.base import Reader
from loadplan.sources.hashing import hash64
from loadplan.sources.keybag import KeyBag
from loadplan.sources.problems import refuse
from loadplan.sources.rawrecords import unquoted
from loadplan.sources.rawrows import RawRows, raw_rows
from loadplan.sources.rawshape import RawShape, compile_raw
from loadplan.sources.rowcode import RowFaultError
from loadplan.sources.shape import Shape


class Chosen(NamedTuple):
    """A row that is sent: the number of its source record, that record as it stands, and the raw fields to send."""

    record: int
    raw: bytes
    fields: list[bytes]


class Chooser:
    """The rows of `rows` that `step` sends. `shape` is the step's shape for decoded cells; it words what is wrong."""

    def __init__(self, step: Step, shape: Shape, reader: Reader, *, plain: bool) -> None:
        self._step = step
        self._reader = reader
        self._plain = plain
        self.rows = raw_rows(step, reader, plain=plain)
        self.raw = _raw_shape(step, shape, self.rows)

    def __iter__(self) -> Iterator[list[Chosen]]:
        """Lists of chosen rows, one per block of the source. Raises InvalidInputError for a row that cannot be shaped."""
        keep = self._keeper()
        left = self._step.limit if self._step.limit is not None else -1
        for numbers, records in self.rows:
            if left == 0:
                continue
            chosen = self._of(numbers, records)
            if keep is not None:
                chosen = [row for row in chosen if keep(row)]
            if left > 0:
                chosen = chosen[:left]
                left -= len(chosen)
            yield chosen

    @property
    def picked_file(self) -> Path | None:
        """The plain file of which every row is sent and columns are only picked, when it is so."""
        takes_all = self._step.where is None and self._step.limit is None and self._step.dedupe == "error"
        return self.rows.plain_file if takes_all and self.raw.picks is not None else None

    def key_of(self, row: Chosen) -> bytes:
        """The row's key, empty when rows carry none."""
        if self.raw.key_index is not None:
            return unquoted(row.fields[self.raw.key_index])
        if self.raw.key_column is not None:
            return unquoted(self.rows.split(row.raw)[self.raw.key_column])
        return b""

    def _of(self, numbers: object, records: list[bytes]) -> list[Chosen]:
        split, apply = self.rows.split, self.raw.apply
        found = []
        for number, record in zip(numbers, records, strict=True):  # type: ignore[call-overload]
            try:
                fields = apply(split(record))
            except RowFaultError as fault:
                refuse(fault.diagnostic(Place(self._reader.name, 0)))
            if fields is not None:
                found.append(Chosen(number, record, fields))
        return found

    def _keeper(self) -> Callable[[Chosen], bool] | None:
        """What `dedupe` says of each row in turn; None when it has nothing to say. Only keys that may stand twice are
        remembered: a pass of its own finds them."""
        if self._step.dedupe == "error" or (self.raw.key_index is None and self.raw.key_column is None):
            return None
        suspects = self._suspects()
        if not suspects:
            return None
        if self._step.dedupe == "first":
            seen: set[bytes] = set()

            def is_first(row: Chosen) -> bool:
                key = self.key_of(row)
                if not key or hash64(key) not in suspects:
                    return True
                known = key in seen
                seen.add(key)
                return not known

            return is_first
        last = self._last_of(suspects)
        return lambda row: last.get(self.key_of(row), row.record) == row.record

    def _again(self) -> Iterator[Chosen]:
        """All rows that `where` lets through, in a pass of its own."""
        reader = self._reader.reopen()
        try:
            other = Chooser(
                replace(self._step, dedupe="error", limit=None), Shape((), list, None), reader, plain=self._plain
            )
            other.raw = self.raw
            for chosen in other:
                yield from chosen
        finally:
            reader.close()

    def _suspects(self) -> set[int]:
        bag = KeyBag()
        for row in self._again():
            if key := self.key_of(row):
                bag.add(key)
        return bag.repeated()

    def _last_of(self, suspects: set[int]) -> dict[bytes, int]:
        return {key: row.record for row in self._again() if (key := self.key_of(row)) and hash64(key) in suspects}


def _raw_shape(step: Step, shape: Shape, rows: RawRows) -> RawShape:
    """The step's shape over raw fields. Rows that were read with care have the reader's encoding and nulls behind them."""
    source = step.source
    if isinstance(source, FileSource):
        plain = replace(source, delimiter=rows.delimiter)
        if rows.delimiter != source.delimiter or rows.plain_file is None:
            plain = replace(plain, encoding="utf-8", quote='"', null=())
        step = replace(step, source=plain)
    raw = compile_raw(step, rows.header, rows.delimiter, DELIMITERS[step.csv.delimiter])
    if raw is None:
        refuse(*shape.diagnostics)
    return raw
