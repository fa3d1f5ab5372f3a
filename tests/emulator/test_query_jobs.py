"""Query jobs on the wire: their keys, pages by locator, resultPages, versions, refusals (page 8)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.facts import fact
from support.wire import Org

MADE = ["id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode",
        "contentType", "apiVersion", "lineEnding", "columnDelimiter"]  # fmt: skip
ALL = "SELECT Id, Name FROM Account"


def fill(org: Org, count: int) -> list[str]:
    """Accounts with numbered names."""
    names = [f"Acme {n:04}" for n in range(count)]
    org.load("Name\n" + "\n".join(names) + "\n")
    return names


def refusal(org: Org, soql: str, version: str = "66.0") -> tuple[int, str, str]:
    """The error of a create."""
    org.version = version
    return org.call("POST", "/jobs/query", {"operation": "query", "query": soql}).error


@fact("query-create", "query-keys-create", "states-query")
def test_a_query_job_is_created_closed(org: Org) -> None:
    """200, UploadComplete, no jobType; never Open."""
    made = org.call("POST", "/jobs/query", {"operation": "query", "query": ALL, "contentType": "CSV"})
    assert (made.status, list(made.json), made.json["state"]) == (200, MADE, "UploadComplete")
    assert made.json["object"] == "Account"


@fact("query-keys-info", "query-in-progress-zero", "states-query")
@pytest.mark.parametrize("version", ["57.0", "60.0"])
def test_keys_of_a_query_job(version: str) -> None:
    """No counter of failed rows; 0 processed while in progress; the newer versions speak of PK chunking."""
    with Org(latency=1.0, rows_per_second=10.0) as org:
        org.version = version
        for n in range(20):
            org.add(Name=f"A{n}")
        job = org.call("POST", "/jobs/query", {"operation": "query", "query": ALL}).json["id"]
        assert org.info(job, "query")["state"] == "UploadComplete"
        org.clock.now += 2.0
        running = org.info(job, "query")
        assert (running["state"], running["numberRecordsProcessed"]) == ("InProgress", 0)
        org.clock.now += 1.0
        done = org.info(job, "query")
        assert (done["state"], done["numberRecordsProcessed"], done["jobType"]) == ("JobComplete", 20, "V2Query")
        more = [] if version == "57.0" else ["isPkChunkingSupported"]
        counters = ["numberRecordsProcessed", "retries", "totalProcessingTime", *more]
        assert list(done) == [*MADE[:10], "jobType", *MADE[10:], *counters]


@fact("query-all-deleted")
def test_query_all_sees_deleted_records(org: Org) -> None:
    """By name too, and by a key; a plain query does not see them, and hard deleted ones are gone for both."""
    keep, gone, erased = (org.add(Name=name, Legacy_Id__c=name) for name in ("Keep", "Gone", "Erased"))
    org.load(f"Id\n{gone}\n", operation="delete")
    org.load(f"Id\n{erased}\n", operation="hardDelete")
    assert org.select("SELECT Name FROM Account") == [["Keep"]]
    assert org.select("SELECT Name, IsDeleted FROM Account", "queryAll") == [["Keep", "false"], ["Gone", "true"]]
    assert org.select("SELECT Id FROM Account WHERE Legacy_Id__c = 'gone'", "queryAll") == [[gone]]
    assert org.select("SELECT Id FROM Account WHERE Legacy_Id__c = 'gone'") == []
    assert org.select(f"SELECT Id FROM Account WHERE Id = '{keep}'") == [[keep]]


@fact("max-records-and-locator", "page-headers", "locator-null", "header-on-each-page", "query-cells-quoted")
def test_pages_follow_their_locators(org: Org) -> None:
    """Rows of the page in a header, the next locator or the text `null`; the header row on each page; all quoted."""
    names = fill(org, 25)
    job = org.query("SELECT Name FROM Account ORDER BY Name")
    seen, locator, sizes = [], "", []
    while locator != "null":
        page = org.page(job, maxRecords="10", **({"locator": locator} if locator else {}))
        assert page.headers["Content-Type"].startswith("text/csv")
        assert page.text.startswith('"Name"\n"Acme')
        sizes.append(page.headers["Sforce-NumberOfRecords"])
        seen += [row[0] for row in page.rows[1:]]
        locator = page.headers["Sforce-Locator"]
    assert sizes == ["10", "10", "5"]
    assert seen == names


@fact("locator-opaque", "locator-stays-valid")
def test_a_locator_can_be_used_again(org: Org) -> None:
    """It is no number, it gives the same page each time, and another job's is refused."""
    fill(org, 30)
    job, other = org.query(ALL), org.query(ALL)
    locator = org.page(job, maxRecords="10").headers["Sforce-Locator"]
    assert re.fullmatch(r"[\w-]{20,}", locator)
    first = org.page(job, maxRecords="10", locator=locator)
    org.page(job, maxRecords="10", locator=first.headers["Sforce-Locator"])
    assert org.page(job, maxRecords="10", locator=locator).body == first.body
    for wrong in (locator[:-3], "MTAwMDA", "null"):
        assert org.page(job, locator=wrong).error[:2] == (400, "API_ERROR")
    assert org.page(other, locator=locator).error[:2] == (400, "API_ERROR")
    for wrong in ("0", "-1", "x"):
        assert org.page(job, maxRecords=wrong).error[:2] == (400, "API_ERROR")


