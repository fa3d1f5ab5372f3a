"""aiosalesforce (Python, asyncio) against the embedded org. Its programs are in python/."""

from __future__ import annotations

from typing import Any

from loadplan.emulator.server import EmbeddedOrg

from support.clients import client, told

NAME = "aiosalesforce"
ROWS = [{"Name": f"Account {n}", "Legacy_Id__c": f"A{n}"} for n in range(25)]


def loads(org: EmbeddedOrg, *wanted: dict[str, Any]) -> list[Any]:
    """What comes of loads, one after the other."""
    return list(told("python/bulk.py", [{"sobject": "Account", **load} for load in wanted], org))


def ids(org: EmbeddedOrg) -> list[dict[str, str]]:
    """The accounts of the org, as a delete names them."""
    return [{"Id": record["Id"]} for record in org.org.records("Account")]


@client(NAME, "insert")
def test_rows_go_in_by_the_short_call(org: EmbeddedOrg) -> None:
    """Each comes back with its id, once."""
    ((done,),) = (entry["value"] for entry in loads(org, {"operation": "insert", "data": ROWS, "plain": True}))
    assert {row["Legacy_Id__c"] for row in done["successful"]} == {f"A{n}" for n in range(25)}
    assert (done["state"], done["failed"], done["unprocessed"]) == ("JobComplete", [], [])
    assert org.org.ledger.applied("Account") == {f"A{n}": 1 for n in range(25)}


@client(NAME, "insert")
def test_rows_go_in_as_several_jobs(org: EmbeddedOrg) -> None:
    """Ten rows to a job, three jobs beside each other."""
    (done,) = loads(org, {"operation": "insert", "data": ROWS, "max_records": 10})
    assert sorted(len(job["successful"]) for job in done["value"]) == [5, 10, 10]
    assert org.org.ledger.applied("Account") == {f"A{n}": 1 for n in range(25)}


@client(NAME, "upsert")
def test_rows_are_upserted(org: EmbeddedOrg) -> None:
    """A row of each fate; a parent by its key; #N/A clears a field."""
    upsert = {"operation": "upsert", "external_id_field": "Legacy_Id__c"}
    rows = [{"Legacy_Id__c": "A0", "Site": "#N/A"}, {"Legacy_Id__c": "N1", "Name": "New"}, {"Legacy_Id__c": "N2"}]
    contacts = [{"LastName": "Doe", "Account": {"Legacy_Id__c": "A0"}}]
    first, second, third = loads(
        org, {"operation": "insert", "data": [{**ROWS[0], "Site": "x"}]}, {**upsert, "data": rows},
        {"operation": "insert", "sobject": "Contact", "data": contacts},
    )  # fmt: skip
    (done,) = second["value"]
    assert {row["Legacy_Id__c"]: row["sf__Created"] for row in done["successful"]} == {"A0": "false", "N1": "true"}
    assert [row["sf__Error"].partition(":")[0] for row in done["failed"]] == ["REQUIRED_FIELD_MISSING"]
    parent = first["value"][0]["successful"][0]["sf__Id"]
    assert org.org.has("Account", Legacy_Id__c="A0", Site=None) == parent
    assert len(third["value"][0]["successful"]) == 1
    assert org.org.records("Contact")[0]["AccountId"] == parent


@client(NAME, "update")
def test_rows_are_updated(org: EmbeddedOrg) -> None:
    """An id that nobody has fails alone."""
    loads(org, {"operation": "insert", "data": ROWS[:3]})
    rows = [{**entry, "Phone": "2"} for entry in [*ids(org), {"Id": "001Em0000009999IAA"}]]
    (done,) = loads(org, {"operation": "update", "data": rows})[0]["value"]
    assert (len(done["successful"]), len(done["failed"])) == (3, 1)
    assert {record["Phone"] for record in org.org.records("Account")} == {"2"}


@client(NAME, "delete")
def test_rows_are_deleted(org: EmbeddedOrg) -> None:
    """In two jobs."""
    loads(org, {"operation": "insert", "data": ROWS[:5]})
    (done,) = loads(org, {"operation": "delete", "data": ids(org), "max_records": 3})
    assert sorted(len(job["successful"]) for job in done["value"]) == [2, 3]
    assert org.org.count("Account") == 0


@client(NAME, "hardDelete")
def test_rows_are_deleted_for_good(org: EmbeddedOrg) -> None:
    """And nobody can delete them again."""
    loads(org, {"operation": "insert", "data": ROWS[:5]})
    gone = ids(org)
    done = loads(org, {"operation": "hardDelete", "data": gone}, {"operation": "hardDelete", "data": gone})
    assert [len(entry["value"][0]["successful"]) for entry in done] == [5, 0]


@client(NAME, "result files")
def test_a_job_that_fails_midway(org: EmbeddedOrg) -> None:
    """All three results are fetched, whatever the state: what was not processed can be sent again."""
    org.faults.fail_job_midway("Account", after_rows=10)
    (done,) = loads(org, {"operation": "insert", "data": ROWS})[0]["value"]
    assert (done["state"], len(done["successful"]), len(done["unprocessed"])) == ("Failed", 10, 15)
    loads(org, {"operation": "insert", "data": done["unprocessed"]})
    assert org.org.ledger.applied("Account") == {f"A{n}": 1 for n in range(25)}


