"""Ingest jobs on the wire: endpoints, the keys of a job at each moment, upload, close, abort, delete (page 0 to 4)."""

from __future__ import annotations

import re

import pytest

from support.facts import fact
from support.wire import Org

CREATED = ["id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode",
           "contentType", "apiVersion", "contentUrl", "lineEnding", "columnDelimiter"]  # fmt: skip
TIMES = ["retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"]
COUNTS = ["numberRecordsProcessed", "numberRecordsFailed"]
SHORT = CREATED[:10]


def with_key(names: list[str]) -> list[str]:
    """The keys of an upsert job: the external id stands directly after the state."""
    place = names.index("state") + 1
    return [*names[:place], "externalIdFieldName", *names[place:]]


@fact(
    "exchange",
    "states-ingest",
    "create-200",
    "upload-201-empty",
    "close-200",
    "info-200",
    "delete-204",
    "results-200-csv",
)
def test_the_whole_exchange(org: Org) -> None:
    """Create, upload, close, poll, three results, delete: each with its status, and the states in their order."""
    created = org.call("POST", "/jobs/ingest", {"object": "Account", "operation": "insert"})
    assert (created.status, created.json["state"]) == (200, "Open")
    job = created.json["id"]
    upload = org.put(job, "Name\nAcme\n")
    assert (upload.status, upload.body) == (201, b"")
    closed = org.close(job)
    assert (closed.status, closed.json["state"]) == (200, "UploadComplete")
    info = org.call("GET", f"/jobs/ingest/{job}")
    assert (info.status, info.json["state"]) == (200, "JobComplete")
    for which in ("successfulResults", "failedResults", "unprocessedrecords"):
        found = org.results(info.json, which)
        assert (found.status, found.headers["Content-Type"].partition(";")[0]) == (200, "text/csv")
    gone = org.call("DELETE", f"/jobs/ingest/{job}")
    assert (gone.status, gone.body) == (204, b"")
    assert org.call("GET", f"/jobs/ingest/{job}").error == (404, "NOT_FOUND", "The requested resource does not exist")


@fact("states-ingest")
def test_a_job_in_the_middle_is_in_progress() -> None:
    """Between close and end a job is UploadComplete, then InProgress."""
    with Org(latency=5.0, rows_per_second=100.0) as org:
        job = org.create()["id"]
        org.put(job, "Name\n" + "Acme\n" * 600)
        org.close(job)
        assert org.info(job)["state"] == "UploadComplete"
        org.clock.now += 7.0
        half = org.info(job)
        assert (half["state"], half["numberRecordsProcessed"]) == ("InProgress", 200)
        org.clock.now += 4.0
        assert org.info(job)["state"] == "JobComplete"


@fact("trailing-slash")
@pytest.mark.parametrize(
    "path", ["/jobs/ingest/", "/jobs/ingest/{job}/", "/jobs/ingest/{job}/failedResults/", "/limits/"]
)
def test_a_trailing_slash_is_accepted(org: Org, path: str) -> None:
    """On lists, jobs and results; an upload too."""
    job = org.load("Name\nAcme\n")["id"]
    assert org.call("GET", path.format(job=job)).status == 200
    open_job = org.create()["id"]
    headers = {"Content-Type": "text/csv"}
    assert org.call("PUT", f"/jobs/ingest/{open_job}/batches/", "Name\n", headers).status == 201


@fact("double-slash-404")
def test_a_double_slash_is_not_found(org: Org) -> None:
    """As a client that joins paths badly was answered."""
    job = org.query("SELECT Id FROM Account")["id"]
    assert org.call("GET", f"/jobs/query//{job}/results").status == 404
    assert org.call("GET", f"/jobs/query/{job}/results").status == 200


@fact("authorization-forms")
def test_bearer_and_oauth_are_both_schemes(org: Org) -> None:
    """`OAuth TOKEN` works like `Bearer TOKEN`."""
    for scheme in ("Bearer", "OAuth"):
        headers = {"Authorization": f"{scheme} {org.token}"}
        assert org.raw("GET", "/services/data/v66.0/limits", headers=headers).status == 200


