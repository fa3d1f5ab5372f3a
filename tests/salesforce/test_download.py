"""Cut, padded and damaged bodies: every one is detected, and none leaves a file behind."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.errors import LocalError
from loadplan.salesforce import download
from loadplan.salesforce.download import EDGE, Counter
from loadplan.salesforce.port import Page, Reader, Received, Truncated, Unavailable
from loadplan.sources.tally import Tally

from support.client import JOB, V, org_at
from support.raw_server import Answer, RawServer, chunked, http

CSV = b'"sf__Id","sf__Created",Name\n' + b'"001","true","Acme"\n' * 400
ZIPPED = gzip.compress(CSV)
GZIP = "Content-Encoding: gzip"
PAGE = b'"Id"\n"1"\n"2"\n'


def result(answer: Answer | bytes, to: Path, read: float = 5.0, reader: Reader | None = None) -> Received:
    """Fetch a result file that is answered so."""
    with RawServer(answer) as server:
        org = org_at(server.url, read=read)
        return org.fetch_result(JOB, "successful", to, delimiter="COMMA", api_version=V, reader=reader)


def tally() -> Tally:
    """A reader who knows the columns of the rows below."""
    return Tally("successful", ("Name",), "Name", ",")


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
    "gzip with a second member cut": chunked("200 OK", ZIPPED + ZIPPED[:-9], GZIP),
    "gzip shorter than Content-Length": http("200 OK", ZIPPED[:40], GZIP, length=len(ZIPPED)),
    "neither length nor chunks": http("200 OK", CSV, framed=False),
    "an end inside quotes": http("200 OK", CSV + b'"001","true","Ac'),
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT.keys())
def test_a_body_that_is_not_whole_is_truncated_and_leaves_nothing(answer: Answer | bytes, tmp_path: Path) -> None:
    """Each kind of cut is told, and neither the file nor a temporary one stays."""
    for reader in (None, tally()):
        with pytest.raises(Truncated):
            result(answer, tmp_path / "successful.csv", reader=reader)
        assert list(tmp_path.iterdir()) == []


WHOLE = {
    "length": http("200 OK", CSV),
    "chunks": chunked("200 OK", CSV),
    "gzip in chunks": chunked("200 OK", ZIPPED, GZIP),
    "gzip with length": http("200 OK", ZIPPED, GZIP),
    "gzip of two members": chunked("200 OK", gzip.compress(CSV[:777]) + gzip.compress(CSV[777:]), GZIP),
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_body_is_on_disk_as_sent(answer: bytes, tmp_path: Path) -> None:
    """Bytes, records, size and digest are those of the plain CSV; the file is private."""
    to = tmp_path / "successful.csv"
    for reader in (None, tally()):
        found = result(answer, to, reader=reader)
        assert found == Received(to, 400, len(CSV), hashlib.sha256(CSV).hexdigest(), 200)
        assert found.header == CSV[: CSV.index(b"\n") + 1]
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


CELLS = st.text(alphabet=st.sampled_from('ab,"\n\r é'), max_size=6)
TABLES = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=12))


@settings(max_examples=400, deadline=None)
@given(TABLES, st.booleans(), st.booleans(), st.integers(0, 3), st.integers(1, 40))
def test_records_header_and_last_record_are_those_of_the_csv_module(
    table: list[list[str]], quoted: bool, crlf: bool, blank: int, size: int
) -> None:
    """Whatever the cells hold and wherever a block ends; blank lines at the end do not count."""
    ending = "\r\n" if crlf else "\n"
    lines = []
    for row in table:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL if quoted or row == [""] else csv.QUOTE_MINIMAL).writerow(row)
        # The module leaves a carriage return bare when no newline goes with it: no CSV that Salesforce writes.
        lines.append(text.getvalue().removesuffix("\r\n").replace("\r", "" if not quoted else "\r"))
    whole = (ending.join(lines) + ending * blank).encode()
    counter = Counter()
    for at in range(0, len(whole), size):
        counter.feed(whole[at : at + size])
    assert counter.total == len(table)
    assert counter.header.decode().removesuffix("\n").removesuffix("\r") == lines[0].removesuffix("\r")
    assert not counter.ends_inside_quotes
    assert counter.last_record().decode() == ("" if blank else lines[-1])


RUNS = st.lists(
    st.tuples(st.sampled_from([b'"1","a"', b'"2","x\ny"', b'"3","q""q"', b'"",""', b"4,b", b'5,"', b'"""', b""]), st.integers(1, 9)),
    max_size=8,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([b'"A","B"', b"A,B", b'"A\n1",B', b'A,"']), RUNS, st.booleans(), st.integers(1, 30))
