"""Records over REST, one by one: create, read, change, delete, by id and by external id."""

from __future__ import annotations

from support.facts import fact
from support.wire import Org

LONG = "x" * 300


def test_a_record_is_made_read_changed_and_deleted(org: Org) -> None:
    """201, 200, 204, 204, 404."""
    made = org.call(
        "POST", "/sobjects/Account", {"Name": "Acme", "AnnualRevenue": 5, "attributes": {"type": "Account"}}
    )
    assert (made.status, list(made.json), made.json["success"], made.json["errors"]) == (
        201,
        ["id", "success", "errors"],
        True,
        [],
    )
    path = f"/sobjects/Account/{made.json['id']}"
    found = org.call("GET", path).json
    assert found["attributes"] == {"type": "Account", "url": f"/services/data/v66.0{path}"}
    assert (found["Name"], found["AnnualRevenue"], found["IsDeleted"], found["OwnerId"]) == (
        "Acme",
        5.0,
        False,
        org.server.org.admin,
    )
    assert org.call("PATCH", path, {"Name": "Beta", "AnnualRevenue": None}).status == 204
    changed = org.call("GET", path[: -len("AAA")]).json
    assert (changed["Name"], changed["AnnualRevenue"]) == ("Beta", None)
    assert org.call("DELETE", path).status == 204
    assert org.call("DELETE", path).status == 404


@fact("rest-entity-is-deleted", "rest-malformed-id", "error-shape")
def test_errors_of_records(org: Org) -> None:
    """The recorded texts: with fields, 404 for a deleted one."""
    gone = org.add(Name="Gone")
    org.call("DELETE", f"/sobjects/Account/{gone}")
    for method in ("GET", "PATCH", "DELETE"):
        found = org.call(method, f"/sobjects/Account/{gone}", {"Name": "x"} if method == "PATCH" else None)
        assert (found.status, found.json[0]) == (
            404,
            {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []},
        )
    contact = org.add("Contact", LastName="C")
    found = org.call("PATCH", f"/sobjects/Account/{contact}", {"Name": "x"})
    text = f"Record ID: id value of incorrect type: {contact}"
    assert (found.status, found.json[0]) == (400, {"message": text, "errorCode": "MALFORMED_ID", "fields": ["Id"]})
    assert org.call("GET", "/sobjects/Account/001Em0000009999IAA").error[:2] == (404, "NOT_FOUND")
    assert org.call("GET", "/sobjects/Nothing__c/x").error[:2] == (404, "NOT_FOUND")
    long = org.call("POST", "/sobjects/Account", {"Name": LONG})
    assert (long.status, long.json[0]["errorCode"], long.json[0]["fields"]) == (400, "STRING_TOO_LONG", ["Name"])


