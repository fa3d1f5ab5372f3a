"""The result files of ingest jobs: paths, headers, quoting, order, what is echoed (page 5.1 and 5.2)."""

from __future__ import annotations

import pytest

from support.facts import fact
from support.wire import Org

RECORDED = """\
Name,StageName,external_id__c,CloseDate
Noemi Miller,GENERATED,external-id-3,2003-04-987654321987654321
"""


@fact("recorded-partial-failure", "deserialize-date", "failed-header")
def test_the_recorded_partial_failure(org_with_external_id: Org) -> None:
    """The file of v60, byte for byte: raw header, quoted values, the zero-based column in the message."""
    org = org_with_external_id
    org.version = "60.0"
    job = org.load(RECORDED, "Opportunity", "upsert", externalIdFieldName="external_id__c")
    assert org.results(job, "failedResults").text == (
        '"sf__Id","sf__Error",Name,StageName,external_id__c,CloseDate\n'
        '"","INVALID_FIELD:Failed to deserialize field at col 3. Due to, \'2003-04-987654321987654321\' is not a valid value'
        ' for the type xsd:date:CloseDate --","Noemi Miller","GENERATED","external-id-3","2003-04-987654321987654321"\n'
    )


@fact("success-header", "failed-header", "unprocessed-header", "values-quoted")
def test_headers_are_raw_and_values_quoted(org: Org) -> None:
    """The user's header comes back as it was written; unprocessed records have no columns of their own."""
    job = org.load('"Name",Site,Phone\nAcme,"a ""b"", c",\n,x,1\n')
    good, bad = org.results(job).text.splitlines(), org.results(job, "failedResults").text.splitlines()
    assert good[0] == '"sf__Id","sf__Created","Name",Site,Phone'
    assert good[1].endswith(',"true","Acme","a ""b"", c",""')
    assert bad[0] == '"sf__Id","sf__Error","Name",Site,Phone'
    assert bad[1].endswith(',"","x","1"')
    assert org.results(job, "unprocessedrecords").text == '"Name",Site,Phone\n'


@fact("unprocessed-path-case")
@pytest.mark.parametrize("name", ["unprocessedrecords", "unprocessedRecords", "SUCCESSFULRESULTS", "failedresults"])
def test_result_paths_are_found_in_any_case(org: Org, name: str) -> None:
    """The documented path is lower-case, clients use the other too."""
    assert org.results(org.load("Name\nAcme\n"), name).status == 200


@fact("results-not-paged")
def test_results_are_not_paged(org: Org) -> None:
    """maxRecords and locator mean nothing here."""
    job = org.load("Name\n" + "Acme\n" * 500)
    found = org.results(job, "successfulResults?maxRecords=10&locator=MTA")
    assert len(found.rows) == 501
    assert found.headers["Sforce-Locator"] is None


@fact("results-when-ended", "unprocessed-when-aborted")
def test_results_are_ready_when_the_job_has_ended() -> None:
    """JobComplete, Failed, and the unprocessed records of an aborted job; before that the answer is a switch."""
    for status in (400, 404):
        with Org(latency=60.0, early_results_status=status) as org:
            job = org.create()
            org.put(job["id"], "Name\nAcme\n")
            assert org.results(job).status == status
            org.close(job["id"])
            assert org.results(job).status == status
            org.clock.now += 61
            assert org.results(job).status == 200
            failed, aborted = org.create(), org.create()
            org.put(failed["id"], "Nonsense__c\n1\n")
            org.close(failed["id"])
            org.put(aborted["id"], "Name\nAcme\n")
            org.call("PATCH", f"/jobs/ingest/{aborted['id']}", {"state": "Aborted"})
            org.clock.now += 61
            assert org.results(failed, "unprocessedrecords").rows == [["Nonsense__c"], ["1"]]
            assert org.results(aborted, "unprocessedrecords").rows == [["Name"], ["Acme"]]


@fact("beyond-allocation-not-recorded", "exceeded-quota-text", "batches-10000", "batches-15000")
def test_batches_beyond_the_daily_allocation_leave_no_results() -> None:
    """10,000 rows are a batch; the second one is not allowed here, and its rows are in none of the files."""
    with Org(batches_max=1) as org:
        job = org.load("Name\n" + "Acme\n" * 10_300)
        assert (job["state"], job["errorMessage"]) == ("Failed", "ExceededQuota : ApiBatchItems Limit exceeded")
        assert job["numberRecordsProcessed"] == 10_000
        assert [len(org.results(job, name).rows) for name in ("successfulResults", "unprocessedrecords")] == [10_001, 1]