def test_a_page_is_a_snapshot(org: Org) -> None:
    """Records that come or go after the job has begun do not change its pages."""
    fill(org, 5)
    job = org.query(ALL)
    before = org.page(job, maxRecords="2")
    org.load("Name\nNew\n")
    org.load(
        "Id\n" + "\n".join(record["Id"] for record in org.server.org.records("Account")[:3]) + "\n", operation="delete"
    )
    assert org.page(job, maxRecords="2").body == before.body
    assert len(org.page(job).rows) == 6


@fact("empty-query-result")
def test_an_empty_result_is_a_header(org: Org) -> None:
    """With no rows and no next page."""
    page = org.page(org.query(ALL))
    assert (page.status, page.text) == (200, '"Id","Name"\n')
    assert [page.headers[name] for name in ("Sforce-NumberOfRecords", "Sforce-Locator")] == ["0", "null"]


@fact("query-column-order")
@pytest.mark.parametrize(("version", "header"), [("49.0", ["Id", "Name", "Phone"]), ("50.0", ["Phone", "Name", "Id"])])
def test_columns_come_in_the_order_of_select_since_v50(org: Org, version: str, header: list[str]) -> None:
    """Before that by the alphabet."""
    org.version = version
    record = org.add(Name="Acme", Phone="1")
    rows = org.page(org.query("SELECT Phone, Name, Id FROM Account")).rows
    assert rows == [header, [{"Id": record, "Name": "Acme", "Phone": "1"}[name] for name in header]]


@fact("version-409")
def test_results_of_another_version_are_a_conflict(org: Org) -> None:
    """Pages and resultPages; the job itself can be looked at."""
    fill(org, 3)
    job = org.query(ALL)
    org.version = "60.0"
    assert org.page(job).status == 409
    assert org.call("GET", f"/jobs/query/{job['id']}/resultPages").status == 409
    assert org.info(job["id"], "query")["apiVersion"] == 66.0


@fact("result-pages", "result-pages-five", "result-pages-58")
@pytest.mark.parametrize("key", ["nextRecordsUrl", "nextRecordUrl"])
def test_result_pages_can_be_fetched_side_by_side(key: str) -> None:
    """Five addresses a time; together they hold every row once. The guide spells the key in two ways."""
    with Org(page_size=10, next_pages_key=key) as org:
        names = fill(org, 123)
        job = org.query("SELECT Name FROM Account")
        path, seen, sizes = f"/jobs/query/{job['id']}/resultPages", [], []
        while path:
            answer = org.call("GET", path).json
            assert list(answer) == ["resultPages", key, "done"]
            sizes.append(len(answer["resultPages"]))
            for entry in answer["resultPages"]:
                url = entry["resultUrl"]
                assert url.startswith(f"/services/data/v66.0/jobs/query/{job['id']}/results?locator=")
                seen += [row[0] for row in org.call("GET", url.removeprefix("/services/data/v66.0")).rows[1:]]
            assert answer["done"] is (answer[key] is None)
            path = (answer[key] or "").removeprefix("/services/data/v66.0")
        assert sizes == [5, 5, 3]
        assert sorted(seen) == names
        org.version = "57.0"
        old = org.query("SELECT Name FROM Account")
        assert org.call("GET", f"/jobs/query/{old['id']}/resultPages").status == 404


@fact("result-pages-when-complete")
def test_results_wait_for_the_end_of_the_job() -> None:
    """400, or by the switch 404."""
    for status in (400, 404):
        with Org(latency=60.0, early_results_status=status) as org:
            job = org.call("POST", "/jobs/query", {"operation": "query", "query": ALL}).json
            assert org.page(job).status == status
            assert org.call("GET", f"/jobs/query/{job['id']}/resultPages").status == status


@fact("query-47")
def test_query_jobs_exist_since_v47(org: Org) -> None:
    """And ingest jobs since v41."""
    assert refusal(org, ALL, "46.0")[0] == 404
    assert org.call("GET", "/jobs/ingest").status == 200
    org.version = "40.0"
    assert org.call("GET", "/jobs/ingest").status == 404


REFUSED = [
    ("refused-compound", "SELECT BillingAddress FROM Account", "Selecting compound data not supported in Bulk Query"),
    ("refused-subquery", "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
     "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"),
    ("refused-aggregate", "SELECT Name, COUNT(Id) FROM Account GROUP BY Name",
     "Aggregate Relationships not supported in Bulk Query"),
    ("refused-aggregate", "SELECT COUNT() FROM Account", "Aggregate Relationships not supported in Bulk Query"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "soql", "message"), REFUSED, ids=[soql for _, soql, _ in REFUSED])
