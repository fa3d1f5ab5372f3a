"""Columns: what is wrong with the names of a source's columns, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence

from loadplan.diagnostics import Diagnostic, Note, Place
from loadplan.sources.records import NUL_HINT


def column_problems(names: Sequence[str], source: str, line: int) -> list[Diagnostic]:
    """A diagnostic for each name that is empty, holds a NUL or comes twice. `line` is where the names stand, or 0."""
    place = Place(source, line)
    found = []
    seen: dict[str, int] = {}
    for number, cell in enumerate(names, 1):
        if not cell:
            hint = "name the column, or remove it from the file"
            found.append(Diagnostic("LP0309", f"column {number} of the header has no name", place, hint=hint))
        elif "\0" in cell:
            found.append(
                Diagnostic("LP0370", f"the name of column {number} holds a NUL character", place, hint=NUL_HINT)
            )
        elif cell in seen:
            summary = f"the header names `{cell}` twice: columns {seen[cell]} and {number}"
            found.append(Diagnostic("LP0308", summary, place, notes=(Note(place, f"first: column {seen[cell]}"),)))
        else:
            seen[cell] = number
    return found
