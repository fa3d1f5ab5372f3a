"""The quick look at a document's shape agrees with jsonschema, word for word of the schemas that ship."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from loadplan.plan.schema import load_schema
from loadplan.plan.shape import DESCRIBING, _Compiler, compiled, whole_text

PLAN = {"version": 1, "name": "demo", "steps": {"a": {"operation": "query", "soql": "SELECT Id FROM A"}}}
ORGS = {"version": 1, "orgs": {"dev": {"auth": {"flow": "sf-cli", "alias": "dev"}}}}
SCALARS = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        1.0,
        2.5,
        -1,
        "",
        "a",
        "query",
        "upsert",
        "2s",
        "staged",
        "90MB",
        "A__c",
        "01Q5g000000AbCd",
        1e300,
    ]
)
KEYS = st.sampled_from(
    ["version", "name", "steps",
     "operation", "soql", "object", "external_id", "source", "columns", "where", "gate", "max_rows", "retry",
     "codes", "depends_on", "vars", "type", "values", "default", "defaults", "path", "step", "auth", "flow", "embedded", "orgs", "x"]
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)


def keywords(schema: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(schema, dict):
        for key, inner in schema.items():
            if key in {"properties", "$defs"}:
                found |= {key}.union(*(keywords(s) for s in inner.values()))
            elif key in {"examples", "enum", "const", "default"}:
                found.add(key)
            else:
                found |= {key} | keywords(inner)
    elif isinstance(schema, list):
        found = found.union(*(keywords(s) for s in schema))
    return found


@pytest.mark.parametrize("name", ["plan", "orgs"])
def test_every_keyword_of_the_schemas_is_known(name: str) -> None:
    """One that is not would send every document the slow way."""
    known = {k.removeprefix("kw_") for k in vars(_Compiler) if k.startswith("kw_")} | {"then", "else"}
    assert {k.removeprefix("$") for k in keywords(load_schema(name)) - DESCRIBING} <= known
    assert compiled(load_schema(name))({"plan": PLAN, "orgs": ORGS}[name])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["plan", "orgs"]), VALUES, st.lists(KEYS, max_size=4))
def test_the_quick_look_agrees_with_jsonschema(name: str, value: Any, path: list[str]) -> None:
    """For any value in any place of a sound document."""
    document: Any = {"plan": PLAN, "orgs": ORGS}[name]
    document = changed(document, path, value)
    assert compiled(load_schema(name))(document) == Draft202012Validator(load_schema(name)).is_valid(document)


def changed(document: Any, path: list[str], value: Any) -> Any:
    if not path or not isinstance(document, dict):
        return value
    inner = {"steps": "a", "orgs": "dev"}.get(path[0])
    rest = [inner, *path[1:]] if inner and len(path) > 1 else path[1:]
    return {**document, path[0]: changed(document.get(path[0], {}), rest, value)}


@settings(max_examples=200, deadline=None)
@given(
    VALUES,
    VALUES,
    st.sampled_from(["const", "enum", "uniqueItems", "not", "oneOf", "items", "if", "dependentRequired"]),
)
def test_each_keyword_means_what_jsonschema_means_by_it(value: Any, other: Any, keyword: str) -> None:
    """Also where 1 and 1.0 are the same, and 1 and true are not."""
    schema = {
        "const": {"const": other},
        "enum": {"enum": [other, 1, "a"]},
        "uniqueItems": {"uniqueItems": True},
        "not": {"not": {"const": other}},
        "oneOf": {"oneOf": [{"type": "integer"}, {"type": "number"}, {"minLength": 1, "type": "string"}]},
        "items": {"items": {"maximum": 1, "maxLength": 1}, "minItems": 1, "maxItems": 2},
        "if": {"if": {"type": "object"}, "then": {"minProperties": 1, "maxProperties": 2}, "else": {"minimum": 1}},
        "dependentRequired": {"dependentRequired": {"x": ["name"]}},
    }[keyword]
    assert compiled(schema)(value) == Draft202012Validator(schema).is_valid(value)


def test_a_schema_with_another_keyword_fits_nothing() -> None:
    """Then jsonschema is asked about every document."""
    assert not compiled({"type": "string", "format": "email"})("a@b.c")


def test_a_name_never_ends_in_a_line_break() -> None:
    """Python's `$` would let one through."""
    assert not compiled({"pattern": "^a$"})("a\n")
    assert compiled({"pattern": "^a$"})("a")
    assert whole_text(r"^\$") == r"^\$"
