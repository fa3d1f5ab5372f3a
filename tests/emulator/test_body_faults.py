"""Answers that are spoiled: each form in which a body can end early, stall, or be something else (reliability page 0.2)."""

from __future__ import annotations

import gzip
import http.client
import zlib
from urllib.parse import urlsplit

import pytest
import requests
from loadplan.emulator.faults import ANSWER, BESIDE, EFFECTS, INSTEAD, Faults

from support.wire import Answer, Org

ROWS = "Name\n" + "".join(f"Acme {n * 7919 % 10_007}\n" for n in range(3_000))


def results(org: Org, effect: str, job: str, **more: float) -> tuple[Answer | None, bytes]:
    """The successful results under a fault: the whole answer, or what came before the connection broke."""
    org.server.faults.clear()
    org.server.faults.add("successful", effect, None, **more)  # type: ignore[arg-type]
    link = http.client.HTTPConnection(urlsplit(org.server.instance_url).netloc, timeout=20)
    headers = {
        "Authorization": f"Bearer {org.token}",
        "Accept-Encoding": "gzip" if effect.startswith("gzip") else "identity",
    }
    try:
        link.request("GET", f"/services/data/v66.0/jobs/ingest/{job}/successfulResults", headers=headers)
        answer = link.getresponse()
        try:
            return Answer(answer.status, answer.headers, answer.read()), b""
        except http.client.IncompleteRead as broken:
            return None, broken.partial
    finally:
        link.close()


def whole_results(org: Org, job: str) -> bytes:
    """The same file without a fault."""
    org.server.faults.clear()
    return org.results({"id": job}).body


@pytest.fixture
def job(org: Org) -> str:
    """A job with rows to give back."""
    return str(org.load(ROWS)["id"])


@pytest.mark.parametrize("effect", ["short", "truncate", "chunked cut"])
def test_forms_that_every_client_notices(org: Org, job: str, effect: str) -> None:
    """Fewer bytes than the length, chunks without their end: half of the body is there."""
    whole = org.results({"id": job}).body
    answer, partial = results(org, effect, job)
    assert answer is None
    assert whole.startswith(partial)
    assert len(partial) == pytest.approx(len(whole) / 2, abs=1)


def test_a_body_without_length_that_ends_with_its_connection(org: Org, job: str) -> None:
    """Looks whole, and is half."""
    whole = org.results({"id": job}).body
    answer, _ = results(org, "close cut", job)
    assert answer is not None
    assert answer.headers["Connection"] == "close"
    assert (answer.headers["Content-Length"], answer.headers["Transfer-Encoding"]) == (None, None)
    assert answer.body == whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("effect", "framing"), [("gzip cut", None), ("gzip cut length", "length"), ("gzip cut chunked", "chunked")]
)
def test_a_gzip_stream_cut_inside_a_message_that_looks_whole(
    org: Org, job: str, effect: str, framing: str | None
) -> None:
    """The message is complete, the stream in it is not."""
    answer, _ = results(org, effect, job)
    assert answer is not None
    assert answer.headers["Content-Encoding"] == "gzip"
    assert (answer.headers["Content-Length"] is not None) is (framing == "length")
    assert (answer.headers["Transfer-Encoding"] == "chunked") is (framing == "chunked")
    whole, stream = whole_results(org, job), zlib.decompressobj(31)
    assert whole.startswith(stream.decompress(answer.body))
    assert not stream.eof


@pytest.mark.parametrize("effect", ["gzip cut", "gzip cut length", "gzip cut chunked", "close cut"])
def test_requests_takes_a_cut_body_for_a_whole_one(org: Org, job: str, effect: str) -> None:
    """The reason why there are these faults."""
    org.server.faults.add("successful", effect, None)
    url = f"{org.server.instance_url}/services/data/v66.0/jobs/ingest/{job}/successfulResults"
    encoding = "gzip" if effect.startswith("gzip") else "identity"
    headers = {"Authorization": f"Bearer {org.token}", "Accept-Encoding": encoding}
    taken = requests.get(url, headers=headers, timeout=20)
    assert taken.status_code == 200
    assert 0 < len(taken.content) < len(whole_results(org, job))


def test_a_gzip_stream_with_a_wrong_checksum(org: Org, job: str) -> None:
    """All of it arrives, and it is damaged."""
    answer, _ = results(org, "gzip crc", job)
    assert answer is not None
    assert zlib.decompressobj(-15).decompress(answer.body[10:]) == whole_results(org, job)
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(answer.body)


