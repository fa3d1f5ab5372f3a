"""What a description demands of rows: record types, validation rules, field-level security, ranges, restricted deletes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.server import EmbeddedOrg

from support.facts import fact
from support.wire import Org

BIG, SMALL = "012000000000001AAA", "012000000000002AAA"
ACCOUNT: dict[str, Any] = {
    "name": "Account",
    "fields": [
        {"name": "Amount__c", "type": "double", "precision": 5, "scale": 2},
        {"name": "Level__c", "type": "picklist", "length": 255, "nillable": False, "defaultedOnCreate": True,
         "picklistValues": [{"value": "low", "active": True}, {"value": "mid", "active": True, "defaultValue": True}]},
        {"name": "Secret__c", "type": "string", "length": 20},
        {"name": "Fixed__c", "type": "string", "length": 20},
    ],
    "recordTypeInfos": [
        {"developerName": "Master", "name": "Master", "master": True, "recordTypeId": "012000000000000AAA", "active": True},
        {"developerName": "Big", "name": "Big one", "recordTypeId": BIG, "active": True, "defaultRecordTypeMapping": True},
        {"developerName": "Small", "name": "Small one", "recordTypeId": SMALL, "active": True},
    ],
}  # fmt: skip
CONTACT: dict[str, Any] = {"name": "Contact", "fields": [], "recordTypeInfos": [
    {"developerName": "Small", "name": "Small one", "recordTypeId": "012000000000003AAA", "active": True},
]}  # fmt: skip
PART: dict[str, Any] = {
    "name": "Part__c", "labelPlural": "Parts", "fields": [
        {"name": "Name", "type": "string", "length": 80, "nameField": True},
        {"name": "Account__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Account__r",
         "restrictedDelete": True},
    ],
}  # fmt: skip
RULES: dict[str, Any] = {"name": "Account", "validationRules": [
    {"name": "Site_beside_phone", "formula": "ISBLANK(Site) && NOT(ISBLANK(Phone))", "message": "A phone needs a site",
     "field": "Site"},
    {"name": "No_way_back", "formula": "PRIORVALUE(NumberOfEmployees) > NumberOfEmployees", "message": "Nobody may leave"},
    {"name": "Level", "formula": "ISPICKVAL(Level__c, 'low') && ISNEW()", "message": "Too low"},
    {"name": "Off", "formula": "TRUE", "message": "never", "active": False},
]}  # fmt: skip


def write(folder: Path, *objects: dict[str, Any], rules: dict[str, Any] | None = None) -> Path:
    """A folder of descriptions, and of rules that lie beside them."""
    for entry in objects:
        (folder / f"{entry['name']}.json").write_text(json.dumps(entry), encoding="utf-8")
    if rules is not None:
        (folder / "rules").mkdir()
        (folder / "rules" / "Account.json").write_text(json.dumps(rules), encoding="utf-8")
    return folder


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Org]:
    """An org made of descriptions."""
    with Org(describe=[write(tmp_path, ACCOUNT, CONTACT, PART, rules=RULES)]) as org:
        yield org


@fact("record-type-by-name")
def test_record_types_of_a_description_are_records_of_the_org(twin: Org) -> None:
    """Found by name within their object; the default one is what a row gets that names none."""
    assert twin.failures("Name,RecordType.DeveloperName\nA,Small\nB,Big\nC,\nD,big\n") == [
        "INVALID_FIELD:Foreign key external ID: big not found for field DeveloperName in entity RecordType:--"
    ]
    found = dict(twin.select("SELECT Name, RecordType.Name FROM Account"))
    assert found == {"A": "Small one", "B": "Big one", "C": "Big one"}
    assert twin.load("LastName,RecordType.DeveloperName\nX,Small\n", "Contact")["numberRecordsFailed"] == 0


@fact("record-type-id")
def test_a_record_type_of_another_object(twin: Org) -> None:
    """Is not valid, as one that does not exist."""
    other = "012000000000003AAA"
    text = (
        f"INVALID_CROSS_REFERENCE_KEY:Record Type ID: this ID value isn't valid for the user: {other}:RecordTypeId --"
    )
    assert twin.failures(f"Name,RecordTypeId\nA,{other}\nB,{SMALL}\n") == [text]


@fact("record-type-closed")
@pytest.mark.parametrize("key", ["active", "available"])
def test_a_record_type_that_is_inactive_or_not_for_this_user(tmp_path: Path, key: str) -> None:
    """By its id or by its name; a load that uses it fails in the org, and so it does here."""
    closed = "012000000000007AAA"
    info = {
        "recordTypeId": closed[:15],
        "name": "Old",
        "developerName": "Old",
        "active": True,
        "available": True,
        key: False,
    }
    with Org(describe=[write(tmp_path, {"name": "Account", "fields": [], "recordTypeInfos": [info]})]) as org:
        text = f"INVALID_CROSS_REFERENCE_KEY:Record Type ID: this ID value isn't valid for the user: {closed}:RecordTypeId --"
        assert org.failures(f"Name,RecordTypeId\nA,{closed}\nB,{closed[:15]}\nC,\n") == [text, text]
        assert org.failures("Name,RecordType.DeveloperName\nA,Old\nB,\n") == [text]


@fact("validation-rule")
def test_validation_rules_refuse_rows_that_would_make_them_true(twin: Org) -> None:
    """With the field in the tail when the rule has one; over the record as it would be, not over the row."""
    site = "FIELD_CUSTOM_VALIDATION_EXCEPTION:A phone needs a site:Site --"
    assert twin.failures("Name,Phone,Site\nA,1,x\nB,1,\nC,,\n") == [site]
    record = twin.server.org.has("Account", Name="A")
    assert twin.failures(f"Id,Site\n{record},#N/A\n", operation="update") == [site]
    assert twin.failures(f"Id,Site,Phone\n{record},#N/A,#N/A\n", operation="update") == []
    staff = twin.add(Name="S", NumberOfEmployees=5)
    left = "FIELD_CUSTOM_VALIDATION_EXCEPTION:Nobody may leave:--"
    assert twin.failures(f"Id,NumberOfEmployees\n{staff},4\n", operation="update") == [left]
    assert twin.failures(f"Id,NumberOfEmployees\n{staff},6\n", operation="update") == []


def test_validation_rules_see_defaults_and_hold_over_rest(twin: Org) -> None:
    """A picklist's default value is there before they look; the answer is 400."""
    assert twin.server.org.records("Account") == []
    twin.add(Name="A")
    assert twin.select("SELECT Level__c FROM Account") == [["mid"]]
    answer = twin.call("POST", "/sobjects/Account", {"Name": "B", "Level__c": "low"})
    assert answer.error == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Too low")


