"""Descriptions of objects: their shape, the recorded fields, and custom objects from a folder (page 12)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.facts import fact
from support.wire import Org

OBJECT = [
    "name",
    "label",
    "keyPrefix",
    "createable",
    "updateable",
    "deletable",
    "queryable",
    "custom",
    "customSetting",
    "mergeable",
    "undeletable",
    "triggerable",
    "fields",
    "recordTypeInfos",
    "childRelationships",
    "urls",
]
FIELD = [
    "name",
    "label",
    "type",
    "soapType",
    "length",
    "byteLength",
    "digits",
    "precision",
    "scale",
    "createable",
    "updateable",
    "nillable",
    "defaultedOnCreate",
    "defaultValue",
    "externalId",
    "idLookup",
    "unique",
    "caseSensitive",
    "autoNumber",
    "calculated",
    "cascadeDelete",
    "restrictedDelete",
    "writeRequiresMasterRead",
    "relationshipName",
    "relationshipOrder",
    "referenceTo",
    "polymorphicForeignKey",
    "namePointing",
    "compoundFieldName",
    "extraTypeInfo",
    "picklistValues",
    "restrictedPicklist",
    "dependentPicklist",
    "controllerName",
    "nameField",
    "encrypted",
    "permissionable",
    "filterable",
    "sortable",
    "groupable",
    "custom",
    "inlineHelpText",
]
FLAGS = ("createable", "updateable", "nillable", "defaultedOnCreate", "idLookup")


def described(org: Org, name: str) -> Any:
    """The describe of an object."""
    return org.call("GET", f"/sobjects/{name}/describe").json


def field(org: Org, path: str) -> Any:
    """One field of a describe."""
    name, _, wanted = path.partition(".")
    return next(entry for entry in described(org, name)["fields"] if entry["name"] == wanted)


@fact("describe-200", "describe-404", "describe-object-keys", "describe-field-keys", "describe-children")
def test_the_shape_of_a_describe(org: Org) -> None:
    """What a loader needs of objects, fields and children; an unknown object is not found."""
    answer = org.call("GET", "/sobjects/account/describe")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    found = answer.json
    assert set(OBJECT) <= set(found)
    assert (found["name"], found["keyPrefix"]) == ("Account", "001")
    assert all(set(FIELD) <= set(entry) for entry in found["fields"])
    child = found["childRelationships"][0]
    assert set(child) >= {
        "childSObject",
        "field",
        "relationshipName",
        "cascadeDelete",
        "restrictedDelete",
        "deprecatedAndHidden",
    }
    assert {"childSObject": "Contact", "field": "AccountId"}.items() <= next(
        entry for entry in found["childRelationships"] if entry["childSObject"] == "Contact"
    ).items()
    assert org.call("GET", "/sobjects/Nothing__c/describe").error[:2] == (404, "NOT_FOUND")


FIELDS = [
    ("Contact.Id", "id", 18, "---yy", [], None),
    ("Contact.LastName", "string", 80, "yy---", [], None),
    ("Contact.Email", "email", 80, "yyy-y", [], None),
    ("Contact.AccountId", "reference", 18, "yyy--", ["Account"], "Account"),
    ("Contact.OwnerId", "reference", 18, "yy-y-", ["User"], "Owner"),
    ("Contact.MailingAddress", "address", 0, "--y--", [], None),
    ("Contact.CreatedDate", "datetime", 0, "---y-", [], None),
    ("Lead.OwnerId", "reference", 18, "yy-y-", ["Group", "User"], "Owner"),
    ("Case.OwnerId", "reference", 18, "yy-y-", ["Group", "User"], "Owner"),
    ("Event.WhoId", "reference", 18, "yyy--", ["Contact", "Lead"], "Who"),
    ("Lead.Status", "picklist", 255, "yy-y-", [], None),
    ("Lead.IsConverted", "boolean", 0, "y--y-", [], None),
    ("Case.CaseNumber", "string", 30, "---yy", [], None),
]


@fact("describe-recorded-fields")
@pytest.mark.parametrize(
    ("path", "kind", "length", "flags", "targets", "relationship"), FIELDS, ids=[f[0] for f in FIELDS]
)
def test_recorded_fields(
    org: Org, path: str, kind: str, length: int, flags: str, targets: list[str], relationship: str | None
) -> None:
    """Rows of the recorded table: type, length, rights, targets."""
    found = field(org, path)
    assert (found["type"], found["length"]) == (kind, length)
    assert "".join("y" if found[name] else "-" for name in FLAGS) == flags
    assert (found["referenceTo"], found["relationshipName"]) == (targets, relationship)


@fact("describe-recorded-fields", "booleans-never-nillable", "master-detail")
def test_more_of_the_recorded_fields(org: Org) -> None:
    """Compound names, soap types, polymorphic flags, auto numbers, many targets."""
    assert field(org, "Contact.LastName")["compoundFieldName"] == "Name"
    assert field(org, "Contact.MailingAddress")["soapType"] == "urn:address"
    assert field(org, "Contact.Id")["soapType"] == "tns:ID"
    assert [field(org, path)["polymorphicForeignKey"] for path in ("Contact.OwnerId", "Lead.OwnerId", "Event.WhoId")] == [
        False, True, True,
    ]  # fmt: skip
    what = field(org, "Event.WhatId")
    assert (what["relationshipName"], what["nillable"], len(what["referenceTo"]) > 1) == ("What", True, True)
    number = field(org, "Case.CaseNumber")
    assert (number["autoNumber"], number["nameField"]) == (True, True)
    for name in org.server.org.schema.objects:
        for entry in described(org, name)["fields"]:
            assert not (entry["type"] == "boolean" and entry["nillable"]), (name, entry["name"])


@fact("case-number-counts")
def test_auto_numbers_count(org: Org) -> None:
    """Each new record has the next one, and is found by it."""
    job = org.load("Subject\nA\nB\n", "Case")
    assert [record["CaseNumber"] for record in org.server.org.records("Case")] == ["00001001", "00001002"]
    assert org.load("LastName\nx\n", "Contact")["state"] == job["state"]
    assert org.failures("CaseNumber,Subject\n00001002,C\n", "Case", "upsert", externalIdFieldName="CaseNumber") == []
    assert org.server.org.has("Case", CaseNumber="00001002", Subject="C")


CUSTOM = {
    "name": "Invoice__c",
    "fields": [
        {"name": "Name", "type": "string", "length": 80, "nameField": True, "idLookup": True, "defaultedOnCreate": True},
        {"name": "Key__c", "type": "string", "length": 20, "externalId": True, "unique": True},
        {"name": "Amount__c", "type": "currency"},
        {"name": "Account__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Account__r",
         "relationshipOrder": 0, "nillable": False, "cascadeDelete": True, "childRelationshipName": "Invoices__r"},
        {"name": "Paid__c", "type": "boolean"},
    ],
}  # fmt: skip


@fact("master-detail", "custom-name-is-a-key")
def test_a_custom_object_of_a_folder_is_loaded_queried_and_deleted_with_its_master(tmp_path: Path) -> None:
    """Described, required, looked up by its name, summed up in a query, and gone with its master."""
    (tmp_path / "Invoice__c.json").write_text(json.dumps(CUSTOM), encoding="utf-8")
    with Org(describe=[tmp_path]) as org:
        found = described(org, "Invoice__c")
        assert (found["custom"], found["keyPrefix"][0]) == (True, "a")
        master = field(org, "Invoice__c.Account__c")
        assert (master["relationshipOrder"], master["nillable"], master["soapType"]) == (0, False, "tns:ID")
        assert {"childSObject": "Invoice__c", "relationshipName": "Invoices__r"}.items() <= next(
            entry for entry in described(org, "Account")["childRelationships"] if entry["childSObject"] == "Invoice__c"
        ).items()
        account = org.add(Name="Acme", Legacy_Id__c="A1")
        head = "Name,Key__c,Amount__c,Paid__c,Account__r.Legacy_Id__c\n"
        key = {"operation": "upsert", "externalIdFieldName": "Key__c"}
        assert org.failures(f"{head}I1,1,10.5,true,A1\nI2,2,,,A1\nI3,3,,,\n", "Invoice__c", **key) == [
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Account__c]:Account__c --"
        ]
        assert org.failures("Name,Amount__c\ni2,7\n", "Invoice__c", "upsert", externalIdFieldName="Name") == []
        rows = org.select("SELECT Key__c, Amount__c, Paid__c, Account__r.Name FROM Invoice__c ORDER BY Key__c")
        assert rows == [["1", "10.5", "true", "Acme"], ["2", "7.0", "false", "Acme"]]
        org.load(f"Id\n{account}\n", operation="delete")
        assert org.server.org.count("Invoice__c") == 0


def test_names_that_are_no_api_names_are_refused(tmp_path: Path) -> None:
    """They would become part of a statement."""
    bad = {"name": "Bad__c", "fields": [{"name": 'x" text); drop table jobs; --', "type": "string"}]}
    (tmp_path / "Bad__c.json").write_text(json.dumps(bad), encoding="utf-8")
    with pytest.raises(ValueError, match="no API name"):
        Org(describe=[tmp_path])


def test_the_objects_are_listed(org: Org) -> None:
    """describeGlobal, and the short form of one object."""
    found = org.call("GET", "/sobjects").json
    assert (found["encoding"], found["maxBatchSize"]) == ("UTF-8", 200)
    assert {"Account", "Contact", "User"} <= {entry["name"] for entry in found["sobjects"]}
    assert org.call("GET", "/sobjects/Account").json["objectDescribe"]["name"] == "Account"
