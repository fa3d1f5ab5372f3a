"""What an answer proves: refusals, silence, redirects, tokens. Broken answers come from a server of raw bytes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from loadplan.errors import OrgError
from loadplan.salesforce import http as door
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.http import Http
from loadplan.salesforce.port import (
    AuthRefused,
    IngestSpec,
    NotFound,
    OrgFault,
    QuotaExceeded,
    Refused,
    Unavailable,
)

from support.client import CANARY, EXPIRED, JOB, JSON, OPEN, V, Waits, error, org_at
from support.raw_server import Answer, RawServer, http

HTML = "Content-Type: text/html; charset=UTF-8"
MEANINGS: dict[str, tuple[bytes, type[OrgFault]]] = {
    "an error array": (error("400 Bad Request", "INVALIDJOB"), Refused),
    "a job that is gone": (error("404 Not Found", "NOT_FOUND"), NotFound),
    "the request limit": (error("403 Forbidden", "REQUEST_LIMIT_EXCEEDED"), QuotaExceeded),
    "the request limit in other words": (
        error("403 Forbidden", "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        QuotaExceeded,
    ),
    "the daily query jobs": (
        error("400 Bad Request", "API_ERROR", "Max bulk v2 query jobs (10000) per 24 hrs has been reached"),
        QuotaExceeded,
    ),
    "404 of a proxy": (http("404 Not Found", b"<html><title>Not here</title></html>"), Unavailable),
    "403 of a gateway in JSON": (http("403 Forbidden", b'{"error":"blocked","reason":"policy"}', JSON), Unavailable),
    "maintenance": (error("503 Service Unavailable", "SERVER_UNAVAILABLE"), Unavailable),
    "a passing refusal with 4xx": (error("400 Bad Request", "TXN_SECURITY_METERING_ERROR"), Unavailable),
    "500": (error("500 Internal Server Error", "UNKNOWN_EXCEPTION"), Unavailable),
    "406": (http("406 Not Acceptable"), Unavailable),
    "420": (http("420 Enhance"), Unavailable),
    "429": (http("429 Too Many Requests"), Unavailable),
    "too many requests at once": (
        error(
            "403 Forbidden", "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        ),
        Unavailable,
    ),
    "a request too large for a gateway": (http("413 Payload Too Large", b"<html><title>no</title></html>"), Refused),
    "a path too long for a gateway": (http("414 URI Too Long"), Refused),
    "a wrong content type": (http("415 Unsupported Media Type"), Refused),
    "401 of a page of HTML": (http("401 Unauthorized", b"<html><title>Proxy</title></html>", HTML), Unavailable),
    "an error of brackets": (http("400 Bad Request", b"[" * 100_000, JSON), Unavailable),
    "an answer of brackets": (http("200 OK", b"[" * 100_000, JSON), Unavailable),
    "a number without end": (http("200 OK", b"9" * 100_000, JSON), Unavailable),
    "a state that is none": (http("200 OK", json.dumps({"id": JOB, "state": "\x1b[2J"}).encode(), JSON), Unavailable),
    "200 with a page of HTML": (http("200 OK", b"<html><title>Setting things up</title></html>"), Unavailable),
    "200 with another thing": (http("200 OK", b'{"done":true,"records":[]}', JSON), Unavailable),
    "200 with another job": (http("200 OK", b'{"id":"750000000000002AAA","state":"Open"}', JSON), Unavailable),
    "no answer": (b"", Unavailable),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-Le", Unavailable),
    "half a body": (http("200 OK", b'{"id":', JSON, length=200), Unavailable),
    "half the body of an error": (http("400 Bad Request", b'[{"err', JSON, length=200), Unavailable),
}


@pytest.mark.parametrize(("answer", "kind"), MEANINGS.values(), ids=MEANINGS.keys())
def test_an_answer_is_taken_for_what_it_proves(answer: bytes, kind: type[OrgFault]) -> None:
    """Only a well-formed 4xx of the API is a refusal; and nothing is repeated by the transport."""
    with RawServer(answer) as server, pytest.raises(OrgFault) as fault:
        org_at(server.url).job("ingest", JOB, api_version=V)
    assert type(fault.value) is kind
    assert len(server.asked) == 1


def test_a_page_of_html_is_named_by_its_title() -> None:
    """The reader learns who spoke."""
    with RawServer(MEANINGS["200 with a page of HTML"][0]) as server, pytest.raises(Unavailable) as fault:
        org_at(server.url).job("ingest", JOB, api_version=V)
    assert "an HTML page: Setting things up" in fault.value.detail


DATE = "Date: Mon, 23 Nov 2026 10:00:00 GMT"
WISHES: dict[str, float | None] = {
    "17": 17.0,
    "Mon, 23 Nov 2026 10:02:00 GMT": 120.0,
    "Mon, 23 Nov 2026 09:00:00 GMT": 0.0,
    "soon": None,
    "-5": None,
    "\u00b2": None,
    "9" * 400: None,
}


@pytest.mark.parametrize(("wish", "seconds"), WISHES.items())
def test_the_servers_wish_to_wait_is_passed_on(wish: str, seconds: float | None) -> None:
    """Retry-After in seconds or as a date, measured by the server's own clock; nonsense is no wish and no crash."""
    head = f"HTTP/1.1 429 Slow\r\nConnection: close\r\n{DATE}\r\nRetry-After: {wish}\r\nContent-Length: 0\r\n\r\n"
    with RawServer(head.encode("latin-1")) as server, pytest.raises(Unavailable) as fault:
        org_at(server.url).job("ingest", JOB, api_version=V)
    assert (fault.value.status, fault.value.retry_after) == (429, seconds)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_never_followed_with_a_token(status: str, tmp_path: Path) -> None:
    """The other server hears nothing at all: no token, no rows."""
    part = tmp_path / "part.csv"
    part.write_bytes(b"Name\nAcme\n")
    with RawServer(OPEN) as thief, RawServer(http(status, b"", f"Location: {thief.url}/steal")) as server:
        org = org_at(server.url)
        with pytest.raises(Unavailable, match="redirect"):
            org.job("ingest", JOB, api_version=V)
        with pytest.raises(Unavailable, match="redirect"):
            org.upload(JOB, part, api_version=V)
        with pytest.raises(Unavailable, match="redirect"):
            org.create_ingest(IngestSpec("Account", "insert"), api_version=V)
    assert thief.asked == []
    assert len(server.asked) == 3


