"""jsforce (JavaScript) against the embedded org: its Bulk API 2.0. Its programs are in jsforce/, REST is in the file beside."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.clients import client, run, told

NAME = "jsforce"
ROWS = [{"Name": f"Account {n:02d}", "Legacy_Id__c": f"A{n}"} for n in range(25)]


def load(org: EmbeddedOrg, operation: str, rows: Any, name: str = "Account", **more: Any) -> Any:
    """The results of one load, which ended well."""
    (done,) = told("jsforce/load.mjs", [{"object": name, "operation": operation, "input": rows, **more}], org)
    return done["value"]


def ids(org: EmbeddedOrg) -> list[dict[str, str]]:
    """The accounts of the org, as a delete names them."""
    return [{"Id": record["Id"]} for record in org.org.records("Account")]


@client(NAME, "insert")
def test_records_go_in(org: EmbeddedOrg) -> None:
    """Each comes back with its id, and each was applied once."""
    done = load(org, "insert", ROWS)
    assert {row["Legacy_Id__c"] for row in done["successfulResults"]} == {f"A{n}" for n in range(25)}
    assert {row["sf__Created"] for row in done["successfulResults"]} == {"true"}
    assert (done["failedResults"], done["unprocessedRecords"]) == ([], [])
    assert org.org.ledger.applied("Account") == {f"A{n}": 1 for n in range(25)}


@client(NAME, "insert")
def test_several_jobs_run_beside_each_other(org: EmbeddedOrg) -> None:
    """Three parts of one file, three jobs."""
    parts = [{"object": "Account", "operation": "insert", "input": ROWS[n : n + 10]} for n in (0, 10, 20)]
    done = told("jsforce/load.mjs", parts, org)
    assert [len(entry["value"]["successfulResults"]) for entry in done] == [10, 10, 5]
    assert org.org.ledger.applied("Account") == {f"A{n}": 1 for n in range(25)}


@client(NAME, "insert")
def test_text_with_another_delimiter_and_line_ending_goes_in(org: EmbeddedOrg) -> None:
    """The text goes as it is; the job says what it is."""
    text = 'Name|Legacy_Id__c\r\n"Zoë ""Z"" | 1"|A1\r\nPlain|A2\r\n'
    job = {"object": "Account", "operation": "insert", "lineEnding": "CRLF", "columnDelimiter": "PIPE"}
    done = told("jsforce/steps.mjs", {"job": job, "data": text}, org)
    assert (done["info"]["state"], done["info"]["numberRecordsProcessed"], done["info"]["numberRecordsFailed"]) == (
        "JobComplete", 2, 0,
    )  # fmt: skip
    assert org.org.has("Account", Name='Zoë "Z" | 1', Legacy_Id__c="A1")


@client(NAME, "insert")
def test_an_empty_upload_completes(org: EmbeddedOrg) -> None:
    """As in the client's own tests against a real org."""
    assert load(org, "insert", "") == {"successfulResults": [], "failedResults": [], "unprocessedRecords": []}


@client(NAME, "upsert")
def test_records_are_upserted_and_null_clears_a_field(org: EmbeddedOrg) -> None:
    """Each says whether it was made; null is written as #N/A."""
    load(org, "insert", [{**row, "Site": "x"} for row in ROWS[:2]])
    rows = [{"Legacy_Id__c": "A0", "Site": None}, {"Legacy_Id__c": "A1", "Site": "y"}]
    done = load(org, "upsert", [*rows, {"Legacy_Id__c": "A9", "Name": "New"}], externalIdFieldName="Legacy_Id__c")
    made = {row["Legacy_Id__c"]: row["sf__Created"] for row in done["successfulResults"]}
    assert made == {"A0": "false", "A1": "false"}
    assert [row["sf__Error"].partition(":")[0] for row in done["failedResults"]] == ["REQUIRED_FIELD_MISSING"]
    assert [record["Site"] for record in org.org.records("Account")] == [None, "y"]


@client(NAME, "update")
def test_records_are_updated(org: EmbeddedOrg) -> None:
    """An id that nobody has fails alone."""
    load(org, "insert", ROWS[:3])
    rows = [{**entry, "Phone": "2"} for entry in [*ids(org), {"Id": "001Em0000009999IAA"}]]
    done = load(org, "update", rows)
    assert len(done["successfulResults"]) == 3
    (failed,) = done["failedResults"]
    assert failed["sf__Error"] == "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    assert {record["Phone"] for record in org.org.records("Account")} == {"2"}