def test_a_record_is_upserted_by_its_key(org: Org) -> None:
    """201 when it is new; when it was there 200 since v46, 204 before."""
    path = "/sobjects/Account/Legacy_Id__c/A1"
    assert org.call("PATCH", path, {"Site": "x"}).json[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    made = org.call("PATCH", path, {"Name": "Acme"})
    assert (made.status, made.json["created"]) == (201, True)
    again = org.call("PATCH", path, {"Site": "x"})
    assert (again.status, again.json["created"], again.json["id"]) == (200, False, made.json["id"])
    org.version = "45.0"
    assert org.call("PATCH", path, {"Site": "y"}).status == 204
    assert org.server.org.has("Account", Legacy_Id__c="A1", Name="Acme", Site="y") == made.json["id"]
    assert org.call("GET", "/sobjects/Account/Legacy_Id__c/a1").json["Id"] == made.json["id"]
    assert org.call("GET", "/sobjects/Account/Name/Acme").status == 404


def test_a_delete_takes_children_along_or_lets_them_go(org: Org) -> None:
    """Contacts go with their account; a reference that does not cascade is emptied; hardDelete leaves nothing."""
    parent = org.add(Name="Parent")
    child = org.add(Name="Child", ParentId=parent)
    contact = org.add("Contact", LastName="C", AccountId=parent)
    task = org.add("Task", Subject="T", WhoId=contact)
    org.call("DELETE", f"/sobjects/Account/{parent}")
    assert org.server.org.records("Account")[0] | {"ParentId": None} == org.server.org.records("Account")[0]
    assert org.server.org.records("Account")[0]["Id"] == child
    assert (org.server.org.count("Contact"), org.server.org.count("Task")) == (0, 0)
    assert [row[0] for row in org.select("SELECT Id FROM Task", "queryAll")] == [task]
    org.load(f"Id\n{child}\n", operation="hardDelete")
    assert org.select("SELECT Id FROM Account", "queryAll") == [[parent]]


def test_rows_of_one_delete_act_in_their_order(org: Org) -> None:
    """A child named after its parent is gone already; named before it, both are deleted."""
    for first in ("parent", "child"):
        parent = org.add(Name="P")
        child = org.add("Opportunity", Name="C", StageName="New", CloseDate="2026-01-01", AccountId=parent)
        org.load(f"Id\n{parent}\n", operation="delete")
        assert org.server.org.count("Opportunity") == 0
        assert org.failures(f"Id\n{child}\n", "Opportunity", "delete") == ["ENTITY_IS_DELETED:entity is deleted:--"], (
            first
        )
    twice = org.add(Name="Twice")
    assert org.failures(f"Id\n{twice}\n{twice}\n", operation="delete") == ["ENTITY_IS_DELETED:entity is deleted:--"]


def test_fields_that_follow_from_others(org: Org) -> None:
    """Names of people, stages, price book entries; in bulk and over REST, on insert and on update."""
    org.load("FirstName,LastName\nJane,Doe\n,Solo\n", "Contact")
    assert [record["Name"] for record in org.server.org.records("Contact")] == ["Jane Doe", "Solo"]
    solo = org.server.org.records("Contact")[1]["Id"]
    org.load(f"Id,FirstName,Phone\n{solo},Han,1\n", "Contact", "update")
    assert org.server.org.records("Contact")[1]["Name"] == "Han Solo"
    org.load(f"Id,FirstName\n{solo},#N/A\n", "Contact", "update")
    assert org.server.org.records("Contact")[1]["Name"] == "Solo"
    deal = org.add("Opportunity", Name="D", StageName="Closed Won", CloseDate="2026-01-01")
    org.load(f"Id,StageName\n{deal},Closed Lost\n", "Opportunity", "update")
    record = org.server.org.records("Opportunity")[0]
    assert (record["IsClosed"], record["IsWon"]) == (True, False)
    product = org.add("Product2", Name="Widget", ProductCode="W1")
    book = org.server.org.records("Pricebook2")[0]
    assert book["IsStandard"] is True
    org.add("PricebookEntry", Pricebook2Id=book["Id"], Product2Id=product, UnitPrice=5)
    entry = org.server.org.records("PricebookEntry")[0]
    assert (entry["Name"], entry["ProductCode"]) == ("Widget", "W1")


def test_the_columns_of_a_query_are_told_beside_its_records(org: Org) -> None:
    """`columns=true`: in the order of SELECT, those of a parent under its relationship."""
    soql = "SELECT Id, LastName, Account.Name, DoNotCall, Account.Owner.Name FROM Contact".replace(" ", "+")
    found = org.call("GET", f"/query?q={soql}&columns=true").json
    assert (found["entityName"], found["keyPrefix"], found["idSelected"]) == ("Contact", "003", True)
    assert [column["columnName"] for column in found["columnMetadata"]] == ["Id", "LastName", "Account", "DoNotCall"]
    identity, name, parent, flag = found["columnMetadata"]
    assert (identity["apexType"], name["textType"], flag["booleanType"]) == ("Id", True, True)
    assert [column["columnName"] for column in parent["joinColumns"]] == ["Name", "Owner"]
    assert [column["columnName"] for column in parent["joinColumns"][1]["joinColumns"]] == ["Name"]
    assert org.call("GET", "/query?q=SELECT+Nope+FROM+Contact&columns=true").error[1] == "INVALID_FIELD"
