"""Check: everything that is wrong with a step's rows, found in one pass before anything is sent.

It sends nothing and writes nothing. A file that is beyond doubt takes one fast pass (`plainscan.py`); any other is read
with care. A second pass happens only to look at keys that may stand twice. Memory: 8 bytes a key, whatever the rows weigh.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from loadplan.diagnostics import Diagnostic, Place, has_errors
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.model import Step, StepSource
from loadplan.sources.base import InputDigest, Reader, Tick
from loadplan.sources.keybag import KeyBag
from loadplan.sources.plaincheck import plain_check
from loadplan.sources.problems import refuse_file
from loadplan.sources.repeats import compared, find_repeats
from loadplan.sources.selection import SelectedRow, deaf, selected_rows
from loadplan.sources.shape import Shape, compile_shape

SHOWN = 20
OFTEN = 5_000
"""Rows between two words to whoever watches."""


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
    """Watches the keys of the selected rows: 8 bytes each. `duplicates` looks at those that may stand twice."""

    def __init__(self, shape: Shape, findings: Findings) -> None:
        self._shape = shape
        self._findings = findings
        self._bag = KeyBag()

    def distinct(self) -> int:
        return self._bag.distinct()

    def see(self, row: SelectedRow, name: str) -> None:
        if not row.key:
            summary = f"the key `{self._shape.key_name}` is empty{_row_note(row)}"
            self._findings.add(Diagnostic("LP0324", summary, Place(name, row.line), hint="every row needs its own key"))
        else:
            self._bag.add(compared(row.key, self._shape))

    def duplicates(self, step: Step, reader: Reader) -> list[Diagnostic]:
        """A diagnostic for each of the first duplicates, with the line of the row it repeats, and their total."""
        suspects = self._bag.repeated()
        if not suspects:
            return []
        again = reader.reopen()
        again.on_problem = deaf
        try:
            found = find_repeats(selected_rows(step, self._shape, again), self._shape, reader.name, suspects)
            if again.digest() != reader.digest():
                refuse_file(
                    "LP0331", "the source changed while it was being checked", reader.name, hint="check it again"
                )
        finally:
            again.close()
        return found


def _row_note(row: SelectedRow) -> str:
    return "" if row.line else f" in row {row.record}"


def check_step(step: Step, reader: Reader, tick: Tick | None = None) -> StepCheck:
    """Read all of `reader` and report every problem of `step`'s rows. Never raises InvalidInputError: what it would
    say is among the diagnostics. The reader is at its end afterwards; the caller closes it. `tick` hears how far it is.

    A query step's source may be without rows, any other may not."""
    shape = step_shape(step, reader)
    if (plain := plain_check(step, reader.header, shape, tick)) is not None:
        whole, sent = plain.digest, plain.sent
        distinct = plain.distinct if shape.key_of is not None else 0
        told = (*shape.diagnostics, *plain.repeats)
        return StepCheck(whole, whole.rows, sent, shape.header, shape.sent_key, distinct, told)
    findings = Findings()
    for diagnostic in shape.diagnostics:
        findings.add(diagnostic)
    keys = _Keys(shape, findings)
    found: list[Diagnostic] = []
    selected, digest = 0, None
    reader.on_problem = findings.add
    try:
        selected = _read(step, shape, reader, keys, tick)
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
    return StepCheck(digest, rows_read, selected, shape.header, shape.sent_key, keys.distinct(), diagnostics)


def step_shape(step: Step, reader: Reader) -> Shape:
    """The shape of `step` for this source. A query step's result without a byte has no header and no rows: its shape
    is empty and has no problems."""
    if isinstance(step.source, StepSource) and not reader.header:
        return Shape((), list, None)
    return compile_shape(step, reader.header, reader.name)


def _read(step: Step, shape: Shape, reader: Reader, keys: _Keys, tick: Tick | None) -> int:
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
        if tick is not None and selected % OFTEN == 0:
            tick(OFTEN, 0)
    return selected