@fact("records-150-million")
def test_rows_beyond_the_daily_records_are_unprocessed() -> None:
    """The job fails, and its rest can be fetched."""
    with Org(records_max=250) as org:
        job = org.load("Name\n" + "Acme\n" * 500)
        assert (job["state"], job["numberRecordsProcessed"]) == ("Failed", 200)
        assert len(org.results(job, "unprocessedrecords").rows) == 301
        org.clock.now += 25 * 3600
        org.token = org.server.access_token()
        assert org.load("Name\n" + "Acme\n" * 200)["state"] == "JobComplete"


def test_empty_results_are_a_header_or_204() -> None:
    """Two recordings disagree: a switch."""
    with Org() as org:
        assert org.results(org.load("Name\nAcme\n"), "failedResults").text == '"sf__Id","sf__Error",Name\n'
    with Org(empty_results_as_204=True) as org:
        job = org.load("Name\nAcme\n")
        assert [org.results(job, name).status for name in ("failedResults", "unprocessedrecords")] == [204, 204]
        assert org.results(job, "failedResults").body == b""
        assert org.results(job).status == 200


@fact("query-id-on-ingest-path")
def test_the_id_of_a_query_job_on_an_ingest_path_answers_a_header(org: Org) -> None:
    """As a tool that mixed them up was answered."""
    job = org.query("SELECT Id, Name, Phone FROM Account")
    assert org.results(job, "failedResults").text == '"sf__Id","sf__Error","Id","Name","Phone"\n'


@fact("sf-created")
def test_created_is_true_for_new_records_only(org: Org) -> None:
    """Per row in an upsert; false for update, delete and hardDelete."""
    first = org.load("Name,Legacy_Id__c\nA,1\n", operation="upsert", externalIdFieldName="Legacy_Id__c")
    both = org.load("Name,Legacy_Id__c\nA,1\nB,2\n", operation="upsert", externalIdFieldName="Legacy_Id__c")
    assert [row[1] for row in org.results(first).rows[1:]] == ["true"]
    assert sorted((row[2], row[1]) for row in org.results(both).rows[1:]) == [("A", "false"), ("B", "true")]
    one, two = (row[0] for row in org.results(both).rows[1:])
    for operation, text in (
        ("update", f"Id,Phone\n{one},1\n"),
        ("delete", f"Id\n{one}\n"),
        ("hardDelete", f"Id\n{two}\n"),
    ):
        done = org.results(org.load(text, operation=operation)).rows
        assert done[1][1] == "false", operation


@fact("sf-id-of-failed-rows")
@pytest.mark.parametrize(("version", "shown"), [("52.0", False), ("53.0", True)])
def test_failed_rows_have_their_id_since_v53(org: Org, version: str, shown: bool) -> None:
    """Updates, deletes and upserts that match; a failed insert has none."""
    org.version = version
    record = org.add(Name="Acme", Legacy_Id__c="A1")
    long = "x" * 300
    updated = org.load(f"Id,Name\n{record},{long}\n", operation="update")
    upserted = org.load(f"Legacy_Id__c,Name\nA1,{long}\n", operation="upsert", externalIdFieldName="Legacy_Id__c")
    inserted = org.load(f"Name\n{long}\n")
    gone = org.add(Name="Gone")
    org.call("DELETE", f"/sobjects/Account/{gone}")
    deleted = org.load(f"Id\n{gone}\n", operation="delete")
    expected = [record, record, "", gone] if shown else [""] * 4
    found = [org.results(job, "failedResults").rows[1][0] for job in (updated, upserted, inserted, deleted)]
    assert found == expected


@fact("parsed-numbers")
def test_numbers_come_back_as_they_were_parsed() -> None:
    """912260031 was recorded as 9.12260031E8; the switch shows them plain."""
    text = "Name,AnnualRevenue,NumberOfEmployees\n" + "".join(
        f"{name},{revenue},7\n"
        for name, revenue in [("a", "912260031"), ("b", "100"), ("c", "0.00012"), ("d", "1.50"), ("e", "")]
    )
    for scientific, expected in (
        (True, {"a": "9.12260031E8", "b": "100.0", "c": "1.2E-4", "d": "1.5", "e": ""}),
        (False, {"a": "912260031.0", "b": "100.0", "c": "0.00012", "d": "1.5", "e": ""}),
    ):
        with Org(scientific_numbers=scientific) as org:
            rows = org.results(org.load(text)).rows[1:]
            assert {row[2]: row[3] for row in rows} == expected
            assert {row[4] for row in rows} == {"7"}


