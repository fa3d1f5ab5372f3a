"""Filters: the `where` of a step as an expression over a row's source cells. Texts are compared exactly."""

from __future__ import annotations

from collections.abc import Mapping

from loadplan.plan.model import Where
from loadplan.sources.rowcode import Code, Forms, T


def where_columns(where: Where | None) -> list[str]:
    """The source columns the filter reads, in the order they are named."""
    if where is None:
        return []
    own = [where.column] if where.column is not None else []
    return own + [name for part in where.parts for name in where_columns(part)]


def where_expression(where: Where, index: Mapping[str, int], forms: Forms[T], code: Code) -> str:
    """The expression that is true for a wanted row. `present` is any text at all: blanks count."""
    parts = [where_expression(part, index, forms, code) for part in where.parts]
    match where.test:
        case "all":
            return f"({' and '.join(parts)})" if parts else "True"
        case "any":
            return f"({' or '.join(parts)})"
        case "not":
            return f"(not ({' or '.join(parts)}))"
    if where.column is None:
        raise ValueError(f"the test {where.test} needs a column")
    match where.test:
        case "present" | "absent":
            texts = forms.spellings([""])
        case "equals" | "in" | "not_equals" | "not_in":
            texts = forms.spellings(where.values)
        case _:
            raise ValueError(f"{where.test} is not a test of `where`")
    wanted = "in" if where.test in {"absent", "equals", "in"} else "not in"
    return f"(x[{index[where.column]}] {wanted} {code.name(texts)})"
