"""Cut, padded and damaged bodies: every one is detected, and none leaves a file behind."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from loadplan.salesforce import download
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.download import Counter
from loadplan.salesforce.http import Http, Timeouts
from loadplan.salesforce.port import Page, Received, Truncated, Unavailable

from support.raw_server import Answer, RawServer, chunked, http

JOB = "750000000000001AAA"
CSV = b'"sf__Id","sf__Created",Name\n' + b'"001","true","Acme"\n' * 400
ZIPPED = gzip.compress(CSV)
GZIP = "Content-Encoding: gzip"
PAGE = b'"Id"\n"1"\n"2"\n'


def org_at(url: str, read: float = 5.0) -> Bulk2Org:
    """A client of the raw server."""
    return Bulk2Org(Http(url, lambda _: "token", timeouts=Timeouts(5.0, read)))


def result(answer: Answer | bytes, to: Path, read: float = 5.0) -> Received:
    """Fetch a result file that is answered so."""
    with RawServer(answer) as server:
        return org_at(server.url, read).fetch_result(JOB, "successful", to, delimiter="COMMA", api_version="66.0")


def page(answer: bytes, to: Path) -> Page:
    """Fetch a query page that is answered so."""
    with RawServer(answer) as server:
        return org_at(server.url).fetch_page(JOB, None, None, to, delimiter="COMMA", api_version="66.0")


CUT: dict[str, Answer | bytes] = {
    "fewer bytes than Content-Length": http("200 OK", CSV[:500], length=len(CSV)),
    "chunks that stop": chunked("200 OK", CSV, whole=False),
    "gzip cut inside complete chunks": chunked("200 OK", ZIPPED[: len(ZIPPED) // 2], GZIP),
    "gzip without its checksum": chunked("200 OK", ZIPPED[:-8], GZIP),
    "gzip with a wrong checksum": chunked("200 OK", ZIPPED[:-8] + b"\0" * 8, GZIP),
    "gzip with bytes behind its end": chunked("200 OK", ZIPPED + b"more", GZIP),
    "gzip shorter than Content-Length": http("200 OK", ZIPPED[:40], GZIP, length=len(ZIPPED)),
    "neither length nor chunks": http("200 OK", CSV, framed=False),
    "an end inside quotes": http("200 OK", CSV + b'"001","true","Ac'),
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT.keys())
def test_a_body_that_is_not_whole_is_truncated_and_leaves_nothing(answer: Answer | bytes, tmp_path: Path) -> None:
    """Each kind of cut is told, and neither the file nor a temporary one stays."""
    with pytest.raises(Truncated):
        result(answer, tmp_path / "successful.csv")
    assert list(tmp_path.iterdir()) == []


WHOLE = {
    "length": http("200 OK", CSV),
    "chunks": chunked("200 OK", CSV),
    "gzip in chunks": chunked("200 OK", ZIPPED, GZIP),
    "gzip with length": http("200 OK", ZIPPED, GZIP),
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_body_is_on_disk_as_sent(answer: bytes, tmp_path: Path) -> None:
    """Bytes, records, size and digest are those of the plain CSV; the file is private."""
    to = tmp_path / "successful.csv"
    assert result(answer, to) == Received(to, 400, len(CSV), hashlib.sha256(CSV).hexdigest(), 200)
    assert to.read_bytes() == CSV
    assert to.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("answer", [b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", http("200 OK")])
def test_an_answer_without_a_body_is_an_empty_file(answer: bytes, tmp_path: Path) -> None:
    """No rows and no header: a file of 0 bytes."""
    received = result(answer, tmp_path / "failed.csv")
    assert (received.rows, received.bytes, (tmp_path / "failed.csv").read_bytes()) == (0, 0, b"")


def test_a_download_that_stalls_ends_by_the_time_limit(tmp_path: Path) -> None:
    """A silent server is no end of file."""
    with pytest.raises(Truncated):
        result(Answer(http("200 OK", CSV[:100], length=len(CSV)), stall=True), tmp_path / "x.csv", read=0.2)
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_expands_beyond_the_cap_is_refused(tmp_path: Path) -> None:
    """A few kilobytes that unpack to megabytes fill no disk."""
    with RawServer(chunked("200 OK", gzip.compress(b"0" * 8_000_000), GZIP)) as server:
        answer = org_at(server.url).http.call("GET", "/x", stream=True)
        with pytest.raises(Unavailable, match=r"larger than 1,000,000 bytes"):
            download.save("GET /x", answer, tmp_path / "x.csv", most=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_a_page_with_fewer_rows_than_its_header_says_is_truncated(tmp_path: Path) -> None:
    """A cut at a record boundary is seen by the count alone."""
    with pytest.raises(Truncated, match="2 rows, its header says 3"):
        page(http("200 OK", PAGE, "Sforce-NumberOfRecords: 3", "Sforce-Locator: null"), tmp_path / "1.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("headers", [("Sforce-NumberOfRecords: 2",), ("Sforce-NumberOfRecords: 2", "Sforce-Locator:")])
def test_a_page_without_locator_is_truncated(headers: tuple[str, ...], tmp_path: Path) -> None:
    """Only the literal null ends a query."""
    with pytest.raises(Truncated, match="Sforce-Locator"):
        page(http("200 OK", PAGE, *headers), tmp_path / "1.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_page_without_a_count_is_truncated(tmp_path: Path) -> None:
    """A page that cannot be checked is not taken."""
    with pytest.raises(Truncated, match="Sforce-NumberOfRecords"):
        page(http("200 OK", PAGE, "Sforce-Locator: null"), tmp_path / "1.csv")


def test_a_locator_is_quoted_on_the_way_out(tmp_path: Path) -> None:
    """Characters of a locator cannot become another parameter or another path."""
    with RawServer(http("200 OK", PAGE, "Sforce-NumberOfRecords: 2", "Sforce-Locator: null")) as server:
        org_at(server.url).fetch_page(
            JOB, "a/b&maxRecords=1#?", 50, tmp_path / "1.csv", delimiter="COMMA", api_version="66.0"
        )
    assert server.asked[0].target.endswith("/results?maxRecords=50&locator=a%2Fb%26maxRecords%3D1%23%3F")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_records_are_counted_over_any_cut_of_blocks(size: int) -> None:
    """Line breaks and doubled quotes inside cells do not count, wherever a block ends."""
    text = b'a,b\n"x\ny","1"\n"say ""hi""\n","2"\n"","last"'
    counter = Counter()
    for at in range(0, len(text), size):
        counter.feed(text[at : at + size])
    assert (counter.total, counter.ends_inside_quotes) == (4, False)