@fact("parsed-numbers")
def test_dates_and_booleans_come_back_as_they_were_parsed(org: Org) -> None:
    """What was refused comes back as it was sent, and `#N/A` too."""
    text = "Subject,ActivityDate,IsAllDayEvent,StartDateTime,DurationInMinutes\n"
    text += "A,1940-06-07Z,1,2024-01-31T10:00:00+02:00,30\nB,#N/A,maybe,2024-01-31T10:00:00.123Z,30\n"
    job = org.load(text, "Event")
    assert org.results(job).rows[1][2:] == ["A", "1940-06-07", "true", "2024-01-31T08:00:00.000Z", "30"]
    assert org.results(job, "failedResults").rows[1][2:] == ["B", "#N/A", "maybe", "2024-01-31T10:00:00.123Z", "30"]


@fact("alphabetical-failed-results")
@pytest.mark.parametrize(("version", "header"), [("49.0", "Priority,Subject"), ("52.0", "Subject,Priority")])
def test_failed_results_were_alphabetical_up_to_v49(org: Org, version: str, header: str) -> None:
    """Successful and unprocessed ones never were."""
    org.version = version
    long = "x" * 300
    job = org.load(f"Subject,Priority\n{long},High\nshort,Low\n", "Case")
    failed = org.results(job, "failedResults")
    assert failed.text.splitlines()[0] == f'"sf__Id","sf__Error",{header}'
    assert dict(zip(header.split(","), failed.rows[1][2:], strict=True)) == {"Subject": long, "Priority": "High"}
    assert org.results(job).text.splitlines()[0].endswith("Subject,Priority")


@fact("header-case-blanks")
def test_cells_of_a_header_in_another_case_are_blank(org: Org) -> None:
    """The field is written all the same; only its echo is lost. So for relationship columns."""
    org.add(Name="Parent", Legacy_Id__c="P1")
    text = "lastname,Legacy_Id__c,account.Legacy_Id__c,Account.legacy_id__c\nDoe,C1,P1,P1\n"
    job = org.load(text, "Contact", "upsert", externalIdFieldName="Legacy_Id__c")
    good = org.results(job).rows
    assert good[0][2:] == ["lastname", "Legacy_Id__c", "account.Legacy_Id__c", "Account.legacy_id__c"]
    assert good[1][2:] == ["", "C1", "", ""]
    assert org.server.org.records("Contact")[0]["LastName"] == "Doe"
    failed = org.load("LastName,email\nDoe,nonsense\n", "Contact")
    assert org.results(failed, "failedResults").rows[1][2:] == ["Doe", ""]


@fact("row-order-not-kept")
def test_rows_come_back_in_another_order() -> None:
    """Within chunks and across batches, each row once; the switch keeps the order."""
    names = [f"Acme {n}" for n in range(20_500)]
    text = "Name\n" + "\n".join(names) + "\n"
    with Org() as org:
        found = [row[2] for row in org.results(org.load(text)).rows[1:]]
        assert found != names
        assert found[:10_000] != names[:10_000]
        assert sorted(found) == sorted(names)
    with Org(shuffle_results=False) as org:
        assert [row[2] for row in org.results(org.load(text)).rows[1:]] == names


def test_results_follow_the_delimiter_and_line_ending_of_the_job(org: Org) -> None:
    """Inferred: nobody recorded other settings."""
    job = org.load("Name|Site\r\nA|b\r\n|c\r\n", lineEnding="CRLF", columnDelimiter="PIPE")
    assert org.results(job).text.endswith('"true"|"A"|"b"\r\n')
    assert org.results(job, "failedResults").text.startswith('"sf__Id"|"sf__Error"|Name|Site\r\n"')


def test_the_last_row_may_end_without_a_newline() -> None:
    """A recording has none; the switch makes it so."""
    with Org(newline_at_end=False) as org:
        job = org.load('Name\nA\nB\n""\n')
        assert org.results(job).text.endswith('"')
        assert len(org.results(job).rows) == 3
        assert org.results(job, "failedResults").text.endswith('""')
        assert org.results(job, "unprocessedrecords").text == "Name\n"
