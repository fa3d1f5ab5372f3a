"""Traps of size: files that do not fit into memory, parts that do not fit into a job."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loadplan.clock import SystemClock
from loadplan.errors import InvalidInputError
from loadplan.plan.model import SqliteSource
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import QuerySpec
from loadplan.sources.idmap_build import build_id_map
from loadplan.sources.registry import open_source

from support.processes import started
from support.sending import INSERT, Sending


def peak_of(action: Callable[[], object]) -> int:
    """The most bytes of Python's memory that were in use at once."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_sfdmu_569_cli_3507_node_csv_416_a_field_of_2_gb(sending: Sending) -> None:
    """ "Cannot create a string longer than 0x1fffffe8 characters", without a row. It is told by its line, in a few MB."""
    sending.write({"a.csv": 'Name,Note__c\nx,1\ny,"'})
    with (sending.folder / "a.csv").open("r+b") as file:
        file.truncate(2 << 30)  # sparse: it takes no room on the disk
    found: list[tuple[str, str, int, int]] = []
    assert peak_of(lambda: found.extend(sending.places(INSERT))) < 16_000_000
    assert [p[:3] for p in found] == [("LP0316", "a.csv", 3)]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('y,"' + "n" * 131_073 + '"', "LP0315"),
        ("y," + "n" * 131_073, "LP0315"),
        ('y,"' + "n\n" * 70_000 + '"', "LP0315"),
    ],
    ids=["quoted", "plain", "many lines"],
)
def test_a_field_longer_than_salesforce_takes(sending: Sending, row: str, code: str) -> None:
    """The row failed after the upload. It is found before, by its line."""
    sending.write({"a.csv": f"Name,Note__c\nx,1\n{row}\n"})
    assert sending.places(INSERT)[0][:3] == (code, "a.csv", 3)


def test_a_field_as_long_as_salesforce_takes(sending: Sending) -> None:
    """131,072 characters pass, in letters of four bytes too."""
    sending.write({"a.csv": f"Name,Note__c\nx,{'😀' * 131_072}\n"})
    assert sending.column(INSERT, "Note__c") == ["😀" * 131_072]


def test_a_row_longer_than_salesforce_takes(sending: Sending) -> None:
    """400,000 characters are the most of a record, however they are spread."""
    names = ",".join(f"F{i}__c" for i in range(5))
    sending.write({"a.csv": f"{names}\n1,2,3,4,5\n{','.join(['n' * 90_000] * 5)}\n"})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0316", "a.csv", 3)]


@pytest.mark.parametrize("action", ["check", "cut"])
def test_sfdmu_119_simple_salesforce_738_dataloader_1386_memory_grew_with_the_file(
    sending: Sending, action: str
) -> None:
    """Files of a few hundred MB ended with "out of memory". Four times the rows need hardly more."""
    peaks = []
    for rows in (12_000, 48_000):
        sending.write({"a.csv": "Name,Note__c\n" + "".join(f'row {i},"note, {i} {"x" * 80}"\n' for i in range(rows))})
        run: Callable[[], object] = (
            (lambda: sending.check(INSERT)) if action == "check" else (lambda: sending.parts(INSERT))
        )
        peaks.append(peak_of(run))
    assert peaks[1] < peaks[0] + 3_000_000  # the file grew by 4 MB


SPECIAL = ["plain", "a,b", 'say ""hi""', "l1\nl2", "", "😀"]


@pytest.mark.parametrize("most", [200, 333, 5_000])
def test_simple_salesforce_splitter_made_parts_its_own_upload_refused(sending: Sending, most: int) -> None:
    """Sizes were estimated without the quotes. A part is never above its cap, and every row is in one of them."""
    rows = [SPECIAL[i % len(SPECIAL)] for i in range(600)]
    sending.write({"a.csv": "Name,Note__c\n" + "".join(f'{i},"{r}"\n' for i, r in enumerate(rows))})
    body = INSERT + f"parts: {{max_bytes: {most}B}}\n"
    parts = sending.parts(body)
    assert max(p.path.stat().st_size for p in parts) <= most
    assert sum(p.rows for p in parts) == 600
    assert sending.column(body, "Note__c") == [r.replace('""', '"') for r in rows]


def test_plugin_data_594_cli_2084_a_file_above_the_limit_is_several_jobs(sending: Sending) -> None:
    """A file above 150 MB was one upload, and failed. It is cut; the caps are the plan's, 100 MB at most."""
    sending.write({"a.csv": "Name\n" + "x\n" * 25})
    assert [p.rows for p in sending.parts(INSERT + "parts: {max_rows: 10}\n")] == [10, 10, 5]
    assert [d.code for d in sending.plan(INSERT + "parts: {max_bytes: 150MB}\n")[1]] == ["LP0231"]


