"""Cut, padded and damaged bodies: every one is detected, and none leaves a file behind."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from loadplan.salesforce import download
from loadplan.salesforce.download import EDGE, Counter
from loadplan.salesforce.port import Page, Received, Truncated, Unavailable

from support.client import JOB, V, org_at
from support.raw_server import Answer, RawServer, chunked, http

CSV = b'"sf__Id","sf__Created",Name\n' + b'"001","true","Acme"\n' * 400
ZIPPED = gzip.compress(CSV)
GZIP = "Content-Encoding: gzip"
PAGE = b'"Id"\n"1"\n"2"\n'


def result(answer: Answer | bytes, to: Path, read: float = 5.0) -> Received:
    """Fetch a result file that is answered so."""
    with RawServer(answer) as server:
        return org_at(server.url, read=read).fetch_result(JOB, "successful", to, delimiter="COMMA", api_version=V)


def page(answer: bytes, to: Path, delimiter: str = "COMMA") -> Page:
    """Fetch a query page that is answered so."""
    with RawServer(answer) as server:
        return org_at(server.url).fetch_page(JOB, None, None, to, delimiter=delimiter, api_version=V)


COUNTED = ("Sforce-NumberOfRecords: 2", "Sforce-Locator: null")
"""Headers of a last page that holds two rows."""


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


@pytest.mark.parametrize("count", ["", "Sforce-NumberOfRecords: many", "Sforce-NumberOfRecords: -2"])
def test_a_page_without_a_count_is_truncated(count: str, tmp_path: Path) -> None:
    """A page that cannot be checked is not taken."""
    headers = ["Sforce-Locator: null", *([count] if count else [])]
    with pytest.raises(Truncated, match="Sforce-NumberOfRecords"):
        page(http("200 OK", PAGE, *headers), tmp_path / "1.csv")


@pytest.mark.parametrize("header", [b"Content-Length: \xb2", b"Content-Length: 9\r\nSforce-NumberOfRecords: \xb2"])
def test_a_number_in_strange_digits_is_no_number(header: bytes, tmp_path: Path) -> None:
    """Python calls a superscript two a digit, and then refuses to read it."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nSforce-Locator: null\r\n" + header + b"\r\n\r\n"
    with pytest.raises(Truncated):
        page(head + PAGE, tmp_path / "1.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_locator_is_quoted_on_the_way_out(tmp_path: Path) -> None:
    """Characters of a locator cannot become another parameter or another path."""
    with RawServer(http("200 OK", PAGE, "Sforce-NumberOfRecords: 2", "Sforce-Locator: null")) as server:
        org_at(server.url).fetch_page(
            JOB, "a/b&maxRecords=1#?", 50, tmp_path / "1.csv", delimiter="COMMA", api_version=V
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


@pytest.mark.parametrize(
    ("body", "delimiter"),
    [
        (b'"Id","Name","City"\n"1","a","x"\n"2","b"', "COMMA"),
        (b'"Id","Name"\n"1","a"\n"2"', "COMMA"),
        (b'"Id";"Name, all"\n"1";"a\nb"\n"2"', "SEMICOLON"),
    ],
)
def test_a_file_that_ends_between_two_cells_is_truncated(body: bytes, delimiter: str, tmp_path: Path) -> None:
    """Length, quotes and count agree; only the cells of the last record tell."""
    with pytest.raises(Truncated, match="in the middle of a record"):
        page(http("200 OK", body, *COUNTED), tmp_path / "1.csv", delimiter)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [b'"Id","N"\n"1","a"\n"2","b"', b'"Id","N"\n"1","a"\n"2","b"\n\n', b'"Id","N"\r\n"1","a"\r\n"2","b\nc"\r\n\r\n'],
)
def test_a_missing_last_newline_and_a_blank_last_line_are_legal(body: bytes, tmp_path: Path) -> None:
    """Recordings of Salesforce show both."""
    assert page(http("200 OK", body, *COUNTED), tmp_path / "1.csv").received.rows == 2


def test_the_last_record_is_found_across_quotes_and_blocks() -> None:
    """Line breaks inside its cells belong to it, however long the file before it is."""
    counter = Counter()
    for block in (b'a,b\n"x","y"\n' * (EDGE // 8), b'"1', b'\n2",', b'"say ""hi""\n"'):
        counter.feed(block)
    assert counter.last_record() == b'"1\n2","say ""hi""\n"'
    assert not counter.ends_inside_quotes


ODD: dict[str, tuple[bytes, str]] = {
    "a page of HTML": (
        http("200 OK", b"<html>\n<p>\n", *COUNTED, "Content-Type: text/html; charset=UTF-8"),
        "text/html",
    ),
    "part of a file": (http("206 Partial Content", PAGE, *COUNTED), "206"),
    "another compression": (http("200 OK", PAGE, *COUNTED, "Content-Encoding: br"), "Content-Encoding br"),
}


@pytest.mark.parametrize(("answer", "words"), ODD.values(), ids=ODD.keys())
def test_what_nobody_asked_for_is_not_taken_for_rows(answer: bytes, words: str, tmp_path: Path) -> None:
    """Each came with status 2xx."""
    with pytest.raises(Unavailable, match=words):
        page(answer, tmp_path / "1.csv")
    assert list(tmp_path.iterdir()) == []