@client(NAME, "result files", limit=True)
def test_cells_with_line_breaks_are_torn_apart_by_the_client_s_reader(org: EmbeddedOrg) -> None:
    """Result files are split at line breaks before they are parsed: a cell with one loses it."""
    (done,) = loads(org, {"operation": "insert", "data": [{"Name": "A", "Description": "one\ntwo"}]})[0]["value"]
    assert org.org.has("Account", Description="one\ntwo")
    assert [row["Description"] for row in done["successful"]] == ["onetwo"]


@client(NAME, "result files")
def test_rows_behind_a_lock_are_failed_rows(org: EmbeddedOrg) -> None:
    """The client sends a request again that was refused because of a lock, a row never."""
    org.faults.lock_rows("Account")
    (done,) = loads(org, {"operation": "insert", "data": ROWS[:1]})[0]["value"]
    assert [row["sf__Error"].partition(":")[0] for row in done["failed"]] == ["UNABLE_TO_LOCK_ROW"]
    loads(org, {"operation": "insert", "data": [{key: done["failed"][0][key] for key in ROWS[0]}]})
    assert org.org.ledger.applied("Account") == {"A0": 1}


@client(NAME, "job control")
def test_jobs_are_made_listed_aborted_and_deleted(org: EmbeddedOrg) -> None:
    """A deleted one is not found."""
    done = told("python/jobs.py", {}, org)
    assert set(done["listed"]) == set(done["made"])
    assert done["aborted"] == "Aborted"
    assert done["gone"]["error"]["name"] == "NotFoundError"
    assert [job.state for job in org.org.jobs] == ["Open", "Open"]


@client(NAME, "failures")
def test_loads_that_are_refused(org: EmbeddedOrg) -> None:
    """At the create, in Salesforce's words; a day that is used up is asked again, and then goes on."""
    org.faults.quota("create ingest", nth=1)
    done = loads(
        org, {"operation": "insert", "data": ROWS[:1]},
        {"operation": "insert", "sobject": "Nothing__c", "data": ROWS[:1]},
        {"operation": "upsert", "external_id_field": "Site", "data": ROWS[:1]},
    )  # fmt: skip
    assert done[0]["value"][0]["state"] == "JobComplete"
    assert done[1]["error"]["message"] == "[INVALIDJOB] InvalidJob : Unable to find object: Nothing__c"
    assert "Site does not match an External ID" in done[2]["error"]["message"]


@client(NAME, "failures", limit=True)
def test_a_job_whose_file_is_refused_looks_like_one_without_failures(org: EmbeddedOrg) -> None:
    """The errorMessage of a Failed job is not read: its state says Failed, and no list says why."""
    (done,) = loads(org, {"operation": "insert", "data": [{"Name": "x", "Nope__c": "y"}]})[0]["value"]
    assert (done["state"], done["successful"], done["failed"]) == ("Failed", [], [])
    assert next(iter(org.org.jobs)).error == "InvalidBatch : Field name not found : Nope__c"


@client(NAME, "REST")
def test_records_queries_composite_and_batch(org: EmbeddedOrg) -> None:
    """Over REST, with pages."""
    done = told("python/rest.py", {}, org)
    assert (done["read"]["Name"], done["read"]["Phone"], done["by key"]["Name"]) == ("Acme", "1", "Acme")
    assert done["upserted"] == [False, True]
    assert "ENTITY_IS_DELETED" in done["gone"]["error"]["message"]
    assert "REQUIRED_FIELD_MISSING" in done["refused"]["error"]["message"]
    assert "MALFORMED_QUERY" in done["malformed"]["error"]["message"]
    assert org.org.records("Contact")[0]["AccountId"] == done["composite"][0]
    assert done["batch"] == [["Beta", "Parent"], 400]
    assert done["pages"] == [f"L{n:02d}" for n in range(12)]
    assert (done["deleted too"], done["batches"]) == (4, 15_000)


@client(NAME, "REST", limit=True)
def test_a_reference_in_a_body_is_sent_without_its_braces(org: EmbeddedOrg) -> None:
    """In a composite, `account.reference.id` goes into a body as `Account_create_0.id`, which is no id; `str()` around it helps."""
    (error,) = told("python/rest.py", {}, org)["reference as it is"]
    assert (error["errorCode"], error["fields"]) == ("MALFORMED_ID", ["AccountId"])


@client(NAME, "login")
def test_logins_and_a_session_that_ends(org: EmbeddedOrg) -> None:
    """SOAP and client credentials; a session that ended is renewed by logging in again."""
    done = told("python/login.py", {}, org)
    assert (done["soap"], done["credentials"], done["renewed"]) == (100_000,) * 3
    assert "INVALID_LOGIN" in done["wrong"]["error"]["message"]
    assert "client identifier invalid" in done["wrong app"]["error"]["message"]
