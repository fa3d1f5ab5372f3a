"""Up to 200 records in a call, each with its own result; and records with their children."""

from __future__ import annotations

from typing import Any

from support.wire import Org


def account(**fields: Any) -> dict[str, Any]:
    """An account as a collection has it."""
    return {"attributes": {"type": "Account"}, **fields}


def test_records_of_several_objects_are_made_changed_read_and_deleted(org: Org) -> None:
    """Results come in the order of the records."""
    contact = {"attributes": {"type": "Contact"}, "LastName": "Doe"}
    made = org.call("POST", "/composite/sobjects", {"records": [account(Name="A"), contact]})
    first, second = (entry["id"] for entry in made.json)
    assert made.json == [{"id": first, "success": True, "errors": []}, {"id": second, "success": True, "errors": []}]
    changed = org.call(
        "PATCH", "/composite/sobjects", {"records": [account(id=first, Site="x"), account(Id=first, Phone="1")]}
    )
    assert [entry["id"] for entry in changed.json] == [first, first]
    asked = {"ids": [first, "001Em0000009999IAA"], "fields": ["Name", "Site", "Phone"]}
    found = org.call("POST", "/composite/sobjects/Account", asked).json
    assert found[1] is None
    assert {key: found[0][key] for key in ("Id", "Name", "Site", "Phone")} == {
        "Id": first, "Name": "A", "Site": "x", "Phone": "1",
    }  # fmt: skip
    assert org.call("GET", f"/composite/sobjects/Account?ids={first}&fields=Name").json[0]["Name"] == "A"
    gone = org.call("DELETE", f"/composite/sobjects?ids={first},{second},nothing,{first}").json
    assert [entry["success"] for entry in gone] == [True, True, False, False]
    assert [entry["errors"][0]["statusCode"] for entry in gone[2:]] == ["MALFORMED_ID", "ENTITY_IS_DELETED"]


