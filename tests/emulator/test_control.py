"""The control endpoint: what a test in any language reads from the org and does to it, over HTTP alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.wire import Answer, Org


def control(org: Org, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """A call without a token."""
    return org.raw(method, f"/__control__/{path}", None if body is None else json.dumps(body), headers)


def test_the_ledger_says_how_often_each_row_was_applied(org: Org) -> None:
    """By key, of one object or of all; and every application in order."""
    key = {"operation": "upsert", "externalIdFieldName": "Legacy_Id__c"}
    first = org.load("Name,Legacy_Id__c\nA,1\nB,2\n", **key)
    second = org.load("Name,Legacy_Id__c\n,3\nB,2\n", **key)
    org.load("LastName\nDoe\n", "Contact")
    assert control(org, "GET", "ledger?object=account").json == {"account": {"1": 1, "2": 2}}
    assert control(org, "GET", "ledger").json == {"Account": {"1": 1, "2": 2}, "Contact": {"Doe": 1}}
    lines = [json.loads(line) for line in control(org, "GET", "ledger/entries?object=Account").text.splitlines()]
    assert [(line["job"], line["row"], line["key"]) for line in lines] == [
        (first["id"], 0, "1"), (first["id"], 1, "2"), (second["id"], 1, "2"),
    ]  # fmt: skip
    assert {line["operation"] for line in lines} == {"upsert"}
    assert lines[1]["record_id"] == lines[2]["record_id"] == org.server.org.has("Account", Legacy_Id__c="2")


def test_requests_are_listed_without_credentials(org: Org) -> None:
    """Those of the org, not those of the control endpoint; they can be filtered and forgotten."""
    job = org.create()["id"]
    org.put(job, "Name\n")
    found = control(org, "GET", "requests").json
    assert [(entry["kind"], entry["status"]) for entry in found] == [("create ingest", 200), ("upload", 201)]
    assert org.token not in json.dumps(found)
    assert [entry["kind"] for entry in control(org, "GET", "requests?kind=upload").json] == ["upload"]
    assert control(org, "DELETE", "requests").status == 204
    assert control(org, "GET", "requests").json == []


def test_faults_are_added_seen_and_cleared(org: Org) -> None:
    """In the form of the file; what is wrong is told."""
    rule = {"kind": "job info", "effect": "status", "nth": None, "status": 500}
    assert control(org, "POST", "faults", {"rules": [rule], "rows": [{"object": "Account"}]}).status == 204
    job = org.create()["id"]
    assert org.call("GET", f"/jobs/ingest/{job}").status == 500
    seen = control(org, "GET", "faults").json
    assert rule.items() <= seen["rules"][0].items()
    assert seen["rows"][0]["code"] == "UNABLE_TO_LOCK_ROW"
    wrong = control(org, "POST", "faults", {"rules": [{"kind": "x"}]})
    assert wrong.status == 400
    assert "rules 1: kind must be one of" in wrong.json["error"]
    assert org.raw("POST", "/__control__/faults", "{").status == 400
    assert control(org, "DELETE", "faults").status == 204
    assert org.info(job)["state"] == "Open"


def test_one_fault_is_taken_away_by_its_id(org: Org) -> None:
    """The list names each, and says how often it was met."""
    rules = [{"kind": "list", "effect": "quota", "nth": None}, {"kind": "list", "effect": "html", "nth": None}]
    more = {
        "rows": [{"object": "Account"}],
        "jobs": [{"object": "Account", "after_rows": 1}],
        "queries": [{"object": "Lead"}],
    }
    control(org, "POST", "faults", {"seed": 5, "rules": rules, **more})
    assert org.call("GET", "/jobs/ingest").status == 403
    seen = control(org, "GET", "faults").json
    assert [(rule["met"], rule["seed"]) for rule in seen["rules"]] == [(1, 5), (0, 5)]
    assert [len(seen[name]) for name in ("rows", "jobs", "queries")] == [1, 1, 1]
    ids = [entry["id"] for name in ("rules", "rows", "jobs", "queries") for entry in seen[name]]
    assert len(set(ids)) == 5
    assert control(org, "DELETE", f"faults?id={ids[0]}").status == 204
    assert org.call("GET", "/jobs/ingest").text.startswith("<html>")
    for fault in ids[1:]:
        assert control(org, "DELETE", f"faults?id={fault}").status == 204
    assert control(org, "DELETE", f"faults?id={ids[0]}").status == 404
    assert all(not faults for faults in control(org, "GET", "faults").json.values())


def test_jobs_are_aborted_and_shown(org: Org) -> None:
    """By an administrator."""
    job = org.create()["id"]
    control(org, "POST", "faults", {"aborts": [job]})
    assert org.info(job)["state"] == "Aborted"
    [shown] = control(org, "GET", "jobs").json
    assert (shown["id"], shown["state"], shown["puts"]) == (job, "Aborted", 0)


def test_tokens_are_made_and_ended(org: Org) -> None:
    """Without the token endpoint; at once, so that the one that is made next lives."""
    assert control(org, "DELETE", "tokens").status == 204
    ended, org.token = org.token, control(org, "POST", "tokens").json["access_token"]
    assert org.call("GET", "/limits").status == 200
    assert org.call("GET", "/limits", headers={"Authorization": f"Bearer {ended}"}).status == 401


def test_time_passes_when_it_is_told_to(org: Org) -> None:
    """A job grows old without anybody waiting."""
    before = control(org, "GET", "clock").json["time"]
    job = org.create()["id"]
    assert control(org, "POST", "clock", {"advance": 86_400}).json["time"] == before + 86_400
    org.token = control(org, "POST", "tokens").json["access_token"]
    assert org.info(job)["state"] == "Aborted"
    for wrong in ({}, {"advance": -1}, {"advance": "1"}, {"advance": True}):
        assert control(org, "POST", "clock", wrong).status == 400


def test_settings_are_shown_without_secrets() -> None:
    """Names of clients and users only."""
    with Org(clients=(("app", "s3cret"),), users=(("ada", "passw0rd"),)) as org:
        found = control(org, "GET", "settings")
        assert found.json["page_size"] == 50_000
        assert (found.json["clients"], found.json["users"]) == (["app"], ["ada"])
        assert "s3cret" not in found.text
        assert "passw0rd" not in found.text


@pytest.mark.parametrize("path", ["", "nothing", "ledger/x"])
def test_other_calls_are_told_what_there_is(org: Org, path: str) -> None:
    """A list of calls; 404 unless it was asked for."""
    found = control(org, "GET", path)
    assert found.status == (404 if path else 200)
    assert "GET /__control__/ledger" in found.json["calls"]


def test_web_pages_are_refused(org: Org) -> None:
    """A browser names the page a request comes from."""
    assert control(org, "GET", "ledger", Origin="https://example.com").status == 403


def test_faults_do_not_touch_the_control_endpoint(org: Org) -> None:
    """However many there are."""
    org.server.faults.add("any", "drop before", None)
    assert control(org, "GET", "faults").status == 200


def test_a_name_that_there_is_not_is_told_instead_of_an_empty_answer(org: Org) -> None:
    """An object of the ledger, a kind of the requests: a test would go on with nothing."""
    for call, told in (
        ("ledger?object=Acount", "there is no object 'Acount'; did you mean Account?"),
        ("ledger/entries?object=Zzz__c", "there is no object 'Zzz__c'"),
        ("requests?kind=uplod", "there is no kind 'uplod'; kinds are create ingest, upload"),
    ):
        answer = org.raw("GET", f"/__control__/{call}")
        assert (answer.status, told in answer.json["error"]) == (400, True)
    assert org.raw("GET", "/__control__/ledger?object=account").json == {"account": {}}
