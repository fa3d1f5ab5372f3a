"""The `sf__Error` of a failed row, text by text (page 5.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.facts import fact
from support.wire import Org

FIELDS = [
    {"name": "Name", "type": "string", "length": 80, "nillable": False},
    {"name": "Product__c", "type": "string", "length": 20, "nillable": False},
    {"name": "Broker__c", "type": "string", "length": 20, "nillable": False},
    {"name": "Code__c", "type": "string", "length": 20, "externalId": True},
    {"name": "Number__c", "type": "double", "externalId": True, "unique": True},
    {"name": "Case__c", "type": "string", "length": 20, "externalId": True, "unique": True, "caseSensitive": True},
    {"name": "Account__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Account__r",
     "relationshipOrder": 0, "updateable": False, "cascadeDelete": True},
]  # fmt: skip
NEEDED = "Name,Product__c,Broker__c"


@pytest.fixture
def deals(tmp_path: Path) -> Iterator[Org]:
    """An org with an object that has what the standard ones lack."""
    (tmp_path / "Deal__c.json").write_text(json.dumps({"name": "Deal__c", "fields": FIELDS}), encoding="utf-8")
    with Org(describe=[tmp_path]) as running:
        yield running


def upsert(org: Org, text: str, name: str = "Account", key: str = "Legacy_Id__c") -> list[str]:
    """The errors of an upsert."""
    return org.failures(text, name, "upsert", externalIdFieldName=key)


@fact("required-one", "error-grammar")
def test_a_required_field_is_missing(org: Org) -> None:
    """On insert when it is empty, on update when it is cleared."""
    text = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert org.failures("Name,Site\n,x\n#N/A,y\n") == [text, text]
    record = org.add(Name="Acme")
    assert org.failures(f"Id,Name\n{record},#N/A\n", operation="update") == [text]
    assert org.failures(f"Id,Name,Site\n{record},,x\n", operation="update") == []


@fact("required-several", "error-grammar")
def test_several_required_fields_are_joined_in_two_ways(deals: Org) -> None:
    """With a blank in the brackets, without one in the tail."""
    text = "REQUIRED_FIELD_MISSING:Required fields are missing: [Product__c, Broker__c]:Product__c,Broker__c --"
    assert deals.failures("Name\nD1\n", "Deal__c") == [text]


@fact("duplicate-value")
def test_a_unique_value_is_taken(org: Org) -> None:
    """The record that has it is named; within one job the first row wins."""
    record = org.add(Name="Acme", Legacy_Id__c="A1")
    text = "DUPLICATE_VALUE:duplicate value found: Legacy_Id__c duplicates value on record with id: {}:--"
    assert org.failures("Name,Legacy_Id__c\nBeta,a1\n") == [text.format(record)]
    [lost] = org.failures("Name,Legacy_Id__c\nC1,C\nC2,c\nD,D\n")
    assert lost == text.format(org.server.org.has("Account", Name="C1"))
    other = org.add(Name="Other")
    assert org.failures(f"Id,Legacy_Id__c\n{other},A1\n", operation="update") == [text.format(record)]
    assert org.failures(f"Id,Legacy_Id__c\n{record},A1\n", operation="update") == []


def test_a_value_that_one_row_lets_go_is_free_for_the_next(org: Org) -> None:
    """Rows of one chunk act one after the other."""
    one, two = org.add(Name="One", Legacy_Id__c="1"), org.add(Name="Two", Legacy_Id__c="2")
    assert org.failures(f"Id,Legacy_Id__c\n{one},3\n{two},1\n", operation="update") == []
    assert org.server.org.has("Account", Legacy_Id__c="1") == two


@fact("duplicate-external-id-in-chunk", "chunks-of-200")
def test_a_key_twice_in_one_chunk_refuses_every_row_that_has_it(org: Org) -> None:
    """In different chunks of 200 both rows apply, and the later one wins."""
    text = "DUPLICATE_VALUE:Duplicate external id specified: {}:--"
    rows = "Name,Legacy_Id__c\nA,K1\nB,k1\nC,K2\n"
    assert sorted(upsert(org, rows)) == sorted([text.format("K1"), text.format("k1")])
    assert org.server.org.count("Account") == 1
    far = "Name,Legacy_Id__c\nFirst,X\n" + "".join(f"N{n},N{n}\n" for n in range(199)) + "Second,X\n"
    assert upsert(org, far) == []
    assert org.server.org.has("Account", Legacy_Id__c="X", Name="Second")


def test_keys_that_differ_in_case_are_two_where_the_field_says_so(deals: Org) -> None:
    """A case-sensitive external id."""
    assert upsert(deals, f"{NEEDED},Case__c\na,p,b,Key\nb,p,b,KEY\n", "Deal__c", "Case__c") == []
    assert deals.server.org.count("Deal__c") == 2
    assert upsert(deals, f"{NEEDED},Case__c\nc,p,b,KEY\n", "Deal__c", "Case__c") == []
    assert deals.server.org.has("Deal__c", Case__c="KEY", Name="c")


def test_a_number_can_be_a_key(deals: Org) -> None:
    """Whatever its spelling."""
    assert upsert(deals, f"{NEEDED},Number__c\na,p,b,12\n", "Deal__c", "Number__c") == []
    assert upsert(deals, f"{NEEDED},Number__c\nb,p,b,12.00\n", "Deal__c", "Number__c") == []
    assert [record["Name"] for record in deals.server.org.records("Deal__c")] == ["b"]


@fact("duplicate-external-id")
def test_a_key_that_several_records_have(deals: Org) -> None:
    """An external id that is not unique: both ids are listed."""
    one, two = (deals.add("Deal__c", Name=n, Product__c="p", Broker__c="b", Code__c="C") for n in "ab")
    text = f"DUPLICATE_EXTERNAL_ID:Code__c: more than one record found for external id field: [{one}, {two}]:--"
    assert upsert(deals, f"{NEEDED},Code__c\na,p,b,c\n", "Deal__c", "Code__c") == [text]


@fact("deserialize-others")
def test_values_of_the_wrong_type(org: Org) -> None:
    """dateTime, double, boolean and int, each with its zero-based column."""
    text = "INVALID_FIELD:Failed to deserialize field at col {}. Due to, '{}' is not a valid value for the type xsd:{}:{} --"
    rows = "Subject,StartDateTime,IsAllDayEvent,DurationInMinutes\nA,yesterday,,\nB,,maybe,\nC,,,1.5\nD,2024-02-30,,\n"
    assert sorted(org.failures(rows, "Event")) == sorted([
        text.format(1, "yesterday", "dateTime", "StartDateTime"), text.format(2, "maybe", "boolean", "IsAllDayEvent"),
        text.format(3, "1.5", "int", "DurationInMinutes"), text.format(1, "2024-02-30", "dateTime", "StartDateTime"),
    ])  # fmt: skip
    assert org.failures("Name,AnnualRevenue\nA,12x\nB,nan\nC,1_0\n")[0].startswith(
        "INVALID_FIELD:Failed to deserialize field at col 1. Due to, '"
    )


@fact("foreign-key-text", "parent-missing-is-a-row-error")
def test_a_parent_that_is_not_there_fails_its_row_only(org: Org) -> None:
    """So does one of several with the same key."""
    org.add(Name="P", Legacy_Id__c="P1")
    text = "INVALID_FIELD:Foreign key external ID: {} not found for field {} in entity {}:--"
    rows = "LastName,Account.Legacy_Id__c\nA,P1\nB,P2\n"
    assert org.failures(rows, "Contact") == [text.format("P2", "Legacy_Id__c", "Account")]
    for _ in range(2):
        org.add("Contact", LastName="Twin", Email="twin@example.com")
    rows = "LastName,ReportsTo.Email\nC,twin@example.com\n"
    assert org.failures(rows, "Contact") == [text.format("twin@example.com", "Email", "Contact")]


@fact("number-of-fields")
def test_a_row_with_too_few_or_too_many_cells_comes_back_blank(org: Org) -> None:
    """The job goes on."""
    job = org.load("Name,Site,Phone,Fax\nA,b,c\nB,b,c,d\nC,b,c,d,e\n")
    text = "INVALID_FIELD:Number of fields in header is different from the row. header = 4 row = {}:--"
    rows = org.results(job, "failedResults").rows[1:]
    assert sorted(row[1] for row in rows) == [text.format(3), text.format(5)]
    assert {tuple(row[2:]) for row in rows} == {("", "", "", "")}
    assert job["numberRecordsFailed"] == 2


@fact("field-not-writeable")
def test_a_field_that_cannot_be_written(org: Org) -> None:
    """Read-only fields, and fields that are set once."""
    text = (
        "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: {}. Please check the security settings of this"
    )
    text += " field and verify that it is read/write for your profile or permission set.:{} --"
    other = org.add(Name="Other")
    name = "MasterRecordId"
    assert org.failures(f"Name,{name}\nA,{other}\nB,\n") == [text.format(name, name)]
    lead = org.add("Lead", LastName="L", Company="C")
    assert org.failures(f"Id,IsConverted\n{lead},true\n", "Lead", "update") == [
        text.format("IsConverted", "IsConverted")
    ]


@fact("parent-not-updateable")
def test_an_upsert_may_repeat_a_master_but_not_change_it(deals: Org) -> None:
    """The start of the text is known."""
    one, two = deals.add(Name="One", Legacy_Id__c="1"), deals.add(Name="Two", Legacy_Id__c="2")
    row = f"{NEEDED},Case__c,Account__r.Legacy_Id__c\nD,p,b,K,"
    assert upsert(deals, f"{row}1\n", "Deal__c", "Case__c") == []
    assert upsert(deals, f"{row}1\n", "Deal__c", "Case__c") == []
    start = f"INVALID_FIELD_FOR_INSERT_UPDATE:Attempting to update (as part of an upsert) parent field Account__c with new value {two}"
    [text] = upsert(deals, f"{row}2\n", "Deal__c", "Case__c")
    assert text.startswith(start)
    assert deals.server.org.has("Deal__c", Account__c=one)


@fact("cross-reference", "entity-is-deleted", "malformed-id", "missing-argument", "wrong-prefix-lookup")
def test_ids_that_lead_nowhere(org: Org) -> None:
    """Never made, deleted, of another object, malformed, missing."""
    gone, contact = org.add(Name="Gone"), org.add("Contact", LastName="C")
    org.call("DELETE", f"/sobjects/Account/{gone}")
    ids = [gone, "001Em0000009999IAA", contact, "", "nonsense"]
    rows = "Id,Phone\n" + "".join(f"{record},1\n" for record in ids)
    assert sorted(org.failures(rows, operation="update")) == sorted([
        "ENTITY_IS_DELETED:entity is deleted:--",
        "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        f"MALFORMED_ID:Record ID: id value of incorrect type: {contact}:Id --",
        "MISSING_ARGUMENT:Id not specified in an update call:--",
        "MALFORMED_ID:Record ID: id value of incorrect type: nonsense:Id --",
    ])  # fmt: skip
    rows = "LastName,AccountId\n" + "".join(f"x,{record}\n" for record in (gone, "001Em0000009999IAA", contact))
    assert sorted(org.failures(rows, "Contact")) == sorted([
        "ENTITY_IS_DELETED:entity is deleted:--",
        "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        f"FIELD_INTEGRITY_EXCEPTION:Account ID: id value of incorrect type: {contact}:AccountId --",
    ])  # fmt: skip


@fact("record-type-id", "owner-blank")
def test_record_types_and_owners_have_texts_of_their_own(org: Org) -> None:
    """An id that is no record type, and an owner that is cleared."""
    wrong = "012Em0000009999IAA"
    text = (
        f"INVALID_CROSS_REFERENCE_KEY:Record Type ID: this ID value isn't valid for the user: {wrong}:RecordTypeId --"
    )
    assert org.failures(f"Name,RecordTypeId\nA,{wrong}\n") == [text]
    record = org.add(Name="Acme")
    [text] = org.failures(f"Id,OwnerId\n{record},#N/A\n", operation="update")
    assert text == "INVALID_CROSS_REFERENCE_KEY:Owner ID: cannot be blank:OwnerId --"


@fact("restricted-picklist", "string-too-long")
def test_values_that_do_not_fit_their_field(org: Org) -> None:
    """Picklists with the label or, by a switch, without; texts that are too long."""
    bad = "bad value for restricted picklist field: Terrible:Rating --"
    label = org.call("GET", "/sobjects/Account/describe").json["fields"]
    shown = next(field["label"] for field in label if field["name"] == "Rating")
    assert org.failures("Name,Rating\nA,Terrible\n") == [f"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:{shown}: {bad}"]
    long = "x" * 256
    assert org.failures(f"Name\n{long}\n") == [
        f"STRING_TOO_LONG:Account Name: data value too large: {long} (max length=255):Name --"
    ]
    with Org(picklist_error_with_label=False) as other:
        assert other.failures("Name,Rating\nA,Terrible\n") == [f"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:{bad}"]


SCRIPTED = [
    ("unable-to-lock", "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", (), "--"),
    ("duplicates-detected", "DUPLICATES_DETECTED", "Use one of these records?", (), "--"),
    ("storage-limit", "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", (), "--"),
    ("validation-rule", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No: that won't do", ("Name",), "Name --"),
    ("filter-validation", "FIELD_FILTER_VALIDATION_EXCEPTION",
     "Value does not exist or does not match filter criteria.", ("Name",), "Name --"),
    ("trigger-error", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: execution of BeforeUpdate\n\ncaused by: \"x\"", (), "--"),
    ("user-type", "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "Operation not valid for this user type", (), "--"),
    ("duplicate-unknown", "DUPLICATE_VALUE",
     "duplicate value found: <unknown> duplicates value on record with id: <unknown>", (), "--"),
]  # fmt: skip


@fact(*[name for name, *_ in SCRIPTED])
@pytest.mark.parametrize(("name", "code", "message", "fields", "tail"), SCRIPTED, ids=[name for name, *_ in SCRIPTED])
def test_errors_of_automation_are_scripted(
    org: Org, name: str, code: str, message: str, fields: tuple[str, ...], tail: str
) -> None:
    """What locks, rules and triggers do in an org is a fault of rows here; a cell of several lines stays whole."""
    org.server.faults.refuse_rows("Account", code, message, fields, times=1, where={"Name": "B"})
    assert org.failures("Name\nA\nB\nC\n") == [f"{code}:{message}:{tail}"]
    assert org.failures("Name\nB\n") == []