@client(NAME, "delete")
def test_records_are_deleted(org: EmbeddedOrg) -> None:
    """Only the ids are sent; queryAll sees them still."""
    load(org, "insert", ROWS[:5])
    done = load(org, "delete", org.org.records("Account"))
    assert [row["sf__Created"] for row in done["successfulResults"]] == ["false"] * 5
    assert org.org.count("Account") == 0
    seen = told("jsforce/bulk-query.mjs", {"soql": "SELECT Id, IsDeleted FROM Account", "scanAll": True}, org)
    assert [row["IsDeleted"] for row in seen] == ["true"] * 5


@client(NAME, "hardDelete")
def test_records_are_deleted_for_good(org: EmbeddedOrg) -> None:
    """Nobody sees them again."""
    load(org, "insert", ROWS[:5])
    load(org, "hardDelete", ids(org))
    assert told("jsforce/bulk-query.mjs", {"soql": "SELECT Id FROM Account", "scanAll": True}, org) == []


@client(NAME, "hardDelete")
def test_a_hard_delete_without_the_permission_is_refused(tmp_path: Path) -> None:
    """FEATURENOTENABLED, at the create."""
    with EmbeddedOrg(tmp_path, settings=Settings(hard_delete_allowed=False)) as org:
        (done,) = told(
            "jsforce/load.mjs", [{"object": "Account", "operation": "hardDelete", "input": [{"Id": "x"}]}], org
        )
    assert done["error"]["errorCode"] == "FEATURENOTENABLED"


@client(NAME, "query")
def test_a_bulk_query_of_one_page(org: EmbeddedOrg) -> None:
    """Records with their fields as text."""
    load(org, "insert", ROWS[:9])
    found = told("jsforce/bulk-query.mjs", {"soql": "SELECT Id, Name FROM Account ORDER BY Name"}, org)
    assert [row["Name"] for row in found] == [row["Name"] for row in ROWS[:9]]


@client(NAME, "query", limit=True)
def test_a_bulk_query_of_several_pages_breaks_the_program(org: EmbeddedOrg) -> None:
    """`bulk2.query` throws ERR_STREAM_WRITE_AFTER_END out of reach at the second page of results (jsforce#1546, #1693)."""
    load(org, "insert", ROWS)
    done = run("jsforce/bulk-query.mjs", {"soql": "SELECT Id FROM Account"}, org)
    assert done.returncode != 0
    assert "ERR_STREAM_WRITE_AFTER_END" in done.stderr
    assert [entry.status for entry in org.org.requests if entry.kind == "page"][:2] == [200, 200]


@client(NAME, "query")
def test_a_bulk_query_that_fails(org: EmbeddedOrg) -> None:
    """A query that is none is refused at the create; a job that fails says only that it failed."""
    for soql, code in (("SELEKT Id FROM Account", "MALFORMED_QUERY"), ("SELECT Nope__c FROM Account", "INVALID_FIELD")):
        assert told("jsforce/bulk-query.mjs", {"soql": soql}, org)["error"]["errorCode"] == code
    org.faults.fail_query("Account")
    assert told("jsforce/bulk-query.mjs", {"soql": "SELECT Id FROM Account"}, org)["error"]["message"] == (
        "Query job failed to complete"
    )


@client(NAME, "result files")
def test_the_three_result_files_as_text(org: EmbeddedOrg) -> None:
    """Good and bad rows, with line breaks and quotes in them, and a job that is deleted at the end."""
    data = 'Name,Legacy_Id__c,Description\nA,A1,"one\n""two"""\n,A2,none\n'
    job = {"object": "Account", "operation": "insert"}
    done = told("jsforce/steps.mjs", {"job": job, "data": data, "again": True, "remove": True}, org)
    rows = {
        kind: list(csv.DictReader(io.StringIO(done[kind], newline="")))
        for kind in ("successful", "failed", "unprocessed")
    }
    assert [row["Description"] for row in rows["successful"]] == ['one\n"two"']
    assert [row["sf__Error"] for row in rows["failed"]] == [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    ]
    assert rows["unprocessed"] == []
    assert done["again"]["error"]["message"] == "Data can only be uploaded to a job once."
    assert done["removed"] == {}
    assert done["after"]["error"]["errorCode"] == "NOT_FOUND"


