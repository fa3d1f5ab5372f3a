"""Check: everything that is wrong with a step's rows, found in one pass before anything is sent.

It sends nothing and writes nothing. A second pass happens only to name the line a duplicate key was first seen on.
Memory: 16 bytes a key and their set, whatever the rows weigh.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from loadplan.diagnostics import Diagnostic, Note, Place, Severity, has_errors
from loadplan.errors import InvalidInputError
from loadplan.plan.model import Step, StepSource
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.ids import KeySet
from loadplan.sources.problems import refuse_file
from loadplan.sources.selection import SelectedRow, deaf, selected_rows
from loadplan.sources.shape import Shape, compile_shape

SHOWN = 20


@dataclass(frozen=True)
class StepCheck:
    """What a pass over a step's source found. `digest` is None when the source could not be read to its end.
    `rows_selected` are left after `where`, `dedupe` and `limit`; `header` is what would be sent; `distinct_keys` counts
    keys (0 when rows carry none). With errors among `diagnostics` nothing may be sent."""

    digest: InputDigest | None
    rows_read: int
    rows_selected: int
    header: tuple[str, ...]
    sent_key: str | None
    distinct_keys: int
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)


class Findings:
    """Diagnostics by code: the first 20 of each are kept, the rest are counted."""

    def __init__(self) -> None:
        self._kept: list[Diagnostic] = []
        self._counts: Counter[str] = Counter()
        self._last: dict[str, Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Take `diagnostic`, in full or as a count."""
        self._counts[diagnostic.code] += 1
        self._last[diagnostic.code] = diagnostic
        if self._counts[diagnostic.code] <= SHOWN:
            self._kept.append(diagnostic)

    def all(self) -> tuple[Diagnostic, ...]:
        """What was kept, and a line for each code of which more was found."""
        more = [
            replace(
                self._last[code],
                summary=f"and {count - SHOWN:,} more of this kind; this is the last of {count:,}",
                hint="",
                notes=(),
            )
            for code, count in self._counts.items()
            if count > SHOWN
        ]
        return (*self._kept, *more)


class _Keys:
    """Watches the keys of the selected rows. Knows where a duplicate stands; `duplicates` finds what it repeats."""

    def __init__(self, shape: Shape, findings: Findings) -> None:
        self._shape = shape
        self._findings = findings
        self._exact = KeySet()
        self._folded = KeySet()
        self._repeats: list[SelectedRow] = []
        self._lookalikes: list[SelectedRow] = []
        self._repeat_count = 0
        self._lookalike_count = 0

    def __len__(self) -> int:
        return len(self._exact)

    def see(self, row: SelectedRow, name: str) -> None:
        key = row.key
        if not key:
            summary = f"the key `{self._shape.key_name}` is empty{_row_note(row)}"
            self._findings.add(Diagnostic("LP0324", summary, Place(name, row.line), hint="every row needs its own key"))
        elif not self._exact.add(key):
            self._repeat_count += 1
            if self._repeat_count <= SHOWN:
                self._repeats.append(row)
        elif not self._shape.keys_are_ids and key.lower() != key.upper() and not self._folded.add(key.casefold()):
            self._lookalike_count += 1
            if self._lookalike_count <= SHOWN:
                self._lookalikes.append(row)

    def duplicates(self, step: Step, reader: Reader) -> list[Diagnostic]:
        """A diagnostic for each of the first duplicates, with the line of the row it repeats, and their total."""
        if not self._repeats and not self._lookalikes:
            return []
        name, key = reader.name, self._shape.key_name
        wanted = {row.key for row in self._repeats}
        folded = {row.key.casefold() for row in self._lookalikes}
        firsts, first_folded = self._first_places(step, reader, wanted, folded)
        if wanted - firsts.keys() or folded - first_folded.keys():
            refuse_file("LP0331", "the source changed while it was being checked", name, hint="check it again")
        found = [
            _pair(
                "LP0325",
                f"two rows have the same `{key}`",
                row,
                firsts[row.key],
                name,
                Severity.ERROR,
                "keep one of them, or say which: `dedupe: first` or `dedupe: last`",
            )
            for row in self._repeats
        ]
        found += [
            _pair(
                "LP0326",
                f"two rows have a `{key}` that differs only in case",
                row,
                first_folded[row.key.casefold()],
                name,
                Severity.WARNING,
                "Salesforce takes them for one record unless the field is declared case sensitive",
            )
            for row in self._lookalikes
        ]
        return found + self._totals(name)

    def _totals(self, name: str) -> list[Diagnostic]:
        found = []
        if self._repeat_count > SHOWN:
            summary = f"and {self._repeat_count - SHOWN:,} more duplicate keys; {self._repeat_count:,} in all"
            found.append(Diagnostic("LP0325", summary, Place(name)))
        if self._lookalike_count > SHOWN:
            more = self._lookalike_count - SHOWN
            summary = f"and {more:,} more keys that differ only in case; {self._lookalike_count:,} in all"
            found.append(Diagnostic("LP0326", summary, Place(name), severity=Severity.WARNING))
        return found

    def _first_places(
        self, step: Step, reader: Reader, wanted: set[str], folded: set[str]
    ) -> tuple[dict[str, SelectedRow], dict[str, SelectedRow]]:
        firsts: dict[str, SelectedRow] = {}
        first_folded: dict[str, SelectedRow] = {}
        again = reader.reopen()
        again.on_problem = deaf
        try:
            for row in selected_rows(step, self._shape, again):
                if row.key in wanted:
                    firsts.setdefault(row.key, row)
                if folded and row.key.casefold() in folded:
                    first_folded.setdefault(row.key.casefold(), row)
        finally:
            again.close()
        return firsts, first_folded


