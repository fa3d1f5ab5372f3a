"""Typed: what the readers of rows that are not lines of a file have in common: record numbers, limits, null texts.

A reader subclasses `TypedReader` and gives batches of rows, each a list of cells or the fault that stands for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from loadplan.diagnostics import Diagnostic
from loadplan.sources.base import InputDigest, ProblemSink, SourceRow
from loadplan.sources.columns import column_problems
from loadplan.sources.problems import RecordFaultError, refuse
from loadplan.sources.records import SALESFORCE_LIMITS

FIELD = SALESFORCE_LIMITS.field or 0
RECORD = SALESFORCE_LIMITS.record or 0
Row = list[str] | RecordFaultError
source_row: Callable[[tuple[int, int, Any]], SourceRow] = partial(tuple.__new__, SourceRow)
"""`SourceRow` from a tuple, without a call of Python code for each row."""


class Batch(NamedTuple):
    """Some rows in a row. `clean` says that all of them are cells."""

    rows: Sequence[Row]
    clean: bool


class TypedReader:
    """A Reader whose rows have numbers, not lines. `_start` is called by the subclass when the header is known."""

    def __init__(self, name: str, null: Sequence[str]) -> None:
        self.on_problem: ProblemSink | None = None
        self._name = name
        self._nulls = frozenset(null)
        self._header: tuple[str, ...] = ()
        self._rows = 0
        self._digest: tuple[str, int] | None = None

    def _start(self, header: Sequence[str]) -> None:
        """Take the header. Raises InvalidInputError with every problem of it."""
        problems = column_problems(header, self._name, 0)
        if problems:
            refuse(*problems)
        self._header = tuple(header)

    def _batches(self) -> Iterator[Batch]:
        raise NotImplementedError

    def _whole(self) -> tuple[str, int]:
        """The sha256 (hex) and the bytes of what was read, after the last row. Raises InvalidInputError when it changed
        meanwhile."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        return self._name

    @property
    def header(self) -> tuple[str, ...]:
        return self._header

    def __iter__(self) -> Iterator[SourceRow]:
        record = 0
        for rows, clean in self._batches():
            numbered = zip(range(record + 1, record + 1 + len(rows)), repeat(0), rows)
            yield from map(source_row, numbered) if clean and not self._nulls else self._one_by_one(rows, record)
            record += len(rows)
        self._rows = record
        self._digest = self._whole()

    def _one_by_one(self, rows: Sequence[Row], done: int) -> Iterator[SourceRow]:
        nulls = self._nulls
        for record, cells in enumerate(rows, done + 1):
            if isinstance(cells, list):
                yield SourceRow(record, 0, ["" if cell in nulls else cell for cell in cells] if nulls else cells)
            else:
                self._report(cells.diagnostic(self._name), fatal=cells.fatal)

    def digest(self) -> InputDigest:
        if self._digest is None:
            raise RuntimeError("the digest is known only after the last row was read")
        return InputDigest(*self._digest, self._rows)

    def _report(self, diagnostic: Diagnostic, *, fatal: bool) -> None:
        if self.on_problem is None or fatal:
            refuse(diagnostic)
        self.on_problem(diagnostic)


def judged(cells: list[str], record: int, header: Sequence[str]) -> Row:
    """The cells, or the fault when one is too long or holds a NUL."""
    if sum(map(len, cells)) > RECORD:
        return fault("LP0316", record, f"is longer than {RECORD:,} characters, the most Salesforce takes")
    for name, cell in zip(header, cells, strict=True):
        if len(cell) > FIELD:
            what = f"has more than {FIELD:,} characters in `{name}`, the most Salesforce takes"
            return fault("LP0315", record, what)
        if "\0" in cell:
            return fault("LP0370", record, f"holds a NUL character in `{name}`", "remove it in the query")
    return cells


def fault(code: str, record: int, what: str, hint: str = "") -> RecordFaultError:
    """A fault of row `record`, which stands first in its summary: such a source has no lines."""
    return RecordFaultError(code, f"row {record:,} {what}", 0, hint=hint)
