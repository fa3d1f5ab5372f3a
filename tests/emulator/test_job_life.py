"""What may be done with a job and when: abort, close, delete, list, and what time does to it (page 4, 5.1, 9)."""

from __future__ import annotations

import pytest

from support.facts import fact
from support.wire import Org

SEVEN_DAYS = 7 * 86_400


def statuses(org: Org, job: str, kind: str = "ingest") -> tuple[str, int]:
    """State of a job and the status of its DELETE."""
    return org.info(job, kind)["state"], org.call("DELETE", f"/jobs/{kind}/{job}").status


@fact("abort-completed", "close-completed")
def test_a_completed_job_is_neither_aborted_nor_closed(org: Org) -> None:
    """The texts of the guide and of a recording."""
    job = org.load("Name\nAcme\n")["id"]
    aborted = org.call("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"})
    assert aborted.error == (400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
    assert org.close(job).error == (400, "INVALIDJOBSTATE", "Closing already Completed Job not allowed")
    query = org.query("SELECT Id FROM Account")["id"]
    aborted = org.call("PATCH", f"/jobs/query/{query}", {"state": "Aborted"})
    assert aborted.error == (400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")


def test_other_states_cannot_be_asked_for(org: Org) -> None:
    """Nobody documents an answer: INVALIDJOBSTATE."""
    job = org.create()["id"]
    for state in ("Open", "JobComplete", "uploadcomplete", None):
        assert org.call("PATCH", f"/jobs/ingest/{job}", {"state": state}).error[:2] == (400, "INVALIDJOBSTATE")
    assert org.info(job)["state"] == "Open"


def test_a_closed_job_is_not_closed_twice() -> None:
    """Nor an aborted one."""
    with Org(latency=60.0) as org:
        job = org.create()["id"]
        org.put(job, "Name\nAcme\n")
        org.close(job)
        assert org.close(job).error == (400, "INVALIDJOBSTATE", "Closing already UploadComplete Job not allowed")
        org.call("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"})
        assert org.close(job).error == (400, "INVALIDJOBSTATE", "Closing already Aborted Job not allowed")


@fact("delete-ingest-states", "delete-refused-text", "delete-204")
def test_an_ingest_job_is_deleted_when_it_is_closed_or_has_ended() -> None:
    """An open one must be aborted first."""
    refused = "Error encountered when deleting the job because the job is not terminated"
    with Org(latency=60.0, rows_per_second=1.0) as org:
        job = org.create()["id"]
        assert org.call("DELETE", f"/jobs/ingest/{job}").error == (400, "API_ERROR", refused)
        org.call("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"})
        assert statuses(org, job) == ("Aborted", 204)
        waiting, running = org.create()["id"], org.create()["id"]
        for each in (waiting, running):
            org.put(each, "Name\nAcme\nBeta\n")
            org.close(each)
        assert statuses(org, waiting) == ("UploadComplete", 204)
        org.clock.now += 61.0
        assert statuses(org, running) == ("InProgress", 400)
        org.clock.now += 60.0
        assert statuses(org, running) == ("JobComplete", 204)
        failed = org.create()["id"]
        org.put(failed, "Nonsense__c\n1\n")
        org.close(failed)
        org.clock.now += 61.0
        assert statuses(org, failed) == ("Failed", 204)
        assert org.call("GET", f"/jobs/ingest/{failed}").status == 404


@fact("delete-query-states", "abort-query-states", "keys-query-abort")
def test_a_query_job_is_deleted_when_it_has_ended() -> None:
    """It is aborted before that."""
    with Org(latency=60.0) as org:
        made = org.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).json["id"]
        assert statuses(org, made, "query") == ("UploadComplete", 400)
        aborted = org.call("PATCH", f"/jobs/query/{made}", {"state": "Aborted"})
        assert (aborted.status, aborted.json["state"]) == (200, "Aborted")
        assert list(aborted.json)[-1] == "apiVersion"
        assert statuses(org, made, "query") == ("Aborted", 204)


@fact("list-shape", "list-pages", "next-records-url", "query-list-points-at-ingest")
@pytest.mark.parametrize("kind", ["ingest", "query"])
def test_jobs_are_listed_page_by_page(kind: str) -> None:
    """Both lists point at /jobs/ingest for the next page, with a locator of the server; every job comes once."""
    with Org(list_page_size=3) as org:
        made = [org.create()["id"] for _ in range(7)]
        path, seen = f"/jobs/{kind}", []
        while True:
            answer = org.call("GET", path).json
            assert list(answer) == ["done", "records", "nextRecordsUrl"]
            seen += [job["id"] for job in answer["records"]]
            assert answer["done"] is (answer["nextRecordsUrl"] is None)
            if answer["done"]:
                break
            url = answer["nextRecordsUrl"]
            assert url.startswith("/services/data/v66.0/jobs/ingest?queryLocator=01g")
            path = url.removeprefix("/services/data/v66.0")
        assert sorted(seen) == sorted(made)