def test_runs_of_even_records_are_counted_like_any_others(
    header: bytes, runs: list[tuple[bytes, int]], ends: bool, size: int
) -> None:
    """By one comparison a block, or byte by byte: the same count and the same open quote, also for text that is no CSV."""
    whole = b"\n".join([header, *(record for record, many in runs for _ in range(many))]) + (b"x\n" if ends else b"x")
    counter, newlines, inside = Counter(), 0, False
    for at in range(0, len(whole), size):
        counter.feed(whole[at : at + size])
    for byte in whole:
        inside ^= byte == ord('"')
        newlines += byte == ord("\n") and not inside
    assert (counter.total, counter.ends_inside_quotes) == (newlines + (not ends), inside)


def test_a_page_of_many_blocks_is_written_beside_its_reception(tmp_path: Path) -> None:
    """Two threads share the work; the file, its digest and its count are those of the whole text."""
    text = b'"Id","Note"\n' + b'"001","say ""hi""\n twice"\n' * 150_000
    for number, answer in enumerate([http("200 OK", text), chunked("200 OK", gzip.compress(text, 1), GZIP)]):
        to = tmp_path / f"{number}.csv"
        got = result(answer, to)
        assert (got.rows, got.bytes, got.sha256) == (150_000, len(text), hashlib.sha256(text).hexdigest())
        assert got.header == b'"Id","Note"\n'
        assert to.read_bytes() == text


@pytest.mark.parametrize("held", [0, 100_000, 4 << 20])
def test_whoever_waits_for_the_next_page_is_told_when_the_last_byte_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """The bytes that are held back are worked on afterwards; the file is the same."""
    monkeypatch.setattr(download, "HELD", held)
    text = b'"Id","N"\n' + b"".join(b'"%d","%x"\n' % (n, n * 0x9E3779B97F4A7C15 % 2**64) for n in range(40_000))
    told: list[tuple[str, int]] = []
    seen = 0

    def tap(block: bytes) -> None:
        nonlocal seen
        seen += len(block)

    head = ("Sforce-NumberOfRecords: 40000", "Sforce-Locator: abc", "Content-Type: text/csv")
    with RawServer(chunked("200 OK", gzip.compress(text, 1), GZIP, *head)) as server:
        got = org_at(server.url).fetch_page(
            JOB, None, None, tmp_path / "1.csv", delimiter="COMMA", api_version=V, tap=tap,
            received=lambda locator: told.append((locator, seen)),
        )  # fmt: skip
    assert [locator for locator, _ in told] == ["abc"]
    assert (told[0][1] == 0) == (held > len(text))
    assert (tmp_path / "1.csv").read_bytes() == text
    assert (got.received.rows, seen) == (40_000, len(text))


def test_a_page_that_breaks_off_names_no_other(tmp_path: Path) -> None:
    """Nothing follows from an answer that did not come to its end."""
    told: list[str] = []
    answer = http("200 OK", PAGE, "Sforce-NumberOfRecords: 2", "Sforce-Locator: abc", length=len(PAGE) + 5)
    with RawServer(answer) as server, pytest.raises(Truncated):
        org_at(server.url).fetch_page(
            JOB, None, None, tmp_path / "1.csv", delimiter="COMMA", api_version=V, received=told.append
        )
    assert told == []


@pytest.fixture
def small_files() -> Iterator[int]:
    """A limit on the size of files, as a full disk would be one."""
    most, hard = 3_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    yield most
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_takes_no_more_is_exit_9_and_leaves_nothing(tmp_path: Path) -> None:
    """The writing thread meets it, and the caller is told in its own words; a full disk is no broken connection."""
    text = b'"Id"\n' + b'"001"\n' * 1_200_000
    with pytest.raises(LocalError) as caught:
        result(http("200 OK", text), tmp_path / "x.csv")
    assert caught.value.exit_code == 9
    assert list(tmp_path.iterdir()) == []


def test_a_cell_longer_than_any_record_may_be_takes_no_memory_with_it() -> None:
    """Only the beginning of such a record is kept."""
    counter = Counter()
    counter.feed(b'"Id"\n"')
    for _ in range(200):
        counter.feed(b"x" * 100_000)
    counter.feed(b'"\n')
    assert counter.total == 2
    assert len(counter.last_record()) == 0
    assert counter._kept < 2 * download.EDGE


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