@fact("refused-compound", "refused-subquery", "refused-aggregate")
def test_what_bulk_queries_refuse(org: Org, name: str, soql: str, message: str) -> None:
    """400 at the create."""
    assert refusal(org, soql) == (400, "API_ERROR", message)


@fact("refused-others", "order-and-limit-allowed")
def test_offset_and_typeof_are_refused_order_and_limit_are_not(org: Org) -> None:
    """The texts begin with `Implementation restriction`; words inside a literal are text."""
    for soql in (f"{ALL} LIMIT 5 OFFSET 5", "SELECT TYPEOF What WHEN Account THEN Name END FROM Event"):
        assert refusal(org, soql)[2].startswith("Implementation restriction")
    assert org.select(f"{ALL} WHERE Name = 'a GROUP BY (SELECT b' ORDER BY Name LIMIT 5") == []


@fact("invalid-entity")
def test_objects_that_bulk_does_not_know() -> None:
    """INVALIDENTITY, for queries and for ingest."""
    with Org(bulk_unsupported=("Organization",)) as org:
        text = "Entity 'Organization' is not supported by the Bulk API."
        assert refusal(org, "SELECT Id FROM Organization") == (400, "INVALIDENTITY", text)
        made = org.call("POST", "/jobs/ingest", {"object": "Organization", "operation": "update"})
        assert made.error == (400, "INVALIDENTITY", text)


@fact("no-query-support")
def test_objects_that_cannot_be_queried(tmp_path: Path) -> None:
    """Their description says so."""
    (tmp_path / "Vote.json").write_text('{"name": "Vote", "queryable": false, "fields": []}', encoding="utf-8")
    with Org(describe=[tmp_path]) as org:
        assert refusal(org, "SELECT Id FROM Vote") == (400, "API_ERROR", "entity type Vote does not support query")


@fact("malformed-query", "unknown-field-text", "unknown-object-text", "long-query-window")
def test_errors_of_soql_point_at_the_word(org: Org) -> None:
    """The caret under the column, a window of a long query; recorded with v51 and v60."""
    assert refusal(org, "SELEKT Id FROM Account") == (400, "MALFORMED_QUERY", "unexpected token: SELEKT")
    custom = "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
    rest = " Please reference your WSDL or the describe call for the appropriate names."
    field = (
        "\nSELECT Bacon__c FROM Account LIMIT 2\n       ^\nERROR at Row:1:Column:8\nNo such column 'Bacon__c' on entity"
    )
    assert refusal(org, "SELECT Bacon__c FROM Account LIMIT 2") == (
        400,
        "INVALID_FIELD",
        f"{field} 'Account'. {custom}{rest}",
    )
    window = "\nName,BillingCity,IsDeleted FROM Accout\n" + " " * 32 + "^\nERROR at Row:1:Column:43\n"
    text = "sObject type 'Accout' is not supported. If you are attempting to use a custom object, be sure to append the '__c'"
    expected = f"{window}{text} after the entity name.{rest}"
    assert refusal(org, "SELECT Id,Name,BillingCity,IsDeleted FROM Accout") == (400, "INVALID_TYPE", expected)


@fact("query-quota-jobs", "query-quota-storage", "query-jobs-10000")
@pytest.mark.parametrize("code", ["LIMIT_EXCEEDED", "API_ERROR"])
def test_query_jobs_and_their_results_have_an_allocation(code: str) -> None:
    """Per 24 hours; the error code is a switch."""
    with Org(query_jobs_max=1, query_quota_code=code) as org:
        org.query(ALL)
        text = "Max bulk v2 query jobs (1) per 24 hrs has been reached"
        assert refusal(org, ALL) == (400, code, text)
        org.clock.now += 25 * 3600
        org.token = org.server.access_token()
        org.query(ALL)
    with Org(query_storage_max_mb=0, query_quota_code=code) as org:
        text = "Max bulk v2 query result size stored (0) kb per 24 hrs has been exceeded"
        assert refusal(org, ALL) == (400, code, text)


@pytest.mark.parametrize("shown", [True, False])
def test_a_failed_query_job_says_why_or_not(shown: bool) -> None:
    """Disputed: a switch."""
    with Org(query_error_message=shown) as org:
        org.server.faults.fail_query("Account", "InternalServerError : Internal Error")
        job = org.query(ALL)
        assert job["state"] == "Failed"
        assert job.get("errorMessage") == ("InternalServerError : Internal Error" if shown else None)
        assert org.page(job).status == 400
        assert org.query(ALL)["state"] == "JobComplete"


def test_query_results_follow_delimiter_and_line_ending(org: Org) -> None:
    """As asked for at the create."""
    org.add(Name='Ac|"me"', Site="x")
    job = org.query("SELECT Name, Site FROM Account", columnDelimiter="PIPE", lineEnding="CRLF")
    assert org.page(job).text == '"Name"|"Site"\r\n"Ac|""me"""|"x"\r\n'