def test_an_upload_meets_an_expired_token_and_is_sent_whole_once_more(tmp_path: Path) -> None:
    """401 proves that nothing was taken: the token is renewed once, the file rewound, the length declared."""
    part = tmp_path / "part.csv"
    part.write_bytes(b"Name\n" + b"Acme\n" * 1000)
    with RawServer(EXPIRED, http("201 Created")) as server:
        assert org_at(server.url).upload(JOB, part, api_version=V) == 201
    assert [a.headers["authorization"] for a in server.asked] == [f"Bearer {CANARY}", "Bearer second"]
    for asked in server.asked:
        assert asked.body == part.read_bytes()
        assert asked.headers["content-length"] == str(part.stat().st_size)
        assert "transfer-encoding" not in asked.headers
        assert asked.headers["sforce-call-options"].startswith("client=loadplan/")


def test_a_second_401_ends_it() -> None:
    """Two requests and no third: a person must look."""
    with RawServer(EXPIRED) as server, pytest.raises(AuthRefused):
        org_at(server.url).job("ingest", JOB, api_version=V)
    assert len(server.asked) == 2


def test_a_stalled_server_ends_by_the_time_limit() -> None:
    """The connection is there and nothing comes."""
    with RawServer(Answer(b"", stall=True)) as server, pytest.raises(Unavailable, match="stalled"):
        org_at(server.url, read=0.2).job("ingest", JOB, api_version=V)


def test_a_closed_port_is_unavailable() -> None:
    """Nobody listens there any more."""
    with RawServer(OPEN) as server:
        url = server.url
    with pytest.raises(Unavailable, match="cannot connect"):
        org_at(url).job("ingest", JOB, api_version=V)


@pytest.mark.parametrize("body", [b'{"done":true,"records":[]}', b'{"id":"001000000000001AAA","state":"Open"}', b"[]"])
def test_a_create_without_a_job_id_is_no_creation(body: bytes) -> None:
    """A POST that became a GET answers the list of jobs."""
    with RawServer(http("200 OK", body, JSON)) as server, pytest.raises(Unavailable):
        org_at(server.url).create_ingest(IngestSpec("Account", "insert"), api_version=V)


@pytest.mark.parametrize("job", ["", "001000000000001AAA", "750000000000001/../x", "750000000000001AAA\n", "750ü"])
def test_a_text_that_is_no_job_id_never_reaches_a_path(job: str) -> None:
    """Paths are made of checked ids only."""
    with RawServer(OPEN) as server, pytest.raises(OrgFault, match="not the id"):
        org_at(server.url).job("ingest", job, api_version=V)
    assert server.asked == []


