"""Errors, their shape and texts; allocations that count down; headers of every answer; versions (page 9, 10, 13)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.facts import fact
from support.wire import Org

NOT_FOUND = (404, "NOT_FOUND", "The requested resource does not exist")


def refusal(org: Org, **wanted: Any) -> tuple[int, str, str]:
    """The error of a create."""
    return org.call("POST", "/jobs/ingest", wanted).error


@fact("error-shape", "error-code-first")
def test_errors_are_an_array_of_one(org: Org) -> None:
    """errorCode first for jobs; message first, with fields, for records."""
    missing = org.call("GET", "/jobs/ingest/750Em0000009999IAA")
    assert missing.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert [list(entry) for entry in missing.json] == [["errorCode", "message"]]
    record = org.call("POST", "/sobjects/Account", {"Site": "x"})
    assert [list(entry) for entry in record.json] == [["message", "errorCode", "fields"]]
    assert record.json[0]["fields"] == ["Name"]


@fact("rest-headers", "limit-info", "limit-info-absent")
def test_headers_of_every_answer(org: Org) -> None:
    """As recorded; the use of the API is told, but not without a session or on a bad version."""
    found = org.call("GET", "/limits")
    assert found.headers["Cache-Control"] == "no-cache,must-revalidate,max-age=0,no-store,private"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["X-Robots-Tag"] == "none"
    assert found.headers["Set-Cookie"].startswith("BrowserId=")
    assert "Strict-Transport-Security" in found.headers
    first = int(found.headers["Sforce-Limit-Info"].removeprefix("api-usage=").removesuffix("/100000"))
    assert org.call("GET", "/limits").headers["Sforce-Limit-Info"] == f"api-usage={first + 1}/100000"
    assert "Sforce-Limit-Info" not in org.raw("GET", "/services/data/v66.0/limits").headers
    assert "Sforce-Limit-Info" not in org.raw("GET", "/services/data/v99.0/limits").headers


@fact(
    "unknown-object",
    "bad-external-id",
    "blank-external-id",
    "invalid-operation",
    "invalid-content-type",
    "exception-codes",
)
def test_what_a_create_refuses(org: Org) -> None:
    """Objects, keys and values, each in the org's words."""
    assert refusal(org, object="blah", operation="insert") == (
        400, "INVALIDJOB", "InvalidJob : Unable to find object: blah",
    )  # fmt: skip
    text = (
        "InvalidJob : Field name provided, Website does not match an External ID, Salesforce Id, or indexed field for"
    )
    assert refusal(org, object="Account", operation="upsert", externalIdFieldName="Website") == (
        400, "INVALIDJOB", f"{text} Account",
    )  # fmt: skip
    text = "InvalidJob : External ID was blank for Contact. An External ID must be specified for upsert."
    assert refusal(org, object="Contact", operation="upsert") == (400, "INVALIDJOB", text)
    for given, name in (
        ({}, "operation"),
        ({"operation": ""}, "operation"),
        ({"operation": "insert", "contentType": ""}, "contentType"),
    ):
        text = f"Invalid value: '' supplied for property: '{name}'"
        assert refusal(org, object="Account", **given) == (400, "API_ERROR", text)
    assert refusal(org, object="Account", operation="insert", contentType="JSON")[:2] == (400, "API_ERROR")


@fact("no-batch-size")
def test_properties_that_do_not_exist_are_refused_unless_switched_off() -> None:
    """No batch size, no allOrNone; malformed JSON too."""
    wanted = {"object": "Account", "operation": "insert", "allOrNone": "true"}
    with Org() as org:
        assert refusal(org, **wanted)[:2] == (400, "JSON_PARSER_ERROR")
        assert refusal(org, object="Account", operation=["insert"])[:2] == (400, "JSON_PARSER_ERROR")
        headers = {"Content-Type": "application/json"}
        for text in ('{"object":', "[]", '"x"'):
            assert org.call("POST", "/jobs/ingest", text, headers).error[:2] == (400, "JSON_PARSER_ERROR")
    with Org(unknown_properties_refused=False) as org:
        assert org.call("POST", "/jobs/ingest", wanted).status == 200


@fact("invalid-session")
def test_a_session_that_is_not_valid(org: Org) -> None:
    """No token, a wrong one, one that has ended: 401 and what to do."""
    ended = org.token
    org.clock.now += 7_200
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Basic {ended}"},
        {"Authorization": f"Bearer {ended}"},
    ):
        found = org.raw("GET", "/services/data/v66.0/limits", headers=headers)
        assert found.error == (401, "INVALID_SESSION_ID", "Session expired or invalid")
        assert found.headers["WWW-Authenticate"] == "Token"


@fact("request-limit-exceeded", "request-counts")
def test_requests_beyond_the_allocation_are_refused() -> None:
    """Each request is one; tokens and versions are none; after a day there are new ones."""
    with Org(api_requests_max=3, token_lifetime=1e9) as org:
        assert [org.call("GET", "/limits").status for _ in range(3)] == [200, 200, 200]
        over = org.call("GET", "/limits")
        assert over.error == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        assert org.raw("GET", "/services/data").status == 200
        org.clock.now += 25 * 3600
        assert org.call("GET", "/limits").status == 200


@fact("not-found")
@pytest.mark.parametrize(
    "path", ["/nothing", "/jobs", "/jobs/ingest/x", "/jobs/ingest/750Em0000009999IAA/results", "/limits/x"]
)
def test_paths_that_do_not_exist(org: Org, path: str) -> None:
    """Unknown paths, jobs and versions have one answer."""
    assert org.call("GET", path).error == NOT_FOUND
    org.version = "99.0"
    assert org.call("GET", "/limits").error == NOT_FOUND


