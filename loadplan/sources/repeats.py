"""Repeats: rows that have the key of an earlier one, told with the lines of both. It decides which rows are the same row and
which only look alike; it reads no file of its own accord and sends nothing.

Whoever asks has seen all keys and knows which may stand twice (`KeyBag`): the rows come in once more, and those are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from loadplan.diagnostics import Diagnostic, Note, Place, Severity
from loadplan.sources.hashing import hash64
from loadplan.sources.selection import SelectedRow
from loadplan.sources.shape import Shape

SHOWN = 20
MOST_SUSPECTS = 200_000
"""Keys that may stand twice and are remembered with their rows; of more than these, some may be missing from the count."""


def compared(key: str, shape: Shape) -> bytes:
    """The key as it is compared with others: ids exactly, any other without case."""
    return (key if shape.keys_are_ids else key.casefold()).encode("utf-8", "surrogatepass")


def find_repeats(rows: Iterable[SelectedRow], shape: Shape, name: str, suspects: Set[int]) -> list[Diagnostic]:
    """A diagnostic for each of the first duplicates, with the line of the row it repeats, and their total. `suspects` are the
    hashes of compared keys that came more than once; `name` is the source's."""
    repeats, twins = _Pairs(), _Pairs()
    exact: dict[str, SelectedRow] = {}
    folded: dict[bytes, SelectedRow] = {}
    for row in rows:
        key = compared(row.key, shape)
        if not row.key or hash64(key) not in suspects:
            continue
        if (first := exact.get(row.key)) is not None:
            repeats.add(row, first)
        elif (first := folded.get(key)) is not None:
            twins.add(row, first)
        if len(exact) < MOST_SUSPECTS:
            exact.setdefault(row.key, row)
            folded.setdefault(key, row)
    column = shape.key_name
    return [
        *repeats.diagnostics(
            "LP0325", f"two rows have the same `{column}`", "more duplicate keys", name, Severity.ERROR,
            "keep one of them, or say which: `dedupe: first` or `dedupe: last`",
        ),
        *twins.diagnostics(
            "LP0326", f"two rows have a `{column}` that differs only in case", "more keys that differ only in case",
            name, Severity.WARNING, "Salesforce takes them for one record unless the field is declared case sensitive",
        ),
    ]  # fmt: skip


class _Pairs:
    """Rows that repeat an earlier one: the first 20, and how many."""

    def __init__(self) -> None:
        self._shown: list[tuple[SelectedRow, SelectedRow]] = []
        self._count = 0

    def add(self, row: SelectedRow, first: SelectedRow) -> None:
        self._count += 1
        if self._count <= SHOWN:
            self._shown.append((row, first))

    def diagnostics(
        self, code: str, summary: str, more: str, name: str, severity: Severity, hint: str
    ) -> list[Diagnostic]:
        found = [_pair(code, summary, row, first, name, severity, hint) for row, first in self._shown]
        if self._count > SHOWN:
            text = f"and {self._count - SHOWN:,} {more}; {self._count:,} in all"
            found.append(Diagnostic(code, text, Place(name), severity=severity))
        return found


def _pair(
    code: str, summary: str, row: SelectedRow, first: SelectedRow, name: str, severity: Severity, hint: str
) -> Diagnostic:
    lines = f"lines {first.line} and {row.line}" if row.line else f"rows {first.record} and {row.record}"
    note = Note(Place(name, first.line), "first seen here")
    return Diagnostic(code, f"{summary}: {lines}", Place(name, row.line), hint=hint, notes=(note,), severity=severity)
