"""jsforce (JavaScript) over REST: records, collections, queries, logins, describe."""

from __future__ import annotations

from loadplan.emulator.server import EmbeddedOrg

from support.clients import client, told

NAME = "jsforce"
ROWS = [{"Name": f"Account {n:02d}", "Legacy_Id__c": f"A{n}"} for n in range(25)]


@client(NAME, "records")
def test_records_one_by_one_and_in_collections(org: EmbeddedOrg) -> None:
    """Made, read, changed, upserted, deleted; refused with a code; 250 of them in two calls."""
    done = told("jsforce/records.mjs", {}, org)
    assert done["made"]["success"] is True
    assert (done["read"]["Phone"], done["someFields"]["Name"]) == ("1", "Acme")
    assert "Phone" not in done["someFields"]
    assert (done["upserted"]["created"], done["insertedByUpsert"]["created"]) == (False, True)
    assert done["gone"]["error"]["errorCode"] == "ENTITY_IS_DELETED"
    assert done["refused"]["error"]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert done["unknownField"]["error"]["errorCode"] == "INVALID_FIELD"


@client(NAME, "collections")
def test_records_in_collections(org: EmbeddedOrg) -> None:
    """Each has a result of its own; allOrNone takes all back; 250 of them are two calls."""
    done = told("jsforce/records.mjs", {}, org)
    assert [entry["success"] for entry in done["many"]] == [True, False, True]
    assert done["many"][1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert [entry["success"] for entry in done["manyUpdated"]] == [True, True]
    assert done["manyRead"] == ["2", "2"]
    assert [entry["created"] for entry in done["manyUpserted"]] == [False, True]
    codes = [entry["errors"][0]["statusCode"] for entry in done["allOrNone"]]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert [entry["success"] for entry in done["manyDeleted"]] == [True, True]
    assert done["recursive"] == 250
    assert org.org.count("Account") == 252


@client(NAME, "REST query")
def test_queries_over_rest(org: EmbeddedOrg) -> None:
    """Page by page, all, deleted rows too, counted, by conditions, with a parent; refused with a code."""
    contacts = [{"LastName": "Doe", "Account.Legacy_Id__c": "A1"}, {"LastName": "Solo"}]
    for name, rows in (("Account", ROWS), ("Contact", contacts)):
        told("jsforce/load.mjs", [{"object": name, "operation": "insert", "input": rows}], org)
    last = {"object": "Account", "operation": "delete", "input": [{"Id": org.org.records("Account")[-1]["Id"]}]}
    told("jsforce/load.mjs", [last], org)
    done = told("jsforce/rest-query.mjs", {}, org)
    assert done["first"] == {"size": 10, "total": 24, "done": False}
    assert done["second"] == {"size": 10, "done": False}
    assert done["all"] == [row["Name"] for row in ROWS[:24]]
    assert (done["deletedToo"], done["count"], done["count2"]) == (25, 24, 1)
    assert [record["Name"] for record in done["found"]] == ["Account 10", "Account 11", "Account 12"]
    assert [(record["Account"] or {}).get("Name") for record in done["parent"]] == ["Account 01", None]
    codes = [done[name]["error"]["errorCode"] for name in ("malformed", "unknownObject", "unknownField")]
    assert codes == ["MALFORMED_QUERY", "INVALID_TYPE", "INVALID_FIELD"]


@client(NAME, "login")
def test_logins_identity_and_describe(org: EmbeddedOrg) -> None:
    """SOAP, password and client credentials; who one is; what the org has; a session that was ended."""
    done = told("jsforce/login.mjs", {}, org)
    user = {"id": org.org.admin, "organizationId": org.org.settings.org_id}
    for flow in ("soap", "password", "credentials"):
        assert {key: done[flow][key] for key in user} == user
    assert done["soapIdentity"]["username"] == done["passwordIdentity"] == org.org.username
    assert done["afterLogout"]["error"]["errorCode"] == "INVALID_SESSION_ID"
    assert done["wrongPassword"]["error"]["message"].startswith("INVALID_LOGIN: Invalid username, password")
    assert done["wrongOauth"]["error"]["message"] == "authentication failure"
    assert done["v65"]["error"]["message"].startswith("INVALID_OPERATION")
    assert {"Account", "Contact"} <= set(done["objects"])
    assert {"Id", "Name", "Legacy_Id__c"} <= set(done["account"])
    assert (done["batches"]["Max"], done["usage"]["limit"]) == (15_000, 100_000)
    assert done["identity"] == org.org.settings.org_id
