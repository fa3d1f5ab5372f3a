"""A subset of SOQL: reads a query into a plain value. What it means over the tables is in select.py; no records here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .wire import ApiError

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d))?)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w.]*(?::\d+)?)|(?P<sign><=|>=|!=|<>|[=<>(),*]))"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`; `value` is a literal, or a list for IN and NOT IN."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by `and`, `or` or `not`."""

    joint: str
    parts: tuple[Compare | Group, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A date literal: TODAY is (0, 0), YESTERDAY (-1, -1), LAST_N_DAYS:n (-n, 0)."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Query:
    """One query. `fields` is empty for COUNT(). `order`: field, descending, nulls last."""

    text: str
    fields: tuple[str, ...]
    object: str
    where: Compare | Group | None = None
    order: tuple[tuple[str, bool, bool], ...] = ()
    limit: int | None = None
    offset: int = 0
    count: bool = False


class Parser:
    """One pass over the tokens. Raises ApiError MALFORMED_QUERY."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise _bad(text[place:].strip()[:1])
            self.tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
            place = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1].upper() if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ApiError(400, "MALFORMED_QUERY", "unexpected token: '<EOF>'")
        kind, text = self.tokens[self.at]
        if wanted and text.upper() not in wanted:
            raise _bad(text)
        self.at += 1
        return kind, text

    def skip(self, word: str) -> bool:
        if self.peek() != word:
            return False
        self.at += 1
        return True

    def name(self) -> str:
        kind, text = self.take()
        if kind != "word":
            raise _bad(text)
        return text

    def query(self) -> Query:
        """The whole query."""
        self.take("SELECT")
        fields, count = self._fields()
        self.take("FROM")
        name = self.name()
        where = self._either() if self.skip("WHERE") else None
        order = self._order() if self.skip("ORDER") else ()
        limit = self._number() if self.skip("LIMIT") else None
        offset = self._number() if self.skip("OFFSET") else 0
        if self.at < len(self.tokens):
            raise _bad(self.tokens[self.at][1])
        return Query(self.text, tuple(fields), name, where, order, limit, offset, count)

    def _number(self) -> int:
        kind, text = self.take()
        if kind != "number" or not text.isdigit():
            raise _bad(text)
        return int(text)

    def _fields(self) -> tuple[list[str], bool]:
        names = [self.name()]
        if names == ["COUNT"] or names[0].upper() == "COUNT":
            self.take("(")
            self.take(")")
            return [], True
        while self.skip(","):
            names.append(self.name())
        return names, False

    def _order(self) -> tuple[tuple[str, bool, bool], ...]:
        self.take("BY")
        keys: list[tuple[str, bool, bool]] = []
        while True:
            name = self.name()
            down = self.skip("DESC")
            if not down:
                self.skip("ASC")
            last = self.take("FIRST", "LAST")[1].upper() == "LAST" if self.skip("NULLS") else down
            keys.append((name, down, last))
            if not self.skip(","):
                return tuple(keys)

    def _either(self) -> Compare | Group:
        parts = [self._both()]
        while self.skip("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Group("or", tuple(parts))

    def _both(self) -> Compare | Group:
        parts = [self._one()]
        while self.skip("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Group("and", tuple(parts))

    def _one(self) -> Compare | Group:
        if self.skip("NOT"):
            return Group("not", (self._one(),))
        if self.skip("("):
            inner = self._either()
            self.take(")")
            return inner
        name = self.name()
        operator = self.take("=", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "IN", "NOT")[1].upper()
        if operator == "NOT":
            self.take("IN")
            operator = "NOT IN"
        if operator in ("IN", "NOT IN"):
            self.take("(")
            values = [self._value()]
            while self.skip(","):
                values.append(self._value())
            self.take(")")
            return Compare(name, operator, values)
        return Compare(name, "!=" if operator == "<>" else operator, self._value())

    def _value(self) -> Any:
        kind, text = self.take()
        if kind == "string":
            return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
        if kind == "number":
            return float(text)
        upper = text.upper()
        fixed = {"NULL": None, "TRUE": True, "FALSE": False, "TODAY": Day(0, 0), "YESTERDAY": Day(-1, -1)}
        if kind == "word" and upper in fixed:
            return fixed[upper]
        if upper.startswith("LAST_N_DAYS:"):
            return Day(-int(text.partition(":")[2]), 0)
        if kind == "date":
            return text
        raise _bad(text)


def _bad(token: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", f"unexpected token: {token}")


def parse(text: str) -> Query:
    """Read a query; raises ApiError 400 MALFORMED_QUERY."""
    return Parser(text).query()
