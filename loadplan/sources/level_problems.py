"""What is wrong with a hierarchy, in words: a diagnostic for each finding of `levels.py`, with the lines of its rows.

It finds nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from loadplan.diagnostics import Diagnostic, Note, Place
from loadplan.sources.levels import Levels, Member


def level_problems(levels: Levels, *, source: str, column: str, max_depth: int) -> list[Diagnostic]:
    """What keeps the rows from being sent level by level, with the lines of `source`. `column` holds the parent's key.

    Row values appear here as in every diagnostic of a source: on the user's own screen, never in a run's journal."""
    return [
        *_circles(levels, source, column),
        *_depth(levels, source, max_depth),
        *_doubles(levels, source, column),
    ]


def _circles(levels: Levels, source: str, column: str) -> Iterator[Diagnostic]:
    for circle in levels.circles:
        first = circle.members[0]
        place = Place(source, first.line)
        if circle.rows == 1:
            hint = f"empty `{column}` where a row has no parent"
            yield Diagnostic("LP0351", f"{_row(first)} names itself as its parent", place, hint=hint)
            continue
        names = [_text(m.key) for m in circle.members]
        more = circle.rows - len(names)
        path = " -> ".join([*names, f"({more:,} more)" if more else names[0]])
        notes = tuple(Note(Place(source, m.line), f"`{_text(m.key)}`") for m in circle.members[1:])
        summary = f"{circle.rows:,} rows are each other's parents: {path}"
        hint = f"take one of them out of the circle: empty its `{column}`, and set it in a second pass"
        yield Diagnostic("LP0350", summary, place, hint=hint, notes=notes)
    if levels.circle_count > len(levels.circles):
        more = levels.circle_count - len(levels.circles)
        summary = f"and {more:,} more circles of parents; {levels.lost:,} rows in them or below them in all"
        yield Diagnostic("LP0350", summary, Place(source))


def _depth(levels: Levels, source: str, max_depth: int) -> Iterator[Diagnostic]:
    if levels.deepest is not None:
        summary = (
            f"{levels.too_deep:,} row{'s have' if levels.too_deep != 1 else ' has'} more than {max_depth - 1:,} ancestors "
            f"in the source; {_row(levels.deepest)} has the most"
        )
        hint = "each level is a job of its own: raise `hierarchy.max_depth` when this is meant"
        yield Diagnostic("LP0352", summary, Place(source, levels.deepest.line), hint=hint)


def _doubles(levels: Levels, source: str, column: str) -> Iterator[Diagnostic]:
    for child, first, second in levels.doubles:
        notes = (Note(Place(source, first.line), "one of them"), Note(Place(source, second.line), "another"))
        summary = f"two rows have the key `{_text(first.key)}` that {_row(child)} names in `{column}`"
        hint = "make the key unique, or leave one of the rows out"
        yield Diagnostic("LP0353", summary, Place(source, child.line), hint=hint, notes=notes)
    if levels.double_count > len(levels.doubles):
        more = levels.double_count - len(levels.doubles)
        yield Diagnostic("LP0353", f"and {more:,} more rows whose parent is two rows", Place(source))


def _row(member: Member) -> str:
    return f"the row `{_text(member.key)}`" if member.key else f"row {member.row + 1:,}"


def _text(key: bytes) -> str:
    text = key.decode("utf-8", "replace")
    return text if len(text) <= 40 else text[:39] + "…"
