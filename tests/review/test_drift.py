"""What changed between two descriptions of an object, and which of it can break a load."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from loadplan.review.drift import drift

THEN: dict[str, Any] = {
    "name": "Invoice__c", "keyPrefix": "a01", "createable": True, "updateable": True, "deletable": True,
    "label": "Invoice",
    "fields": [
        {"name": "Name", "type": "string", "length": 80, "label": "Name"},
        {"name": "Key__c", "type": "string", "length": 20, "externalId": True, "unique": True},
        {"name": "Amount__c", "type": "currency", "precision": 18, "scale": 2},
        {"name": "Count__c", "type": "int", "digits": 9},
        {"name": "Status__c", "type": "picklist", "length": 255, "restrictedPicklist": True,
         "picklistValues": [{"value": "Open"}, {"value": "Paid"}]},
        {"name": "Free__c", "type": "picklist", "length": 255, "picklistValues": [{"value": "A"}, {"value": "B"}]},
        {"name": "Account__c", "type": "reference", "length": 18, "referenceTo": ["Account"], "relationshipName": "Account__r"},
    ],
    "recordTypeInfos": [
        {"developerName": "Master", "master": True, "recordTypeId": "012000000000000AAA"},
        {"developerName": "Import", "recordTypeId": "0125g000000AAAA", "active": True, "available": True,
         "defaultRecordTypeMapping": True},
    ],
}  # fmt: skip


def changed(field: str = "", **keys: Any) -> dict[str, Any]:
    """The object with these keys, of the field or of itself."""
    now = copy.deepcopy(THEN)
    (next(f for f in now["fields"] if f["name"] == field) if field else now).update(keys)
    return now


PAID_GONE = [{"value": "Open"}, {"value": "Paid", "active": False}, {"value": "Void"}]
CASES = [
    ("Name", {"length": 40}, "shorter", "holds 40 characters, it held 80", True),
    ("Name", {"length": 120}, "longer", "holds 120 characters, it held 80", False),
    ("Name", {"nillable": False}, "required", "every new record needs it now", True),
    ("Name", {"type": "textarea"}, "type", "is of type textarea, it was string", False),
    ("Name", {"type": "double"}, "type", "is of type double, it was string", True),
    ("Name", {"createable": False}, "right lost", "can no longer be set when a record is made", True),
    ("Name", {"updateable": False}, "right lost", "can no longer be changed", True),
    ("Name", {"name": "NAME"}, "spelling", "is spelt `NAME` now: Salesforce answers with its own spelling", False),
    ("Key__c", {"externalId": False}, "key lost", "is no longer an external id: no record is found by it", True),
    ("Name", {"externalId": True}, "key gained", "is an external id now", False),
    ("Name", {"unique": True}, "unique", "must be unique now", True),
    ("Key__c", {"unique": False}, "not unique", "need no longer be unique", False),
    ("Key__c", {"caseSensitive": True}, "case",
     "tells capital letters from small ones now: keys may find other records", True),
    ("Amount__c", {"precision": 16}, "digits", "holds 14 digits before the point and 2 after it, it held 16 and 2", True),
    ("Amount__c", {"precision": 18, "scale": 4}, "digits",
     "holds 14 digits before the point and 4 after it, it held 16 and 2", True),
    ("Count__c", {"digits": 8}, "digits", "holds 8 digits, it held 9", True),
    ("Status__c", {"restrictedPicklist": False}, "unrestricted", "takes any value now", False),
    ("Free__c", {"restrictedPicklist": True}, "restricted", "takes only the values of its list now", True),
    ("Free__c", {"picklistValues": [{"value": "A"}]}, "value removed",
     "lost `B` (not restricted: such rows still land)", False),
    ("Account__c", {"relationshipName": "Payer__r"}, "relationship",
     "its relationship is called `Payer__r`, it was `Account__r`", True),
    ("Account__c", {"referenceTo": ["Account", "Lead"]}, "target added",
     "can point at Lead, too: lookups must name the object now", True),
    ("Account__c", {"cascadeDelete": True}, "cascade", "a delete of the parent deletes these records now", True),
    ("Name", {"type": "email"}, "type", "is of type email, it was string", True),
    ("Name", {"type": "phone"}, "type", "is of type phone, it was string", False),
    ("Name", {"type": "picklist", "picklistValues": [{"value": "A"}]}, "type", "is of type picklist, it was string", False),
    ("Name", {"type": "picklist", "restrictedPicklist": True}, "type", "is of type picklist, it was string", True),
    ("Name", {"nillable": False, "defaultedOnCreate": True}, "required", "can no longer be emptied", True),
    ("Name", {"defaultValue": "x"}, "default", "a new record without it gets `x`, it got nothing", False),
    ("Name", {"defaultValueFormula": "NOW()"}, "default", "a new record without it gets `NOW()`, it got nothing", False),
    ("Name", {"filterable": False}, "right lost", "can no longer stand in WHERE", True),
    ("Name", {"sortable": False}, "right lost", "can no longer stand in ORDER BY", True),
    ("Name", {"deprecatedAndHidden": True}, "hidden", "is deprecated and hidden now", True),
    ("Free__c", {"controllerName": "Status__c", "dependentPicklist": True}, "controller",
     "depends on Status__c, it depended on none: the API takes such rows all the same", False),
    ("Free__c", {"picklistValues": [{"value": "A", "validFor": "gAAA"}, {"value": "B"}]}, "controller",
     "`A` went to other values of its controlling field: the API takes such rows all the same", False),
    ("Free__c", {"picklistValues": [{"value": "A", "defaultValue": True}, {"value": "B"}]}, "default",
     "a new record without it gets `A`, it got nothing", False),
    ("Account__c", {"restrictedDelete": True}, "restrict", "a parent that has such records can no longer be deleted", True),
    ("Account__c", {"relationshipOrder": 0}, "master", "is a master now: each row needs a parent that this user may change", True),
    ("Account__c", {"filteredLookupInfo": {"optionalFilter": False, "dependent": False, "controllingFields": []}}, "filter",
     "must pass a lookup filter now", True),
    ("Account__c", {"filteredLookupInfo": {"optionalFilter": True}}, "filter",
     "has a lookup filter now, which nobody must pass", False),
    ("", {"deprecatedAndHidden": True}, "hidden", "the object is deprecated and hidden now", True),
    ("", {"queryable": False}, "right lost", "this user may no longer query records", True),
    ("", {"createable": False}, "right lost", "this user may no longer create records", True),
    ("", {"deletable": False}, "right lost", "this user may no longer delete records", True),
    ("", {"keyPrefix": "a02"}, "key prefix", "ids begin with a02, they began with a01", True),
]  # fmt: skip


@pytest.mark.parametrize(("field", "keys", "kind", "text", "breaking"), CASES)
def test_one_change_is_told_in_words(field: str, keys: dict[str, Any], kind: str, text: str, breaking: bool) -> None:
    """With its field, and whether a row that landed may fail now."""
    [found] = drift(THEN, changed(field, **keys))
    assert (found.object, found.field, found.kind, found.text, found.breaking) == (
        "Invoice__c", field, kind, text, breaking,
    )  # fmt: skip


@pytest.mark.parametrize(
    "keys",
    [{"label": "Rechnung"}, {"recordTypeInfos": THEN["recordTypeInfos"][::-1]}, {"fields": THEN["fields"][::-1]}],
)
def test_what_no_row_meets_is_no_drift(keys: dict[str, Any]) -> None:
    """Labels and orders."""
    assert drift(THEN, changed(**keys)) == []


def test_a_number_of_another_type_may_hold_less() -> None:
    """The type is harmless, the digits are not."""
    found = drift(THEN, changed("Amount__c", type="double", precision=10, scale=0))
    assert [(c.kind, c.breaking) for c in found] == [("digits", True), ("type", False)]


def test_a_master_that_asks_for_more_rights() -> None:
    """To read it was enough, and now it must be changeable; the other way harms nobody."""
    less, more = ({"relationshipOrder": 0, "writeRequiresMasterRead": flag} for flag in (True, False))
    [found] = drift(changed("Account__c", **less), changed("Account__c", **more))
    assert (found.text, found.breaking) == ("asks for the right to change the master now", True)
    [found] = drift(changed("Account__c", **more), changed("Account__c", **less))
    assert not found.breaking


def test_what_was_strict_and_is_no_longer_breaks_nothing() -> None:
    """Each strictness that can come can go."""
    strict = {"relationshipOrder": 1, "restrictedDelete": True, "filteredLookupInfo": {"optionalFilter": False}}
    found = drift(changed("Account__c", **strict), THEN)
    assert [(c.kind, c.breaking) for c in found] == [("filter", False), ("lookup", False), ("restrict", False)]


def test_a_record_type_of_another_id() -> None:
    """As after a sandbox was made anew: loads that carry the id fail; 15 and 18 characters are the same one."""
    master, usual = THEN["recordTypeInfos"]
    [found] = drift(THEN, changed(recordTypeInfos=[master, {**usual, "recordTypeId": "0125g000000BBBB"}]))
    assert (found.text, found.breaking) == (
        "record type Import has the id 0125g000000BBBB now, it had 0125g000000AAAA",
        True,
    )
    assert drift(THEN, changed(recordTypeInfos=[master, {**usual, "recordTypeId": "0125g000000AAAABBB"}])) == []


def test_values_come_and_go() -> None:
    """A value that is only inactive is gone, too."""
    found = drift(THEN, changed("Status__c", picklistValues=PAID_GONE))
    assert [(c.text, c.breaking) for c in found] == [("lost `Paid` (restricted)", True), ("gained `Void`", False)]


def test_fields_come_and_go_and_those_that_break_come_first() -> None:
    """A new field is harmless unless every record needs it."""
    now = changed()
    now["fields"] = [f for f in now["fields"] if f["name"] != "Free__c"]
    now["fields"] += [
        {"name": "Note__c", "type": "string"},
        {"name": "Must__c", "type": "string", "nillable": False, "createable": True},
    ]
    assert [(c.field, c.text, c.breaking) for c in drift(THEN, now)] == [
        ("Free__c", "is gone, or this user may no longer see it", True),
        ("Must__c", "is new (string), and every new record needs it", True),
        ("Note__c", "is new (string)", False),
    ]


def test_record_types_come_and_go() -> None:
    """Gone and no longer usable are two things; a new one harms nobody."""
    master, usual = THEN["recordTypeInfos"]
    told = {
        "record type Import is gone": [master],
        "record type Import is no longer active or available to this user": [master, {**usual, "available": False}],
        "record type Other is new": [
            master,
            usual,
            {**usual, "developerName": "Other", "defaultRecordTypeMapping": False},
        ],
    }
    for text, types in told.items():
        [found] = drift(THEN, changed(recordTypeInfos=types))
        assert (found.text, found.breaking) == (text, "new" not in text)


def test_an_object_that_is_gone_is_one_change() -> None:
    """Not one for each of its fields."""
    [found] = drift(THEN, None)
    assert (found.field, found.breaking, found.kind) == ("", True, "object removed")
