"""Several REST calls in one request: composite with its references, and batch."""

from __future__ import annotations

from typing import Any

from support.wire import Org

BASE = "/services/data/v66.0"


def call(method: str, path: str, name: str, body: Any = None) -> dict[str, Any]:
    """One call of a composite."""
    made = {"method": method, "url": f"{BASE}{path}", "referenceId": name}
    return made if body is None else {**made, "body": body}


def test_a_call_uses_what_an_earlier_one_answered(org: Org) -> None:
    """In its address and in its body, fields and places of lists; a whole composite is one API request."""
    calls = [
        call("POST", "/sobjects/Account", "parent", {"Name": "Acme"}),
        call("POST", "/sobjects/Contact", "child", {"LastName": "Doe", "AccountId": "@{parent.id}"}),
        call("GET", "/sobjects/Contact/@{child.id}?fields=LastName,AccountId", "read"),
        call("GET", "/query?q=SELECT+Id+FROM+Account", "query"),
        call("PATCH", "/sobjects/Account/@{query.records[0].Id}", "change", {"Site": "of @{read.LastName}"}),
    ]
    before = org.call("GET", "/limits").json["DailyApiRequests"]["Remaining"]
    answers = org.call("POST", "/composite", {"compositeRequest": calls}).json["compositeResponse"]
    assert org.call("GET", "/limits").json["DailyApiRequests"]["Remaining"] == before - 2
    assert [(entry["referenceId"], entry["httpStatusCode"]) for entry in answers] == [
        ("parent", 201), ("child", 201), ("read", 200), ("query", 200), ("change", 204),
    ]  # fmt: skip
    parent = answers[0]["body"]["id"]
    assert answers[0]["httpHeaders"] == {"Location": f"{BASE}/sobjects/Account/{parent}"}
    assert answers[2]["body"]["AccountId"] == parent
    assert answers[4]["body"] is None
    assert org.server.org.has("Account", Site="of Doe") == parent


def test_a_call_that_fails_leaves_the_others_unless_all_or_none_is_asked(org: Org) -> None:
    """Who refers to it is halted; with allOrNone all are."""
    calls = [
        call("POST", "/sobjects/Account", "good", {"Name": "Acme"}),
        call("POST", "/sobjects/Account", "bad", {"Site": "x"}),
        call("GET", "/sobjects/Account/@{bad.id}", "lost"),
    ]
    answers = org.call("POST", "/composite", {"compositeRequest": calls}).json["compositeResponse"]
    assert [entry["httpStatusCode"] for entry in answers] == [201, 400, 400]
    assert answers[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert answers[2]["body"][0]["message"] == "Invalid reference specified. No value for bad.id found in bad"
    assert org.server.org.count("Account") == 1
    halted = org.call("POST", "/composite", {"compositeRequest": calls, "allOrNone": True}).json["compositeResponse"]
    codes = [entry["body"][0]["errorCode"] for entry in halted]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert org.server.org.count("Account") == 1


def test_collections_are_calls_too(org: Org) -> None:
    """Their results are the body, which later calls refer to."""
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("A", "B")]
    calls = [
        call("POST", "/composite/sobjects", "made", {"records": records}),
        call("DELETE", "/composite/sobjects?ids=@{made[1].id}", "gone"),
    ]
    answers = org.call("POST", "/composite", {"compositeRequest": calls}).json["compositeResponse"]
    assert answers[1]["body"][0]["success"] is True
    assert [record["Name"] for record in org.server.org.records("Account")] == ["A"]


def test_a_batch_of_calls_that_know_nothing_of_each_other(org: Org) -> None:
    """Addresses begin with the version; haltOnError stops after the first that fails."""
    calls = [
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "Acme"}},
        {"method": "GET", "url": "v66.0/sobjects/Account/nothing"},
        {"method": "GET", "url": "/services/data/v66.0/limits"},
    ]
    done = org.call("POST", "/composite/batch", {"batchRequests": calls}).json
    assert (done["hasErrors"], [entry["statusCode"] for entry in done["results"]]) == (True, [201, 404, 200])
    halted = org.call("POST", "/composite/batch", {"batchRequests": calls, "haltOnError": True}).json
    assert [entry["statusCode"] for entry in halted["results"]] == [201, 404, 412]
    assert halted["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def test_composites_that_are_refused_whole(org: Org) -> None:
    """More than 25 calls, names twice, no list; jobs, composites in composites and unknown versions are not found."""
    one = call("GET", "/limits", "a")
    for body, code in (
        ({"compositeRequest": [one] * 26}, "LIMIT_EXCEEDED"),
        ({"compositeRequest": [one, one]}, "JSON_PARSER_ERROR"),
        ({}, "JSON_PARSER_ERROR"),
    ):
        assert org.call("POST", "/composite", body).error[:2] == (400, code)
    calls = [
        call("GET", "/jobs/ingest", "jobs"), call("POST", "/composite/batch", "batch", {"batchRequests": []}),
        {**one, "url": "/services/data/v99.0/limits"}, {**one, "url": "/elsewhere", "referenceId": "b"},
    ]  # fmt: skip
    answers = org.call("POST", "/composite", {"compositeRequest": calls}).json["compositeResponse"]
    assert [entry["httpStatusCode"] for entry in answers] == [404] * 4
    assert set(org.call("GET", "/composite").json) == {"tree", "batch", "sobjects"}
    assert org.call("PUT", "/composite", "x").status == 405
    assert org.call("GET", "/composite/batch").status == 405
    assert org.call("GET", "/composite/graph").status == 404
