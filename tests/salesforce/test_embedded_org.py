"""The client against the embedded org over real HTTP: a whole ingest, paged queries, a renewed token, descriptions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import OrgError
from loadplan.salesforce import info
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.orgs import OrgProfile, connect_with_token
from loadplan.salesforce.port import IngestSpec, JobInfo, JobKind, NotFound, QuerySpec, Refused

V = "66.0"


@pytest.fixture
def server() -> Iterator[EmbeddedOrg]:
    """An org without latency."""
    with EmbeddedOrg(settings=Settings(latency=0.0, rows_per_second=1e9)) as org:
        yield org


@pytest.fixture
def org(server: EmbeddedOrg) -> Bulk2Org:
    """A client of it."""
    return connect_with_token(server.instance_url, server.access_token, clock=SystemClock())


def settled(org: Bulk2Org, kind: JobKind, job: str) -> JobInfo:
    """Poll until the job has ended."""
    for _ in range(500):
        found = org.job(kind, job, api_version=V)
        if found.is_terminal:
            return found
    raise AssertionError(found)


def load(org: Bulk2Org, text: str, folder: Path) -> JobInfo:
    """Insert accounts."""
    part = folder / "part.csv"
    part.write_text(text)
    job = org.create_ingest(IngestSpec("Account", "insert"), api_version=V)
    assert (job.state, job.processed) == ("Open", None)
    assert org.upload(job.id, part, api_version=V) == 201
    assert org.close_upload(job.id, api_version=V).state == "UploadComplete"
    return settled(org, "ingest", job.id)


def names(path: Path) -> list[str]:
    """The Name column of a file."""
    with path.open(newline="") as file:
        return [row["Name"] for row in csv.DictReader(file)]


def test_rows_are_loaded_and_each_result_file_is_fetched(org: Bulk2Org, tmp_path: Path) -> None:
    """Two good rows and one without its required field: processed counts all three."""
    job = load(org, 'Name,Site\nAcme,"two\nlines"\n,x\nBeta,y\n', tmp_path)
    assert (job.state, job.processed, job.failed) == ("JobComplete", 3, 1)
    good = org.fetch_result(job.id, "successful", tmp_path / "s.csv", delimiter="COMMA", api_version=V)
    bad = org.fetch_result(job.id, "failed", tmp_path / "f.csv", delimiter="COMMA", api_version=V)
    none = org.fetch_result(job.id, "unprocessed", tmp_path / "u.csv", delimiter="COMMA", api_version=V)
    assert (good.rows, bad.rows, none.rows) == (2, 1, 0)
    assert sorted(names(good.path)) == ["Acme", "Beta"]


def test_a_query_is_fetched_page_by_page(org: Bulk2Org, tmp_path: Path) -> None:
    """The first locator asked is none, the last one received is the literal null; no row is twice or missing."""
    wanted = [f"Account {n:03}" for n in range(25)]
    load(org, "Name\n" + "\n".join(wanted) + "\n", tmp_path)
    job = org.create_query(QuerySpec("query", "SELECT Id, Name FROM Account"), api_version=V)
    assert settled(org, "query", job.id).processed == 25
    locator, pages, seen = None, 0, []
    while locator != "null":
        pages += 1
        page = org.fetch_page(job.id, locator, 10, tmp_path / f"{pages}.csv", delimiter="COMMA", api_version=V)
        seen += names(page.received.path)
        locator = page.locator
    assert pages == 3
    assert sorted(seen) == wanted


def test_a_small_job_goes_in_one_request(org: Bulk2Org, tmp_path: Path) -> None:
    """Multipart: the job is closed when it is answered."""
    part = tmp_path / "part.csv"
    part.write_text("Name\nAcme\n")
    job = org.create_multipart(IngestSpec("Account", "insert"), part, api_version=V)
    assert job.state == "UploadComplete"
    assert settled(org, "ingest", job.id).processed == 1


def test_an_open_job_is_aborted(org: Bulk2Org) -> None:
    """It answers in the state it then has."""
    job = org.create_ingest(IngestSpec("Account", "insert"), api_version=V)
    assert org.abort("ingest", job.id, api_version=V).state == "Aborted"


def test_the_orgs_refusals_keep_its_words(org: Bulk2Org) -> None:
    """An unknown job is NotFound, an unknown object Refused."""
    with pytest.raises(NotFound):
        org.job("ingest", "750000000000999AAA", api_version=V)
    with pytest.raises(Refused, match="Unable to find object"):
        org.create_ingest(IngestSpec("Nope__c", "insert"), api_version=V)


def test_tokens_that_end_in_the_middle_are_renewed(server: EmbeddedOrg, org: Bulk2Org, tmp_path: Path) -> None:
    """The caller does not notice."""
    job = org.create_ingest(IngestSpec("Account", "insert"), api_version=V)
    server.faults.expire_tokens()
    assert org.job("ingest", job.id, api_version=V).state == "Open"


def test_a_result_cut_by_the_org_is_not_taken(server: EmbeddedOrg, org: Bulk2Org, tmp_path: Path) -> None:
    """The same question afterwards gives the whole file."""
    job = load(org, "Name\n" + "Acme\n" * 500, tmp_path)
    server.faults.add("successful", "truncate", nth=1)
    folder = tmp_path / "out"
    with pytest.raises(Exception, match="successfulResults") as cut:
        org.fetch_result(job.id, "successful", folder / "s.csv", delimiter="COMMA", api_version=V)
    assert type(cut.value).__name__ == "Truncated"
    assert list(folder.iterdir()) == []
    assert org.fetch_result(job.id, "successful", folder / "s.csv", delimiter="COMMA", api_version=V).rows == 500


def test_the_check_says_who_and_how_much_is_left(org: Bulk2Org, server: EmbeddedOrg) -> None:
    """Identity, versions and limits of one org."""
    check = info.gather_check(org, OrgProfile("embedded"))
    assert check.identity.organization_id == server.org.settings.org_id
    assert check.identity.is_sandbox is True
    assert check.api_versions[-1] == "67.0"
    assert all(0 <= left <= most for left, most in check.limits.values())


def test_descriptions_are_the_same_bytes_each_time(org: Bulk2Org, tmp_path: Path) -> None:
    """Sorted keys, so that git shows real changes; a name that is no API name makes no path."""
    [first] = info.write_describes(org, ["Account"], tmp_path)
    before = first.read_bytes()
    assert info.write_describes(org, ["account"], tmp_path)[0].name.lower() == "account.json"
    assert first.read_bytes() == before
    assert list(json.loads(before)) == sorted(json.loads(before))
    with pytest.raises(OrgError):
        info.write_describes(org, ["../../Account"], tmp_path)
