"""What operators and functions of formulas do with values (Salesforce Help, "Formula Operators and Functions").

Empty text and null are one and the same (BLANK, here None); text compares with its case; a date is a day, a dateTime a moment
in UTC. How a formula is written is in formulas.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One record as a formula sees it: values by field name, before the save too (empty for a new record), and the moment."""

    values: Mapping[str, Any]
    before: Mapping[str, Any]
    is_new: bool
    now: float


Part = Callable[[Row], Any]


class FormulaError(ValueError):
    """A formula that cannot be read; the text says why."""


def negated(part: Part) -> Part:
    return lambda row: part(row) is not True


def operation(sign: str, left: Part, right: Part) -> Part:
    if sign == "&&":
        return lambda row: left(row) is True and right(row) is True
    if sign == "||":
        return lambda row: left(row) is True or right(row) is True
    if sign == "&":
        return lambda row: (_text(left(row)) + _text(right(row))) or None
    if sign in ("=", "=="):
        return lambda row: _same(left(row), right(row))
    if sign in ("<>", "!="):
        return lambda row: not _same(left(row), right(row))
    compute = _COMPUTE[sign]

    def operate(row: Row) -> Any:
        one, other = left(row), right(row)
        if one is None or other is None:
            return False if sign in ("<", ">", "<=", ">=") else None
        if (type(one) is datetime and type(other) is date) or (type(one) is date and type(other) is datetime):
            one, other = _day(one), _day(other)
        try:
            return compute(one, other)
        except (TypeError, ZeroDivisionError, OverflowError):
            return None

    return operate


def _same(one: Any, other: Any) -> bool:
    return bool((None if one == "" else one) == (None if other == "" else other))


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, date) and not isinstance(other, date):
        return one + timedelta(days=other)
    return other + timedelta(days=one) if isinstance(other, date) else one + other


def _minus(one: Any, other: Any) -> Any:
    if isinstance(one, date) and isinstance(other, date):
        return (one - other) / timedelta(days=1)
    return one - timedelta(days=other) if isinstance(one, date) else one - other


_COMPUTE: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
    "+": _plus, "-": _minus, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
}  # fmt: skip


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


class _NoFields(dict[str, Any]):
    """The values of a record that nobody may ask."""

    def get(self, key: str, default: Any = None) -> Any:
        raise KeyError(key)


def _regex(parts: list[Part]) -> Part:
    """The whole text must match. The pattern is read when the org starts: one that cannot be read would be a rule that does not count,
    and one that repeats a repetition could keep the org busy with one row for ever."""
    try:
        text = _text(parts[1](Row(_NoFields(), _NoFields(), True, 0.0)))
    except KeyError:
        raise FormulaError("the pattern of REGEX must be a text, not a field") from None
    try:
        pattern = re.compile(text, re.DOTALL)
    except re.error as problem:
        raise FormulaError(f"the pattern of REGEX cannot be read: {problem}") from None
    if _repeats_within(_NESTED.sub("", text)):
        raise FormulaError(
            "the pattern of REGEX repeats what repeats itself, which may take for ever; write it without"
        )
    return lambda row: pattern.fullmatch(_text(parts[0](row))) is not None


_NESTED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
"""Escapes and classes: no bracket in them groups, and no sign repeats."""


def _repeats_within(text: str) -> bool:
    """Whether a group that repeats without end holds something that does."""
    inside: list[bool] = [False]
    for at, sign in enumerate(text):
        more = re.match(r"[*+]|\{\d+,\}", text[at:])
        if sign == "(":
            inside.append(False)
        elif sign == ")" and len(inside) > 1:
            held = inside.pop()
            again = re.match(r"[*+]|\{\d+,\d*\}", text[at + 1 :]) is not None
            if held and again:
                return True
            inside[-1] |= held or again
        elif more is not None:
            inside[-1] = True
    return False


def _case(parts: list[Part]) -> Part:
    if len(parts) % 2:
        raise FormulaError("CASE takes a value, pairs of a value and a result, and a result for the rest")
    pairs = list(zip(parts[1:-1:2], parts[2:-1:2], strict=True))

    def choose(row: Row) -> Any:
        value = parts[0](row)
        for wanted, result in pairs:
            if _same(value, wanted(row)):
                return result(row)
        return parts[-1](row)

    return choose


