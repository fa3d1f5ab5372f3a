"""Schemas agree with the code they describe."""

from __future__ import annotations

import json
from importlib.resources import files

from loadplan.plan.operations import OPERATIONS
from loadplan.salesforce.auth.base import FLOWS

from support.generate_event_schema import event_schema


def read(name: str) -> str:
    return files("loadplan.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


def test_the_event_schema_lists_every_event_type() -> None:
    """The shipped schema is the one the types give."""
    assert read("event") == event_schema()


def test_operations_of_the_schema_are_those_of_the_registry() -> None:
    """An operation cannot be allowed and unknown, or known and refused."""
    schema = json.loads(read("plan"))
    assert schema["$defs"]["step"]["properties"]["operation"]["enum"] == list(OPERATIONS)


def test_flows_of_the_schema_are_those_of_the_registry() -> None:
    """Every flow in orgs.yaml has a module."""
    schema = json.loads(read("orgs"))
    assert schema["$defs"]["auth"]["properties"]["flow"]["enum"] == list(FLOWS)
