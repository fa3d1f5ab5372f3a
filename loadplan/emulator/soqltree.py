"""What a query says, as values: names, literals, conditions. soql.py makes them; nothing here reads a schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Word(str):
    """A name as it stands in a query, and where: `at` counts characters from its start. `function` in capitals is what is applied to
    it, `alias` what its column is called."""

    at: int
    function: str
    alias: str

    def __new__(cls, text: str, at: int, function: str = "", alias: str = "") -> Word:
        word = super().__new__(cls, text)
        word.at, word.function, word.alias = at, function, alias
        return word

    @property
    def written(self) -> str:
        """With its function."""
        return f"{self.function}({self})" if self.function else str(self)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it is written. `kind`: string (with its escapes), number, date, datetime, boolean, null, or word for a date
    literal such as LAST_N_DAYS:5."""

    kind: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`; `value` is a Literal, a tuple of them for a list, or a Query for a semi-join."""

    field: Word
    operator: str
    value: Literal | tuple[Literal, ...] | Query


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by `and`, `or` or `not`."""

    joint: str
    parts: tuple[Compare | Group, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One query. `fields` is empty for COUNT(), and has FIELDS(ALL) and its like as words. With functions or GROUP BY it is empty
    too, and `shown` has the columns, `group` what they are grouped by. `order`: field, descending, nulls last. `alias` is the short
    name of the object. `all_rows`: deleted records too; `lock`: the word after FOR.
    `children`: the queries in the field list, each FROM a relationship of the object."""

    text: str
    fields: tuple[Word, ...]
    object: Word
    alias: str = ""
    where: Compare | Group | None = None
    order: tuple[tuple[Word, bool, bool], ...] = field(default=())
    limit: int | None = None
    offset: int = 0
    count: bool = False
    shown: tuple[Word, ...] = ()
    group: tuple[Word, ...] = ()
    all_rows: bool = False
    lock: str = ""
    children: tuple[Query, ...] = ()