@client(NAME, "result files")
def test_a_job_that_is_aborted(org: EmbeddedOrg) -> None:
    """The poll says so."""
    done = told("jsforce/steps.mjs", {"job": {"object": "Account", "operation": "insert"}, "abort": True}, org)
    assert done["polled"]["error"]["message"] == "Job has been aborted"
    assert done["info"]["state"] == "Aborted"


@client(NAME, "failures")
def test_loads_that_are_refused(org: EmbeddedOrg) -> None:
    """An unknown object and key at the create, an unknown field and a wrong line ending at the end, in Salesforce's words."""
    base = {"object": "Account", "operation": "insert"}
    done = told("jsforce/load.mjs", [
        {**base, "object": "Nothing__c", "input": ROWS[:1]},
        {**base, "operation": "upsert", "externalIdFieldName": "Site", "input": ROWS[:1]},
        {**base, "input": [{"Name": "x", "Nope__c": "y"}]},
        {**base, "input": "Name\r\nx\r\n"},
    ], org)  # fmt: skip
    messages = [entry["error"]["message"] for entry in done]
    assert messages[0] == "InvalidJob : Unable to find object: Nothing__c"
    assert messages[1].startswith("InvalidJob : Field name provided, Site does not match an External ID")
    assert messages[2].endswith("due to: InvalidBatch : Field name not found : Nope__c")
    assert messages[3].endswith(
        "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"
    )
    assert org.org.count("Account") == 0


@client(NAME, "failures", limit=True)
def test_a_job_that_fails_is_deleted_with_its_result_files(org: EmbeddedOrg) -> None:
    """`loadAndWaitForResults` deletes a job that failed: which rows were saved, and which were not processed, is lost with it."""
    org.faults.fail_job_midway("Account", after_rows=10)
    (done,) = told("jsforce/load.mjs", [{"object": "Account", "operation": "insert", "input": ROWS}], org)
    assert done["error"]["message"].startswith("Ingest job failed to complete due to:")
    assert (list(org.org.jobs), org.org.count("Account")) == ([], 10)


@pytest.fixture
def slow_org(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    """Jobs wait for a minute before they begin."""
    with EmbeddedOrg(tmp_path, settings=Settings(latency=60.0, rows_per_second=inf)) as running:
        yield running


@client(NAME, "failures", limit=True)
def test_a_job_that_has_not_begun_when_the_poll_times_out_is_deleted(slow_org: EmbeddedOrg) -> None:
    """When `pollTimeout` (30 s unless told otherwise) passes, `loadAndWaitForResults` deletes the job, also one that waits to begin."""
    more = {"object": "Account", "operation": "insert", "input": ROWS, "pollTimeout": 50}
    (done,) = told("jsforce/load.mjs", [more], slow_org)
    assert done["error"]["name"] == "JobPollingTimeout"
    assert [entry.method for entry in slow_org.org.requests][-1] == "DELETE"
    assert (list(slow_org.org.jobs), slow_org.org.count("Account")) == ([], 0)


@client(NAME, "expired session")
@pytest.mark.parametrize("kind", ["close", "job info", "successful"])
def test_a_session_that_ends_in_the_middle_is_renewed(org: EmbeddedOrg, kind: str) -> None:
    """With a refresh function the load goes on, and no row is sent twice."""
    org.faults.add(kind, "expire")
    done = told("jsforce/expired.mjs", {"refresh": True}, org)
    assert done["renewed"] == 1
    assert len(done["result"]["value"]["successfulResults"]) == 2 == org.org.count("Account")


@client(NAME, "expired session")
def test_a_session_that_ends_without_a_refresh_function(org: EmbeddedOrg) -> None:
    """INVALID_SESSION_ID; the job stays open."""
    org.faults.add("close", "expire")
    done = told("jsforce/expired.mjs", {"refresh": False}, org)
    assert done["result"]["error"]["errorCode"] == "INVALID_SESSION_ID"
    assert [job.state for job in org.org.jobs] == ["Open"]


@client(NAME, "expired session", limit=True)
def test_a_session_that_ends_before_the_upload_hangs_the_load(org: EmbeddedOrg) -> None:
    """An upload that meets an ended session is sent again with a body that was read already, and never ends."""
    org.faults.add("upload", "expire")
    done = told("jsforce/expired.mjs", {"refresh": True}, org)
    assert done == {"renewed": 1, "result": "hung"}
    assert ([job.state for job in org.org.jobs], org.org.count("Account")) == (["Open"], 0)
