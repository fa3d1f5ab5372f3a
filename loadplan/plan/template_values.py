"""What the parts of a template are worth: filters, comparisons, and a result that is bounded while it grows. Pure.

Works on the nodes that `templates` has read and checked, by the names of their types, so it needs no jinja2.
Texts stay texts and numbers numbers: a comparison across types, which would always be false, is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

MAX_RESULT, MAX_WORK = 65_536, 1_000_000
SOQL_FILTERS = frozenset({"soql_str", "soql_date", "soql_number", "soql_in"})
SQL_FILTERS = frozenset({"sql_str", "sql_date", "sql_number", "sql_in"})


class TemplateError(ValueError):
    """A template that is refused or cannot be rendered. The message and `hint` are for the user; `near` is a word of the
    template that shows where, after `nth` others like it."""

    def __init__(self, message: str, hint: str = "", near: str = "", nth: int = 0) -> None:
        super().__init__(message)
        self.hint, self.near, self.nth = hint, near, nth


def kind_of(value: object) -> str:
    """What the author calls this type."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, datetime):
        return "a time"
    if isinstance(value, date):
        return "a date"
    return {str: "a text", list: "a list", tuple: "a list", type(None): "nothing"}.get(
        type(value), type(value).__name__
    )


def plain(value: object) -> str:
    """The text of a variable. Raises `TemplateError` for a list, which has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, date):  # also a datetime
        return literal_date(value)
    raise TemplateError(f"{kind_of(value)} has no text of its own", "in SOQL write a list with `soql_in`")


def number(value: int | float) -> str:
    """The digits of a number, without an exponent."""
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def literal_date(value: date | datetime) -> str:
    """A date or dateTime as SOQL and CSV write it; milliseconds only when there are any."""
    if not isinstance(value, datetime):
        return value.isoformat()
    text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def soql_str(value: object) -> str:
    """A SOQL string literal, quotes included. (SOQL and SOSL Reference, "Quoted String Escape Sequences")."""
    return "'" + "".join(_ESCAPES.get(c, c) for c in plain(value)) + "'"


def soql_date(value: object) -> str:
    """A SOQL date or dateTime literal. Raises `TemplateError` for anything but a date."""
    if isinstance(value, date):
        return literal_date(value)
    raise TemplateError(
        "soql_date needs a variable of type date or datetime", "declare it with `type: date`", "soql_date"
    )


def soql_number(value: object) -> str:
    """A SOQL number literal. Raises `TemplateError` for anything but a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateError(
            "soql_number needs a variable of type number", "declare it with `type: number`", "soql_number"
        )
    return number(value)


def soql_in(value: object) -> str:
    """A parenthesised list of string literals for IN. Raises `TemplateError` for anything but a list with items."""
    if not isinstance(value, list | tuple) or not value:
        raise TemplateError(
            "soql_in needs a variable of type list that is not empty", "declare it with `type: list`", "soql_in"
        )
    return "(" + ",".join(soql_str(v) for v in value) + ")"


def sql_str(value: object) -> str:
    """A string literal of standard SQL, quotes included. Raises `TemplateError` for a text that no database takes."""
    text = plain(value)
    if "\0" in text:
        raise TemplateError("sql_str cannot write a text with a NUL character", "remove the character", "sql_str")
    return "'" + text.replace("'", "''") + "'"


def sql_date(value: object) -> str:
    """A date or timestamp as a quoted literal, which every database compares with a date or timestamp column."""
    if not isinstance(value, date):
        raise TemplateError(
            "sql_date needs a variable of type date or datetime", "declare it with `type: date`", "sql_date"
        )
    return "'" + value.isoformat() + "'"


