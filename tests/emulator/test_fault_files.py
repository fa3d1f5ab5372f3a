"""Trouble from a file: what it may say, and where it is wrong."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from loadplan.emulator.faultfile import load_faults, read_faults
from loadplan.emulator.faults import EFFECTS, KINDS

from support.wire import Org

EVERYTHING = {
    "$schema": "faults.schema.json",
    "seed": 7,
    "rules": [
        {"kind": "upload", "effect": "reset"},
        {"kind": "any", "effect": "status", "nth": None, "probability": 0.1, "status": 429, "body": "x", "headers": {"A": "b"}},
        {"kind": "page", "effect": "stall", "nth": 3, "seconds": 0.5, "share": 0.9},
    ],
    "rows": [
        {"object": "Account"},
        {"object": "Account", "code": "C", "message": "m", "fields": ["Name"], "times": 2, "where": {"Name": "A"}},
    ],
    "jobs": [{"object": "Account", "after_rows": 3}],
    "queries": [{"object": "Account"}, {"object": "Contact", "message": "x"}],
    "aborts": ["750Em0000000001IAA"],
}  # fmt: skip
WRONG: list[tuple[Any, str]] = [
    ([], "must be a JSON object"),
    ({"rule": []}, "unknown key rule"),
    ({"rules": {}}, "rules must be a list"),
    ({"rules": [{"kind": "upload"}]}, "rules 1: effect must be one of"),
    (
        {"rules": [{"kind": "any", "effect": "reset"}, {"kind": "nothing", "effect": "reset"}]},
        "rules 2: kind must be one of",
    ),
    ({"rules": [{"kind": "upload", "effect": "reset", "nth": 0}]}, "nth counts from 1"),
    ({"rules": [{"kind": "upload", "effect": "reset", "nth": True}]}, "nth counts from 1"),
    ({"rules": [{"kind": "upload", "effect": "stall", "seconds": -1}]}, "seconds must be a number, not negative"),
    ({"rules": [{"kind": "upload", "effect": "short", "share": 2}]}, "lie between 0 and 1"),
    ({"rules": [{"kind": "upload", "effect": "status", "headers": {"a": 1}}]}, "headers must map names to texts"),
    ({"rules": [{"kind": "upload", "effect": "status", "when": 1}]}, "unknown key when"),
    ({"rows": [{"code": "X"}]}, "rows 1: object must be a text"),
    ({"rows": [{"object": "Account", "fields": "Name"}]}, "fields is a list"),
    ({"jobs": [{"object": "Account", "after_rows": "x"}]}, "after_rows must be a whole number"),
    ({"aborts": [1]}, "aborts 1 must be a job id"),
    ({"seed": 1.5}, "seed must be a whole number"),
]


def schema() -> Any:
    """The shipped schema."""
    return json.loads(files("loadplan.schemas").joinpath("faults.schema.json").read_text(encoding="utf-8"))


def test_the_schema_knows_the_kinds_and_effects_of_the_code() -> None:
    """And every key has a title, a description and an example."""
    rule = schema()["$defs"]["rule"]["properties"]
    assert sorted(rule["kind"]["enum"]) == sorted(KINDS)
    assert sorted(rule["effect"]["enum"]) == sorted(EFFECTS)
    for part in (schema(), *schema()["$defs"].values()):
        for key, value in part.get("properties", {}).items():
            assert "$ref" in value or {"title", "description", "examples"} <= set(value), key


def test_a_file_with_everything_is_taken_by_the_schema_and_by_the_org(tmp_path: Path) -> None:
    """Each part arrives."""
    jsonschema.validate(EVERYTHING, schema())
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(EVERYTHING), encoding="utf-8")
    faults = load_faults(path)
    assert [(rule.kind, rule.effect, rule.nth) for rule in faults.rules] == [
        ("upload", "reset", 1), ("any", "status", None), ("page", "stall", 3),
    ]  # fmt: skip
    assert (faults.rules[1].status, faults.rules[1].body, faults.rules[1].headers) == (429, b"x", {"A": "b"})
    assert (faults.rules[2].seconds, faults.rules[2].share) == (0.5, 0.9)
    assert [fault.problem for fault in faults.row_faults][1] == ("C", "m", "Name")
    assert (faults.midway("Account"), faults.query_failure("Contact")) == (3, "x")
    assert faults.aborts == {"750Em0000000001IAA"}


@pytest.mark.parametrize(("data", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_is_told_with_its_place(data: Any, message: str) -> None:
    """The schema refuses it too."""
    with pytest.raises(ValueError, match=message):
        read_faults(data, "faults.json")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema())


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    """Or is not there."""
    path = tmp_path / "faults.json"
    with pytest.raises(ValueError, match="is not a JSON file"):
        load_faults(path)
    path.write_text("{rules}", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a JSON file"):
        load_faults(path)


def test_rows_of_a_file_are_refused_for_a_while() -> None:
    """Each row twice, by default behind a lock."""
    faults = read_faults({"rows": [{"object": "Account", "times": 2, "where": {"Name": "B"}}]}, "x")
    with Org(faults=faults) as org:
        text = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
        assert [org.failures("Name\nA\nB\n") for _ in range(3)] == [[text], [text], []]
