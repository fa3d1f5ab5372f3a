"""One method per endpoint, against the embedded org over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import (
    IngestSpec,
    JobInfo,
    JobKind,
    NotFound,
    QuerySpec,
    QuotaExceeded,
    Refused,
    Truncated,
    Unavailable,
)

from support.client import JOB, V, org_at
from support.raw_server import RawServer, http

ACCOUNTS = IngestSpec("Account", "insert")
ABSENT = "750999999999999AAA"


@pytest.fixture
def server() -> Iterator[EmbeddedOrg]:
    """An org without delays."""
    with EmbeddedOrg(settings=Settings(latency=0.0, rows_per_second=1e9)) as running:
        yield running


@pytest.fixture
def org(server: EmbeddedOrg) -> Bulk2Org:
    """A client of it."""
    return connect_with_token(server.instance_url, server.access_token, clock=SystemClock())


def part(folder: Path, *names: str) -> Path:
    """A CSV part with these accounts; an empty name fails."""
    file = folder / "part.csv"
    file.write_text("Name,Site\n" + "".join(f'"{name}","two\nlines"\n' for name in names), encoding="utf-8")
    return file


def ended(org: Bulk2Org, kind: JobKind, job: str) -> JobInfo:
    """Poll until the job is terminal."""
    for _ in range(500):
        info = org.job(kind, job, api_version=V)
        if info.is_terminal:
            return info
    raise AssertionError(f"job {job} does not end")


def load(org: Bulk2Org, file: Path) -> JobInfo:
    """Create, upload, close, poll."""
    job = org.create_ingest(ACCOUNTS, api_version=V)
    assert job.state == "Open"
    assert org.upload(job.id, file, api_version=V) == 201
    assert org.close_upload(job.id, api_version=V).state == "UploadComplete"
    return ended(org, "ingest", job.id)


def test_a_job_goes_from_create_to_its_three_results(org: Bulk2Org, tmp_path: Path) -> None:
    """Counters and files agree."""
    info = load(org, part(tmp_path, "Acme", "", "Globex"))
    assert (info.state, info.processed, info.failed) == ("JobComplete", 3, 1)
    good = org.fetch_result(info.id, "successful", tmp_path / "s.csv", delimiter="COMMA", api_version=V)
    bad = org.fetch_result(info.id, "failed", tmp_path / "f.csv", delimiter="COMMA", api_version=V)
    rest = org.fetch_result(info.id, "unprocessed", tmp_path / "u.csv", delimiter="COMMA", api_version=V)
    assert (good.rows, bad.rows, rest.rows) == (2, 1, 0)
    assert good.path.read_text(encoding="utf-8").startswith('"sf__Id","sf__Created"')
    assert "REQUIRED_FIELD_MISSING" in bad.path.read_text(encoding="utf-8")


def test_a_small_part_goes_in_one_request(org: Bulk2Org, tmp_path: Path) -> None:
    """The multipart job is closed at once."""
    job = org.create_multipart(ACCOUNTS, part(tmp_path, "Acme"), api_version=V)
    assert job.state == "UploadComplete"
    assert ended(org, "ingest", job.id).processed == 1


def test_an_open_job_is_aborted_and_loads_nothing(server: EmbeddedOrg, org: Bulk2Org, tmp_path: Path) -> None:
    """The rows of an aborted upload are never applied."""
    job = org.create_ingest(ACCOUNTS, api_version=V)
    org.upload(job.id, part(tmp_path, "Acme"), api_version=V)
    assert org.abort("ingest", job.id, api_version=V).state == "Aborted"
    assert org.job("ingest", job.id, api_version=V).is_terminal
    assert server.org.ledger.applied("Account") == {}


def test_an_expired_token_in_an_upload_sends_the_file_from_its_start(
    server: EmbeddedOrg, org: Bulk2Org, tmp_path: Path
) -> None:
    """The repeated upload holds every row."""
    job = org.create_ingest(ACCOUNTS, api_version=V)
    server.faults.expire_tokens()
    assert org.upload(job.id, part(tmp_path, "Acme", "Globex"), api_version=V) == 201
    org.close_upload(job.id, api_version=V)
    assert ended(org, "ingest", job.id).processed == 2


def test_query_pages_follow_their_locators(org: Bulk2Org, tmp_path: Path) -> None:
    """Five rows in pages of two; the literal null ends them."""
    load(org, part(tmp_path, *"ABCDE"))
    job = org.create_query(QuerySpec("query", "SELECT Name FROM Account ORDER BY Name"), api_version=V)
    assert ended(org, "query", job.id).processed == 5
    locator: str | None = None
    sizes, names = [], []
    while locator != "null":
        page = org.fetch_page(job.id, locator, 2, tmp_path / "page.csv", delimiter="COMMA", api_version=V)
        assert page.header_rows == page.received.rows
        sizes.append(page.header_rows)
        names += page.received.path.read_text(encoding="utf-8").split()[1:]
        locator = page.locator
    assert sizes == [2, 2, 1]
    assert [name.strip('"') for name in names] == list("ABCDE")


def test_a_query_is_aborted() -> None:
    """Like an ingest job, while it has not begun."""
    with EmbeddedOrg(settings=Settings(latency=3600.0)) as slow:
        org = connect_with_token(slow.instance_url, slow.access_token, clock=SystemClock())
        job = org.create_query(QuerySpec("query", "SELECT Id FROM Account"), api_version=V)
        assert org.abort("query", job.id, api_version=V).state == "Aborted"


def test_a_cut_page_leaves_no_file(server: EmbeddedOrg, org: Bulk2Org, tmp_path: Path) -> None:
    """The body ends before its length."""
    load(org, part(tmp_path, *"ABCDE"))
    job = org.create_query(QuerySpec("query", "SELECT Id, Name FROM Account"), api_version=V)
    ended(org, "query", job.id)
    server.faults.add("page", "truncate")
    target = tmp_path / "pages" / "1.csv"
    with pytest.raises(Truncated):
        org.fetch_page(job.id, None, None, target, delimiter="COMMA", api_version=V)
    assert list(target.parent.iterdir()) == []


def test_results_of_another_version_are_refused(org: Bulk2Org, tmp_path: Path) -> None:
    """The version belongs to the job."""
    load(org, part(tmp_path, "A"))
    job = org.create_query(QuerySpec("query", "SELECT Id FROM Account"), api_version=V)
    ended(org, "query", job.id)
    with pytest.raises(Refused) as caught:
        org.fetch_page(job.id, None, None, tmp_path / "p.csv", delimiter="COMMA", api_version="60.0")
    assert caught.value.status == 409


def test_an_unknown_job_is_not_found(org: Bulk2Org) -> None:
    """404 with the API's error array."""
    with pytest.raises(NotFound):
        org.job("ingest", ABSENT, api_version=V)


