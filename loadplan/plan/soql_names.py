"""Which object a query asks and which fields it names, and where. Pure.

SOQL and SOSL Reference, "SOQL SELECT Syntax", "Condition Expression Syntax", "ORDER BY", "Using Relationship Queries". It knows
as much of the language as tells a field from an alias, a value or a date literal; whatever it does not know it names nothing of,
and Salesforce judges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from loadplan.lean import dataclass

_TOKEN = re.compile(
    r"'(?:\\.|[^'\\])*(?:'|\Z)|[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*|[<>!]=|<>|\d[^\s,()]*|\S", re.DOTALL
)
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
_BEHIND_OBJECT = frozenset(
    {"WHERE", "WITH", "ORDER", "LIMIT", "FOR", "ALL", "GROUP", "HAVING", "OFFSET", "USING", "UPDATE"}
)
_BEHIND_WHERE = _BEHIND_OBJECT - {"WHERE", "USING"}
_OPERATORS = frozenset({"=", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "IN", "NOT", "INCLUDES", "EXCLUDES"})
_SHOWN = frozenset({"FORMAT", "TOLABEL", "CONVERTCURRENCY"})
_OF_DATES = frozenset(
    {
        *(
            "CALENDAR_MONTH",
            "CALENDAR_QUARTER",
            "CALENDAR_YEAR",
            "DAY_IN_MONTH",
            "DAY_IN_WEEK",
            "DAY_IN_YEAR",
            "DAY_ONLY",
        ),
        *(
            "FISCAL_MONTH",
            "FISCAL_QUARTER",
            "FISCAL_YEAR",
            "HOUR_IN_DAY",
            "WEEK_IN_MONTH",
            "WEEK_IN_YEAR",
            "CONVERTTIMEZONE",
        ),
    }
)
_WITH_FIELDS = _SHOWN | _OF_DATES
DEEPEST = 5
"""Queries within queries that are read; Salesforce takes one."""


@dataclass(frozen=True)
class Named:
    """A field, with the relationships that lead to it (`Account.Owner.Name`), as it is written; `shown` when it is a column of the
    answer, else it is only compared or ordered by."""

    path: str
    shown: bool


@dataclass(frozen=True)
class Asked:
    """The object of a query and the fields it names, each once; `inner` are the queries of its conditions."""

    object: str
    names: tuple[Named, ...]
    inner: tuple[Asked, ...] = field(default=())

    def all(self) -> Iterator[Asked]:
        """This one and those in it."""
        yield self
        for asked in self.inner:
            yield from asked.all()


def asked_by(soql: str) -> Asked | None:
    """What a query asks for. None when its object cannot be told."""
    return _Reading([re.sub(r"\s+", "", t) if t[0] != "'" else t for t in _TOKEN.findall(soql)]).query()


class _Reading:
    """Walks the tokens once. `_at` is the next one."""

    def __init__(self, tokens: list[str], depth: int = 0) -> None:
        self._depth = depth
        self._tokens = tokens
        self._upper = [t.upper() for t in tokens]
        self._at = 0
        self._found: dict[Named, None] = {}
        self._inner: list[Asked] = []

    def query(self) -> Asked | None:
        if not self._take("SELECT") or self._depth > DEEPEST:
            return None
        items = self._until(frozenset({"FROM"}))
        if not self._take("FROM"):
            return None
        name = self._next()
        if not _NAME.match(name) or "." in name:
            return None
        self._take("AS")
        alias = ""
        if _NAME.match(self._peek()) and self._peek().upper() not in _BEHIND_OBJECT:
            alias = self._next()
        if self._peek() == ",":
            # The old way to name children by an alias.
            return None
        for item in _parted(items):
            self._field_of(item, shown=True, alone=True)
        self._until(_BEHIND_OBJECT - {"USING"})
        if self._take("WHERE"):
            self._conditions(self._until(_BEHIND_WHERE))
        self._until(frozenset({"ORDER"}))
        if self._take("ORDER") and self._take("BY"):
            for item in _parted(self._until(_BEHIND_WHERE - {"ORDER"})):
                self._field_of(item, shown=False, alone=True)
        names = {Named(_without(n.path, (alias, name)), n.shown): None for n in self._found}
        return Asked(name, tuple(names), tuple(self._inner))

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, word: str) -> bool:
        if self._peek().upper() != word:
            return False
        self._at += 1
        return True

    def _until(self, words: frozenset[str]) -> list[str]:
        """The tokens before one of these words outside of brackets."""
        began, depth = self._at, 0
        while self._at < len(self._tokens) and (depth or self._upper[self._at] not in words):
            depth += (self._tokens[self._at] == "(") - (self._tokens[self._at] == ")")
            self._at += 1
        return self._tokens[began : self._at]

    def _field_of(self, item: list[str], *, shown: bool, alone: bool) -> None:
        """`Name`, `Name alias`, `FORMAT(Amount) alias`; anything else names nothing."""
        at, end = 0, len(item)
        while at + 2 < end and item[at + 1] == "(" and item[at].upper() in _WITH_FIELDS:
            at, alone = at + 2, False
            while end > at and item[end - 1] != ")":
                end -= 1
            end -= 1
        if at < end and _NAME.match(item[at]) and item[at + 1 : at + 2] != ["("] and (alone or end - at == 1):
            self._found[Named(item[at], shown)] = None

    def _conditions(self, tokens: list[str]) -> None:
        at = 0
        while at < len(tokens):
            word, after = tokens[at], tokens[at + 1 : at + 2]
            if word == "(" and [t.upper() for t in after] == ["SELECT"]:
                end = _shut(tokens, at)
                if (asked := _Reading(tokens[at + 1 : end], self._depth + 1).query()) is not None:
                    self._inner.append(asked)
                at = end + 1
            elif (
                _NAME.match(word)
                and after == ["("]
                and word.upper() not in {"AND", "OR", "NOT", "IN", "INCLUDES", "EXCLUDES"}
            ):
                end = _shut(tokens, at + 1)
                self._field_of(tokens[at : end + 1], shown=False, alone=False)
                at = end + 1
            else:
                if (
                    _NAME.match(word)
                    and word.upper() not in {"NOT", "AND", "OR"}
                    and after
                    and after[0].upper() in _OPERATORS
                ):
                    self._found[Named(word, shown=False)] = None
                at += 1


def _shut(tokens: list[str], at: int) -> int:
    """Where the bracket that opens at `at` is shut, or the end."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place] == "(") - (tokens[place] == ")")
        if not depth:
            return place
    return len(tokens)


def _parted(tokens: list[str]) -> Iterator[list[str]]:
    """At the commas outside of brackets."""
    item: list[str] = []
    depth = 0
    for word in tokens:
        depth += (word == "(") - (word == ")")
        if word == "," and not depth:
            yield item
            item = []
        else:
            item.append(word)
    yield item


def _without(path: str, prefixes: tuple[str, ...]) -> str:
    """Without the object's own name or alias in front."""
    first, dot, rest = path.partition(".")
    return rest if dot and first.lower() in {p.lower() for p in prefixes if p} else path
