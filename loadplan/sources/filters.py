"""Filters: the `where` of a step compiled to one function over a row's source cells. Texts are compared exactly."""

from __future__ import annotations

from collections.abc import Callable

from loadplan.plan.model import Where

Test = Callable[[list[str]], bool]


def where_columns(where: Where | None) -> list[str]:
    """The source columns the filter reads, in the order they are named."""
    if where is None:
        return []
    own = [where.column] if where.column is not None else []
    return own + [name for part in where.parts for name in where_columns(part)]


def compile_where(where: Where, index: dict[str, int]) -> Test:
    """A function that says whether a row is wanted. `present` is any text at all: blanks count."""
    parts = [compile_where(part, index) for part in where.parts]
    match where.test:
        case "all":
            return lambda cells: all(p(cells) for p in parts)
        case "any":
            return lambda cells: any(p(cells) for p in parts)
        case "not":
            return lambda cells: not any(p(cells) for p in parts)
    if where.column is None:
        raise ValueError(f"the test {where.test} needs a column")
    return _column_test(where.test, index[where.column], frozenset(where.values))


def _column_test(test: str, at: int, values: frozenset[str]) -> Test:
    match test:
        case "present":
            return lambda cells: cells[at] != ""
        case "absent":
            return lambda cells: cells[at] == ""
        case "equals" | "in":
            return lambda cells: cells[at] in values
        case "not_equals" | "not_in":
            return lambda cells: cells[at] not in values
    raise ValueError(f"{test} is not a test of `where`")