@fact("content-types")
def test_content_types_may_name_a_charset(org: Org) -> None:
    """JSON and CSV, each with `charset=UTF-8`."""
    headers = {"Content-Type": "application/json; charset=UTF-8", "Sforce-Call-Options": "client=x, defaultNamespace=y"}
    made = org.call("POST", "/jobs/ingest", {"object": "Account", "operation": "insert"}, headers)
    assert made.status == 200
    assert org.put(made.json["id"], "Name\n", **{"Content-Type": "text/csv; charset=UTF-8"}).status == 201


@fact("pretty-printed")
def test_bodies_are_printed_with_blanks_around_the_colon(org: Org) -> None:
    """Two blanks of indent, `"key" : value`."""
    made = org.call("POST", "/jobs/ingest", {"object": "Account", "operation": "insert"}, {"X-PrettyPrint": "1"})
    assert made.text.startswith('{\n  "id" : "750')


@fact(
    "object-echoed",
    "job-id-form",
    "date-form",
    "api-version-number",
    "content-url",
    "created-by",
    "concurrency-parallel",
)
def test_what_a_created_job_says_of_itself(org: Org) -> None:
    """The object in its own spelling, an id of 18, dates with `.000+0000`, the version as a number, a relative URL."""
    job = org.create("account")
    assert (job["object"], job["concurrencyMode"], job["contentType"]) == ("Account", "Parallel", "CSV")
    assert re.fullmatch(r"750\w{15}", job["id"])
    assert re.fullmatch(r"005\w{15}", job["createdById"])
    assert job["createdDate"] == "2026-11-23T10:15:00.000+0000"
    assert job["apiVersion"] == 66.0
    assert isinstance(job["apiVersion"], float)
    assert job["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job['id']}/batches"


@fact("defaults-of-create", "six-delimiters", "line-endings")
def test_defaults_and_choices_of_a_create(org: Org) -> None:
    """LF and COMMA unless one of the others is asked for."""
    assert [org.create()[key] for key in ("lineEnding", "columnDelimiter")] == ["LF", "COMMA"]
    for name in ("BACKQUOTE", "CARET", "COMMA", "PIPE", "SEMICOLON", "TAB"):
        assert org.create(columnDelimiter=name, lineEnding="CRLF")["columnDelimiter"] == name
    refused = org.call("POST", "/jobs/ingest", {"object": "Account", "operation": "insert", "columnDelimiter": "SPACE"})
    assert refused.error == (400, "API_ERROR", "Invalid value: 'SPACE' supplied for property: 'columnDelimiter'")


@fact("five-operations")
@pytest.mark.parametrize("operation", ["insert", "update", "upsert", "delete", "hardDelete"])
def test_the_operations(org: Org, operation: str) -> None:
    """Five, in this spelling only."""
    more = {"externalIdFieldName": "Legacy_Id__c"} if operation == "upsert" else {}
    assert org.create(operation=operation, **more)["operation"] == operation
    shouted = org.call("POST", "/jobs/ingest", {"object": "Account", "operation": operation.upper(), **more})
    assert shouted.error[:2] == (400, "API_ERROR")


@fact("upsert-keys")
@pytest.mark.parametrize(("name", "key"), [("Account", "Legacy_Id__c"), ("Contact", "Email"), ("Account", "Id")])
def test_keys_of_an_upsert(org: Org, name: str, key: str) -> None:
    """A custom external id, a standard lookup field, or Id."""
    job = org.create(name, "upsert", externalIdFieldName=key)
    assert job["externalIdFieldName"] == key
    assert "externalIdFieldName" not in org.create(name, "insert")


@fact("assignment-rule")
def test_an_assignment_rule_is_shown_when_it_is_set(org: Org) -> None:
    """Since v49; before that the property is unknown."""
    rule = "01Q000000000001AAA"
    assert org.create("Lead", assignmentRuleId=rule)["assignmentRuleId"] == rule
    assert "assignmentRuleId" not in org.create("Lead")
    org.version = "48.0"
    wanted = {"object": "Lead", "operation": "insert", "assignmentRuleId": rule}
    assert org.call("POST", "/jobs/ingest", wanted).error[:2] == (400, "JSON_PARSER_ERROR")


@fact("keys-create", "keys-open", "keys-open-uploaded", "keys-close", "keys-complete", "external-id-after-state")
@pytest.mark.parametrize("upsert", [False, True])
def test_keys_of_a_job_at_each_moment(org: Org, upsert: bool) -> None:
    """As recorded: which keys there are, and in which order."""
    more = {"externalIdFieldName": "Legacy_Id__c"} if upsert else {}
    shaped = with_key if upsert else list[str]
    made = org.create(operation="upsert" if upsert else "insert", **more)
    assert list(made) == shaped(CREATED)
    job = made["id"]
    opened = [*CREATED[:10], "jobType", *CREATED[10:]]
    assert list(org.info(job)) == shaped([*opened, *TIMES])
    org.put(job, "Legacy_Id__c,Name\nA1,Acme\n")
    assert list(org.info(job)) == shaped([*opened, *COUNTS, *TIMES])
    assert list(org.close(job).json) == shaped(SHORT)
    done = [*SHORT, "jobType", "lineEnding", "columnDelimiter", *COUNTS, *TIMES]
    ended = org.info(job)
    assert list(ended) == shaped(done)
    assert ended["jobType"] == "V2Ingest"


@fact("keys-close")
def test_a_close_does_not_move_the_modstamp(org: Org) -> None:
    """The short answer still says when the job was created."""
    job = org.create()
    org.put(job["id"], "Name\nAcme\n")
    org.clock.now += 60
    assert org.close(job["id"]).json["systemModstamp"] == job["systemModstamp"]


@fact("keys-failed", "error-message-last")
def test_a_failed_job_has_its_error_as_last_key(org: Org) -> None:
    """The recorded job of v60."""
    failed = org.load("Name,Nonsense__c\nAcme,1\n")
    assert list(failed) == [*SHORT, "jobType", "lineEnding", "columnDelimiter", *COUNTS, *TIMES, "errorMessage"]
    assert [failed[key] for key in (*COUNTS, *TIMES)] == [0] * 6


@fact("keys-list")
def test_keys_of_a_listed_job(org: Org) -> None:
    """No counters; the contentUrl while it is open."""
    org.create()
    org.load("Name\nAcme\n")
    first, second = org.call("GET", "/jobs/ingest").json["records"]
    assert list(first) == [*SHORT, "jobType", "contentUrl", "lineEnding", "columnDelimiter"]
    assert list(second) == [*SHORT, "jobType", "lineEnding", "columnDelimiter"]


@fact("processed-includes-failed", "counters-are-integers", "all-rows-failed-is-complete", "rows-stand-alone")
def test_processed_counts_the_failed_rows(org: Org) -> None:
    """And a job whose rows all fail is complete, not failed."""
    job = org.load('Name\nAcme\n""\n')
    assert [job[key] for key in COUNTS] == [2, 1]
    assert all(type(job[key]) is int for key in (*COUNTS, *TIMES))
    lost = org.load('Name\n""\n""\n')
    assert (lost["state"], lost[COUNTS[0]], lost[COUNTS[1]]) == ("JobComplete", 2, 2)


@fact("aborted-keeps-saved", "failed-midway")
@pytest.mark.parametrize("way", ["abort", "fail"])
def test_rows_already_saved_stay_when_a_job_ends_early(way: str) -> None:
    """The rest is in the unprocessed records, and nothing is rolled back."""
    with Org(rows_per_second=100.0) as org:
        if way == "fail":
            org.server.faults.fail_job_midway("Account", 200)
        job = org.create()["id"]
        org.put(job, "Name\n" + "".join(f"Acme {n}\n" for n in range(600)))
        org.close(job)
        org.clock.now += 3.5
        assert org.info(job)["numberRecordsProcessed"] == 200
        if way == "abort":
            assert list(org.call("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"}).json) == SHORT
        ended = org.info(job)
        assert ended["state"] == ("Aborted" if way == "abort" else "Failed")
        assert org.server.org.count("Account") == 200
        assert len(org.results(ended, "unprocessedrecords").rows) == 401
        assert len(org.results(ended).rows) == 201
