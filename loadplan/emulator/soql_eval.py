"""Evaluates a parsed query over the store: checks names against the schema, filters, sorts and limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from .schema import Field, ObjectType, Schema
from .soql import Compare, Day, Group, Query
from .store import Record, Store
from .values import parse_datetime
from .wire import ApiError, id18

_HELP = (
    "If you are attempting to use a custom {}, be sure to append the '__c' after the {} name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


class Evaluator:
    """Runs one query at one moment (`now` in epoch seconds); raises ApiError in Salesforce's words."""

    def __init__(self, store: Store, schema: Schema, query: Query, now: float) -> None:
        self.store, self.schema, self.query, self.now = store, schema, query, now
        found = schema.find(query.object)
        if found is None:
            text = f"sObject type '{query.object}' is not supported. " + _HELP.format("object", "entity")
            raise self._pointed("INVALID_TYPE", query.object, text)
        self.kind: ObjectType = found
        self.fields = [self.path(name) for name in query.fields]
        self._parents: dict[str, Record] = {}

    def _pointed(self, code: str, word: str, text: str) -> ApiError:
        place = max(0, self.query.text.find(word))
        line = f"\n{self.query.text}\n{' ' * place}^\nERROR at Row:1:Column:{place + 1}\n"
        return ApiError(400, code, line + text)

    def path(self, name: str) -> tuple[Field, ...]:
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
            target = lookup.reference_to[0]
            kind = self.schema.find("User" if "User" in lookup.reference_to else target)
        field = kind.field(last) if kind else None
        if field is None or kind is None:
            owner = kind.name if kind else self.kind.name
            text = f"No such column '{last}' on entity '{owner}'. " + _HELP.format("field", "custom field")
            raise self._pointed("INVALID_FIELD", name, text)
        return (*path, field)

    def value(self, record: Record, path: tuple[Field, ...]) -> Any:
        """The value at the end of a path, or None when a lookup is empty."""
        for lookup in path[:-1]:
            target = record.get(lookup.name)
            if not target:
                return None
            if target not in self._parents:
                found = self.store.get(target)
                self._parents[target] = found[2] if found else {}
            record = self._parents[target]
        return record.get(path[-1].name)

    def rows(self, *, deleted: bool = False) -> list[Record]:
        """The matching records in order."""
        where = self.query.where
        found = [r for r in self.store.scan(self.kind.name, deleted=deleted) if where is None or self._holds(where, r)]
        for name, down in reversed(self.query.order):
            path = self.path(name)
            found.sort(key=lambda record: _sortable(self.value(record, path)), reverse=down)
        return found if self.query.limit is None else found[: self.query.limit]

    def _holds(self, condition: Compare | Group, record: Record) -> bool:
        if isinstance(condition, Compare):
            path = self.path(condition.field)
            return self._compare(path[-1], condition, self.value(record, path))
        tests = (self._holds(part, record) for part in condition.parts)
        if condition.joint == "not":
            return not all(tests)
        return all(tests) if condition.joint == "and" else any(tests)

    def _compare(self, field: Field, condition: Compare, actual: Any) -> bool:
        operator, wanted = condition.operator, condition.value
        if operator in ("IN", "NOT IN"):
            inside = any(_plain(field, actual) == _plain(field, entry) for entry in wanted)
            return inside is (operator == "IN")
        if operator == "LIKE":
            pattern = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in str(wanted).lower())
            return actual is not None and re.fullmatch(pattern, str(actual).lower(), re.DOTALL) is not None
        if isinstance(wanted, Day):
            return self._day(operator, wanted, actual)
        left, right = _plain(field, actual), _plain(field, wanted)
        if operator in ("=", "!="):
            return (left == right) is (operator == "=")
        if left is None or right is None or type(left) is not type(right):
            return False
        return bool(left < right if operator == "<" else left > right if operator == ">" else
                    left <= right if operator == "<=" else left >= right)  # fmt: skip

    def _day(self, operator: str, day: Day, actual: Any) -> bool:
        if actual is None:
            return operator == "!="
        today = datetime.fromtimestamp(self.now, UTC).date()
        first = (today + timedelta(days=day.first)).isoformat()
        last = (today + timedelta(days=day.last)).isoformat()
        own = str(actual)[:10]
        tests = {"=": first <= own <= last, "<": own < first, ">": own > last, "<=": own <= last, ">=": own >= first}
        return not tests["="] if operator == "!=" else tests[operator]


def _plain(field: Field, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    text = str(value)
    if field.type in ("id", "reference"):
        return id18(text) if len(text) == 15 else text
    if field.type == "datetime":
        moment = parse_datetime(text)
        return moment.timestamp() if moment else text
    return text.lower()


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, "" if value is None else value.lower() if isinstance(value, str) else value)
