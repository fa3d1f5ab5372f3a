"""The schema says the same as the code, and its errors say what to type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.document import parse_document
from loadplan.plan.operations import OPERATIONS
from loadplan.plan.schema import check_schema, load_schema


def problems_of(text: str) -> list[Diagnostic]:
    document, found = parse_document(text.encode(), "p.yaml")
    assert document is not None, found
    return check_schema(document, "plan")


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, list):
        for i, inner in enumerate(schema):
            yield from properties(inner, f"{path}/{i}")
    elif isinstance(schema, dict):
        for name, inner in schema.items():
            if name in {"examples", "allOf", "if", "then", "else"}:
                continue
            if name == "properties":
                for key, value in inner.items():
                    if "$ref" not in value:
                        yield f"{path}/{key}", value
            yield from properties(inner, f"{path}/{name}")


def operations(schema: Any) -> Iterator[list[str]]:
    if isinstance(schema, dict):
        found = schema.get("properties", {})
        if isinstance(found, dict) and len(found.get("operation", {}).get("enum", ())) > 3 and "object" in found:
            yield found["operation"]["enum"]
        for inner in schema.values():
            yield from operations(inner)


def test_the_operations_of_the_schema_are_the_registered_ones() -> None:
    """A new row in the registry needs a word in the schema, and the other way round."""
    assert [sorted(found) for found in operations(load_schema("plan"))] == [sorted(OPERATIONS)]


def test_every_key_of_the_plan_is_described() -> None:
    """An editor shows title, description and an example for each key."""
    found = list(properties(load_schema("plan")))
    assert len(found) > 40
    lacking = [path for path, value in found if not {"title", "description", "examples"} <= set(value)]
    assert lacking == []


STEP = "version: 1\nname: demo\nsteps:\n  a:\n    operation: upsert\n    object: Account\n    external_id: Key__c\n"


def test_a_plan_of_the_schemas_shape_has_no_problems() -> None:
    """The base of the other tests is sound."""
    assert problems_of(STEP + "    source: a.csv\n") == []


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        (STEP + "    source: a.csv\n    dedup: first\n", "LP0201", "p.yaml:9:5", "did you mean `dedupe`?"),
        (STEP.replace("upsert", "Upsert") + "    source: a.csv\n", "LP0204", "p.yaml:5:16", "did you mean `upsert`"),
        ("api_version: 66.0\n" + STEP + "    source: a.csv\n", "LP0203", "p.yaml:1:14", 'quote it: "66.0"'),
        (STEP, "LP0202", "p.yaml:4:3", "add `source:`"),
    ],
    ids=["unknown key", "operation in another case", "version without quotes", "missing source"],
)
def test_a_wrong_shape_is_told_with_its_place_and_the_way_out(text: str, code: str, place: str, hint: str) -> None:
    """The author reads what to type, not the schema."""
    (problem,) = [p for p in problems_of(text) if p.code == code]
    assert str(problem.place) == place
    assert hint in problem.hint