@pytest.mark.parametrize("effect", ["gzip cut", "gzip cut length", "gzip cut chunked", "gzip crc"])
def test_gzip_faults_of_plain_answers_cut_them_plain(org: Org, job: str, effect: str) -> None:
    """Who asks for no gzip gets none; the framing is spoiled all the same."""
    org.server.faults.add("successful", effect, None)
    found = org.results({"id": job})
    assert found.headers["Content-Encoding"] is None
    whole = whole_results(org, job)
    assert found.body == (whole if effect == "gzip crc" else whole[: len(whole) // 2])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_how_much_is_sent_can_be_chosen(org: Org, job: str, share: float) -> None:
    """From nothing to everything."""
    answer, _ = results(org, "close cut", job, share=share)
    assert answer is not None
    assert len(answer.body) == int(len(whole_results(org, job)) * share)


@pytest.mark.parametrize("effect", ["stall", "slow", "late"])
def test_answers_that_take_their_time_are_whole(org: Org, job: str, effect: str) -> None:
    """The connection is silent, or trickles, for the seconds a test sets; then everything is there."""
    answer, _ = results(org, effect, job, seconds=0.02)
    assert answer is not None
    assert answer.body == whole_results(org, job)


def test_a_stall_longer_than_the_patience_of_a_client(org: Org, job: str) -> None:
    """No byte for a time: the read times out; stopping the org does not wait for it."""
    org.server.faults.add("successful", "stall", seconds=3600)
    url = f"{org.server.instance_url}/services/data/v66.0/jobs/ingest/{job}/successfulResults"
    with pytest.raises(requests.exceptions.RequestException, match="timed out"):
        requests.get(url, headers={"Authorization": f"Bearer {org.token}"}, timeout=(5, 0.2))


def test_an_upload_is_reset_in_its_middle(org: Org) -> None:
    """The connection breaks while the body is on its way; the org has nothing of it."""
    org.server.faults.add("upload", "reset")
    job = org.create()["id"]
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        org.put(job, b"Name\n" + b"x" * 5_000_000)
    assert [(entry.kind, entry.status, entry.fault) for entry in org.server.org.requests if entry.fault] == [
        ("upload", 0, "reset")
    ]
    assert org.close(job).error[1] == "INVALIDJOB"
    assert org.put(job, "Name\nAcme\n").status == 201


@pytest.mark.parametrize(
    ("effect", "happened"), [("drop before", 0), ("reset", 0), ("drop after", 1), ("reset after", 1)]
)
def test_a_lost_request_and_a_lost_answer(org: Org, effect: str, happened: int) -> None:
    """Without an answer either way; only the job tells them apart."""
    org.server.faults.add("create ingest", effect)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        org.create()
    assert len(org.server.org.jobs) == happened
    assert org.create()["state"] == "Open"


def test_html_where_json_or_csv_was_asked_for(org: Org, job: str) -> None:
    """A page with 200 by default, with any status by the other effect."""
    org.server.faults.add("successful", "html")
    page = org.results({"id": job})
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    org.server.faults.add("job info", "status", None, status=503, body=b"<html></html>", headers={"Retry-After": "7"})
    found = org.call("GET", f"/jobs/ingest/{job}")
    assert (found.status, found.headers["Retry-After"], found.body) == (503, "7", b"<html></html>")


def test_tokens_end_and_jobs_are_aborted_before_the_request(org: Org) -> None:
    """What happens beside a request."""
    org.server.faults.add("job info", "expire", nth=1)
    org.server.faults.add("job info", "admin abort", nth=2)
    job = org.create()["id"]
    assert org.call("GET", f"/jobs/ingest/{job}").status == 401
    assert org.call("GET", "/limits").status == 401  # and they stay so
    org.token = org.server.access_token()
    assert org.info(job)["state"] == "Aborted"


def test_the_nth_and_a_share_of_the_requests() -> None:
    """Counted from the start; chance comes from the seed, so that the same requests meet the same faults again."""
    faults = Faults()
    faults.add("page", "short", nth=3)
    assert [faults.match("page") is not None for _ in range(5)] == [False, False, True, False, False]
    runs = []
    for seed in (1, 1, 2):
        faults = Faults(seed=seed)
        faults.add("any", "status", None, probability=0.3)
        runs.append([faults.match("page") is not None for _ in range(300)])
    assert runs[0] == runs[1] != runs[2]
    assert 50 < sum(runs[0]) < 130


def test_every_effect_is_of_one_kind() -> None:
    """Instead of the org, beside it, or on its answer."""
    assert len(set(EFFECTS)) == len(INSTEAD) + len(BESIDE) + len(ANSWER)


@pytest.mark.parametrize("effect", EFFECTS)
def test_no_effect_breaks_the_org(org: Org, effect: str) -> None:
    """At any kind of request, with or without a body; afterwards it answers."""
    job = org.create()["id"]
    for method, path, body in (
        ("POST", "/jobs/ingest", {"object": "Account", "operation": "insert"}),
        ("PUT", f"/jobs/ingest/{job}/batches", "Name\n"),
        ("GET", "/limits", None),
        ("DELETE", f"/jobs/ingest/{job}", None),
        ("HEAD", "/limits", None),
    ):
        org.server.faults.add("any", effect, None, seconds=0.01)
        try:
            org.call(method, path, body, {"Content-Type": "text/csv"} if method == "PUT" else None)
        except (ConnectionError, http.client.HTTPException):
            assert effect not in ("status", "quota", "html", "stall", "slow", "late")
        org.server.faults.clear()
    org.token = org.server.access_token()
    assert org.call("GET", "/limits").status == 200
