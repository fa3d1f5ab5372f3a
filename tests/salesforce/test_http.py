"""What an answer proves: refusals, silence, redirects, tokens. Broken answers come from a server of raw bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from loadplan.errors import OrgError
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.http import Http, Timeouts, check_login_url, check_origin, new_session
from loadplan.salesforce.port import (
    AuthRefused,
    IngestSpec,
    NotFound,
    OrgFault,
    QuotaExceeded,
    Refused,
    Unavailable,
)

from support.raw_server import Answer, RawServer, http

JOB = "750000000000001AAA"
JSON = "Content-Type: application/json;charset=UTF-8"
CANARY = "00D000000000001!canary.token"
OPEN = http("200 OK", json.dumps({"id": JOB, "state": "Open"}).encode(), JSON)
EXPIRED = http("401 Unauthorized", b'[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]', JSON)


class Waits:
    """A clock that notes how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def monotonic(self) -> float:
        return sum(self.waited)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def wake(self) -> None:
        """Nobody sleeps."""


def org_at(url: str, tokens: Iterator[str] | None = None, read: float = 5.0) -> Bulk2Org:
    """A client whose tokens are taken one by one at each refresh."""
    supply = tokens or iter([CANARY, "second", "third"])
    current = [next(supply)]

    def token(refresh: bool) -> str:
        if refresh:
            current[0] = next(supply)
        return current[0]

    return Bulk2Org(Http(url, token, timeouts=Timeouts(5.0, read)))


def error(status: str, code: str, message: str = "words", *headers: str) -> bytes:
    """The API's error array."""
    return http(status, json.dumps([{"errorCode": code, "message": message}]).encode(), JSON, *headers)


