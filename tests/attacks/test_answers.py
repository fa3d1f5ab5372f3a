"""Answers of a server that lies, is broken, or is somebody else: faults of the port come out, and nothing else (T7, T14)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import LoadplanError
from loadplan.salesforce import info
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.joblist import list_ingest_jobs
from loadplan.salesforce.port import IngestSpec, OrgFault, QuerySpec

from support.client import JOB, JSON, V, Waits, org_at
from support.raw_server import RawServer, http

CALLS: dict[str, Callable[[Bulk2Org, Path], Any]] = {
    "create ingest": lambda o, _: o.create_ingest(IngestSpec("Account", "insert"), api_version=V),
    "create query": lambda o, _: o.create_query(QuerySpec("query", "SELECT Id FROM Account"), api_version=V),
    "job": lambda o, _: o.job("ingest", JOB, api_version=V),
    "close": lambda o, _: o.close_upload(JOB, api_version=V),
    "abort": lambda o, _: o.abort("query", JOB, api_version=V),
    "result": lambda o, p: o.fetch_result(JOB, "failed", p / "r.csv", delimiter="COMMA", api_version=V),
    "page": lambda o, p: o.fetch_page(JOB, None, None, p / "p.csv", delimiter="COMMA", api_version=V),
    "links": lambda o, _: o.result_pages(JOB, None, api_version=V),
    "list of jobs": lambda o, _: list_ingest_jobs(o, Waits(), V),
    "limits": lambda o, _: info.limits_now(o, Waits(), V),
    "versions": lambda o, _: info.versions(o, Waits()),
    "identity": lambda o, _: info.identity(o, Waits(), V),
}
WORDS = st.sampled_from(
    [
        "id", "state", "records", "done", "nextRecordsUrl", "resultPages", "resultUrl", "Remaining", "Max", "DailyApiRequests",
        "version",
        "Id", "organization_id", "user_id", "numberRecordsProcessed", "errorMessage", "errorCode", "message", "createdDate",
        "object",
        JOB, "Open", "JobComplete", "750",
        "https://evil.example/services/data/v66.0/jobs/ingest?queryLocator=x", "\x1b[2J", "\ud800",
        "../../etc/passwd", "null", "66.0", "2026-11-24T00:00:00.000+0000", "",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | WORDS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=12,
)
BODIES = st.one_of(
    VALUES.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.binary(max_size=200),
    st.just(b"[" * 20_000),
    st.just(b"1" * 5_000),
)
STATUS = st.sampled_from(
    ["200 OK", "200 OK", "201 Created", "204 No Content", "302 Found", "400 Bad Request", "403 x", "404 x", "500 x"]
)
HEADERS = st.lists(
    st.sampled_from([
        JSON, "Location: https://evil.example/", "Sforce-Locator: null", "Sforce-Locator: ../x",
        "Sforce-NumberOfRecords: 99999999999999999999",
        "Sforce-NumberOfRecords: 1", "Content-Encoding: gzip", "Content-Type: text/csv", "Retry-After: -5", "Retry-After: Fri, 99 Foo",
        "Set-Cookie: a=b; Domain=example.com",
    ]),
    max_size=4,
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(status=STATUS, headers=HEADERS, body=BODIES)
def test_any_answer_gives_only_faults(call: str, status: str, headers: list[str], body: bytes, tmp_path: Path) -> None:
    """Whatever comes back: a value, or a fault that the engine knows: no other exception. Nothing is asked of another host."""
    with RawServer(http(status, body, *headers)) as server:
        with contextlib.suppress(OrgFault, LoadplanError):
            CALLS[call](org_at(server.url), tmp_path)
        for asked in server.asked:
            assert asked.target.startswith("/services/")


def test_the_list_of_jobs_never_follows_a_link_to_another_host(tmp_path: Path) -> None:
    """Only the locator of the link is taken: the token stays where it belongs."""
    first = {"done": False, "records": [], "nextRecordsUrl": "https://evil.example/jobs/ingest?queryLocator=01g-1000"}
    last = {"done": True, "records": [], "nextRecordsUrl": None}
    with RawServer(*(http("200 OK", json.dumps(page).encode(), JSON) for page in (first, last))) as server:
        assert list_ingest_jobs(org_at(server.url), Waits(), V) == []
        assert [asked.target.partition("?")[0] for asked in server.asked] == [f"/services/data/v{V}/jobs/ingest"] * 2
        assert "queryLocator=01g-1000" in server.asked[1].target