def sql_number(value: object) -> str:
    """A number literal. Raises `TemplateError` for anything but a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateError(
            "sql_number needs a variable of type number", "declare it with `type: number`", "sql_number"
        )
    return number(value)


def sql_in(value: object) -> str:
    """A parenthesised list of string literals for IN. Raises `TemplateError` for anything but a list with items."""
    if not isinstance(value, list | tuple) or not value:
        raise TemplateError(
            "sql_in needs a variable of type list that is not empty", "declare it with `type: list`", "sql_in"
        )
    return "(" + ",".join(sql_str(v) for v in value) + ")"


FILTERS: dict[str, Callable[[Any], str]] = {
    "soql_str": soql_str, "soql_date": soql_date, "soql_number": soql_number, "soql_in": soql_in,
    "sql_str": sql_str, "sql_date": sql_date, "sql_number": sql_number, "sql_in": sql_in,
    "upper": lambda v: plain(v).upper(), "lower": lambda v: plain(v).lower(), "trim": lambda v: plain(v).strip(),
}  # fmt: skip

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "lteq": operator.le, "gt": operator.gt, "gteq": operator.ge,
}  # fmt: skip


class Work:
    """One rendering: the variables, and how much work is left. Every value that is looked at costs its length."""

    def __init__(self, variables: Mapping[str, object]) -> None:
        self.variables = variables
        self.left = MAX_WORK

    def render(self, tree: Any) -> str:
        """The result. Raises `TemplateError`, at the latest when the result is longer than `MAX_RESULT` characters."""
        parts: list[str] = []
        self._body(tree.body, parts, [0])
        return "".join(parts)

    def _body(self, body: Sequence[Any], parts: list[str], length: list[int]) -> None:
        for node in body:
            if type(node).__name__ == "Output":
                for part in node.nodes:
                    text = part.data if type(part).__name__ == "TemplateData" else plain(self._value(part))
                    length[0] += len(text)
                    if length[0] > MAX_RESULT:
                        raise TemplateError(f"the result is longer than {MAX_RESULT:,} characters", "shorten it")
                    parts.append(text)
            else:
                self._body(self._branch(node), parts, length)

    def _branch(self, node: Any) -> Sequence[Any]:
        for condition in (node, *node.elif_):
            if self._value(condition.test):
                body: Sequence[Any] = condition.body
                return body
        otherwise: Sequence[Any] = node.else_
        return otherwise

    def _value(self, node: Any) -> Any:
        value = getattr(self, f"_{type(node).__name__.lower()}")(node)
        self.left -= 1 + (
            sum(len(v) for v in value) if isinstance(value, list) else len(value) if isinstance(value, str) else 0
        )
        if self.left < 0:
            raise TemplateError("the template asks for too much work", "shorten it, or the values of its variables")
        return value

    # One method for each kind of node that `templates` lets through.

    def _const(self, node: Any) -> Any:
        return node.value

    def _name(self, node: Any) -> Any:
        if node.name not in self.variables:
            raise TemplateError(f"there is no variable `{node.name}`", "declare it under `vars`", node.name)
        return self.variables[node.name]

    def _filter(self, node: Any) -> str:
        return FILTERS[node.name](self._value(node.node))

    def _condexpr(self, node: Any) -> Any:
        return self._value(node.expr1 if self._value(node.test) else node.expr2)

    def _and(self, node: Any) -> Any:
        return self._value(node.left) and self._value(node.right)

    def _or(self, node: Any) -> Any:
        return self._value(node.left) or self._value(node.right)

    def _not(self, node: Any) -> bool:
        return not self._value(node.node)

    def _compare(self, node: Any) -> bool:
        left = self._value(node.expr)
        for operand in node.ops:
            right = self._value(operand.expr)
            if not _compared(left, operand.op, right):
                return False
            left = right
        return True


def _compared(left: Any, op: str, right: Any) -> bool:
    if op in {"in", "notin"}:
        if not isinstance(left, str) or not isinstance(right, str | list):
            raise TemplateError(
                f"`in` asks whether a text is in a list, not {kind_of(left)} in {kind_of(right)}", near="in"
            )
        return (left in right) is (op == "in")
    if kind_of(left) != kind_of(right):
        hint = "compare a text with a text in quotes, a number with a number"
        raise TemplateError(f"{kind_of(left)} is never equal to {kind_of(right)}", hint)
    return _COMPARE[op](left, right)
