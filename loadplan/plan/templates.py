"""Templates in a few leaf values: variables, filters and conditionals, nothing else. The plan's only door to jinja2.

The sandbox stops escapes; a whitelist of syntax stops exhaustion: no loops, calls, arithmetic, includes or macros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from loadplan.plan.model import Cell, Text

MAX_TEMPLATE, MAX_OUTPUT = 16_384, 65_536
_MARKS = ("{{", "{%", "{#")
SOQL_FILTERS = frozenset({"soql_str", "soql_date", "soql_number", "soql_in"})
SQL_FILTERS = frozenset({"sql_str", "sql_date", "sql_number", "sql_in"})
_ALLOWED = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Const", "Filter", "CondExpr", "If", "Compare", "Operand", "And", "Or",
        "Not",
    }
)  # fmt: skip
_ROW = re.compile(r"\{\{\s*row(?:\.([A-Za-z_]\w*)|\[\s*(?:\"([^\"]+)\"|'([^']+)')\s*\])\s*\}\}")


class TemplateError(ValueError):
    """A template that is refused or cannot be rendered. The message is for the user."""


def is_template(text: str) -> bool:
    return any(mark in text for mark in _MARKS)


def names_in(text: str) -> set[str]:
    """The variables a template uses. Raises `TemplateError` on syntax that is not allowed."""
    if not is_template(text):
        return set()
    from jinja2 import nodes

    return {n.name for n in _parse(text).find_all(nodes.Name)}


def render(text: str, variables: Mapping[str, object], *, soql: bool = False, sql: bool = False) -> str:
    """The text with its variables filled in. In SOQL every variable must pass a `soql_*` filter, in SQL an `sql_*` one.

    Raises `TemplateError` on refused syntax, an unknown variable, a filter that does not fit, or too long a result."""
    if not is_template(text):
        return text
    tree = _parse(text)
    if soql or sql:
        _check_literals(tree, SOQL_FILTERS if soql else SQL_FILTERS)
    from jinja2 import TemplateError as JinjaError

    try:
        result: str = _environment().from_string(text).render(dict(variables))
    except JinjaError as error:
        raise TemplateError(str(error.message if hasattr(error, "message") else error)) from None
    if len(result) > MAX_OUTPUT:
        raise TemplateError(f"the result is longer than {MAX_OUTPUT:,} characters")
    return result


def _parse(text: str) -> Any:
    from jinja2 import TemplateSyntaxError, nodes

    if len(text) > MAX_TEMPLATE:
        raise TemplateError(f"the template is longer than {MAX_TEMPLATE:,} characters")
    try:
        tree = _environment().parse(text)
    except (TemplateSyntaxError, RecursionError) as error:
        raise TemplateError(f"not a template: {getattr(error, 'message', 'nested too deeply')}") from None
    for node in [tree, *tree.find_all(nodes.Node)]:
        name = type(node).__name__
        if name not in _ALLOWED:
            raise TemplateError(f"`{name}` is not allowed; a template may hold variables, filters and conditionals")
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise TemplateError(f"there is no filter `{node.name}`; known: {', '.join(sorted(FILTERS))}")
    return tree


def _check_literals(tree: Any, filters: frozenset[str]) -> None:
    from jinja2 import nodes

    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            _check_safe(part, nodes, filters)


def _check_safe(node: Any, nodes: Any, filters: frozenset[str]) -> None:
    if isinstance(node, nodes.CondExpr):
        _check_safe(node.expr1, nodes, filters)
        if node.expr2 is not None:
            _check_safe(node.expr2, nodes, filters)
    elif not isinstance(node, nodes.TemplateData) and not (isinstance(node, nodes.Filter) and node.name in filters):
        kind = "SOQL" if filters is SOQL_FILTERS else "SQL"
        text, day, number, listed = (f"{kind.lower()}_{what}" for what in ("str", "date", "number", "in"))
        raise TemplateError(f"a value in {kind} must pass {text}, {day}, {number} or {listed} as its last filter")


def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    environment.filters.update(FILTERS)
    return environment


_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def soql_str(value: object) -> str:
    """A SOQL string literal, quotes included. (SOQL and SOSL Reference, "Quoted String Escape Sequences")."""
    return "'" + "".join(_ESCAPES.get(c, c) for c in _plain(value)) + "'"


def soql_date(value: object) -> str:
    """A SOQL date or dateTime literal. Raises `TemplateError` for anything but a date."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TemplateError("soql_date needs a variable of type date or datetime")


def soql_number(value: object) -> str:
    """A SOQL number literal."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateError("soql_number needs a variable of type number")
    return str(value)


def soql_in(value: object) -> str:
    """A parenthesised list of string literals for IN."""
    if not isinstance(value, list | tuple) or not value:
        raise TemplateError("soql_in needs a variable of type list that is not empty")
    return "(" + ",".join(soql_str(v) for v in value) + ")"


def sql_str(value: object) -> str:
    """A string literal of standard SQL, quotes included. Raises `TemplateError` for a text that no database takes."""
    text = _plain(value)
    if "\0" in text:
        raise TemplateError("sql_str cannot write a text with a NUL character")
    return "'" + text.replace("'", "''") + "'"


def sql_date(value: object) -> str:
    """A date or timestamp as a quoted literal, which every database compares with a date or timestamp column."""
    if not isinstance(value, date):
        raise TemplateError("sql_date needs a variable of type date or datetime")
    return "'" + value.isoformat() + "'"


def sql_number(value: object) -> str:
    """A number literal."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateError("sql_number needs a variable of type number")
    return str(value)


def sql_in(value: object) -> str:
    """A parenthesised list of string literals for IN."""
    if not isinstance(value, list | tuple) or not value:
        raise TemplateError("sql_in needs a variable of type list that is not empty")
    return "(" + ",".join(sql_str(v) for v in value) + ")"


def _plain(value: object) -> str:
    if type(value).__name__ == "StrictUndefined":
        return str(value)
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


FILTERS = {
    "soql_str": soql_str, "soql_date": soql_date, "soql_number": soql_number, "soql_in": soql_in,
    "sql_str": sql_str, "sql_date": sql_date, "sql_number": sql_number, "sql_in": sql_in,
    "upper": lambda v: _plain(v).upper(), "lower": lambda v: _plain(v).lower(), "trim": lambda v: _plain(v).strip(),
}  # fmt: skip


def row_pieces(text: str) -> tuple[Text | Cell, ...]:
    """A row template (`"{{ row.country }}-{{ row.id }}"`) as texts and cells in turn. Raises `TemplateError`."""
    pieces: list[Text | Cell] = []
    at = 0
    for found in _ROW.finditer(text):
        if found.start() > at:
            pieces.append(Text(text[at : found.start()]))
        pieces.append(Cell(next(g for g in found.groups() if g)))
        at = found.end()
    if at < len(text):
        pieces.append(Text(text[at:]))
    if any(is_template(p.text) for p in pieces if isinstance(p, Text)):
        raise TemplateError('a row template holds only {{ row.column }} or {{ row["a column"] }}')
    return tuple(pieces)