@fact("list-page-1000")
def test_a_page_of_the_list_holds_1000_jobs(org: Org) -> None:
    """The default size."""
    assert org.server.org.settings.list_page_size == 1000


@fact("list-filters", "list-mixes")
def test_lists_can_be_filtered(org: Org) -> None:
    """Without jobType jobs of all kinds are listed; there are no v1 jobs here, and none with PK chunking."""
    org.create()
    org.query("SELECT Id FROM Account")

    def kinds(asked: str) -> list[str]:
        return [job["jobType"] for job in org.call("GET", f"/jobs/ingest?{asked}").json["records"]]

    assert kinds("") == ["V2Ingest", "V2Query"]
    assert kinds("jobType=V2Query&isPkChunkingEnabled=false") == ["V2Query"]
    assert kinds("jobType=V2Ingest&concurrencyMode=parallel") == ["V2Ingest"]
    assert kinds("jobType=Classic") == kinds("jobType=BigObjectIngest") == kinds("isPkChunkingEnabled=true") == []
    assert org.call("GET", "/jobs/ingest?jobType=Other").error[:2] == (400, "API_ERROR")
    assert org.call("GET", "/jobs/ingest?queryLocator=nonsense").error[:2] == (400, "API_ERROR")


@fact("list-filters")
def test_the_next_page_keeps_the_filter() -> None:
    """The locator belongs to the list it came from."""
    with Org(list_page_size=1) as org:
        for _ in range(2):
            org.create()
            org.query("SELECT Id FROM Account")
        first = org.call("GET", "/jobs/query?jobType=V2Query").json
        second = org.call("GET", first["nextRecordsUrl"].removeprefix("/services/data/v66.0")).json
        assert [job["jobType"] for job in (*first["records"], *second["records"])] == ["V2Query", "V2Query"]
        assert second["done"] is True


@fact("open-24-hours")
@pytest.mark.parametrize("state", ["Aborted", "Failed"])
def test_a_job_is_open_for_24_hours(state: str) -> None:
    """Which state it is in afterwards is a switch."""
    with Org(open_job_ends_as=state, token_lifetime=1e9) as org:
        job = org.create()["id"]
        org.clock.now += 86_399
        assert org.info(job)["state"] == "Open"
        org.clock.now += 1
        assert org.info(job)["state"] == state
        assert org.put(job, "Name\n").error[:2] == (400, "INVALIDJOBSTATE")


@fact("kept-7-days", "query-results-7-days")
@pytest.mark.parametrize("start", ["completion", "creation"])
def test_jobs_and_results_go_after_seven_days(start: str) -> None:
    """Counted from the end of the job, or by the switch from its creation."""
    with Org(retention_from=start, token_lifetime=1e9, latency=100.0) as org:
        job = org.create()["id"]
        org.put(job, "Name\nAcme\n")
        org.close(job)
        query = org.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).json["id"]
        org.clock.now += 100
        assert org.info(job)["state"] == org.info(query, "query")["state"] == "JobComplete"
        org.clock.now += SEVEN_DAYS - (1 if start == "completion" else 101)
        assert org.results({"id": job}).status == org.page({"id": query}).status == 200
        org.clock.now += 1
        assert org.results({"id": job}).status == org.page({"id": query}).status == 404
        assert org.call("GET", "/jobs/ingest").json["records"] == []
        assert org.server.org.count("Account") == 1


def test_job_ids_of_15_characters_are_understood() -> None:
    """Answers have 18; the switch makes them unknown."""
    with Org() as org:
        job = org.load("Name\nAcme\n")["id"]
        assert org.info(job[:15])["id"] == job
        assert org.results({"id": job[:15]}).status == 200
    with Org(short_job_ids=False) as org:
        job = org.create()["id"]
        assert org.call("GET", f"/jobs/ingest/{job[:15]}").status == 404


def test_an_ingest_job_is_no_query_job(org: Org) -> None:
    """404 on the other side."""
    job = org.create()["id"]
    assert org.call("GET", f"/jobs/query/{job}").status == 404
    assert org.call("GET", "/jobs/classic").status == 404
    assert org.call("GET", f"/jobs/ingest/{job}/batches/more").status == 404


@fact("counters-before-the-end")
def test_counters_are_no_sign_of_the_end() -> None:
    """All rows are processed while the job is still in progress, its time at 0."""
    with Org(finishing=3.0) as org:
        job = org.load("Name\nA\nB\n")
        assert (job["state"], job["numberRecordsProcessed"], job["totalProcessingTime"]) == ("InProgress", 2, 0)
        org.clock.now += 2.0
        assert org.info(job["id"])["state"] == "InProgress"
        org.clock.now += 1.0
        assert org.info(job["id"])["state"] == "JobComplete"
