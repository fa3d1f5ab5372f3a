"""simple-salesforce (Python) against the embedded org: its Bulk API 2.0. What it does over REST is in the file beside."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.server import EmbeddedOrg
from simple_salesforce import exceptions
from simple_salesforce.api import Salesforce
from simple_salesforce.bulk2 import ColumnDelimiter, LineEnding, Operation

from support.clients import client, offline_session

NAME = "simple-salesforce"
ROWS = [{"Name": f"Account {n}", "Legacy_Id__c": f"A{n}"} for n in range(25)]


@pytest.fixture
def sf(org: EmbeddedOrg) -> Iterator[Any]:
    """A client with a token, as it is documented; its session sends to the org what is meant for Salesforce."""
    with offline_session(org) as session:
        yield Salesforce(
            instance="acme.my.salesforce.com", session_id=org.access_token(), version="60.0", session=session
        )


def parsed(text: str) -> list[dict[str, str]]:
    """The rows of a result file."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def once(org: EmbeddedOrg, name: str = "Account") -> set[str]:
    """Keys of the rows of an object that were applied, each of them once."""
    applied = org.org.ledger.applied(name)
    assert set(applied.values()) <= {1}
    return set(applied)


@client(NAME, "insert")
def test_rows_go_in_as_one_job(org: EmbeddedOrg, sf: Any) -> None:
    """Counters, the successful rows, and each row once in the ledger."""
    (done,) = sf.bulk2.Account.insert(records=ROWS, wait=0)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"], done["numberRecordsTotal"]) == (25, 0, 25)
    rows = parsed(sf.bulk2.Account.get_successful_records(done["job_id"]))
    assert {row["Legacy_Id__c"] for row in rows} == {f"A{n}" for n in range(25)} == once(org)
    assert {row["sf__Created"] for row in rows} == {"true"}


@client(NAME, "insert")
@pytest.mark.parametrize("concurrency", [1, 3])
def test_rows_go_in_as_several_jobs(org: EmbeddedOrg, sf: Any, concurrency: int) -> None:
    """`batch_size` makes jobs, one after the other or beside each other."""
    done = sf.bulk2.Account.insert(records=ROWS, batch_size=10, concurrency=concurrency, wait=0)
    assert sorted(part["numberRecordsProcessed"] for part in done) == [5, 10, 10]
    assert len({part["job_id"] for part in done}) == 3
    assert once(org) == {f"A{n}" for n in range(25)}


@client(NAME, "insert")
@pytest.mark.parametrize("ending", list(LineEnding))
@pytest.mark.parametrize("delimiter", [ColumnDelimiter.PIPE, ColumnDelimiter.TAB, ColumnDelimiter.SEMICOLON])
def test_a_file_with_another_delimiter_and_line_ending_goes_in(
    org: EmbeddedOrg, sf: Any, tmp_path: Path, delimiter: ColumnDelimiter, ending: LineEnding
) -> None:
    """Cells with quotes, delimiters and accents arrive as they are."""
    sign = {"PIPE": "|", "TAB": "\t", "SEMICOLON": ";"}[delimiter.value]
    text = f'Zoë "Z" {sign}'
    with (tmp_path / "accounts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=sign, lineterminator="\n" if ending is LineEnding.LF else "\r\n")
        writer.writerows([["Name", "Legacy_Id__c"], [text, "A1"], ["Plain", "A2"]])
    (done,) = sf.bulk2.Account.insert(
        csv_file=str(tmp_path / "accounts.csv"), column_delimiter=delimiter, line_ending=ending, wait=0
    )
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 0)
    assert org.org.has("Account", Name=text, Legacy_Id__c="A1")


