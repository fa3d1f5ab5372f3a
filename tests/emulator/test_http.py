"""HTTP as the org speaks it: HEAD, keep-alive, interim answers, compression, chunks, streamed uploads."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from support.facts import fact
from support.wire import Org


def connection(org: Org) -> http.client.HTTPConnection:
    """One connection that is kept."""
    return http.client.HTTPConnection(urlsplit(org.server.instance_url).netloc, timeout=20)


def raw_answer(org: Org, text: bytes) -> bytes:
    """Everything the org sends until it closes."""
    parts = urlsplit(org.server.instance_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as link:
        link.sendall(text)
        found = b""
        while block := link.recv(65536):
            found += block
    return found


@fact("head")
def test_head_is_get_without_a_body(org: Org) -> None:
    """The same headers; the connection goes on."""
    job = org.load("Name\nAcme\n")
    path = f"/services/data/v66.0/jobs/ingest/{job['id']}/successfulResults"
    headers = {"Authorization": f"Bearer {org.token}"}
    link = connection(org)
    found = []
    for method in ("HEAD", "GET"):
        link.request(method, path, headers=headers)
        answer = link.getresponse()
        found.append((answer.status, answer.headers["Content-Length"], answer.headers["Content-Type"], answer.read()))
    link.close()
    assert found[0][:3] == found[1][:3]
    assert (found[0][3], len(found[1][3])) == (b"", int(str(found[1][1])))
    assert org.call("HEAD", "/nothing").status == 404


def test_a_connection_outlives_bodies_that_nobody_wanted(org: Org) -> None:
    """An upload that is refused, a GET with a body, and then a good request on the same connection."""
    link = connection(org)
    base, good = "/services/data/v66.0", {"Authorization": f"Bearer {org.token}"}
    job = org.create()["id"]
    for method, path, body, headers, status in (
        ("PUT", f"/jobs/ingest/{job}/batches", b"x" * 300_000, {"Content-Type": "text/csv"}, 401),
        ("PUT", "/jobs/ingest/750Em0000009999IAA/batches", b"x" * 300_000, {**good, "Content-Type": "text/csv"}, 404),
        ("GET", "/limits", b"a body", good, 200),
        ("POST", "/nothing", b"x" * 10_000, good, 404),
        ("GET", f"/jobs/ingest/{job}", None, good, 200),
    ):
        link.request(method, base + path, body, headers)
        answer = link.getresponse()
        answer.read()
        assert answer.status == status, path
    link.close()


def test_an_upload_that_waits_for_the_go_ahead_gets_it_at_once(org: Org) -> None:
    """`Expect: 100-continue`, as curl sends it: the interim answer comes before the body."""
    job = org.create()["id"]
    parts = urlsplit(org.server.instance_url)
    head = (
        f"PUT /services/data/v66.0/jobs/ingest/{job}/batches HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {org.token}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as link:
        link.sendall(head.encode())
        assert link.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"Name\nAcme\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_an_upload_in_chunks(org: Org) -> None:
    """Without a length."""
    job = org.create()["id"]
    link = connection(org)
    headers = {"Authorization": f"Bearer {org.token}", "Content-Type": "text/csv"}
    path = f"/services/data/v66.0/jobs/ingest/{job}/batches"
    link.request("PUT", path, iter([b"Name\nAc", b"me\n", b"Beta\n"]), headers, encode_chunked=True)
    assert link.getresponse().status == 201
    link.close()
    org.close(job)
    assert org.info(job)["numberRecordsProcessed"] == 2


@fact("gzip-on-request", "deflate-not-honoured")
def test_answers_are_compressed_when_asked_for(org: Org) -> None:
    """gzip comes in chunks; deflate is not honoured; q=0 is a no; JSON too."""
    job = org.load("Name\n" + "Acme\n" * 5_000)
    query = org.query("SELECT Id, Name FROM Account")
    for path in (
        f"/jobs/ingest/{job['id']}/successfulResults",
        f"/jobs/query/{query['id']}/results",
        "/sobjects/Account/describe",
    ):
        plain = org.call("GET", path)
        assert plain.headers["Content-Encoding"] is None
        assert int(str(plain.headers["Content-Length"])) == len(plain.body)
        for asked in ("gzip", "deflate, gzip;q=0.8", "GZIP"):
            packed = org.call("GET", path, headers={"Accept-Encoding": asked})
            assert packed.headers["Content-Encoding"] == "gzip"
            assert packed.headers["Transfer-Encoding"] == "chunked"
            assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
            assert gzip.decompress(packed.body) == plain.body
        for asked in ("deflate", "identity", "gzip;q=0", "br"):
            assert org.call("GET", path, headers={"Accept-Encoding": asked}).body == plain.body
    assert packed.headers["Content-Type"].startswith("application/json")


def test_compression_can_be_switched_off_and_chunks_on() -> None:
    """The service may answer uncompressed; and plain answers may come in chunks."""
    with Org(gzip_answers=False, chunked_answers=True) as org:
        job = org.load("Name\nAcme\nBeta\n")
        found = org.call("GET", f"/jobs/ingest/{job['id']}/successfulResults", headers={"Accept-Encoding": "gzip"})
        assert found.headers["Content-Encoding"] is None
        assert (found.headers["Content-Length"], found.headers["Transfer-Encoding"]) == (None, "chunked")
        assert len(found.rows) == 3


def test_json_bodies_may_be_gzip(org: Org) -> None:
    """Data Loader sends its JSON so."""
    body = gzip.compress(json.dumps({"object": "Account", "operation": "insert"}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert org.call("POST", "/jobs/ingest", body, headers).json["state"] == "Open"


def test_a_client_of_http_1_0_gets_no_chunks(org: Org) -> None:
    """The end of the connection is the end of the body."""
    head = f"GET /services/data/v66.0/limits HTTP/1.0\r\nAuthorization: Bearer {org.token}\r\nAccept-Encoding: gzip\r\n\r\n"
    answer = raw_answer(org, head.encode())
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in headers
    assert json.loads(gzip.decompress(body))["DailyApiRequests"]["Max"] == 100_000


def test_an_upload_that_breaks_off_leaves_the_job_without_content(org: Org) -> None:
    """Nothing of it is kept."""
    job = org.create()["id"]
    parts = urlsplit(org.server.instance_url)
    head = (
        f"PUT /services/data/v66.0/jobs/ingest/{job}/batches HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {org.token}\r\nContent-Length: 1000\r\n\r\nName\nAcme\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as link:
        link.sendall(head.encode())
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b""
    assert org.close(job).error[1] == "INVALIDJOB"


def test_a_page_of_errors_of_its_own_is_a_500(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug of the org is told as Salesforce would, and printed; the org goes on."""
    real, org.server.org.schema = org.server.org.schema, None  # type: ignore[assignment]
    found = org.call("GET", "/sobjects")
    assert found.error[:2] == (500, "UNKNOWN_EXCEPTION")
    assert "Traceback" in capsys.readouterr().err
    org.server.org.schema = real
    assert org.call("GET", "/sobjects").status == 200


def test_each_request_may_take_its_time() -> None:
    """The latency a test sets."""
    with Org(request_latency=0.05) as org:
        waited: list[float] = []

        class Noted:
            """Stands for the event whose wait is the latency."""

            def wait(self, seconds: float) -> None:
                waited.append(seconds)

            def is_set(self) -> bool:
                return False

            def set(self) -> None:
                """Nobody waits."""

        assert org.server._server is not None
        org.server._server.stopping = Noted()  # type: ignore[assignment]
        assert org.call("GET", "/limits").status == 200
        assert waited == [0.05]
