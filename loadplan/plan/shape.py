"""Whether a value has the shape of a JSON Schema: yes or no, and quickly. Pure.

A schema is compiled once into nested functions; that is many times faster than a full validator, and it needs no import.
It never says what is wrong: that is for `schema.check_schema`, with jsonschema. A schema with a keyword that is not known
here fits no value, so that jsonschema is asked about every one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Any

Test = Callable[[Any], bool]

DESCRIBING = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default", "deprecated"}
)
_TYPES: dict[str, Test] = {
    "string": lambda v: isinstance(v, str), "boolean": lambda v: isinstance(v, bool), "null": lambda v: v is None,
    "object": lambda v: isinstance(v, dict), "array": lambda v: isinstance(v, list),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
}  # fmt: skip


def compiled(schema: dict[str, Any], part: dict[str, Any] | None = None) -> Test:
    """A function that is true for the values that the schema, or this part of it, allows; for none when a keyword is not known
    here."""
    try:
        return _Compiler(schema).test(schema if part is None else part)
    except _UnknownKeywordError:
        return lambda _: False


def whole_text(pattern: str) -> str:
    """A schema's pattern for Python: `$` is the end of the text, not also the place before a last line break."""
    return pattern[:-1] + r"\Z" if pattern.endswith("$") and not pattern.endswith(r"\$") else pattern


class _UnknownKeywordError(Exception):
    pass


def _comparable(value: Any) -> Hashable:
    """Equal for what JSON calls equal: `1` and `1.0`, but not `1` and `true`."""
    if isinstance(value, dict):
        return frozenset((k, _comparable(v)) for k, v in value.items())
    if isinstance(value, list):
        return tuple(_comparable(v) for v in value)
    return (isinstance(value, bool), value)


class _Compiler:
    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.known: dict[str, Test] = {}

    def test(self, schema: Any) -> Test:
        if isinstance(schema, bool):
            return lambda _: schema
        tests = []
        for keyword, wanted in schema.items():
            if keyword in DESCRIBING or keyword in {"then", "else"}:
                continue
            make = getattr(self, f"kw_{keyword.removeprefix('$')}", None)
            if make is None:
                raise _UnknownKeywordError(keyword)
            tests.append(make(wanted, schema))
        return tests[0] if len(tests) == 1 else lambda v: all(t(v) for t in tests)

    # One method for each keyword: the keyword's value and its schema -> a test.

    def kw_ref(self, target: str, _: Any) -> Test:
        def later(value: Any) -> bool:  # a definition may name itself, before its test is made
            return self.known[target](value)

        if target not in self.known:
            self.known[target] = later
            found = self.root
            for step in target.removeprefix("#/").split("/"):
                found = found[step]
            self.known[target] = self.test(found)
        return later

    def kw_type(self, names: str | list[str], _: Any) -> Test:
        tests = [_TYPES[n] for n in ([names] if isinstance(names, str) else names)]
        return tests[0] if len(tests) == 1 else lambda v: any(t(v) for t in tests)

    def kw_enum(self, allowed: list[Any], _: Any) -> Test:
        known = {_comparable(a) for a in allowed}
        return lambda v: _comparable(v) in known

    def kw_const(self, wanted: Any, _: Any) -> Test:
        known = _comparable(wanted)
        return lambda v: _comparable(v) == known

    def kw_pattern(self, pattern: str, _: Any) -> Test:
        found = re.compile(whole_text(pattern))
        return lambda v: not isinstance(v, str) or found.search(v) is not None

    def kw_minLength(self, least: int, _: Any) -> Test:  # noqa: N802 - the schema's word
        return lambda v: not isinstance(v, str) or len(v) >= least

    def kw_maxLength(self, most: int, _: Any) -> Test:  # noqa: N802
        return lambda v: not isinstance(v, str) or len(v) <= most

    def kw_minimum(self, least: float, _: Any) -> Test:
        return lambda v: not _TYPES["number"](v) or v >= least

    def kw_maximum(self, most: float, _: Any) -> Test:
        return lambda v: not _TYPES["number"](v) or v <= most

    def kw_minItems(self, least: int, _: Any) -> Test:  # noqa: N802
        return lambda v: not isinstance(v, list) or len(v) >= least

    def kw_maxItems(self, most: int, _: Any) -> Test:  # noqa: N802
        return lambda v: not isinstance(v, list) or len(v) <= most

    def kw_uniqueItems(self, wanted: bool, _: Any) -> Test:  # noqa: N802
        return lambda v: not wanted or not isinstance(v, list) or len({_comparable(i) for i in v}) == len(v)

    def kw_items(self, schema: Any, _: Any) -> Test:
        test = self.test(schema)
        return lambda v: not isinstance(v, list) or all(test(i) for i in v)

    def kw_minProperties(self, least: int, _: Any) -> Test:  # noqa: N802
        return lambda v: not isinstance(v, dict) or len(v) >= least

    def kw_maxProperties(self, most: int, _: Any) -> Test:  # noqa: N802
        return lambda v: not isinstance(v, dict) or len(v) <= most

    def kw_required(self, names: list[str], _: Any) -> Test:
        return lambda v: not isinstance(v, dict) or all(n in v for n in names)

    def kw_dependentRequired(self, wanted: dict[str, list[str]], _: Any) -> Test:  # noqa: N802
        return lambda v: not isinstance(v, dict) or all(n in v for k, names in wanted.items() if k in v for n in names)

    def kw_propertyNames(self, schema: Any, _: Any) -> Test:  # noqa: N802
        test = self.test(schema)
        return lambda v: not isinstance(v, dict) or all(test(k) for k in v)

    def kw_properties(self, schemas: dict[str, Any], _: Any) -> Test:
        tests = {k: self.test(s) for k, s in schemas.items()}
        return lambda v: not isinstance(v, dict) or all(k not in tests or tests[k](i) for k, i in v.items())

    def kw_additionalProperties(self, schema: Any, around: dict[str, Any]) -> Test:  # noqa: N802
        known, test = frozenset(around.get("properties", ())), self.test(schema)
        return lambda v: not isinstance(v, dict) or all(k in known or test(i) for k, i in v.items())

    def kw_allOf(self, schemas: list[Any], _: Any) -> Test:  # noqa: N802
        tests = [self.test(s) for s in schemas]
        return lambda v: all(t(v) for t in tests)

    def kw_anyOf(self, schemas: list[Any], _: Any) -> Test:  # noqa: N802
        tests = [self.test(s) for s in schemas]
        return lambda v: any(t(v) for t in tests)

    def kw_oneOf(self, schemas: list[Any], _: Any) -> Test:  # noqa: N802
        tests = [self.test(s) for s in schemas]
        return lambda v: sum(t(v) for t in tests) == 1

    def kw_not(self, schema: Any, _: Any) -> Test:
        test = self.test(schema)
        return lambda v: not test(v)

    def kw_if(self, schema: Any, around: dict[str, Any]) -> Test:
        test, then, other = self.test(schema), self.test(around.get("then", True)), self.test(around.get("else", True))
        return lambda v: then(v) if test(v) else other(v)