def test_a_record_that_fails_stands_alone_unless_all_or_none_is_asked(org: Org) -> None:
    """Its errors are those of a single record; with allOrNone the others say that they were taken back."""
    pair = [account(Name="A"), account(Site="x")]
    mixed = org.call("POST", "/composite/sobjects", {"records": pair, "allOrNone": False})
    assert [entry["success"] for entry in mixed.json] == [True, False]
    refused = {
        "statusCode": "REQUIRED_FIELD_MISSING",
        "message": "Required fields are missing: [Name]",
        "fields": ["Name"],
    }
    assert mixed.json[1] == {"success": False, "errors": [refused]}
    assert org.server.org.count("Account") == 1
    all_or_none = org.call("POST", "/composite/sobjects", {"records": pair, "allOrNone": True})
    codes = [entry["errors"][0]["statusCode"] for entry in all_or_none.json]
    assert (all_or_none.status, codes) == (200, ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"])
    assert org.server.org.count("Account") == 1
    kept = mixed.json[0]["id"]
    org.call("DELETE", f"/composite/sobjects?ids={kept},nothing&allOrNone=true")
    assert org.server.org.count("Account") == 1
    nameless = org.call(
        "PATCH", "/composite/sobjects", {"records": [account(Name="B"), account(id="x", Name="C")]}
    ).json
    assert [entry["errors"][0]["statusCode"] for entry in nameless] == ["MISSING_ARGUMENT", "MALFORMED_ID"]


def test_records_are_upserted_by_their_key(org: Org) -> None:
    """Each says whether it was made."""
    org.add(Name="One", Legacy_Id__c="1")
    records = [account(Legacy_Id__c="1", Site="x"), account(Legacy_Id__c="2", Name="Two"), account(Legacy_Id__c="3")]
    done = org.call("PATCH", "/composite/sobjects/Account/Legacy_Id__c", {"records": records}).json
    assert [(entry["success"], entry["created"]) for entry in done] == [(True, False), (True, True), (False, False)]
    assert org.server.org.has("Account", Legacy_Id__c="1", Site="x") == done[0]["id"]
    assert org.call("PATCH", "/composite/sobjects/Account/Site", {"records": []}).error[:2] == (404, "NOT_FOUND")


def test_a_call_that_is_not_well_formed_is_refused_whole(org: Org) -> None:
    """400: an unknown field or object, 201 records, a value of another type, no list."""
    for record, code in (
        (account(Name="A", Nothing__c="x"), "INVALID_FIELD"),
        ({"attributes": {"type": "Nothing__c"}}, "INVALID_TYPE"),
        (account(Name="A", AnnualRevenue="much"), "JSON_PARSER_ERROR"),
    ):
        answer = org.call("POST", "/composite/sobjects", {"records": [account(Name="First"), record]})
        assert answer.error[:2] == (400, code)
    many = org.call("POST", "/composite/sobjects", {"records": [account(Name="A")] * 201})
    assert many.error[:2] == (400, "EXCEEDED_ID_LIMIT")
    assert org.call("POST", "/composite/sobjects", {"records": 5}).error[:2] == (400, "JSON_PARSER_ERROR")
    assert org.call("GET", "/composite/sobjects").status == 405
    assert org.server.org.count("Account") == 0


def test_a_record_names_its_parent_by_a_key(org: Org) -> None:
    """A nested object with one external id; none that fits is the record's own error."""
    parent = org.add(Name="Acme", Legacy_Id__c="A1")
    child = org.add("Contact", LastName="Doe", Account={"Legacy_Id__c": "A1"})
    assert org.call("GET", f"/sobjects/Contact/{child}").json["AccountId"] == parent
    lost = org.call("POST", "/sobjects/Contact", {"LastName": "X", "Account": {"Legacy_Id__c": "Z"}})
    text = "Foreign key external ID: z not found for field Legacy_Id__c in entity Account"
    assert lost.error == (400, "INVALID_FIELD", text)
    who = {"attributes": {"type": "Contact"}, "Email": "ada@example.org"}
    ada = org.add("Contact", LastName="Ada", Email="ada@example.org")
    task = org.add("Task", Subject="Call", Who=who)
    assert org.call("GET", f"/sobjects/Task/{task}?fields=WhoId,Subject").json["WhoId"] == ada


def test_what_one_record_may_not_say(org: Org) -> None:
    """Ids in the body, fields and keys that are none, values of another type."""
    made = org.call("POST", "/sobjects/Account", {"Name": "A"})
    assert made.headers["Location"] == f"/services/data/v66.0/sobjects/Account/{made.json['id']}"
    path = f"/sobjects/Account/{made.json['id']}"
    told = org.call("PATCH", path, {"Id": made.json["id"], "Name": "B"})
    assert told.error == (400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    key = org.call("PATCH", "/sobjects/Account/Legacy_Id__c/1", {"Legacy_Id__c": "1", "Name": "B"})
    assert key.error[2] == "The Legacy_Id__c field should not be specified in the sobject data."
    date = org.call("POST", "/sobjects/Opportunity", {"Name": "D", "StageName": "New", "CloseDate": "someday"})
    assert date.error[:2] == (400, "JSON_PARSER_ERROR")
    assert date.error[2].startswith("Cannot deserialize instance of date from VALUE_STRING value someday or request")
    assert org.call("GET", f"{path}?fields=Name,Nothing__c").error[:2] == (400, "INVALID_FIELD")
    assert org.call("GET", "/sobjects/Account/nothing").error[2].endswith("is not accessible: nothing")
    assert org.call("GET", "/recent").json == []


def test_a_tree_is_made_whole_or_not_at_all(org: Org) -> None:
    """Children get their parent's id; one bad leaf takes all back."""
    contacts = [{"attributes": {"type": "Contact", "referenceId": f"c{n}"}, "LastName": f"C{n}"} for n in (1, 2)]
    root = {"attributes": {"type": "Account", "referenceId": "a1"}, "Name": "Acme", "Contacts": {"records": contacts}}
    made = org.call("POST", "/composite/tree/Account", {"records": [root]})
    assert (made.status, made.json["hasErrors"]) == (201, False)
    assert [entry["referenceId"] for entry in made.json["results"]] == ["a1", "c1", "c2"]
    parents = {record["AccountId"] for record in org.server.org.records("Contact")}
    assert parents == {made.json["results"][0]["id"]}
    contacts[1]["LastName"] = ""
    bad = org.call("POST", "/composite/tree/Account", {"records": [root]})
    assert (bad.status, bad.json["hasErrors"]) == (400, True)
    assert [(entry["referenceId"], entry["errors"][0]["statusCode"]) for entry in bad.json["results"]] == [
        ("c2", "REQUIRED_FIELD_MISSING")
    ]
    assert (org.server.org.count("Account"), org.server.org.count("Contact")) == (1, 2)
    for broken in ({}, {"records": [{"attributes": {"type": "Account"}}]}, {"records": [root, root]},
                   {"records": [{**root, "Nothings": {"records": []}}]}):  # fmt: skip
        assert org.call("POST", "/composite/tree/Account", broken).status == 400


def test_a_key_twice_in_one_upsert_refuses_every_record_that_has_it(org: Org) -> None:
    """As in one chunk of a job: which of them is meant nobody says. Case does not matter, other records go through."""
    path = "/composite/sobjects/Account/Legacy_Id__c"
    records = [account(Legacy_Id__c=key, Name=name) for key, name in (("K1", "A"), ("K2", "B"), ("k1", "C"))]
    done = org.call("PATCH", path, {"records": records}).json
    assert [entry["success"] for entry in done] == [False, True, False]
    assert [entry["errors"] for entry in done[::2]] == [
        [
            {
                "statusCode": "DUPLICATE_VALUE",
                "message": f"Duplicate external id specified: {key}",
                "fields": ["Legacy_Id__c"],
            }
        ]
        for key in ("K1", "k1")
    ]
    assert [record["Name"] for record in org.server.org.records("Account")] == ["B"]
