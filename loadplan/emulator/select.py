"""What a query means over the tables: checks its names against the schema and turns it into SQL.

Errors are in Salesforce's words, with the caret under the word that is wrong. Reads nothing itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .schema import Field, ObjectType, Schema
from .soql import Compare, Day, Group, Query
from .tables import COMPOUND, fold, shadow, table_name
from .values import NUMBERS, parse_datetime, store_datetime
from .wire import ApiError, id18

_HELP = (
    "If you are attempting to use a custom {}, be sure to append the '__c' after the {} name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_WINDOW = 32
"""Characters of a long query that an error quotes before the word that is wrong."""
Path = tuple[Field, ...]


class Select:
    """One query at one moment (`now` in epoch seconds), over deleted records too if asked. Raises ApiError in Salesforce's
    words."""

    def __init__(self, schema: Schema, query: Query, now: float, *, deleted: bool = False) -> None:
        self.schema, self.query, self.now, self.deleted = schema, query, now, deleted
        found = schema.find(query.object)
        if found is None:
            text = f"sObject type '{query.object}' is not supported. " + _HELP.format("object", "entity")
            raise self._pointed("INVALID_TYPE", query.object, text)
        self.kind: ObjectType = found
        self._joins: dict[tuple[str, ...], str] = {}
        self._sources: list[str] = [f"{table_name(found)} t"]
        self._values: list[Any] = []
        self.fields: list[Path] = [self.path(name) for name in query.fields]
        self._places = [self.place(path) for path in self.fields]
        self._where = self._condition(query.where) if query.where is not None else ""
        self._order = [
            f"{self._ordered(self.path(name))} {'desc' if down else 'asc'} nulls {'last' if last else 'first'}"
            for name, down, last in query.order
        ]

    def in_alphabetical_order(self) -> Select:
        """The same query with its columns sorted by name, as bulk queries answered up to v49."""
        names = tuple(sorted(self.query.fields))
        return Select(self.schema, replace(self.query, fields=names), self.now, deleted=self.deleted)

    # names

    def _pointed(self, code: str, word: str, text: str) -> ApiError:
        found = re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", self.query.text)
        place = found.start() if found else 0
        before = self.query.text[:place]
        row, column = before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1
        start = max(0, place - _WINDOW)
        line = f"\n{self.query.text[start:]}\n{' ' * (place - start)}^\nERROR at Row:{row}:Column:{column}\n"
        return ApiError(400, code, line + text)

    def path(self, name: str) -> Path:
        """The fields of `A.B.C`, lookups first; raises ApiError INVALID_FIELD."""
        kind: ObjectType | None = self.kind
        path: list[Field] = []
        *steps, last = name.split(".")
        if steps and steps[0].lower() == self.kind.name.lower():
            steps = steps[1:]
        for step in steps:
            lookup = kind.relationships.get(step.lower()) if kind else None
            if lookup is None:
                text = f"Didn't understand relationship '{step}' in field path. " + _HELP.format("relationship", "name")
                raise self._pointed("INVALID_FIELD", name, text)
            path.append(lookup)
            kind = self.target(lookup)
        field = kind.field(last) if kind else None
        if field is None or kind is None:
            owner = kind.name if kind else self.kind.name
            text = f"No such column '{last}' on entity '{owner}'. " + _HELP.format("field", "custom field")
            raise self._pointed("INVALID_FIELD", name, text)
        return (*path, field)

    def target(self, lookup: Field) -> ObjectType | None:
        """The object a relationship leads to; of several, the user, else the first."""
        return self.schema.find("User" if "User" in lookup.reference_to else lookup.reference_to[0])

    def place(self, path: Path) -> str:
        """The SQL column at the end of a path; joins what lies between."""
        return "NULL" if path[-1].type in COMPOUND else f'{self._alias(path[:-1])}."{path[-1].name}"'

    def _alias(self, lookups: Path) -> str:
        if not lookups:
            return "t"
        key = tuple(lookup.name for lookup in lookups)
        if key not in self._joins:
            outer = self._alias(lookups[:-1])
            target = self.target(lookups[-1])
            assert target is not None
            alias = f"r{len(self._joins) + 1}"
            self._joins[key] = alias
            self._sources.append(f'left join {table_name(target)} {alias} on {alias}."Id"={outer}."{key[-1]}"')
        return self._joins[key]

    # the statement

    def statement(self, shown: list[str]) -> tuple[str, list[Any]]:
        """SQL that answers the expressions `shown` for each row, or the number of rows for COUNT(); and its values."""
        tests = [test for test in ("" if self.deleted else 't."IsDeleted"=0', self._where) if test]
        text = f"select {','.join(shown) or '1'} from {' '.join(self._sources)}"
        if tests:
            text += f" where {' and '.join(tests)}"
        if not self.query.count:
            text += f" order by {','.join([*self._order, 't.rowid'])}"
        if self.query.limit is not None or self.query.offset:
            text += f" limit {-1 if self.query.limit is None else self.query.limit} offset {self.query.offset}"
        return (f"select count(*) from ({text})" if self.query.count else text), list(self._values)

    def columns(self) -> list[str]:
        """The SQL columns of the selected fields, as stored."""
        return list(self._places)

    # conditions

    def _condition(self, condition: Compare | Group) -> str:
        if isinstance(condition, Compare):
            return f"({self._compare(condition)})"
        tests = [self._condition(part) for part in condition.parts]
        if condition.joint == "not":
            return f"(not ifnull({tests[0]},0))"
        return f"({f' {condition.joint} '.join(tests)})"

    def _value(self, value: Any) -> str:
        self._values.append(value)
        return "?"

    def _compare(self, condition: Compare) -> str:
        path = self.path(condition.field)
        field, place = path[-1], self.place(path)
        operator, wanted = condition.operator, condition.value
        if operator in ("IN", "NOT IN"):
            return self._among(field, place, wanted, negative=operator == "NOT IN")
        if operator == "LIKE":
            text = str(wanted)
            if text.isascii():
                return f"{place} like {self._value(text)}"
            return f"fold({place}) like {self._value(text.lower())}"
        if isinstance(wanted, Day):
            return self._day(operator, wanted, place)
        if wanted is None or wanted == "":
            return {"=": f"{place} is null", "!=": f"{place} is not null"}.get(operator, "0")
        plain = _plain(field, wanted)
        if plain is None:
            return "1" if operator == "!=" else "0"
        left, right = self._sides(path, place, plain)
        if operator == "!=":
            return f"{left} is not {right}"
        return f"{left} {operator} {right}"

    def _sides(self, path: Path, place: str, plain: Any) -> tuple[str, str]:
        """Both sides of a comparison; text is compared without case, by the index of a key where there is one."""
        field = path[-1]
        if not isinstance(plain, str) or field.type in ("id", "reference", "date", "datetime"):
            return place, self._value(plain)
        if field.indexed and not self.deleted and len(path) == 1:
            return f"{self._alias(path[:-1])}.{shadow(field)}", self._value(fold(field, plain))
        if field.case_sensitive:
            return place, self._value(plain)
        if plain.isascii():
            return f"{place} collate nocase", self._value(plain)
        return f"fold({place})", self._value(plain.lower())

    def _among(self, field: Field, place: str, wanted: list[Any], *, negative: bool) -> str:
        plain = [_plain(field, entry) for entry in wanted if entry is not None]
        texts = [entry for entry in plain if isinstance(entry, str)]
        exact = field.type in ("id", "reference", "date", "datetime") or field.case_sensitive
        if texts and not exact:
            place = f"fold({place})"
            plain = [entry.lower() if isinstance(entry, str) else entry for entry in plain]
        listed = self._value(json.dumps([entry for entry in plain if entry is not None]))
        test = f"{place} in (select value from json_each({listed}))"
        if None in wanted:
            test = f"({test} or {place} is null)"
        return f"not ifnull({test},0)" if negative else test

    def _day(self, operator: str, day: Day, place: str) -> str:
        today = datetime.fromtimestamp(self.now, UTC).date()
        first = (today + timedelta(days=day.first)).isoformat()
        last = (today + timedelta(days=day.last)).isoformat()
        own = f"substr({place},1,10)"
        if operator in ("=", "!="):
            test = f"ifnull({own} between {self._value(first)} and {self._value(last)},0)"
            return test if operator == "=" else f"not {test}"
        edge = first if operator in ("<", ">=") else last
        return f"{own} {operator} {self._value(edge)}"

    def _ordered(self, path: Path) -> str:
        place = self.place(path)
        return f"{place} collate nocase" if path[-1].type not in (*NUMBERS, "int", "boolean") else place


def _plain(field: Field, value: Any) -> Any:
    """A literal in the form in which the field is stored; None when no record can equal it."""
    if isinstance(value, bool):
        return int(value) if field.type == "boolean" else None
    if isinstance(value, float):
        return value if field.type in (*NUMBERS, "int") else None
    text = str(value)
    if field.type in (*NUMBERS, "int", "boolean"):
        return None
    if field.type in ("id", "reference"):
        return id18(text) if len(text) == 15 else text
    if field.type == "datetime":
        moment = parse_datetime(text)
        return store_datetime(moment) if moment else text
    return text
