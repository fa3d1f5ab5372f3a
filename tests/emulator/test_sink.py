"""The sink: the same wire and the same files, without validation, without records (for measuring clients)."""

from __future__ import annotations

import csv
import gzip
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings, sink_settings
from loadplan.emulator.sink import count_records

from support.wire import Answer, Org

TEXT = 'Key__c,"Name",Note\n' + "".join(f"K{n},Acme {n},n{n}\n" for n in range(500))
TRICKY = 'A,B,C\n1,"two, ""quoted""",3\n"4","5","6"\n\n7,"a\n\nb",\n"8",9,"x""y"\n'


@pytest.fixture
def sink() -> Iterator[Org]:
    """A sink whose clock stands still."""
    with Org(sink=True) as running:
        yield running


def cells(text: str, delimiter: str = ",") -> list[list[str]]:
    """Rows of a CSV without blank lines."""
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


@pytest.mark.parametrize("text", [TEXT, TRICKY, TEXT.removesuffix("\n"), 'A\n"x"\n', "A,B\n"])
def test_every_uploaded_row_comes_back_with_an_id(sink: Org, text: str) -> None:
    """Counters and files agree; ids are different; the header is raw and every value quoted."""
    job = sink.load(text, "Anything__c", "upsert", externalIdFieldName="Whatever__c")
    sent = cells(text)
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (
        "JobComplete",
        len(sent) - 1,
        0,
    )
    found = sink.results(job)
    assert found.text.startswith(f'"sf__Id","sf__Created",{text.partition(chr(10))[0]}\n')
    rows = cells(found.text)[1:]
    assert [row[2:] for row in rows] == sent[1:]
    assert len({row[0] for row in rows}) == len(rows)
    assert {(len(row[0]), row[1]) for row in rows} <= {(18, "true")}
    assert len(sink.results(job, "failedResults").rows) == len(sink.results(job, "unprocessedrecords").rows) == 1


def test_ids_are_different_across_jobs(sink: Org) -> None:
    """So that rows of several parts can be told apart."""
    seen = [row[0] for _ in range(3) for row in sink.results(sink.load(TEXT)).rows[1:]]
    assert len(set(seen)) == 1500


@pytest.mark.parametrize(("delimiter", "sign", "ending"), [("SEMICOLON", ";", "\r\n"), ("TAB", "\t", "\n")])
def test_delimiters_and_line_endings_are_kept(sink: Org, delimiter: str, sign: str, ending: str) -> None:
    """As the job says."""
    text = f'A{sign}B{ending}1{sign}"x{ending}y"{ending}2{sign}z{ending}'
    job = sink.load(text, columnDelimiter=delimiter, lineEnding="CRLF" if ending == "\r\n" else "LF")
    found = sink.results(job).text
    assert [row[2:] for row in cells(found, sign)[1:]] == [["1", f"x{ending}y"], ["2", "z"]]
    assert found.count(ending) == 4


def test_rows_across_many_blocks(sink: Org) -> None:
    """More than one read, more than ten thousand ids, quotes now and then."""
    text = "A,B\n" + "".join(
        f"{n},{'plain' if n % 50 else chr(34) + 'quo' + chr(10) + 'ted' + chr(34)}\n" for n in range(45_000)
    )
    job = sink.load(text)
    rows = cells(sink.results(job).text)[1:]
    assert [row[2:] for row in rows] == cells(text)[1:]
    assert len({row[0] for row in rows}) == 45_000


def test_records_are_counted_outside_quotes(tmp_path: Path) -> None:
    """With and without a last newline; an empty file has none."""
    path = tmp_path / "x.csv"
    for text, count in (("", 0), ("A", 1), ("A\n", 1), ('A\n"x\n\ny"\n', 2), ('A\n"x""\n"\nb', 3)):
        path.write_text(text, encoding="utf-8", newline="")
        assert count_records(path) == count


def test_the_sink_has_a_speed_too() -> None:
    """As slow as a test wants it."""
    with Org(sink=True, latency=1.0, rows_per_second=100.0) as sink:
        made = sink.create()["id"]
        sink.put(made, TEXT)
        sink.close(made)
        assert sink.info(made)["state"] == "UploadComplete"
        sink.clock.now += 3.0
        half = sink.info(made)
        assert (half["state"], half["numberRecordsProcessed"]) == ("InProgress", 200)
        sink.clock.now += 3.0
        assert sink.info(made)["state"] == "JobComplete"