@client(NAME, "upsert")
def test_rows_are_upserted_by_their_external_id(org: EmbeddedOrg, sf: Any) -> None:
    """Some are made, some are changed, and each row says which; in two jobs."""
    sf.bulk2.Account.insert(records=ROWS[:10], wait=0)
    changed = [{**row, "Phone": "1"} for row in ROWS[:15]]
    done = sf.bulk2.Account.upsert(records=changed, external_id_field="Legacy_Id__c", batch_size=10, wait=0)
    rows = [row for part in done for row in parsed(sf.bulk2.Account.get_successful_records(part["job_id"]))]
    made = {row["Legacy_Id__c"] for row in rows if row["sf__Created"] == "true"}
    assert made == {f"A{n}" for n in range(10, 15)}
    assert org.org.count("Account") == 15
    assert all(record["Phone"] == "1" for record in org.org.records("Account"))


@client(NAME, "update")
def test_rows_are_updated_by_id(org: EmbeddedOrg, sf: Any) -> None:
    """An id that nobody has fails alone, and the failed rows say why and which."""
    sf.bulk2.Account.insert(records=ROWS[:3], wait=0)
    ids = [record["Id"] for record in org.org.records("Account")]
    rows = [{"Id": record, "Phone": "2"} for record in ids] + [{"Id": "001Em0000009999IAA", "Phone": "2"}]
    (done,) = sf.bulk2.Account.update(records=rows, wait=0)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (4, 1)
    (failed,) = parsed(sf.bulk2.Account.get_failed_records(done["job_id"]))
    assert (failed["sf__Id"], failed["Id"]) == ("001Em0000009999IAA",) * 2
    assert failed["sf__Error"] == "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    assert [record["Phone"] for record in org.org.records("Account")] == ["2", "2", "2"]


@client(NAME, "delete")
def test_rows_are_deleted_and_can_be_seen_by_query_all(org: EmbeddedOrg, sf: Any) -> None:
    """A delete leaves them for queryAll."""
    sf.bulk2.Account.insert(records=ROWS[:5], wait=0)
    ids = [{"Id": record["Id"]} for record in org.org.records("Account")]
    done = sf.bulk2.Account.delete(records=ids, batch_size=3, wait=0)
    assert [part["numberRecordsProcessed"] for part in done] == [3, 2]
    assert org.org.count("Account") == 0
    seen = "".join(sf.bulk2.Account.query_all("SELECT Id, IsDeleted FROM Account", wait=0))
    assert {row["IsDeleted"] for row in parsed(seen)} == {"true"}


@client(NAME, "hardDelete")
def test_rows_are_deleted_for_good(org: EmbeddedOrg, sf: Any) -> None:
    """A hard delete leaves nothing, not even for queryAll."""
    sf.bulk2.Account.insert(records=ROWS[:5], wait=0)
    sf.bulk2.Account.hard_delete(records=[{"Id": record["Id"]} for record in org.org.records("Account")], wait=0)
    seen = "".join(sf.bulk2.Account.query_all("SELECT Id FROM Account", wait=0))
    assert parsed(seen) == []


@client(NAME, "query")
def test_a_query_comes_in_pages(org: EmbeddedOrg, sf: Any) -> None:
    """Three locators, a header on each page, every row once."""
    sf.bulk2.Account.insert(records=ROWS, wait=0)
    pages = list(sf.bulk2.Account.query("SELECT Id, Name FROM Account ORDER BY Name", max_records=10, wait=0))
    assert [len(parsed(page)) for page in pages] == [10, 10, 5]
    assert {row["Name"] for page in pages for row in parsed(page)} == {row["Name"] for row in ROWS}


@client(NAME, "queryAll")
def test_a_query_of_all_rows_comes_in_pages(org: EmbeddedOrg, sf: Any) -> None:
    """Deleted rows too."""
    sf.bulk2.Account.insert(records=ROWS, wait=0)
    sf.bulk2.Account.delete(records=[{"Id": record["Id"]} for record in org.org.records("Account")[:5]], wait=0)
    pages = list(sf.bulk2.Account.query_all("SELECT Id FROM Account", max_records=10, wait=0))
    assert [len(parsed(page)) for page in pages] == [10, 10, 5]


