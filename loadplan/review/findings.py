"""Findings: what a review has to say of a plan and its data, counted by rule, step and column; in bounded memory.

A finding never holds a cell of a row. Where a row is, is said by file and line; who wants the value looks there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from loadplan.lean import dataclass

EXAMPLES = 3
ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass
class Finding:
    """`severity` is error (nothing may be sent, or the gate will shut), warning, or note. `rows` counts the rows it is about, 0
    for a finding about the plan; `lines` are the first of them. `fails` says that Salesforce will refuse these rows."""

    code: str
    severity: str
    step: str
    column: str
    summary: str
    place: str
    hint: str = ""
    rows: int = 0
    lines: list[int] = field(default_factory=list)
    fails: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code, "severity": self.severity, "step": self.step, "column": self.column, "summary": self.summary,
            "place": self.place, "hint": self.hint, "rows": self.rows, "lines": list(self.lines), "fails": self.fails,
        }  # fmt: skip


@dataclass
class Findings:
    """Findings of one review by rule, step and column, each once."""

    _known: dict[tuple[str, str, str, str], Finding] = field(default_factory=dict)

    def plan(self, code: str, severity: str, step: str, column: str, summary: str, place: str, hint: str = "") -> None:
        """Something about the plan itself."""
        key = (code, step, column, summary)
        if key not in self._known:
            self._known[key] = Finding(code, severity, step, column, summary, place, hint)

    def row(
        self, code: str, step: str, column: str, source: str, line: int, summary: str, hint: str, *, severity: str = "warning",
        fails: bool = True,
    ) -> None:  # fmt: skip
        """Something about one row: counted, and kept as an example while there are few."""
        key = (code, step, column, summary)
        found = self._known.get(key)
        if found is None:
            place = f"{source}:{line}" if line else source
            found = self._known[key] = Finding(code, severity, step, column, summary, place, hint, fails=fails)
        found.rows += 1
        if len(found.lines) < EXAMPLES and line:
            found.lines.append(line)

    def add(self, finding: Finding) -> None:
        self._known[finding.code, finding.step, finding.column, finding.summary] = finding

    def drop(self, step: str, codes: set[str]) -> None:
        """Take back what turned out to be of no account."""
        for key in [k for k in self._known if k[1] == step and k[0] in codes]:
            del self._known[key]

    def certain(self, step: str) -> int:
        """Every row of the step makes a record: what only those need is needed by all. The rows that fail by that."""
        rows = 0
        for finding in self._known.values():
            if finding.step == step and finding.code == "LP0706":
                finding.severity = "error"
                finding.summary = finding.summary.removesuffix(": rows that make a record will fail")
            if finding.step == step and finding.code == "LP0727" and not finding.fails:
                finding.fails = True
                rows += finding.rows
        return rows

    def all(self, order: Iterable[str] = ()) -> list[Finding]:
        """The worst first, then in the order of the steps, then by rule."""
        rank = {step: number for number, step in enumerate(order)}
        return sorted(
            self._known.values(),
            key=lambda f: (ORDER[f.severity], rank.get(f.step, len(rank)), f.code, f.column, f.summary),
        )