def test_a_read_before_the_run_is_tried_again_with_growing_waits() -> None:
    """Two failures, then the answer."""
    clock = Waits()
    down = http("503 Service Unavailable")
    with RawServer(down, down, http("200 OK", b"[]", JSON)) as server:
        assert org_at(server.url).http.read("/services/data", clock) == []
    assert clock.waited == [0.5, 1.0]


def test_a_read_before_the_run_gives_up_after_four_tries() -> None:
    """Exit 3, with the reason and the place."""
    clock = Waits()
    with RawServer(http("503 Service Unavailable")) as server, pytest.raises(OrgError) as stop:
        org_at(server.url).http.read("/services/data", clock)
    assert (len(server.asked), stop.value.code, stop.value.where) == (4, "LP0405", server.url)


def test_a_refused_read_before_the_run_is_not_tried_again() -> None:
    """A refusal stays one."""
    clock = Waits()
    with RawServer(error("403 Forbidden", "API_DISABLED_FOR_ORG")) as server, pytest.raises(OrgError) as stop:
        org_at(server.url).http.read("/services/data", clock)
    assert (len(server.asked), clock.waited, stop.value.code) == (1, [], "LP0402")


def test_requests_are_told_to_a_listener_without_the_token() -> None:
    """Method, path, status and seconds; nothing else."""
    heard: list[tuple[str, str, int | None]] = []
    with RawServer(OPEN) as server:
        client = Http(server.url, lambda _: CANARY, on_request=lambda m, p, s, _: heard.append((m, p, s)))
        Bulk2Org(client).job("ingest", JOB, api_version=V)
    assert heard == [("GET", f"/services/data/v66.0/jobs/ingest/{JOB}", 200)]


def test_a_location_that_is_not_text_is_a_fault_and_not_a_crash() -> None:
    """The library trips over such a header by itself."""
    bad = b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: https://\xff\xfe\r\nContent-Length: 0\r\n\r\n"
    with RawServer(bad) as server, pytest.raises(Unavailable):
        org_at(server.url).create_ingest(IngestSpec("Account", "insert"), api_version=V)


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed"])
def test_an_answer_that_does_not_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    """JSON is held in memory, so it has a cap; a few kilobytes of gzip that nobody asked for count by what they unpack to."""
    monkeypatch.setattr(door, "MAX_BODY", 100_000)
    text = b'{"id":"' + b"7" * 2_000_000 + b'"}'
    answer = (
        http("200 OK", gzip.compress(text), JSON, "Content-Encoding: gzip") if packed else http("200 OK", text, JSON)
    )
    with RawServer(answer) as server, pytest.raises(Unavailable, match="does not end"):
        org_at(server.url).create_ingest(IngestSpec("Account", "insert"), api_version=V)


def test_words_of_the_org_cannot_carry_escapes_or_a_token() -> None:
    """What is shown is Salesforce's message without control characters and without what looks like a token."""
    answer = error("400 Bad Request", "INVALIDJOB", f"\x1b[2J{CANARY} bad \ud83d")
    with RawServer(answer) as server, pytest.raises(Refused) as fault:
        org_at(server.url).create_ingest(IngestSpec("Account", "insert"), api_version=V)
    assert fault.value.message == "?[2J*** bad ?"


def test_the_message_of_a_job_can_be_written_to_a_file() -> None:
    """Half a character, as a cut message may end with, cannot be encoded: the journal would refuse it at every resume."""
    body = json.dumps({"id": JOB, "state": "Failed", "errorMessage": "InvalidBatch : \ud83d \x1b[2J" + "x" * 9000})
    with RawServer(http("200 OK", body.encode(), JSON)) as server:
        info = org_at(server.url).job("ingest", JOB, api_version=V)
    assert info.error is not None
    assert info.error.encode().startswith(b"InvalidBatch : ? ?[2Jxx")
    assert len(info.error) == 2000


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Evil: 1"])
def test_a_token_that_is_none_is_never_sent(token: str) -> None:
    """It could otherwise write headers, or appear in the exception of a library."""
    with RawServer(OPEN) as server, pytest.raises(AuthRefused) as caught:
        org_at(server.url, token).job("ingest", JOB, api_version=V)
    assert server.asked == []
    assert "words" not in repr(caught.value)


def test_a_fault_does_not_carry_the_request_of_the_library() -> None:
    """Exceptions of requests hold the prepared request, and with it the token."""
    with pytest.raises(Unavailable) as caught:
        org_at("http://127.0.0.1:9").job("ingest", JOB, api_version=V)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