METHODS = [
    ("POST", "/jobs/query/{query}/results", "HEAD,GET"),
    ("DELETE", "/jobs/ingest/{ingest}/successfulResults", "HEAD,GET"),
    ("GET", "/jobs/ingest/{ingest}/batches", "PUT"),
    ("PUT", "/jobs/ingest", "HEAD,GET,POST"),
    ("POST", "/jobs/ingest/{ingest}", "HEAD,GET,PATCH,DELETE"),
    ("POST", "/limits", "HEAD,GET"),
    ("POST", "/query", "HEAD,GET"),
    ("DELETE", "/sobjects", "HEAD,GET"),
    ("PATCH", "/sobjects/Account", "HEAD,GET,POST"),
    ("POST", "/sobjects/Account/describe", "HEAD,GET"),
    ("POST", "/sobjects/Account/001Em0000000001IAA", "HEAD,GET,PATCH,DELETE"),
]


@fact("method-not-allowed")
@pytest.mark.parametrize(("method", "path", "allowed"), METHODS)
def test_a_method_that_is_not_allowed(org: Org, method: str, path: str, allowed: str) -> None:
    """The text names those that are."""
    jobs = {"query": org.query("SELECT Id FROM Account")["id"], "ingest": org.load("Name\nA\n")["id"]}
    found = org.call(method, path.format(**jobs), {} if method in ("POST", "PATCH") else None)
    assert found.error == (405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}")
    assert found.headers["Allow"] == allowed


@fact("versions-list", "version-labels")
def test_versions_are_listed_without_a_session(org: Org) -> None:
    """The version is a text here; labels are the seasons."""
    found = org.raw("GET", "/services/data").json
    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in found
    labels = {entry["version"]: entry["label"] for entry in found}
    assert (labels["41.0"], labels["60.0"], labels["65.0"], labels["67.0"]) == (
        "Winter '18", "Spring '24", "Winter '26", "Summer '26",
    )  # fmt: skip
    assert (found[0]["version"], found[-1]["version"]) == ("31.0", "67.0")


@fact("retired-versions")
def test_retired_versions_are_gone(org: Org) -> None:
    """Below 31.0: 410."""
    org.version = "30.0"
    assert org.call("GET", "/limits").error[:2] == (410, "GONE")
    org.version = "31.0"
    assert org.call("GET", "/limits").status == 200


@fact("deprecated-warning")
def test_versions_about_to_retire_say_so() -> None:
    """A header of every answer."""
    with Org(deprecated_below=40) as org:
        assert org.call("GET", "/limits").headers["Warning"] is None
        org.version = "39.0"
        assert org.call("GET", "/limits").headers["Warning"].startswith('299 - "This API is deprecated')


@fact("limits-shape", "limits-keys", "batches-10000")
def test_allocations_count_down(org: Org) -> None:
    """Requests, batches of 10,000 rows, query jobs, megabytes of query results; over 24 hours they come back."""

    def left() -> dict[str, int]:
        return {name: entry["Remaining"] for name, entry in org.call("GET", "/limits").json.items()}

    limits = org.call("GET", "/limits").json
    assert all(list(entry) == ["Max", "Remaining"] for entry in limits.values())
    most = {name: entry["Max"] for name, entry in limits.items()}
    assert most["DailyBulkApiBatches"] == 15_000
    assert most["DailyBulkV2QueryJobs"] == 10_000
    assert most["DailyBulkV2QueryFileStorageMB"] == 976_562
    assert {"DailyApiRequests", "DailyAsyncApexExecutions", "DataStorageMB", "FileStorageMB"} <= set(most)
    before = left()
    org.load("Name,Description\n" + f"Acme,{'x' * 150}\n" * 10_001)
    org.query("SELECT Id, Name, Description FROM Account")
    after = left()
    assert before["DailyBulkApiBatches"] - after["DailyBulkApiBatches"] == 2
    assert before["DailyBulkV2QueryJobs"] - after["DailyBulkV2QueryJobs"] == 1
    assert before["DailyBulkV2QueryFileStorageMB"] - after["DailyBulkV2QueryFileStorageMB"] == 1
    assert before["DailyApiRequests"] - after["DailyApiRequests"] == 7
    org.clock.now += 25 * 3600
    org.token = org.server.access_token()
    assert left()["DailyBulkApiBatches"] == 15_000


def test_allocations_outlive_the_process(tmp_path: Any) -> None:
    """What was used is still used when the org starts again."""
    from loadplan.emulator.server import EmbeddedOrg

    for expected in (0, 5):
        server = EmbeddedOrg(tmp_path, clock=lambda: 1000.0)
        assert server.org.usage.used("batches", 1000.0) == expected
        server.org.usage.add("batches", 5, 1000.0)
        server.stop()


@fact("not-unique-300")
def test_a_rest_key_that_is_not_unique(org: Org) -> None:
    """300 with the records."""
    made = [org.add("Contact", LastName="Twin", Email="t@example.com") for _ in range(2)]
    found = org.call("GET", "/sobjects/Contact/Email/t@example.com")
    assert found.status == 300
    assert [url.rpartition("/")[2] for url in found.json] == made


@fact("rest-unknown-field")
def test_a_record_with_an_unknown_field(org: Org) -> None:
    """The recorded text."""
    found = org.call("POST", "/sobjects/Account", {"Name": "A", "FavoritePet__c": "x"})
    assert found.error == (400, "INVALID_FIELD", "No such column 'FavoritePet__c' on sobject of type Account")


@fact("gateway-html")
def test_a_gateway_answers_with_a_page(org: Org) -> None:
    """Maintenance is no JSON; a fault gives it."""
    org.server.faults.add("any", "html")
    found = org.call("GET", "/limits")
    assert found.headers["Content-Type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        found.json  # noqa: B018
