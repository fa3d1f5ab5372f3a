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
    PageLinks,
    QuerySpec,
    QuotaExceeded,
    Refused,
    Truncated,
    Unavailable,
)

from support.client import JOB, JSON, V, org_at
from support.raw_server import Answer, RawServer, http

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


def test_a_result_that_was_cut_is_whole_when_asked_again(server: EmbeddedOrg, org: Bulk2Org, tmp_path: Path) -> None:
    """The same question afterwards gives the whole file."""
    job = load(org, part(tmp_path, *["Acme"] * 500))
    server.faults.add("successful", "truncate")
    target = tmp_path / "results" / "s.csv"
    with pytest.raises(Truncated):
        org.fetch_result(job.id, "successful", target, delimiter="COMMA", api_version=V)
    assert list(target.parent.iterdir()) == []
    assert org.fetch_result(job.id, "successful", target, delimiter="COMMA", api_version=V).rows == 500


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


def links(answer: object) -> PageLinks:
    """What is made of an answer of resultPages."""
    with RawServer(http("200 OK", json.dumps(answer).encode(), JSON)) as raw:
        return org_at(raw.url).result_pages(QUERY, None, api_version=V)


QUERY = "750000000000001AAA"
RESULTS = f"/services/data/v{V}/jobs/query/{QUERY}/results"


@pytest.mark.parametrize("key", ["nextRecordsUrl", "nextRecordUrl"])
def test_links_to_pages_are_read_in_both_spellings(key: str) -> None:
    """Only locators are taken, unquoted, in order."""
    following = f"/services/data/v{V}/jobs/query/{QUERY[:15]}/resultpages?locator=Zz"
    found = links({"resultPages": [{"resultUrl": f"{RESULTS}?locator={x}"} for x in ("a", "b%2B%3D")], key: following})
    assert found == PageLinks(("a", "b+="), "Zz")
    assert links({"resultPages": [], key: None, "done": True}) == PageLinks((), None)


def test_links_are_asked_for_with_their_locator() -> None:
    """The path is our own, whatever the org wrote."""
    with RawServer(http("200 OK", b'{"resultPages": []}', JSON)) as raw:
        org = org_at(raw.url)
        org.result_pages(QUERY, None, api_version=V)
        org.result_pages(QUERY, "a&b=/../", api_version=V)
    path = f"/services/data/v{V}/jobs/query/{QUERY}/resultPages"
    assert [a.target for a in raw.asked] == [path, f"{path}?locator=a%26b%3D%2F..%2F"]


BAD_LINKS = [
    "https://evil.example/services/data/v66.0/jobs/query/750000000000001AAA/results?locator=a",
    "//evil.example/services/data/v66.0/jobs/query/750000000000001AAA/results?locator=a",
    "http://127.0.0.1:1/services/data/v66.0/jobs/query/750000000000001AAA/results?locator=a",
    "http://user@127.0.0.1/services/data/v66.0/jobs/query/750000000000001AAA/results?locator=a",
    "file:///etc/passwd?locator=a",
    "/services/data/v66.0/jobs/query/750000000000002AAA/results?locator=a",
    "/services/data/v66.0/jobs/ingest/750000000000001AAA/results?locator=a",
    "/services/data/v66.0/jobs/query/750000000000001AAA/../x/results?locator=a",
    "/services/data/v66.0/jobs/query//750000000000001AAA/results?locator=a",
    "/services/oauth2/token?locator=a",
    f"{RESULTS}",
    f"{RESULTS}?locator=",
    f"{RESULTS}?locator=null",
    f"{RESULTS}?locator=a&locator=b",
    f"{RESULTS}?locator=a%0d%0aX-Evil: 1",
    f"{RESULTS}?locator=a%20b",
    f"{RESULTS}?locator={'a' * 2001}",
    "http://[::1/results?locator=a",
    "",
    None,
    7,
]


@pytest.mark.parametrize("url", BAD_LINKS)
def test_a_link_to_anything_but_pages_of_this_job_spoils_the_answer(url: object) -> None:
    """Another host, another job, another resource, no locator or two: none of it is asked for."""
    good = {"resultUrl": f"{RESULTS}?locator=a"}
    with pytest.raises(Unavailable):
        links({"resultPages": [good, {"resultUrl": url}], "nextRecordsUrl": None})
    if url:
        with pytest.raises(Unavailable):
            links({"resultPages": [good], "nextRecordsUrl": url})


@pytest.mark.parametrize(("page", "following"), [("results", "results"), ("resultPages", "resultPages")])
def test_links_to_pages_and_links_to_links_are_not_confused(page: str, following: str) -> None:
    """Each leads to its own resource."""
    urls = [RESULTS.replace("results", resource) + "?locator=a" for resource in (page, following)]
    with pytest.raises(Unavailable, match="something other than this job's results"):
        links({"resultPages": [{"resultUrl": urls[0]}], "nextRecordsUrl": urls[1]})


def test_a_link_with_the_orgs_own_host_is_taken() -> None:
    """Some gateways write whole URLs."""
    with RawServer(http("200 OK", b"")) as raw:
        body = json.dumps({"resultPages": [{"resultUrl": f"{raw.url}{RESULTS}?locator=a"}]}).encode()
        raw.answers[0] = Answer(http("200 OK", body, JSON))
        org = org_at(raw.url)
        assert org.result_pages(QUERY, None, api_version=V).locators == ("a",)


@pytest.mark.parametrize("answer", [[], {}, {"resultPages": None}, {"resultPages": "x"}, {"resultPages": ["x"]}, "x"])
def test_an_answer_that_names_no_pages_is_not_taken(answer: object) -> None:
    """An empty list is one; these are none."""
    with pytest.raises(Unavailable):
        links(answer)


def test_the_embedded_org_links_what_it_pages(org: Bulk2Org, tmp_path: Path) -> None:
    """Each link is the locator that the page before it names; the first one is page 1."""
    load(org, part(tmp_path, *"ABCDEFG"))
    job = org.create_query(QuerySpec("query", "SELECT Name FROM Account ORDER BY Name"), api_version=V)
    ended(org, "query", job.id)
    found = org.result_pages(job.id, None, api_version=V)
    first = org.fetch_page(job.id, None, None, tmp_path / "0.csv", delimiter="COMMA", api_version=V)
    same = org.fetch_page(job.id, found.locators[0], None, tmp_path / "1.csv", delimiter="COMMA", api_version=V)
    assert (first.locator, first.received.sha256) == (same.locator, same.received.sha256)
