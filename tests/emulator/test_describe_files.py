"""Describe files in a folder add to the standard objects and bring new ones."""

from __future__ import annotations

import json
from pathlib import Path

from loadplan.emulator.schema import load_schema
from loadplan.emulator.server import EmbeddedOrg


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


def test_a_whole_description_of_a_standard_object_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    """As an org gives it, with `Id`: a field that the org lacks is lacking, so that a twin refuses what the org would refuse."""
    fields = [{"name": "Id", "type": "id", "length": 18}, {"name": "Name", "type": "string", "length": 40}]
    (tmp_path / "Account.json").write_text(json.dumps({"name": "Account", "fields": fields}), encoding="utf-8")
    found = load_schema([tmp_path]).find("Account")
    assert found is not None
    assert found.field("Legacy_Id__c") is None
    assert found.field("Name").length == 40  # type: ignore[union-attr]
    assert (found.raw["keyPrefix"], found.field("CreatedDate") is not None) == ("001", True)


def test_an_org_starts_with_a_whole_description_of_an_object_that_it_has_records_of(tmp_path: Path) -> None:
    """A real User needs a time zone and a profile, which the user of the embedded org has not."""
    types = [{"recordTypeId": "0125g000000AbcdAAC", "developerName": "Import", "name": "Import", "active": True}]
    for name in ("User", "Organization", "Pricebook2", "RecordType", "Account"):
        fields = [
            {"name": "Id", "type": "id", "length": 18},
            {"name": "Must__c", "type": "string", "length": 40, "nillable": False, "createable": True},
            {"name": "Code__c", "type": "string", "length": 40, "nillable": False, "unique": True, "externalId": True},
        ]
        raw = {"name": name, "fields": fields, "recordTypeInfos": types if name == "Account" else []}
        (tmp_path / f"{name}.json").write_text(json.dumps(raw), encoding="utf-8")
    with EmbeddedOrg(describe=[tmp_path]) as server:
        assert server.org.count("User") == 1
        assert server.org.count("Pricebook2") == 1
        assert [record["Id"] for record in server.org.records("RecordType")] == ["0125g000000AbcdAAC"]


def test_a_description_that_lacks_what_the_org_works_out_is_loaded_all_the_same(tmp_path: Path) -> None:
    """A user who may not see a field describes an object without it."""
    whole = {
        "Opportunity": ["Name", "StageName", "IsWon"], "Product2": ["Name"], "PricebookEntry": ["UnitPrice", "ProductCode"],
        "Contact": ["LastName"],
    }  # fmt: skip
    for name, names in whole.items():
        fields = [{"name": "Id", "type": "id", "length": 18}, *({"name": n, "length": 40} for n in names)]
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name, "fields": fields}), encoding="utf-8")
    with EmbeddedOrg(describe=[tmp_path]) as server:
        kinds = server.org.schema.objects
        for name, names in whole.items():
            server.org.saver.insert(kinds[name.lower()], dict.fromkeys(names[:1], "x"), 0.0)
        sold = server.org.saver.insert(kinds["opportunity"], {"Name": "y", "StageName": "Closed Won"}, 0.0)
        assert server.org.saver.tables.get(kinds["opportunity"], sold)["IsWon"] == 1  # type: ignore[index]
