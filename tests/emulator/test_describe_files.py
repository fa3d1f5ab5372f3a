"""Describe files in a folder add to the standard objects and bring new ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loadplan.emulator.describefiles import DescribeError
from loadplan.emulator.schemaload import load_schema
from loadplan.emulator.server import EmbeddedOrg

from emulator.test_serve import refusal, served
from support.wire import Org


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
        fields = [
            {"name": "Id", "type": "id", "length": 18},
            *({"name": n, "type": "string", "length": 40} for n in names),
        ]
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name, "fields": fields}), encoding="utf-8")
    with EmbeddedOrg(describe=[tmp_path]) as server:
        kinds = server.org.schema.objects
        for name, names in whole.items():
            server.org.saver.insert(kinds[name.lower()], dict.fromkeys(names[:1], "x"), 0.0)
        sold = server.org.saver.insert(kinds["opportunity"], {"Name": "y", "StageName": "Closed Won"}, 0.0)
        assert server.org.saver.tables.get(kinds["opportunity"], sold)["IsWon"] == 1  # type: ignore[index]


NAME = {"name": "Name", "type": "string", "length": 80}
WRONG: list[tuple[str, str]] = [
    ("[]", 'Thing__c.json: it must be a JSON object, {"name": "Thing__c", "fields": […]}'),
    ("7", "it must be a JSON object"),
    ('{"fields": []}', "Thing__c.json: it has no name: the API name of its object"),
    ('{"name": 7}', "its name 7 is no API name"),
    ('{"name": "a b"}', "its name 'a b' is no API name"),
    ('{"name": "T__c", "fields": {}}', "fields must be a list of objects, each with a name and a type"),
    ('{"name": "T__c", "fields": null}', "fields must be a list"),
    ('{"name": "T__c", "fields": ["Name"]}', "field 1 must be a JSON object"),
    ('{"name": "T__c", "fields": [{"type": "string"}]}', "field 1 has no name"),
    ('{"name": "T__c", "fields": [{"name": "A b", "type": "string"}]}', "field 1: 'A b' is no API name"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "string"}, {"name": "a", "type": "int"}]}',
     "field a is there twice (as A and a)"),
    ('{"name": "T__c", "fields": [{"name": "A"}]}', "field A: it has no type; types are string, boolean"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "strng"}]}', "field A: there is no type 'strng'; did you mean string?"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": null}]}', "field A: there is no type None"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "int", "nillable": "no"}]}',
     "field A: nillable must be true or false, not 'no'"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "string", "length": "40"}]}', "field A: length must be a whole number"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "string", "length": -1}]}', "field A: length must be a whole number"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "string", "length": true}]}', "field A: length must be a whole number"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "reference", "referenceTo": "Account"}]}',
     "field A: referenceTo must be a list"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "reference", "referenceTo": [7]}]}',
     "field A: referenceTo must be a list of names"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "picklist", "picklistValues": ["x"]}]}',
     "picklistValues must be a list of objects"),
    ('{"name": "T__c", "fields": [{"name": "A", "type": "string", "label": 7}]}', "field A: label must be a text, not 7"),
    ('{"name": "T__c", "createable": "yes"}', "createable must be true or false"),
    ('{"name": "T__c", "recordTypeInfos": [{"name": "x"}]}',
     "record type 1 must have a recordTypeId of 15 or 18 characters and a name"),
    ('{"name": "T__c", "recordTypeInfos": 5}', "recordTypeInfos must be a list"),
    ('{"name": "T__c", "recordTypeInfos": {}}', "recordTypeInfos must be a list"),
    ('{"name": "T__c", "recordTypeInfos": [{"name": "x", "recordTypeId": "012000000000001AAA", "active": "maybe"}]}',
     "record type 1: active must be true or false"),
    ('{"name": "T__c", "label": 7}', "label must be a text"),
    ('{"name": "T__c", "keyPrefix": 5}', "keyPrefix must be three letters or digits, the first of every id, not 5"),
    ('{"name": "T__c", "keyPrefix": "0010"}', "keyPrefix must be three letters or digits"),
    ('{"name": "T__c", "fields": [', "it is no JSON: Expecting value: line 1 column 29"),
    ('{"name": "T__c", "length": NaN}', "it is no JSON: NaN is no JSON"),
    ("[" * 100_000, "it is no JSON: Document nesting depth"),
    ("\xff", "it is no JSON"),
    ('{"name": "T__c", "fields": [{"name":"A","type":"string"}], "validationRules": [{"name": "R", "formula": "A", "message": "m"}]}',
     "validation rule 1 of T__c (R): formula result is data type (Text), incompatible with expected data type (true or false)"),
    ('{"name": "T__c", "validationRules": [{"name": "R", "formula": "LEN(Id) + 1", "message": "m"}]}',
     "data type (Number), incompatible"),
    ('{"name": "T__c", "validationRules": [{"formula": "AND(Id, TRUE)", "message": "m"}]}',
     "rule 1 of T__c (without a name): incorrect"),
    ('{"name": "T__c", "validationRules": {}}', "validationRules of T__c must be a list"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_a_description_that_is_none_is_told_with_file_and_field(tmp_path: Path, text: str, told: str) -> None:
    """Before the org starts; what it would mean is not guessed."""
    (tmp_path / "Thing__c.json").write_text(text, encoding="latin-1" if text == "\xff" else "utf-8")
    with pytest.raises(DescribeError) as caught:
        EmbeddedOrg(describe=[tmp_path])
    assert str(tmp_path / "Thing__c.json") in str(caught.value)
    assert told in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Of all files and fields: nobody wants to start an org ten times."""
    (tmp_path / "A.json").write_text(
        '{"name": "A", "fields": [{"name": "X"}, {"name": "Y", "type": "nothing"}]}', encoding="utf-8"
    )
    (tmp_path / "B.json").write_text("{", encoding="utf-8")
    with pytest.raises(DescribeError) as caught:
        load_schema([tmp_path])
    assert [Path(problem.split(":")[0]).name for problem in caught.value.problems] == ["A.json", "A.json", "B.json"]
    assert str(caught.value).endswith("(and 2 more)")


