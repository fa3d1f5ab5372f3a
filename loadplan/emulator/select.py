"""What a query means over the tables: checks its values and turns it into SQL. Its names are resolved in paths.py.

Errors are in Salesforce's words, with the caret under the word that is wrong. Reads nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .dates import span
from .paths import Path, Paths
from .schema import Field, Schema
from .soqlfunctions import applied, as_field, fits
from .soqltext import pattern, plain_text
from .soqltree import Compare, Group, Literal, Query, Word
from .tables import COMPOUND, fold, shadow
from .values import NUMBERS, parse_datetime, store_datetime
from .wire import ApiError, id18, looks_like_id

_UNQUOTED = {"date": "date", "datetime": "dateTime", "boolean": "boolean", "int": "int"} | dict.fromkeys(
    NUMBERS, "double"
)
_KINDS = {"date": ("date", "word"), "datetime": ("datetime", "word"), "boolean": ("boolean",), "int": ("number",)}
_KINDS |= dict.fromkeys(NUMBERS, ("number",))
_LARGEST_OFFSET = 2_000
_LONGEST_FILTERED = 4_000
"""A standard text area is filtered up to here, a custom one up to 255 characters."""


class Select(Paths):
    """One query at one moment (`now` in epoch seconds), over deleted records too if asked. `bulk` adds the rules of query
    jobs. Raises ApiError in Salesforce's words."""

    def __init__(
        self,
        schema: Schema,
        query: Query,
        now: float,
        *,
        deleted: bool = False,
        bulk: bool = False,
        inner: bool = False,
    ) -> None:
        super().__init__(schema, query, bulk=bulk)
        self.now, self.deleted = now, deleted or query.all_rows
        if query.children and (bulk or inner):
            text = (
                "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"
                if bulk
                else "unexpected token: ("
            )
            raise ApiError(400, "API_ERROR" if bulk else "MALFORMED_QUERY", text)
        if query.offset > _LARGEST_OFFSET:
            text = f"Maximum SOQL offset allowed for apiName {self.kind.name} is {_LARGEST_OFFSET}"
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", text)
        if bulk and (query.lock or query.all_rows):
            word = f"FOR {query.lock}" if query.lock else "ALL ROWS"
            text = f"Implementation restriction: the embedded org does not know {word} in Bulk Query"
            raise ApiError(400, "API_ERROR", text)
        self._values: list[Any] = []
        self.fields: list[Path] = [self.path(name) for name in self.query.fields]
        if not inner:
            self.check_twice(self.fields)
        self._places = [self.place(path) for path in self.fields]
        self._where = self._condition(self.query.where) if self.query.where is not None else ""
        self._order = [self._key(*key) for key in self.query.order]

    def in_alphabetical_order(self) -> Select:
        """The same query with its columns sorted by name, as bulk queries answered up to v49."""
        names = tuple(sorted(self.query.fields))
        query = replace(self.query, fields=names)
        return Select(self.schema, query, self.now, deleted=self.deleted, bulk=self.bulk)

    # the statement

    def statement(self, shown: list[str], among: tuple[str, Sequence[str]] | None = None) -> tuple[str, list[Any]]:
        """SQL that answers the expressions `shown` for each row, or the number of rows for COUNT(); and its values. `among`: a field
        of the object and the values of it that are meant."""
        tests = [test for test in ("" if self.deleted else 't."IsDeleted"=0', self._where) if test]
        values = list(self._values)
        if among is not None:
            tests.append(f't."{among[0]}" in (select value from json_each(?))')
            values.append(json.dumps(list(among[1])))
        text = f"select {','.join(shown) or '1'} from {' '.join(self.sources)}"
        if tests:
            text += f" where {' and '.join(tests)}"
        if not self.query.count:
            text += f" order by {','.join([*self._order, 't.rowid'])}"
        if self.query.limit is not None or self.query.offset:
            text += f" limit {-1 if self.query.limit is None else self.query.limit} offset {self.query.offset}"
        return (f"select count(*) from ({text})" if self.query.count else text), values

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
        return _joined(condition.joint, tests)

    def _value(self, value: Any) -> str:
        self._values.append(value)
        return "?"

    def _compare(self, condition: Compare) -> str:
        name, operator, wanted = condition.field, condition.operator, condition.value
        path, place = self._named(name)
        entry = path[-1]
        if is_long(entry) or not entry.raw["filterable"] or entry.type in COMPOUND:
            raise self.pointed("INVALID_FIELD", name, f"field '{name}' can not be filtered in a query call")
        if isinstance(wanted, Query):
            return self._semi_join(name, path, operator, wanted)
        if operator == "LIKE" and entry.type in ("id", "reference", *_UNQUOTED):
            text = f"invalid operator on {'id' if entry.type == 'reference' else entry.type} field"
            raise self.pointed("INVALID_QUERY_FILTER_OPERATOR", name, text)
        for value in wanted if isinstance(wanted, tuple) else (wanted,):
            self._check_value(name, entry, value)
        if isinstance(wanted, tuple):
            if operator in ("INCLUDES", "EXCLUDES"):
                return self._includes(name, entry, place, wanted, negative=operator == "EXCLUDES")
            return self._among(entry, place, wanted, negative=operator == "NOT IN")
        if operator == "LIKE":
            return self._like(place, wanted)
        if wanted.kind == "word":
            return self._day(operator, wanted.value, place)
        if wanted.kind == "null" or wanted.value == "":
            return {"=": f"{place} is null", "!=": f"{place} is not null"}.get(operator, "0")
        left, right = self._sides(path, place, _stored(entry, wanted))
        return f"{left} is not {right}" if operator == "!=" else f"{left} {operator} {right}"

    def _named(self, name: Word) -> tuple[Path, str]:
        """The path and the SQL column of a name; of a function what it gives, as if that were a field."""
        path = self.path(name)
        place = self.place(path)
        if not name.function:
            return path, place
        if not fits(name, path[-1]):
            raise self.pointed(
                "INVALID_FIELD", name, f"field '{name}' is no date or dateTime that {name.function} takes"
            )
        return (as_field(name),), applied(name, place, path[-1])

    def _check_value(self, name: Word, entry: Field, value: Literal) -> None:
        """Refuse a value of another kind than the field's."""
        if value.kind == "null":
            return
        if entry.type in ("id", "reference"):
            if value.kind != "string":
                text = (
                    f"value of filter criterion for field '{name}' must be of type ID and should be enclosed in quotes"
                )
                raise self.pointed("INVALID_FIELD", name, text)
            if value.value and not looks_like_id(value.value):
                text = f"invalid ID field: {plain_text(value.value)}"
                raise self.pointed("INVALID_QUERY_FILTER_OPERATOR", name, text)
            return
        kinds = _KINDS.get(entry.type, ("string",))
        if value.kind not in kinds:
            wanted = f"must be of type {_UNQUOTED.get(entry.type, 'string')} and should"
            quoted = "be enclosed in quotes" if kinds == ("string",) else "not be enclosed in quotes"
            text = f"value of filter criterion for field '{name.written}' {wanted} {quoted}"
            raise self.pointed("INVALID_FIELD", name, text)

    def _like(self, place: str, wanted: Literal) -> str:
        if wanted.kind == "null":
            return "0"
        text = pattern(wanted.value)
        if text.isascii():
            return f"{place} like {self._value(text)} escape '\\'"
        return f"fold({place}) like {self._value(text.lower())} escape '\\'"

    def _includes(self, name: Word, entry: Field, place: str, wanted: tuple[Literal, ...], *, negative: bool) -> str:
        if entry.type != "multipicklist":
            raise self.pointed("INVALID_QUERY_FILTER_OPERATOR", name, f"invalid operator on {entry.type} field")
        tests = []
        for value in wanted:
            parts = [f";{part.strip().lower()};" for part in plain_text(value.value or "").split(";")]
            tests.append(" and ".join(f"instr(fold(';'||{place}||';'),{self._value(part)})>0" for part in parts))
        test = " or ".join(f"({test})" for test in tests)
        return f"not ifnull({test},0)" if negative else test

    def _semi_join(self, name: Word, path: Path, operator: str, query: Query) -> str:
        inner = Select(self.schema, query, self.now, inner=True)
        own = self._leads_to(path)
        theirs = [inner._leads_to(path) for path in inner.fields]
        if len(theirs) != 1 or own.isdisjoint(theirs[0]):
            selected = query.fields[0] if query.fields else "COUNT()"
            text = f"The selected field '{selected}' in the subquery and the left operand field in the where expression in the"
            text += f" outer query '{name}' should point to the same object type"
            raise self.pointed("MALFORMED_QUERY", name, text)
        text, values = inner.statement([f"{inner.columns()[0]} found"])
        self._values += values
        test = f"{self.place(path)} in (select found from ({text}) where found is not null)"
        return test if operator == "IN" else f"not ifnull({test},0)"

    def _leads_to(self, path: Path) -> frozenset[str]:
        """The objects whose ids are at the end of a path."""
        if path[-1].type != "id":
            return frozenset(path[-1].reference_to)
        return frozenset(path[-2].reference_to if len(path) > 1 else (self.kind.name,))

    def _sides(self, path: Path, place: str, plain: Any) -> tuple[str, str]:
        """Both sides of a comparison; text is compared without case, by the index of a key where there is one."""
        entry = path[-1]
        if not isinstance(plain, str) or entry.type in ("id", "reference", "date", "datetime"):
            return place, self._value(plain)
        if entry.indexed and not self.deleted and len(path) == 1:
            return f"{self.alias(path[:-1])}.{shadow(entry)}", self._value(fold(entry, plain))
        if entry.case_sensitive:
            return place, self._value(plain)
        if plain.isascii():
            return f"{place} collate nocase", self._value(plain)
        return f"fold({place})", self._value(plain.lower())

    def _among(self, entry: Field, place: str, wanted: tuple[Literal, ...], *, negative: bool) -> str:
        days = [self._day("=", value.value, place) for value in wanted if value.kind == "word"]
        has_null = any(value.kind == "null" or value.value == "" for value in wanted)
        plain = [_stored(entry, value) for value in wanted if value.kind not in ("null", "word")]
        exact = entry.type in ("id", "reference", "date", "datetime") or entry.case_sensitive
        if not exact and any(isinstance(value, str) for value in plain):
            place = f"fold({place})"
            plain = [value.lower() for value in plain]
        tests = [*days, f"{place} in (select value from json_each({self._value(json.dumps(plain))}))"]
        if has_null:
            tests.append(f"{place} is null")
        test = f"({' or '.join(tests)})"
        return f"not ifnull({test},0)" if negative else test

    def _day(self, operator: str, word: str, place: str) -> str:
        first, last = (day.isoformat() for day in span(word, datetime.fromtimestamp(self.now, UTC).date()))
        own = f"substr({place},1,10)"
        if operator in ("=", "!="):
            test = f"ifnull({own} between {self._value(first)} and {self._value(last)},0)"
            return test if operator == "=" else f"not {test}"
        edge = first if operator in ("<", ">=") else last
        return f"{own} {operator} {self._value(edge)}"

    def _key(self, name: Word, down: bool, last: bool) -> str:
        if name.function:
            raise self.pointed("MALFORMED_QUERY", name, f"Ordered field must be grouped or aggregated: {name.written}")
        path = self.path(name)
        entry, place = path[-1], self.place(path)
        if is_long(entry) or not entry.raw["sortable"] or entry.type in (*COMPOUND, "multipicklist"):
            raise self.pointed("INVALID_FIELD", name, f"field '{name}' can not be sorted in a query call")
        if entry.type not in (*NUMBERS, "int", "boolean"):
            place += " collate nocase"
        return f"{place} {'desc' if down else 'asc'} nulls {'last' if last else 'first'}"


def _joined(joint: str, tests: list[str]) -> str:
    """Tests in brackets by halves: SQLite nests what stands in a row, and does not go deeper than a thousand."""
    if len(tests) == 1:
        return tests[0]
    half = len(tests) // 2
    return f"({_joined(joint, tests[:half])} {joint} {_joined(joint, tests[half:])})"


def is_long(entry: Field) -> bool:
    """Long text can be read, not asked for."""
    return entry.type == "textarea" and entry.length > (255 if entry.raw["custom"] else _LONGEST_FILTERED)


def _stored(entry: Field, value: Literal) -> Any:
    """A literal that fits the field, in the form in which the field is stored."""
    if value.kind == "boolean":
        return int(value.value)
    if value.kind == "number":
        return value.value
    if value.kind == "string":
        text = plain_text(value.value)
        return id18(text) if entry.type in ("id", "reference") and text else text
    if entry.type == "datetime":
        moment = parse_datetime(value.value)
        return store_datetime(moment) if moment else value.value
    return value.value