def test_one_row_above_the_limit_is_told_by_its_line(sending: Sending) -> None:
    """It can be in no job at all: nothing of the file is sent."""
    sending.write({"a.csv": "Name\nx\n" + "y" * 200 + "\n"})
    with pytest.raises(InvalidInputError) as caught:
        sending.parts(INSERT + "parts: {max_bytes: 150B}\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.place.file, found.place.line) == ("LP0330", "a.csv", 3)


def test_cli_2738_a_few_thousand_records(sending: Sending) -> None:
    """ "Maximum call stack exceeded" at 2,800 records, or with as many entries in a filter or a template."""
    sending.write({"a.csv": "k,v\n" + "".join(f"{i},x\n" for i in range(5000))})
    listed = ", ".join(f"{{column: k, equals: '{i}'}}" for i in range(3000))
    template = "".join("{{ row.v }}-" for _ in range(1000))
    body = INSERT + f"columns: {{K__c: k, T__c: {{template: '{template}'}}}}\nwhere: {{any: [{listed}]}}\n"
    rows = sending.rows(body)
    assert len(rows) == 3000
    assert rows[-1] == {"K__c": "2999", "T__c": "x-" * 1000}


def test_sfdmu_665_a_lookup_of_948_001_rows_stopped_in_silence(tmp_path: Path) -> None:
    """A map in memory had a limit that nobody knew. Ours is on disk: of as many keys the first, the last and one that is not
    there are told apart."""
    rows = 948_001
    with build_id_map(tmp_path / "ids", ((b"K%07d" % i, b"001%015d" % i) for i in range(rows)), digest="") as ids:
        assert ids.keys == rows
        found = ids.find_all([b"K0000000", b"K0948000", b"K0948001"])
    assert [key and key[:18] for key in found] == [b"001%015d" % 0, b"001%015d" % 948_000, None]


def test_dataloader_59_a_database_was_counted_before_the_first_row(tmp_path: Path) -> None:
    """The whole result set was walked to know its size. Here the first row of a query that would take days is there at once."""
    sqlite3.connect(tmp_path / "d.sqlite").close()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT i FROM n"
    began = time.process_time()
    reader = open_source(SqliteSource("d.sqlite", tmp_path / "d.sqlite", query=endless))
    first = next(iter(reader))
    reader.close()
    assert first.cells == ["1"]
    assert time.process_time() - began < 5


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bulk2Org]:
    """An org that makes as many rows as are asked for, in a process of its own."""
    with started(tmp_path_factory.mktemp("sink"), os.environ, "emulator", "serve", "--sink") as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        org = connect_with_token(ready["instance_url"], lambda: ready["access_token"], clock=SystemClock())
        assert isinstance(org, Bulk2Org)
        yield org


def complete(sink: Bulk2Org, rows: int) -> str:
    """A query job of so many rows that is complete."""
    soql = f"SELECT Id, Name, Description FROM Account LIMIT {rows}"
    job = sink.create_query(QuerySpec("query", soql), api_version="66.0").id
    while not (info := sink.job("query", job, api_version="66.0")).is_terminal:
        pass
    assert info.processed == rows
    return job


def test_cli_1995_simple_salesforce_629_sfdmu_911_memory_of_an_extract_grew_with_its_rows(
    sink: Bulk2Org, tmp_path: Path
) -> None:
    """ "JavaScript heap out of memory", or the whole of a `queryAll` in one list. A page four times as large takes no more."""
    peaks, sizes = [], []
    for rows in (100_000, 400_000):
        job, to = complete(sink, rows), tmp_path / f"{rows}.csv"

        def fetch(job: str = job, to: Path = to) -> None:
            page = sink.fetch_page(job, None, 400_000, to, delimiter="COMMA", api_version="66.0")
            assert page.locator == "null"

        peaks.append(peak_of(fetch))
        sizes.append(to.stat().st_size)
    assert sizes[1] > sizes[0] + 10_000_000
    assert peaks[1] < peaks[0] + 2_000_000


def test_simple_salesforce_572_a_large_extract_stopped_in_silence(sink: Bulk2Org, tmp_path: Path) -> None:
    """Rows were missing and nobody was told. The pages are walked to the literal "null", and come to what the job says."""
    job, locator, rows = complete(sink, 30_000), None, []
    while locator != "null":
        page = sink.fetch_page(job, locator, 1_000, tmp_path / "page.csv", delimiter="COMMA", api_version="66.0")
        rows.append(page.received.rows)
        locator = page.locator
    assert rows == [1_000] * 30


def test_sfdmu_662_dataloader_1415_1417_several_objects_did_not_fit_together(sending: Sending) -> None:
    """The rows of all objects were in memory at once. A step keeps nothing of the one before it."""
    wide = ",".join(f"F{i}__c" for i in range(200))
    sending.write(
        {
            "a.csv": "Name,Note__c\n" + "".join(f'row {i},"note {i}"\n' for i in range(30_000)),
            "b.csv": f"{wide}\n" + f"{','.join(['v'] * 200)}\n" * 2_000,
        }
    )
    second = INSERT.replace("a.csv", "b.csv")
    peaks = [peak_of(lambda steps=steps: sending.places(*steps)) for steps in ((INSERT,), (second,), (INSERT, second))]  # type: ignore[misc]
    assert peaks[2] < max(peaks[:2]) + 1_000_000
