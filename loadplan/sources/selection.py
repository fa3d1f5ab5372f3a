"""Selection: which rows of a source are sent, shaped and in source order: `where`, then `dedupe`, then `limit`.

The same step and the same source always select the same rows. A source is read to its end also when `limit` was
reached early, so that its digest is of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from loadplan.diagnostics import Diagnostic, Place
from loadplan.plan.model import Step
from loadplan.sources.base import Reader, SourceRow
from loadplan.sources.ids import KeySet, digest_of
from loadplan.sources.problems import refuse
from loadplan.sources.shape import RowFaultError, Shape


class SelectedRow(NamedTuple):
    """A row that is sent: where it comes from, its key ("" when rows carry none) and the cells to send."""

    record: int
    line: int
    key: str
    cells: list[str]


def selected_rows(step: Step, shape: Shape, reader: Reader) -> Iterator[SelectedRow]:
    """The rows to send. Raises InvalidInputError on a row that cannot be read or shaped, with its line.

    `dedupe: error` lets duplicates through: `check_step` has refused them."""
    keep = _keeper(step, shape, reader)
    left = step.limit if step.limit is not None else -1
    for row in reader:
        if left == 0:
            continue
        selected = shape_row(shape, row, reader)
        if selected is None or not keep(selected):
            continue
        left -= 1
        yield selected


def shape_row(shape: Shape, row: SourceRow, reader: Reader) -> SelectedRow | None:
    """`row` as it is sent, or None when `where` leaves it out. A row that cannot be shaped is a problem of the reader:
    told to its `on_problem`, or raised as InvalidInputError with its line."""
    try:
        cells = shape.apply(row.cells)
    except RowFaultError as fault:
        diagnostic = fault.diagnostic(Place(reader.name, row.line))
        if reader.on_problem is None:
            refuse(diagnostic)
        reader.on_problem(diagnostic)
        return None
    if cells is None:
        return None
    key = shape.key_of(row.cells, cells) if shape.key_of is not None else ""
    return SelectedRow(row.record, row.line, key, cells)


def deaf(_: Diagnostic) -> None:
    """An `on_problem` for a second pass: the first one has reported."""


class _Keeper:
    """Says of each row in turn whether it is kept."""

    def __call__(self, row: SelectedRow) -> bool:
        return True


class _First(_Keeper):
    def __init__(self) -> None:
        self._seen = KeySet()

    def __call__(self, row: SelectedRow) -> bool:
        return not row.key or self._seen.add(row.key)


class _Last(_Keeper):
    """Needs a pass of its own to learn which record is the last of each key."""

    def __init__(self, shape: Shape, reader: Reader) -> None:
        self._last: dict[bytes, int] = {}
        again = reader.reopen()
        again.on_problem = deaf if reader.on_problem is not None else None
        try:
            for row in again:
                selected = shape_row(shape, row, again)
                if selected is not None and selected.key:
                    self._last[digest_of(selected.key)] = selected.record
        finally:
            again.close()

    def __call__(self, row: SelectedRow) -> bool:
        return not row.key or self._last.get(digest_of(row.key)) == row.record


def _keeper(step: Step, shape: Shape, reader: Reader) -> _Keeper:
    if shape.key_of is None or step.dedupe == "error":
        return _Keeper()
    return _First() if step.dedupe == "first" else _Last(shape, reader)