@client(NAME, "query")
def test_a_query_is_downloaded_to_files(org: EmbeddedOrg, sf: Any, tmp_path: Path) -> None:
    """A file for each page, with a delimiter of its own."""
    sf.bulk2.Account.insert(records=ROWS, wait=0)
    done = sf.bulk2.Account.download(
        "SELECT Name, Legacy_Id__c FROM Account", str(tmp_path), max_records=20, wait=0,
        column_delimiter=ColumnDelimiter.PIPE,
    )  # fmt: skip
    assert [part["number_of_records"] for part in done] == [20, 5]
    rows = [line for part in done for line in Path(part["file"]).read_text(encoding="utf-8").splitlines()[1:]]
    assert len(rows) == 25
    assert all(line.startswith('"Account ') and '"|"A' in line for line in rows)


@client(NAME, "result files")
def test_the_three_results_of_a_job_with_good_and_bad_rows(org: EmbeddedOrg, sf: Any, tmp_path: Path) -> None:
    """Successful and failed rows, as text, as a file and together."""
    rows = [*ROWS[:3], {"Name": "", "Legacy_Id__c": "BAD"}, {"Name": "Twice", "Legacy_Id__c": "A0"}]
    (done,) = sf.bulk2.Account.insert(records=rows, wait=0)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (5, 2)
    every = sf.bulk2.Account.get_all_ingest_records(done["job_id"])
    assert [len(every[kind]) for kind in ("successfulRecords", "failedRecords", "unprocessedRecords")] == [3, 2, 0]
    errors = {row["Legacy_Id__c"]: row["sf__Error"] for row in every["failedRecords"]}
    assert errors["BAD"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert errors["A0"].startswith(
        "DUPLICATE_VALUE:duplicate value found: Legacy_Id__c duplicates value on record with id: 001"
    )
    path = tmp_path / "failed.csv"
    sf.bulk2.Account.get_failed_records(done["job_id"], file=str(path))
    assert parsed(path.read_text(encoding="utf-8")) == every["failedRecords"]


@client(NAME, "result files")
def test_a_job_that_fails_midway_leaves_unprocessed_rows(org: EmbeddedOrg, sf: Any) -> None:
    """What was saved stays saved, and the rest can be fetched and sent again."""
    org.faults.fail_job_midway("Account", after_rows=10)
    with pytest.raises(exceptions.SalesforceOperationError, match="Job failure"):
        sf.bulk2.Account.insert(records=ROWS, wait=0)
    job = next(iter(org.org.jobs))
    every = sf.bulk2.Account.get_all_ingest_records(job.id)
    saved, rest = every["successfulRecords"], every["unprocessedRecords"]
    assert len(saved) + len(rest) == 25
    assert len(saved) == 10 == org.org.count("Account")
    sf.bulk2.Account.insert(records=rest, wait=0)
    assert once(org) == {f"A{n}" for n in range(25)}


@client(NAME, "failures")
def test_a_job_whose_file_is_refused(org: EmbeddedOrg, sf: Any) -> None:
    """The error is Salesforce's: a field that is none, a delete with more than ids."""
    with pytest.raises(exceptions.SalesforceOperationError, match="InvalidBatch : Field name not found : Nope__c"):
        sf.bulk2.Account.insert(records=[{"Name": "x", "Nope__c": "y"}], wait=0)
    made = sf.bulk2.Account._client.create_job(Operation.delete)
    sf.bulk2.Account._client.upload_job_data(made["id"], "Id,Name\n001Em0000000001AAA,x\n")
    sf.bulk2.Account._client.close_job(made["id"])
    with pytest.raises(exceptions.SalesforceOperationError, match="The 'delete' batch must contain only ids"):
        sf.bulk2.Account._client.wait_for_job(made["id"], False, 0)


@client(NAME, "failures")
def test_a_job_that_cannot_be_created(org: EmbeddedOrg, sf: Any) -> None:
    """An unknown object, a key that is none, a query that is none, a field that is none: 400 with Salesforce's words."""
    malformed = exceptions.SalesforceMalformedRequest
    with pytest.raises(malformed, match="InvalidJob : Unable to find object: Nothing__c"):
        sf.bulk2.Nothing__c.insert(records=ROWS[:1], wait=0)
    with pytest.raises(malformed, match="Field name provided, Site does not match an External ID"):
        sf.bulk2.Account.upsert(records=ROWS[:1], external_id_field="Site", wait=0)
    with pytest.raises(malformed, match="MALFORMED_QUERY"):
        list(sf.bulk2.Account.query("SELEKT Id FROM Account", wait=0))
    with pytest.raises(malformed, match="No such column 'Nope__c' on entity 'Account'"):
        list(sf.bulk2.Account.query("SELECT Nope__c FROM Account", wait=0))
    assert not list(org.org.jobs)


@client(NAME, "failures")
def test_a_session_that_ended_and_a_day_that_is_used_up(org: EmbeddedOrg, sf: Any) -> None:
    """401 and 403 are errors of their own."""
    org.faults.quota("create ingest", nth=1)
    with pytest.raises(exceptions.SalesforceRefusedRequest, match="TotalRequests Limit exceeded"):
        sf.bulk2.Account.insert(records=ROWS[:1], wait=0)
    org.faults.expire_tokens()
    with pytest.raises(exceptions.SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        sf.bulk2.Account.insert(records=ROWS[:1], wait=0)
    assert org.org.count("Account") == 0


@client(NAME, "failures")
def test_an_administrator_aborts_the_job(org: EmbeddedOrg, sf: Any) -> None:
    """The client stops waiting and says so."""
    handler = sf.bulk2.Account
    made = handler._client.create_job(Operation.insert)
    org.faults.admin_abort(made["id"])
    with pytest.raises(exceptions.SalesforceOperationError, match="Aborted"):
        handler._client.wait_for_job(made["id"], False, 0)


@client(NAME, "job control", limit=True)
def test_a_deleted_job_raises_although_it_is_deleted(org: EmbeddedOrg, sf: Any) -> None:
    """`delete_job` reads JSON from the empty 204 and raises JSONDecodeError; the job is gone."""
    made = sf.bulk2.Account._client.create_job(Operation.insert)
    assert sf.bulk2.Account._client.abort_job(made["id"], False)["state"] == "Aborted"
    with pytest.raises(ValueError, match="Expecting value"):
        sf.bulk2.Account._client.delete_job(made["id"], False)
    with pytest.raises(exceptions.SalesforceResourceNotFound):
        sf.bulk2.Account._client.get_job(made["id"], False)


@client(NAME, "job control", limit=True)
def test_a_session_that_ends_while_a_job_runs_is_not_renewed(org: EmbeddedOrg, sf: Any) -> None:
    """Bulk calls never renew a session: one that ends between the upload and the close leaves the job open in the org."""
    org.faults.add("close", "expire")
    with pytest.raises(exceptions.SalesforceExpiredSession):
        sf.bulk2.Account.insert(records=ROWS, wait=0)
    assert [job.state for job in org.org.jobs] == ["Open"]


@client(NAME, "result files", limit=True)
def test_cells_with_line_breaks_are_torn_apart_by_the_client_s_reader(org: EmbeddedOrg, sf: Any) -> None:
    """`get_all_ingest_records` splits the file at line breaks before it parses it: a cell with one loses it."""
    (done,) = sf.bulk2.Account.insert(records=[{"Name": "A", "Description": "one\ntwo"}], wait=0)
    (whole,) = parsed(sf.bulk2.Account.get_successful_records(done["job_id"]))
    assert whole["Description"] == "one\ntwo"
    (torn,) = sf.bulk2.Account.get_all_ingest_records(done["job_id"])["successfulRecords"]
    assert torn["Description"] == "onetwo"