def test_a_rule_that_looks_at_no_field(tmp_path: Path) -> None:
    """Refuses everything it is asked about."""
    rules = {"name": "Account", "validationRules": [{"formula": "NOT(ISNEW())", "message": "Frozen"}]}
    with Org(describe=[write(tmp_path, rules=rules)]) as org:
        record = org.add(Name="A")
        text = "FIELD_CUSTOM_VALIDATION_EXCEPTION:Frozen:--"
        assert org.failures(f"Id,Site\n{record},x\n", operation="update") == [text]


def test_validation_rules_are_no_part_of_a_describe_answer(twin: Org) -> None:
    """Salesforce has no such key."""
    assert "validationRules" not in twin.call("GET", "/sobjects/Account/describe").json


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([{"name": "R", "formula": "Nothing__c = 1", "message": "m"}], "validation rule 1 of Account (R): the object has no field"),
        ([{"formula": "TRUE"}], "must have a formula and a message"),
        ([{"formula": "TRUE", "message": "m", "filed": "Name"}], "must be an object with the keys"),
        ([{"formula": "TRUE", "message": "m", "field": "X"}], "has no field 'X'"),
        ({"formula": "TRUE"}, "must be a list"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_read_are_named_at_the_start(tmp_path: Path, rules: Any, told: str) -> None:
    """Object, rule and reason; no org begins."""
    folder = write(tmp_path, rules={"name": "Account", "validationRules": rules})
    with pytest.raises(ValueError, match="Account") as caught:
        EmbeddedOrg(describe=[folder])
    assert told in str(caught.value)


@fact("field-level-security")
def test_a_hidden_field_is_unknown_everywhere(tmp_path: Path) -> None:
    """Header, query, describe, REST record: as if it were not there."""
    with Org(describe=[write(tmp_path, ACCOUNT)], hidden_fields=("Account.Secret__c", "contact.AccountId")) as org:
        job = org.load("Name,Secret__c\nA,x\n")
        assert (job["state"], job["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Secret__c")
        assert org.load("LastName,Account.Name\nA,x\n", "Contact")["state"] == "Failed"
        made = org.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT Secret__c FROM Account"})
        assert made.error[1] == "INVALID_FIELD"
        record = org.add(Name="A")
        shown = org.call("GET", f"/sobjects/Account/{record}").json
        names = {field["name"] for field in org.call("GET", "/sobjects/Account/describe").json["fields"]}
        assert "Secret__c" not in names | set(shown)
        assert "Fixed__c" in names & set(shown)


@fact("field-not-writeable")
def test_a_read_only_field_is_shown_and_not_written(tmp_path: Path) -> None:
    """The describe says so, and a row that writes it is refused."""
    with Org(describe=[write(tmp_path, ACCOUNT)], read_only_fields=("Account.Fixed__c",)) as org:
        text = "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Fixed__c. Please check the security settings of"
        text += " this field and verify that it is read/write for your profile or permission set.:Fixed__c --"
        assert org.failures("Name,Fixed__c\nA,x\nB,\n") == [text]
        [field] = [f for f in org.call("GET", "/sobjects/Account/describe").json["fields"] if f["name"] == "Fixed__c"]
        assert (field["createable"], field["updateable"]) == (False, False)


def test_field_level_security_of_an_unknown_field_is_refused_at_the_start() -> None:
    """A name with a slip in it would secure nothing."""
    with pytest.raises(ValueError, match=r"Account\.Sicret__c"):
        Org(hidden_fields=("Account.Sicret__c",))


@fact("number-range")
def test_numbers_outside_of_their_range(twin: Org) -> None:
    """Digits before the point are precision less scale; an int has 32 bits."""
    text = "NUMBER_OUTSIDE_VALID_RANGE:Amount__c: value outside of valid range on numeric field: 1000.0:Amount__c --"
    assert twin.failures("Name,Amount__c\nA,999.99\nB,1000\nC,-999\nD,\n") == [text]
    assert twin.failures("Name,Amount__c\nA,1000\n") == [text]
    text = "INVALID_FIELD:Failed to deserialize field at col 1. Due to, '2147483648' is not a valid value for the type xsd:int"
    assert twin.failures("Name,NumberOfEmployees\nA,2147483647\nB,2147483648\n") == [f"{text}:NumberOfEmployees --"]


@fact("restricted-delete")
def test_a_record_that_another_one_needs_is_not_deleted(twin: Org) -> None:
    """The other one is named; once it is gone the record may go."""
    account = twin.add(Name="Acme")
    part = twin.add("Part__c", Name="P-1", Account__c=account)
    text = (
        "DELETE_FAILED:Your attempt to delete Acme could not be completed because it is associated with the following"
    )
    assert twin.failures(f"Id\n{account}\n", operation="delete") == [f"{text} parts.: P-1:--"]
    assert twin.failures(f"Id\n{part}\n", "Part__c", "delete") == []
    assert twin.failures(f"Id\n{account}\n", operation="delete") == []