def _pair(
    code: str, summary: str, row: SelectedRow, first: SelectedRow, name: str, severity: Severity, hint: str
) -> Diagnostic:
    lines = f"lines {first.line} and {row.line}" if row.line else f"rows {first.record} and {row.record}"
    note = Note(Place(name, first.line), "first seen here")
    return Diagnostic(code, f"{summary}: {lines}", Place(name, row.line), hint=hint, notes=(note,), severity=severity)


def _row_note(row: SelectedRow) -> str:
    return "" if row.line else f" in row {row.record}"


def check_step(step: Step, reader: Reader) -> StepCheck:
    """Read all of `reader` and report every problem of `step`'s rows. Never raises InvalidInputError: what it would
    say is among the diagnostics. The reader is at its end afterwards; the caller closes it.

    A query step's source may be without rows, any other may not."""
    shape = step_shape(step, reader)
    findings = Findings()
    for diagnostic in shape.diagnostics:
        findings.add(diagnostic)
    keys = _Keys(shape, findings)
    found: list[Diagnostic] = []
    selected, digest = 0, None
    reader.on_problem = findings.add
    try:
        selected = _read(step, shape, reader, keys)
        digest = reader.digest()
        found = keys.duplicates(step, reader)
    except InvalidInputError as error:
        for diagnostic in error.diagnostics:
            findings.add(diagnostic)
    finally:
        reader.on_problem = None
    if digest is not None and digest.rows == 0 and not isinstance(step.source, StepSource):
        hint = "give it rows, or take the step out of the plan"
        findings.add(Diagnostic("LP0307", "the source has a header and no rows", Place(reader.name, 1), hint=hint))
    rows_read = digest.rows if digest is not None else 0
    diagnostics = (*findings.all(), *found)
    return StepCheck(digest, rows_read, selected, shape.header, shape.sent_key, len(keys), diagnostics)


def step_shape(step: Step, reader: Reader) -> Shape:
    """The shape of `step` for this source. A query step's result without a byte has no header and no rows: its shape
    is empty and has no problems."""
    if isinstance(step.source, StepSource) and not reader.header:
        return Shape((), list, None)
    return compile_shape(step, reader.header, reader.name)


def _read(step: Step, shape: Shape, reader: Reader, keys: _Keys) -> int:
    """Every row of the source; returns how many would be sent."""
    if has_errors(shape.diagnostics):
        for _ in reader:
            pass
        return 0
    selected = 0
    for row in selected_rows(step, shape, reader):
        selected += 1
        if shape.key_of is not None:
            keys.see(row, reader.name)
    return selected
