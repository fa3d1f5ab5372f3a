"""Confirmed lines of the protocol that no other page of tests is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.faultfile import read_faults

from support.facts import fact
from support.wire import Org


@fact("accept-headers")
def test_accept_names_the_form_of_the_answer(org: Org) -> None:
    """JSON for jobs, CSV for results, as every client asks for them."""
    made = org.call(
        "POST", "/jobs/ingest", {"object": "Account", "operation": "insert"}, {"Accept": "application/json"}
    )
    assert made.headers["Content-Type"] == "application/json;charset=UTF-8"
    job = org.load("Name\nA\n")
    found = org.call("GET", f"/jobs/ingest/{job['id']}/successfulResults", headers={"Accept": "text/csv"})
    assert found.headers["Content-Type"].startswith("text/csv")


@fact("boolean-forms")
def test_booleans_are_those_of_xml_schema(org: Org) -> None:
    """true, false, 1 and 0; in any case, which is inferred; nothing else."""
    cells = ("true", "false", "1", "0", "TRUE", "False")
    assert org.failures("LastName,HasOptedOutOfEmail\n" + "".join(f"{c},{c}\n" for c in cells), "Contact") == []
    found = dict(org.select("SELECT LastName, HasOptedOutOfEmail FROM Contact"))
    assert found == {"true": "true", "false": "false", "1": "true", "0": "false", "TRUE": "true", "False": "false"}
    [text] = org.failures("LastName,HasOptedOutOfEmail\nx,yes\n", "Contact")
    assert text.startswith(
        "INVALID_FIELD:Failed to deserialize field at col 1. Due to, 'yes' is not a valid value for the type"
    )


@fact("polymorphic-type-name")
def test_the_type_of_a_polymorphic_column_is_an_api_name(tmp_path: Path) -> None:
    """With its ending, since v57."""
    (tmp_path / "Deal__c.json").write_text(json.dumps({
        "name": "Deal__c", "fields": [{"name": "Code__c", "type": "string", "length": 9, "externalId": True}],
    }), encoding="utf-8")  # fmt: skip
    what = {"name": "WhatId", "type": "reference", "length": 18, "referenceTo": ["Account", "Deal__c"], "relationshipName": "What",
            "polymorphicForeignKey": True}  # fmt: skip
    (tmp_path / "Event.json").write_text(json.dumps({"name": "Event", "fields": [what]}), encoding="utf-8")
    with Org(describe=[tmp_path]) as org:
        deal = org.add("Deal__c", Code__c="D1")
        start = "StartDateTime,DurationInMinutes"
        good = org.load(f"{start},Deal__c:What.Code__c\n2026-01-01T00:00:00Z,5,D1\n", "Event")
        assert (good["state"], good["numberRecordsFailed"]) == ("JobComplete", 0)
        assert org.server.org.records("Event")[0]["WhatId"] == deal
        bad = org.load(f"{start},Deal:What.Code__c\n2026-01-01T00:00:00Z,5,D1\n", "Event")
        assert (bad["state"], bad["errorMessage"]) == (
            "Failed", "InvalidBatch : Field name not found : Deal:What.Code__c",
        )  # fmt: skip


@fact("nul-bytes")
def test_nul_bytes_come_back_in_query_results(org: Org) -> None:
    """Whatever was loaded."""
    org.add(Name="A\x00B")
    job = org.query("SELECT Name FROM Account")
    assert org.page(job).body == b'"Name"\n"A\x00B"\n'


@fact("pk-chunking-off")
def test_order_and_limit_turn_pk_chunking_off(org: Org) -> None:
    """The job says so."""
    plain = "SELECT Id FROM Account"
    said = [org.query(soql)["isPkChunkingSupported"] for soql in (plain, f"{plain} ORDER BY Id", f"{plain} LIMIT 5")]
    assert said == [True, False, False]


@fact("picklists-not-by-record-type")
def test_picklists_are_not_narrowed_by_record_type(tmp_path: Path) -> None:
    """A description lists all values of the field, whatever record types there are."""
    values = [
        {"value": text, "label": text, "active": True, "defaultValue": False, "validFor": None} for text in ("a", "b")
    ]
    infos = [{"developerName": "One", "name": "One", "recordTypeId": "012000000000001AAA", "active": True}]
    field = {"name": "Kind__c", "type": "picklist", "length": 255, "restrictedPicklist": True, "picklistValues": values}
    (tmp_path / "Account.json").write_text(
        json.dumps({"name": "Account", "fields": [field], "recordTypeInfos": infos}), encoding="utf-8"
    )
    with Org(describe=[tmp_path]) as org:
        [shown] = [f for f in org.call("GET", "/sobjects/Account/describe").json["fields"] if f["name"] == "Kind__c"]
        assert shown["picklistValues"] == values


SCRIPTED: list[tuple[int, Any, dict[str, str]]] = [
    (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded."}], {}),
    (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded"}], {}),
    (400, [{"errorCode": "TXN_SECURITY_METERING_ERROR", "message": "Please try again."}], {}),
    (503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "maintenance"}], {"Retry-After": "9"}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "headers"), SCRIPTED, ids=[b[0]["message"] for _, b, _ in SCRIPTED])
@fact("concurrent-requests", "txn-security-metering")
def test_answers_of_an_org_under_load(status: int, body: Any, headers: dict[str, str]) -> None:
    """By the script, byte for byte; the next request is served."""
    sent = {"Content-Type": "application/json;charset=UTF-8", **headers}
    rule = {"kind": "list", "effect": "status", "status": status, "body": json.dumps(body), "headers": sent}
    with Org(faults=read_faults({"rules": [rule]}, "x")) as org:
        found = org.call("GET", "/jobs/ingest")
        assert (found.status, found.json) == (status, body)
        assert {name: found.headers[name] for name in sent} == sent
        assert org.call("GET", "/jobs/ingest").status == 200


@pytest.mark.parametrize("status", [406, 420, 429])
@fact("transient-statuses")
def test_statuses_of_the_edge_have_no_body(status: int) -> None:
    """They pass."""
    rule = {"kind": "list", "effect": "status", "status": status}
    with Org(faults=read_faults({"rules": [rule]}, "x")) as org:
        found = org.call("GET", "/jobs/ingest")
        assert (found.status, found.body) == (status, b"")
        assert org.call("GET", "/jobs/ingest").status == 200


TOKEN_ERRORS = [
    ("invalid_grant", "request not supported on this domain"), ("invalid_grant", "no client credentials user enabled"),
    ("invalid_grant", "invalid username, password, security token; or user locked out."), ("invalid_grant", "ip restricted"),
    ("invalid_grant", "inactive user"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "description"), TOKEN_ERRORS, ids=[text for _, text in TOKEN_ERRORS])
@fact("token-errors")
def test_token_errors_that_depend_on_an_orgs_setup(error: str, description: str) -> None:
    """By the script: an object, not an array, 400 and no-store."""
    body = {"error": error, "error_description": description}
    headers = {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store"}
    rule = {"kind": "token", "effect": "status", "status": 400, "body": json.dumps(body), "headers": headers}
    with Org(faults=read_faults({"rules": [rule]}, "x")) as org:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        found = org.raw(
            "POST", "/services/oauth2/token", "grant_type=client_credentials&client_id=a&client_secret=b", form
        )
        assert (found.status, found.json, found.headers["Cache-Control"]) == (400, body, "no-store")