MEANINGS: dict[str, tuple[bytes, type[OrgFault]]] = {
    "an error array": (error("400 Bad Request", "INVALIDJOB"), Refused),
    "a job that is gone": (error("404 Not Found", "NOT_FOUND"), NotFound),
    "the request limit": (error("403 Forbidden", "REQUEST_LIMIT_EXCEEDED"), QuotaExceeded),
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
        org_at(server.url).job("ingest", JOB, api_version="66.0")
    assert type(fault.value) is kind
    assert len(server.asked) == 1


def test_a_page_of_html_is_named_by_its_title() -> None:
    """The reader learns who spoke."""
    with RawServer(MEANINGS["200 with a page of HTML"][0]) as server, pytest.raises(Unavailable) as fault:
        org_at(server.url).job("ingest", JOB, api_version="66.0")
    assert "an HTML page: Setting things up" in fault.value.detail


def test_the_servers_wish_to_wait_is_passed_on() -> None:
    """Retry-After in seconds."""
    with (
        RawServer(http("429 Too Many Requests", b"", "Retry-After: 17")) as server,
        pytest.raises(Unavailable) as fault,
    ):
        org_at(server.url).job("ingest", JOB, api_version="66.0")
    assert (fault.value.status, fault.value.retry_after) == (429, 17.0)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_never_followed_with_a_token(status: str, tmp_path: Path) -> None:
    """The other server hears nothing at all: no token, no rows."""
    part = tmp_path / "part.csv"
    part.write_bytes(b"Name\nAcme\n")
    with RawServer(OPEN) as thief, RawServer(http(status, b"", f"Location: {thief.url}/steal")) as server:
        org = org_at(server.url)
        with pytest.raises(Unavailable, match="redirect"):
            org.job("ingest", JOB, api_version="66.0")
        with pytest.raises(Unavailable, match="redirect"):
            org.upload(JOB, part, api_version="66.0")
        with pytest.raises(Unavailable, match="redirect"):
            org.create_ingest(IngestSpec("Account", "insert"), api_version="66.0")
    assert thief.asked == []
    assert len(server.asked) == 3


def test_an_upload_meets_an_expired_token_and_is_sent_whole_once_more(tmp_path: Path) -> None:
    """401 proves that nothing was taken: the token is renewed once, the file rewound, the length declared."""
    part = tmp_path / "part.csv"
    part.write_bytes(b"Name\n" + b"Acme\n" * 1000)
    with RawServer(EXPIRED, http("201 Created")) as server:
        assert org_at(server.url).upload(JOB, part, api_version="66.0") == 201
    assert [a.headers["authorization"] for a in server.asked] == [f"Bearer {CANARY}", "Bearer second"]
    for asked in server.asked:
        assert asked.body == part.read_bytes()
        assert asked.headers["content-length"] == str(part.stat().st_size)
        assert "transfer-encoding" not in asked.headers
        assert asked.headers["sforce-call-options"].startswith("client=loadplan/")


def test_a_second_401_ends_it() -> None:
    """Two requests and no third: a person must look."""
    with RawServer(EXPIRED) as server, pytest.raises(AuthRefused):
        org_at(server.url).job("ingest", JOB, api_version="66.0")
    assert len(server.asked) == 2


def test_a_stalled_server_ends_by_the_time_limit() -> None:
    """The connection is there and nothing comes."""
    with RawServer(Answer(b"", stall=True)) as server, pytest.raises(Unavailable, match="stalled"):
        org_at(server.url, read=0.2).job("ingest", JOB, api_version="66.0")


def test_a_closed_port_is_unavailable() -> None:
    """Nobody listens there any more."""
    with RawServer(OPEN) as server:
        url = server.url
    with pytest.raises(Unavailable, match="cannot connect"):
        org_at(url).job("ingest", JOB, api_version="66.0")


@pytest.mark.parametrize("body", [b'{"done":true,"records":[]}', b'{"id":"001000000000001AAA","state":"Open"}', b"[]"])
def test_a_create_without_a_job_id_is_no_creation(body: bytes) -> None:
    """A POST that became a GET answers the list of jobs."""
    with RawServer(http("200 OK", body, JSON)) as server, pytest.raises(Unavailable):
        org_at(server.url).create_ingest(IngestSpec("Account", "insert"), api_version="66.0")


@pytest.mark.parametrize("job", ["", "001000000000001AAA", "750000000000001/../x", "750000000000001AAA\n", "750ü"])
def test_a_text_that_is_no_job_id_never_reaches_a_path(job: str) -> None:
    """Paths are made of checked ids only."""
    with RawServer(OPEN) as server, pytest.raises(OrgFault, match="not the id"):
        org_at(server.url).job("ingest", job, api_version="66.0")
    assert server.asked == []


def test_a_read_before_the_run_is_tried_again_with_growing_waits() -> None:
    """Two failures, then the answer."""
    clock = Waits()
    down = http("503 Service Unavailable")
    with RawServer(down, down, http("200 OK", b"[]", JSON)) as server:
        assert org_at(server.url).http.read_json("/services/data", clock) == []
    assert clock.waited == [0.5, 1.0]


def test_a_read_before_the_run_gives_up_after_four_tries() -> None:
    """Exit 3, with the reason and the place."""
    clock = Waits()
    with RawServer(http("503 Service Unavailable")) as server, pytest.raises(OrgError) as stop:
        org_at(server.url).http.read_json("/services/data", clock)
    assert (len(server.asked), stop.value.code, stop.value.where) == (4, "LP0405", server.url)


def test_a_refused_read_before_the_run_is_not_tried_again() -> None:
    """A refusal stays one."""
    clock = Waits()
    with RawServer(error("403 Forbidden", "API_DISABLED_FOR_ORG")) as server, pytest.raises(OrgError) as stop:
        org_at(server.url).http.read_json("/services/data", clock)
    assert (len(server.asked), clock.waited, stop.value.code) == (1, [], "LP0402")


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for the host in ~/.netrc does not take the place of the token; loopback would not show it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.my.salesforce.com login someone password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    url = "https://acme.my.salesforce.com"
    asked = requests.Request("GET", url + "/services/data", headers={"Authorization": f"Bearer {CANARY}"})
    assert new_session(url).prepare_request(asked).headers["Authorization"] == f"Bearer {CANARY}"


def test_requests_are_told_to_a_listener_without_the_token() -> None:
    """Method, path, status and seconds; nothing else."""
    heard: list[tuple[str, str, int | None]] = []
    with RawServer(OPEN) as server:
        client = Http(server.url, lambda _: CANARY, on_request=lambda m, p, s, _: heard.append((m, p, s)))
        Bulk2Org(client).job("ingest", JOB, api_version="66.0")
    assert heard == [("GET", f"/services/data/v66.0/jobs/ingest/{JOB}", 200)]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("https://acme--ci.sandbox.my.salesforce.com", "https://acme--ci.sandbox.my.salesforce.com"),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_an_org_may_live_there(url: str, origin: str) -> None:
    """My Domains over https, and loopback."""
    assert check_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com.evil.example",
        "https://evil.example/acme.my.salesforce.com",
        "https://evilmy.salesforce.com",
        "https://login.salesforce.com",
        "https://user:secret@acme.my.salesforce.com",
        "https://acme.my.salesforce.com/services",
        "https://acme.my.salesforce.com?x=1",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://[broken",
        "",
    ],
)
def test_no_token_goes_there(url: str) -> None:
    """Anything else is refused before a byte is sent, and a password in it is not shown."""
    with pytest.raises(OrgError) as stop:
        check_origin(url)
    assert stop.value.code == "LP0404"
    assert "secret" not in stop.value.summary


def test_logins_go_to_salesforce_or_the_my_domain_only() -> None:
    """A login URL is held to the same rule, with the two common hosts added."""
    assert check_login_url("https://test.salesforce.com/") == "https://test.salesforce.com"
    assert check_login_url("https://acme.my.salesforce.com") == "https://acme.my.salesforce.com"
    for url in ("http://login.salesforce.com", "https://login.salesforce.com.evil.example"):
        with pytest.raises(OrgError):
            check_login_url(url)