def test_a_query_answers_as_many_rows_as_its_limit(sink: Org) -> None:
    """Different from each other, the same each time, by pages and side by side."""
    job = sink.query("SELECT Id, Name, Phone FROM Sink__c LIMIT 2500")
    assert (job["numberRecordsProcessed"], job["object"]) == (2500, "Sink__c")
    rows, locator = [], ""
    while locator != "null":
        page = sink.page(job, maxRecords="999", **({"locator": locator} if locator else {}))
        assert page.rows[0] == ["Id", "Name", "Phone"]
        assert len(page.rows) - 1 == int(str(page.headers["Sforce-NumberOfRecords"]))
        rows += page.rows[1:]
        locator = str(page.headers["Sforce-Locator"])
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows) == 2500
    assert all(len(row[0]) == 18 for row in rows)
    assert sink.page(sink.query("SELECT Id, Name, Phone FROM Sink__c LIMIT 2500")).rows[1:] == rows
    assert sink.query("SELECT Id FROM Sink__c WHERE Name = 'x'")["numberRecordsProcessed"] == 1000


def test_pages_of_a_sink_side_by_side() -> None:
    """resultPages leads to every row once."""
    with Org(sink=True, page_size=400) as sink:
        job = sink.query("SELECT Id FROM Sink__c LIMIT 2500")
        path, rows = f"/jobs/query/{job['id']}/resultPages", []
        while path:
            found = sink.call("GET", path).json
            for entry in found["resultPages"]:
                rows += sink.call("GET", entry["resultUrl"].removeprefix("/services/data/v66.0")).rows[1:]
            path = (found["nextRecordsUrl"] or "").removeprefix("/services/data/v66.0")
        assert len({row[0] for row in rows}) == len(rows) == 2500


class Real(Org):
    """A sink on the machine's clock, which has threads."""

    def __init__(self, prepares: str) -> None:
        self.server = EmbeddedOrg(settings=replace(sink_settings(), sink_prepares=prepares))
        self.version = "66.0"

    def done(self, job: str, kind: str = "ingest") -> None:
        """Wait for the end of a job."""
        end = time.monotonic() + 30
        while self.info(job, kind)["state"] != "JobComplete":
            assert time.monotonic() < end

    def get(self, job: str, encoding: str) -> Answer:
        """The successful results in an encoding."""
        path = f"/jobs/ingest/{job}/successfulResults"
        return self.call("GET", path, headers={"Accept-Encoding": encoding})


@pytest.mark.parametrize(("prepares", "name"), [("gzip", "successful.csv.gz"), ("plain", "successful.csv")])
def test_results_are_prepared_before_the_job_ends(prepares: str, name: str) -> None:
    """As gzip or plain; the other form is made while it is sent, and says the same."""
    with Real(prepares) as sink:
        job = sink.create("X__c")["id"]
        sink.put(job, TRICKY + TEXT * 20)
        sink.close(job)
        sink.done(job)
        kept = sink.server.org.jobs.get(job)
        assert kept is not None
        assert sorted(p.name for p in sink.server.org.files.folder(kept).iterdir()) == sorted([name, "upload.csv"])
        packed, plain = sink.get(job, "gzip"), sink.get(job, "identity")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert [row[2:] for row in cells(plain.text)][1:] == cells(TRICKY + TEXT * 20)[1:]


def test_a_gzip_page_of_the_sink_is_made_once() -> None:
    """The first answer is kept while it is sent, also for other jobs; a plain page says the same."""
    with Real("gzip") as sink:
        bodies = []
        for _ in range(2):
            made = sink.call(
                "POST", "/jobs/query", {"operation": "query", "query": "SELECT Id, Name FROM S LIMIT 3000"}
            )
            sink.done(made.json["id"], "query")
            path = f"/jobs/query/{made.json['id']}/results"
            bodies.append(sink.call("GET", path, headers={"Accept-Encoding": "gzip"}).body)
            [kept] = (sink.server.org.folder / "cache").iterdir()
            assert kept.read_bytes() == bodies[-1]
        assert bodies[0] == bodies[1]
        assert gzip.decompress(bodies[0]) == sink.page(made.json).body


def test_the_defaults_of_the_sink_are_fast() -> None:
    """Settings of one's own keep their speed."""
    fast = EmbeddedOrg(sink=True)
    slow = EmbeddedOrg(sink=True, settings=Settings(rows_per_second=5.0))
    try:
        assert (fast.org.settings.latency, fast.org.settings.rows_per_second) == (0.0, float("inf"))
        assert (slow.org.settings.sink, slow.org.settings.rows_per_second) == (True, 5.0)
    finally:
        fast.stop()
        slow.stop()
