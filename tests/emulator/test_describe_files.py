"""Describe files in a folder add to the standard objects and bring new ones."""

from __future__ import annotations

import json
from pathlib import Path

from loadplan.emulator.schema import load_schema


def test_a_file_about_a_standard_object_adds_its_fields(tmp_path: Path) -> None:
    """Account keeps its fields and its key prefix, and gains the custom one."""
    field = {"name": "Tier__c", "type": "string", "length": 10}
    (tmp_path / "Account.json").write_text(json.dumps({"name": "Account", "fields": [field]}), encoding="utf-8")
    plain, more = load_schema([]).find("Account"), load_schema([tmp_path]).find("Account")
    assert plain is not None
    assert more is not None
    assert set(more.fields) == {*plain.fields, "tier__c"}
    assert more.raw["keyPrefix"] == "001"


def test_the_key_prefix_of_a_custom_object_stays(tmp_path: Path) -> None:
    """Another object's file does not move it, so ids in an existing org keep their meaning."""
    (tmp_path / "Zebra__c.json").write_text(json.dumps({"name": "Zebra__c", "fields": []}), encoding="utf-8")
    before = load_schema([tmp_path]).find("Zebra__c")
    (tmp_path / "Apple__c.json").write_text(json.dumps({"name": "Apple__c", "fields": []}), encoding="utf-8")
    after = load_schema([tmp_path]).find("Zebra__c")
    assert before is not None
    assert after is not None
    assert before.raw["keyPrefix"] == after.raw["keyPrefix"]