def _if(parts: list[Part]) -> Part:
    return lambda row: parts[1](row) if parts[0](row) is True else parts[2](row)


def _plain(compute: Callable[..., Any]) -> Callable[[list[Part]], Part]:
    """A function of its values alone; what it cannot do with them is BLANK."""

    def make(parts: list[Part]) -> Part:
        def call(row: Row) -> Any:
            try:
                return compute(*(part(row) for part in parts))
            except (TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError):
                return None

        return call

    return make


def _at_moment(compute: Callable[[Row], Any]) -> Callable[[list[Part]], Part]:
    return lambda parts: compute


def _now(row: Row) -> datetime:
    return datetime.fromtimestamp(row.now, UTC)


_Maker = Callable[[list[Part]], Part]
KNOWN: dict[str, tuple[int, int, _Maker]] = {
    # name: fewest values, most of them (0: any number), how its values make it
    "AND": (1, 0, lambda parts: lambda row: all(part(row) is True for part in parts)),
    "OR": (1, 0, lambda parts: lambda row: any(part(row) is True for part in parts)),
    "NOT": (1, 1, lambda parts: negated(parts[0])),
    "IF": (3, 3, _if),
    "CASE": (4, 0, _case),
    "ISBLANK": (1, 1, _plain(lambda value: value is None or value == "")),
    "ISNULL": (1, 1, _plain(lambda value: value is None or value == "")),
    "ISPICKVAL": (2, 2, _plain(_same)),
    "ISNEW": (0, 0, _at_moment(lambda row: row.is_new)),
    "ISNUMBER": (1, 1, _plain(lambda value: _number(value) is not None)),
    "BLANKVALUE": (2, 2, _plain(lambda value, other: other if value in (None, "") else value)),
    "LEN": (1, 1, _plain(lambda value: float(len(_text(value))))),
    "REGEX": (2, 2, _regex),
    "CONTAINS": (2, 2, _plain(lambda value, part: _text(part) in _text(value))),
    "BEGINS": (2, 2, _plain(lambda value, part: _text(value).startswith(_text(part)))),
    "INCLUDES": (2, 2, _plain(lambda value, part: part is not None and part in _text(value).split(";"))),
    "UPPER": (1, 1, _plain(lambda value: _text(value).upper() or None)),
    "LOWER": (1, 1, _plain(lambda value: _text(value).lower() or None)),
    "TRIM": (1, 1, _plain(lambda value: _text(value).strip() or None)),
    "LEFT": (2, 2, _plain(lambda value, count: _text(value)[: max(0, int(count))] or None)),
    "RIGHT": (2, 2, _plain(lambda value, count: _text(value)[-int(count) :] if count >= 1 else None)),
    "MID": (
        3,
        3,
        _plain(lambda value, start, count: _text(value)[int(start) - 1 : int(start) - 1 + int(count)] or None),
    ),
    "TEXT": (1, 1, _plain(lambda value: _text(value) or None)),
    "VALUE": (1, 1, _plain(_number)),
    "ABS": (1, 1, _plain(abs)),
    "MOD": (2, 2, _plain(lambda value, other: value % other)),
    "ROUND": (2, 2, _plain(lambda value, places: round(value, int(places)))),
    "FLOOR": (1, 1, _plain(lambda value: float(value // 1))),
    "CEILING": (1, 1, _plain(lambda value: float(-(-value // 1)))),
    "MIN": (1, 0, _plain(min)),
    "MAX": (1, 0, _plain(max)),
    "TODAY": (0, 0, _at_moment(lambda row: _now(row).date())),
    "NOW": (0, 0, _at_moment(_now)),
    "DATE": (3, 3, _plain(lambda year, month, day: date(int(year), int(month), int(day)))),
    "YEAR": (1, 1, _plain(lambda value: float(value.year))),
    "MONTH": (1, 1, _plain(lambda value: float(value.month))),
    "DAY": (1, 1, _plain(lambda value: float(value.day))),
}
