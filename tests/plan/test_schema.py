"""The schema says the same as the code, and its errors say what to type."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator
from loadplan.diagnostics import Diagnostic
from loadplan.plan.document import parse_document
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, Gate, Step, Upload
from loadplan.plan.operations import OPERATIONS
from loadplan.plan.schema import check_schema, load_schema
from loadplan.plan.variables import WANTED


def problems_of(text: str) -> list[Diagnostic]:
    document, found = parse_document(text.encode(), "p.yaml")
    assert document is not None, found
    return check_schema(document, "plan")


def parts(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside of a schema that describes something an author writes, by its path."""
    yield path, schema
    for keyword in ("properties", "$defs"):
        for key, inner in schema.get(keyword, {}).items():
            yield from parts(inner, f"{path}/{keyword}/{key}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from parts(schema[keyword], f"{path}/{keyword}")


def described(name: str, path: str) -> Any:
    """The schema at `path`, over a reference."""
    found = next(s for p, s in parts(load_schema(name)) if p == path)
    return described(name, found["$ref"]) if "$ref" in found and "title" not in found else found


@pytest.mark.parametrize("name", ["plan", "orgs"])
def test_the_schemas_are_sound(name: str) -> None:
    """Each is a schema of the draft it names."""
    schema = load_schema(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("name", "path"), [(n, p) for n in ("plan", "orgs") for p, _ in parts(load_schema(n))])
def test_every_key_is_described_with_an_example_that_it_allows(name: str, path: str) -> None:
    """An editor shows a title, a description and an example for each key, item and value."""
    schema = described(name, path)
    assert {"title", "description", "examples"} <= set(schema)
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema["examples"]
    validator = Draft202012Validator(load_schema(name)).evolve(schema=schema)
    for example in schema["examples"]:
        assert list(validator.iter_errors(example)) == []


@pytest.mark.parametrize(
    ("path", "registry"),
    [
        ("#/$defs/step/properties/operation", OPERATIONS),
        ("#/$defs/csv/properties/delimiter", DELIMITERS),
        ("#/$defs/csv/properties/line_ending", LINE_ENDINGS),
        ("#/$defs/upload", get_args(Upload)),
        ("#/$defs/step/properties/dedupe", get_args(get_type_hints(Step)["dedupe"])),
        ("#/$defs/gate/properties/on_fail", get_args(get_type_hints(Gate)["on_fail"])),
        ("#/properties/vars/additionalProperties/properties/type", WANTED),
    ],
)
def test_the_words_of_the_schema_are_the_registered_ones(path: str, registry: Collection[str]) -> None:
    """A new row in a registry needs a word in the schema, and the other way round."""
    assert described("plan", path)["enum"] == list(registry)


PLANS = sorted((Path(__file__).parents[2] / "plans").glob("*/plan.yaml"))


@pytest.mark.parametrize("plan", PLANS, ids=lambda p: p.parent.name)
def test_the_modeline_of_a_plan_leads_to_the_schema(plan: Path) -> None:
    """An editor that reads the first line finds the schema that ships."""
    first = plan.read_text(encoding="utf-8").splitlines()[0]
    mark, _, target = first.partition("$schema=")
    assert mark == "# yaml-language-server: "
    assert json.loads((plan.parent / target).read_text(encoding="utf-8")) == load_schema("plan")


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
        (STEP, "LP0202", "p.yaml:4:3", "add `source:`, for example `source: data/accounts.csv`"),
        (STEP + '    source: a.csv\n    limit: "5"\n', "LP0203", "p.yaml:9:12", "write it without quotes"),
        (STEP + "    source: a.csv\n    depends_on: b\n", "LP0203", "p.yaml:9:17", "write a list: [b]"),
        (STEP + "    source:\n", "LP0203", "p.yaml:8:12", "give it a value, or remove the key; for example"),
        (STEP + "    source: a.csv\n    limit: 0\n", "LP0206", "p.yaml:9:12", "write 1 or more"),
        (STEP + "    source: a.csv\n    poll: {max: 2}\n", "LP0203", "p.yaml:9:17", 'quote it: "2"'),
        (STEP.replace("  a:", "  A B:") + "    source: a.csv\n", "LP0206", "p.yaml:4:3", "lower case letters"),
        (STEP + "    source: a.csv\n    soql: x\n", "LP0205", "p.yaml:9:5", "remove it"),
        (
            STEP.replace("demo", '"demo\\n"') + "    source: a.csv\n",
            "LP0206",
            "p.yaml:2:7",
            "for example `crm-nightly`",
        ),
    ],
    ids=[
        "unknown key",
        "operation in another case",
        "version without quotes",
        "missing source",
        "number in quotes",
        "no list",
        "empty",
        "too small",
        "wrong form",
        "wrong name",
        "key of another operation",
        "name that ends in a line break",
    ],
)
def test_a_wrong_shape_is_told_with_its_place_and_the_way_out(text: str, code: str, place: str, hint: str) -> None:
    """The author reads what to type, not the schema."""
    (problem,) = [p for p in problems_of(text) if p.code == code]
    assert str(problem.place) == place
    assert hint in problem.hint
