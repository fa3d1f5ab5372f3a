"""Queries in the field list over REST: the children beneath each record."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from support.facts import fact
from support.wire import Org


@pytest.fixture
def family(org: Org) -> Org:
    """Two accounts with contacts and a case of one of them, and one without."""
    for name, last in (("Acme", ("Ada", "Bob", "Cy")), ("Beta", ("Dee",)), ("Gamma", ())):
        account = org.add("Account", Name=name)
        people = [org.add("Contact", LastName=text, AccountId=account) for text in last]
        if name == "Acme":
            org.add("Case", Subject="broken", ContactId=people[0], AccountId=account)
    return org


def answer(org: Org, soql: str, path: str = "query") -> Any:
    found = org.call("GET", f"/{path}?q={quote(soql)}")
    assert found.status == 200, found.body
    return found.json


def names(record: dict[str, Any], relationship: str = "Contacts", field: str = "LastName") -> list[str] | None:
    """What the children beneath a record are called; None where there are none."""
    found = record[relationship]
    assert found is None or (found["done"], found["totalSize"]) == (True, len(found["records"]))
    return None if found is None else [child[field] for child in found["records"]]


@fact("child-subquery")
def test_children_stand_beneath_their_parent(family: Org) -> None:
    """With their type and address; a record without any has null. Conditions, order and limit are each parent's own."""
    found = answer(
        family,
        "SELECT Name, (SELECT LastName, Account.Name FROM Contacts ORDER BY LastName DESC LIMIT 2) FROM Account ORDER BY Name",
    )
    assert [(record["Name"], names(record)) for record in found["records"]] == [
        ("Acme", ["Cy", "Bob"]), ("Beta", ["Dee"]), ("Gamma", None),
    ]  # fmt: skip
    child = found["records"][0]["Contacts"]["records"][0]
    assert (child["attributes"]["type"], child["Account"]["Name"]) == ("Contact", "Acme")
    assert child["attributes"]["url"].startswith("/services/data/v66.0/sobjects/Contact/003")
    found = answer(
        family,
        "SELECT (SELECT LastName FROM Account.Contacts WHERE LastName LIKE 'A%' OR LastName = 'Dee') FROM Account ORDER BY Name",
    )
    assert [names(record) for record in found["records"]] == [["Ada"], ["Dee"], None]


def test_several_lists_and_lists_of_lists(family: Org) -> None:
    """Each is read for all parents at once."""
    people = "SELECT LastName, (SELECT Subject FROM Cases) FROM Contacts ORDER BY LastName"
    soql = f"SELECT Name, (SELECT Subject FROM Cases), ({people}) FROM Account ORDER BY Name"
    acme = answer(family, soql)["records"][0]
    assert (names(acme), names(acme, "Cases", "Subject")) == (["Ada", "Bob", "Cy"], ["broken"])
    assert [names(person, "Cases", "Subject") for person in acme["Contacts"]["records"]] == [["broken"], None, None]


def test_deleted_children_are_there_for_query_all(family: Org) -> None:
    """And not for query."""
    contact = family.server.org.has("Contact", LastName="Dee")
    assert family.call("DELETE", f"/sobjects/Contact/{contact}").status == 204
    soql = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name = 'Beta'"
    assert [names(answer(family, soql, path)["records"][0]) for path in ("query", "queryAll")] == [None, ["Dee"]]


def test_pages_of_parents_have_their_children(org: Org) -> None:
    """On every page, also where the parents are read in several packs."""
    org.load("Name,Legacy_Id__c\n" + "".join(f"A{n:04},A{n}\n" for n in range(2_100)))
    org.load("LastName,Account.Legacy_Id__c\n" + "".join(f"C{n},A{n}\n" for n in range(2_100)), "Contact")
    page = answer(org, "SELECT Name, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name")
    records = page["records"]
    while not page["done"]:
        page = org.call("GET", page["nextRecordsUrl"].partition("v66.0")[2]).json
        records += page["records"]
    assert [names(record) for record in records] == [[f"C{n}"] for n in range(2_100)]


def test_a_relationship_that_only_the_description_of_the_parent_names(tmp_path: Any) -> None:
    """As an org gives it."""
    import json

    lookup = {"name": "Account__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Account__r"}
    (tmp_path / "Deal__c.json").write_text(
        json.dumps({"name": "Deal__c", "fields": [{"name": "Name", "type": "string"}, lookup]})
    )
    child = {"childSObject": "Deal__c", "field": "Account__c", "relationshipName": "Deals__r"}
    (tmp_path / "Account.json").write_text(
        json.dumps({"name": "Account", "fields": [], "childRelationships": [child, {"childSObject": "Far__c"}]})
    )
    with Org(describe=[tmp_path]) as org:
        account = org.add("Account", Name="A")
        org.add("Deal__c", Name="d", Account__c=account)
        [record] = answer(org, "SELECT Name, (SELECT Name FROM deals__r) FROM Account")["records"]
        assert names(record, "Deals__r", "Name") == ["d"]


@pytest.mark.parametrize(("soql", "code", "text"), [
    ("SELECT Id, (SELECT Id FROM Contact) FROM Account",
     "INVALID_TYPE", "Didn't understand relationship 'Contact' in FROM part of query call."),
    ("SELECT Id, (SELECT Nothing__c FROM Contacts) FROM Account", "INVALID_FIELD", "No such column 'Nothing__c' on entity 'Contact'"),
    ("SELECT Id, (SELECT Id FROM Contacts), (SELECT LastName FROM Contacts) FROM Account",
     "INVALID_FIELD", "duplicate field selected: Contacts"),
    ("SELECT Id, (SELECT COUNT() FROM Contacts) FROM Account", "MALFORMED_QUERY", "does not know aggregate functions"),
    ("SELECT Id, (SELECT Id FROM Contacts FROM Account", "MALFORMED_QUERY", "unexpected token: Account"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId, (SELECT Id FROM Cases) FROM Contact)",
     "MALFORMED_QUERY", "unexpected token: ("),
])  # fmt: skip
def test_what_is_wrong_with_a_list_of_children(family: Org, soql: str, code: str, text: str) -> None:
    """In the org's words."""
    found = family.call("GET", f"/query?q={quote(soql)}").error
    assert (found[:2], text in found[2]) == ((400, code), True), found


def test_the_columns_of_children_are_described(family: Org) -> None:
    """The Salesforce CLI prints them by what it is told here."""
    soql = quote("SELECT Name, (SELECT LastName FROM Contacts) FROM Account")
    columns = family.call("GET", f"/query?q={soql}&columns=true").json["columnMetadata"]
    assert [(c["columnName"], c["aggregate"], [j["columnName"] for j in c["joinColumns"]]) for c in columns] == [
        ("Name", False, []), ("Contacts", True, ["LastName"]),
    ]  # fmt: skip