def test_a_file_that_changes_a_field_may_leave_out_its_type(tmp_path: Path) -> None:
    """It is known from the standard object, from an earlier file, or because every object has the field; case does not matter."""
    raw = {"name": "account", "fields": [{"name": "SITE", "length": 7}, {"name": "createddate"}]}
    (tmp_path / "Account.json").write_text(json.dumps(raw), encoding="utf-8")
    (tmp_path / "T__c.json").write_text(
        json.dumps({"name": "T__c", "fields": [{"name": "Id"}, NAME]}), encoding="utf-8"
    )
    schema = load_schema([tmp_path])
    account, thing = schema.objects["account"], schema.objects["t__c"]
    assert (account.name, account.fields["site"].name, account.fields["site"].type, account.fields["site"].length) == (
        "Account", "Site", "string", 7,
    )  # fmt: skip
    assert (account.fields["createddate"].type, thing.fields["id"].type) == ("datetime", "id")


def test_a_lookup_to_an_object_that_is_not_there_is_taken_and_told(tmp_path: Path) -> None:
    """A snapshot of what a plan needs leaves far objects out; of several objects one is enough."""
    fields = [
        NAME,
        {"name": "Far__c", "type": "reference", "referenceTo": ["Far_Away__c"], "relationshipName": "Far__r"},
        {
            "name": "Near__c",
            "type": "reference",
            "referenceTo": ["Far_Away__c", "Account"],
            "relationshipName": "Near__r",
        },
        {"name": "None__c", "type": "reference", "referenceTo": [], "relationshipName": "None__r"},
    ]
    (tmp_path / "T__c.json").write_text(json.dumps({"name": "T__c", "fields": fields}), encoding="utf-8")
    with Org(describe=[tmp_path]) as org:
        assert org.server.org.schema.far == (("T__c.Far__c", "Far_Away__c"),)
        assert org.call("POST", "/sobjects/T__c", {"Name": "x", "None__r": {"Name": "y"}}).status == 400
        assert org.call("GET", "/query?q=SELECT+None__r.Name+FROM+T__c").error[1] == "INVALID_FIELD"
        refused = org.call("POST", "/sobjects/T__c", {"Name": "x", "Far__c": "a00000000000001AAA"})
        assert refused.error[1] == "FIELD_INTEGRITY_EXCEPTION"
    with served("--describe", str(tmp_path)) as (_, _, said):
        pass
    assert said == [
        "note: 1 lookup leads to objects without a description, so that no row can fill them: T__c.Far__c (Far_Away__c)"
    ]


def test_a_description_that_is_none_ends_the_command_with_its_code(tmp_path: Path) -> None:
    """Exit 2, LP0607, every problem, and the way to fetch the file again."""
    (tmp_path / "A.json").write_text(
        '{"name": "A", "fields": [{"name": "X"}, {"name": "Y", "type": "nothing"}]}', encoding="utf-8"
    )
    found = refusal("--describe", str(tmp_path))
    assert (found.returncode, found.stdout) == (2, "")
    assert "LP0607" in found.stderr
    assert "field X: it has no type" in found.stderr
    assert "field Y: there is no type 'nothing'" in found.stderr
    assert "loadplan org describe" in found.stderr