def test_a_bad_object_is_refused_in_salesforce_words(org: Bulk2Org) -> None:
    """The answer proves that no job was made."""
    with pytest.raises(Refused) as caught:
        org.create_ingest(IngestSpec("Nothing__c", "insert"), api_version=V)
    assert caught.value.error_code
    assert "Nothing__c" in caught.value.message


def test_a_used_up_allocation_is_its_own_fault(server: EmbeddedOrg, org: Bulk2Org) -> None:
    """Asking again soon is no use."""
    server.faults.quota("create ingest")
    with pytest.raises(QuotaExceeded):
        org.create_ingest(ACCOUNTS, api_version=V)


@pytest.mark.parametrize("effect", ["drop before", "drop after"])
def test_a_create_without_an_answer_is_not_repeated(server: EmbeddedOrg, org: Bulk2Org, effect: str) -> None:
    """Whether a job was made is unknown: the caller decides."""
    server.faults.add("create ingest", effect)
    with pytest.raises(Unavailable):
        org.create_ingest(ACCOUNTS, api_version=V)
    listed = org.http.json("GET", f"/services/data/v{V}/jobs/ingest")[1]["records"]
    assert len(listed) == (0 if effect == "drop before" else 1)


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b'"x"', b'{"id":"evil","state":"Open"}', b'{"id":"750000000000001AAA"}', b'{"id":7,"state":"Open"}'],
)
def test_an_answer_that_is_no_job_proves_nothing(body: bytes) -> None:
    """A job without an id or a state may exist all the same."""
    with RawServer(http("200 OK", body)) as raw, pytest.raises(Unavailable):
        org_at(raw.url).create_ingest(ACCOUNTS, api_version=V)


@pytest.mark.parametrize("asked", ["750000000000001AAA", "750000000000001"])
@pytest.mark.parametrize("answered", ["750000000000001AAA", "750000000000001"])
def test_ids_of_15_and_18_characters_are_one_job(asked: str, answered: str) -> None:
    """Salesforce answers with 18; somebody may have written down 15."""
    with RawServer(http("200 OK", f'{{"id":"{answered}","state":"JobComplete"}}'.encode())) as raw:
        assert org_at(raw.url).job("ingest", asked, api_version=V).is_terminal


def test_an_upload_that_somebody_else_answers_has_no_outcome(tmp_path: Path) -> None:
    """A login page of the hotel's network says 200 to everything; the org says 201 and nothing."""
    page = http("200 OK", b"\n<!DOCTYPE html><title>Welcome</title>", "Content-Type: text/html")
    with RawServer(page) as raw, pytest.raises(Unavailable, match="page of HTML"):
        org_at(raw.url).upload(JOB, part(tmp_path, "Acme"), api_version=V)


def test_the_body_of_a_create_has_what_the_job_needs_and_no_more() -> None:
    """Absent keys stay absent: an empty externalIdFieldName would be refused."""
    spec = IngestSpec("Case", "upsert", "Legacy_Id__c", "TAB", "CRLF", "01Q000000000001")
    with RawServer(http("200 OK", f'{{"id":"{JOB}","state":"Open"}}'.encode())) as raw:
        org_at(raw.url).create_ingest(spec, api_version=V)
        org_at(raw.url).create_ingest(ACCOUNTS, api_version="59.0")
    assert [asked.target for asked in raw.asked] == [
        "/services/data/v66.0/jobs/ingest",
        "/services/data/v59.0/jobs/ingest",
    ]
    assert json.loads(raw.asked[0].body) == {
        "object": "Case", "operation": "upsert", "contentType": "CSV", "columnDelimiter": "TAB", "lineEnding": "CRLF",
        "externalIdFieldName": "Legacy_Id__c", "assignmentRuleId": "01Q000000000001",
    }  # fmt: skip
    assert set(json.loads(raw.asked[1].body)) == {"object", "operation", "contentType", "columnDelimiter", "lineEnding"}


def test_urls_of_an_answer_are_never_used(tmp_path: Path) -> None:
    """An evil contentUrl does not change where the upload goes."""
    with RawServer(http("200 OK", b"{}")) as evil:
        made = f'{{"id":"750000000000001AAA","state":"Open","contentUrl":"{evil.url}/steal"}}'.encode()
        with RawServer(http("200 OK", made), http("201 Created")) as raw:
            org = org_at(raw.url)
            job = org.create_ingest(ACCOUNTS, api_version=V)
            org.upload(job.id, part(tmp_path, "Acme"), api_version=V)
        assert evil.asked == []
    assert raw.asked[1].target == f"/services/data/v{V}/jobs/ingest/750000000000001AAA/batches"
