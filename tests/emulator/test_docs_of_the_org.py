"""The pages of the embedded org say what the code says."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
from loadplan.emulator.faultfile import read_faults
from loadplan.emulator.faults import EFFECTS, KINDS

from support.wire import Org

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "emulator.md").read_text(encoding="utf-8")


def test_the_example_of_faults_is_taken() -> None:
    """By the schema and by the org."""
    found = re.search(r"<!-- example -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    example = json.loads(found[1])
    schema = files("loadplan.schemas").joinpath("faults.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(example, json.loads(schema))
    assert len(read_faults(example, "example").rules) == 5


def test_every_effect_and_kind_is_explained() -> None:
    """Effects in the table, kinds in the line above it."""
    rows = re.findall(r"^\| `([a-z ]+)` \| [^|]+\|$", PAGE, re.MULTILINE)
    assert set(rows) | {"truncate"} == set(EFFECTS)
    kinds = re.search(r"^Kinds: (.*)\.$", PAGE, re.MULTILINE)
    assert kinds is not None
    assert set(re.findall(r"`([^`]+)`", kinds[1])) == set(KINDS)


def test_every_call_of_the_control_endpoint_is_listed(org: Org) -> None:
    """With its method."""
    listed = set()
    for row in re.findall(r"^\| `(GET|POST) (/__control__/[\w/]+)\S*` \| (.*) \|$", PAGE, re.MULTILINE):
        method, path, text = row
        listed |= {f"{other} {path}" for other in (method, *re.findall(r"`(GET|POST|DELETE)`", text))}
    assert listed == set(org.raw("GET", "/__control__/").json["calls"])
