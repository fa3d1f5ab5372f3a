"""Traps of whole sources: files that are not whole, that change, that cannot be told apart. Whatever is wrong with one source, nothing
of any step is sent."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loadplan.errors import InvalidInputError, StaleError
from loadplan.run import events as ev

from support.story import Story

GOOD = "  good: {object: Account, operation: insert, source: good.csv}\n"
HEAD = f"version: 1\nname: traps\nsteps:\n{GOOD}"
FILES = {"good.csv": [["Name"], ["Alder"], ["Brook"]]}
ROWS = b"LastName,Title\n" + b"".join(b"Name %05d,CEO\n" % i for i in range(2000))


def gzip_cut_short(folder: Path) -> str:
    (folder / "bad.csv.gz").write_bytes(gzip.compress(ROWS)[:-200])
    return "bad.csv.gz"


def gzip_without_its_end(folder: Path) -> str:
    (folder / "bad.csv.gz").write_bytes(gzip.compress(ROWS)[:-8])
    return "bad.csv.gz"


def zstd_cut_short(folder: Path) -> str:
    zstandard = pytest.importorskip("zstandard")
    (folder / "bad.csv.zst").write_bytes(zstandard.compress(ROWS)[:-20])
    return "bad.csv.zst"


def csv_cut_in_quotes(folder: Path) -> str:
    (folder / "bad.csv").write_bytes(ROWS + b'"Name 2000,CE')
    return "bad.csv"


def jsonl_cut_short(folder: Path) -> str:
    (folder / "bad.jsonl").write_bytes(b'{"LastName": "a"}\n' * 50 + b'{"LastName": "b')
    return "bad.jsonl"


def parquet_cut_short(folder: Path) -> str:
    duckdb = pytest.importorskip("duckdb")
    path = folder / "bad.parquet"
    duckdb.execute(f"COPY (SELECT 'Name ' || n AS LastName FROM range(5000) t(n)) TO '{path}' (FORMAT parquet)")
    path.write_bytes(path.read_bytes()[:-100])
    return "bad.parquet"


def parquet_with_nested_columns(folder: Path) -> str:
    duckdb = pytest.importorskip("duckdb")
    select = "SELECT 'a' AS LastName, [1, 2] AS Numbers, {'x': 1} AS Inner_, map {'k': 'v'} AS Pairs"
    duckdb.execute(f"COPY ({select}) TO '{folder / 'bad.parquet'}' (FORMAT parquet)")
    return "bad.parquet"


def sqlite_cut_short(folder: Path) -> str:
    path = folder / "bad.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (LastName TEXT)")
    database.executemany("INSERT INTO t VALUES (?)", [(f"Name {i:05d} " + "x" * 100,) for i in range(2000)])
    database.commit()
    database.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 // 4096 * 4096])
    return "{path: bad.sqlite, table: t}"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (gzip_cut_short, ["cut short"]),
        (gzip_without_its_end, ["cut short"]),
        (zstd_cut_short, ["cut short"]),
        (csv_cut_in_quotes, ["never closed", "2002"]),
        (jsonl_cut_short, ["51"]),
        (parquet_cut_short, ["Parquet"]),
        (parquet_with_nested_columns, ["Numbers", "Inner_", "Pairs"]),
        (sqlite_cut_short, ["bad.sqlite"]),
    ],
)
def test_a_source_that_is_not_whole_or_cannot_be_sent_stops_everything(
    tmp_path: Path, make: Callable[[Path], str], words: list[str]
) -> None:
    """The file is named, the line where lines mean something, the column where columns do; the good step is not sent either."""
    plan = f"{HEAD}  bad: {{object: Contact, operation: insert, source: {make(tmp_path)}, depends_on: [good]}}\n"
    with Story(tmp_path, plan, FILES) as story:
        with pytest.raises(InvalidInputError) as caught:
            story.drive()
        assert len(story.org.org.jobs) == 0
    said = " ".join(f"{d.place.file}:{d.place.line}: {d.summary} {d.hint}" for d in caught.value.diagnostics)
    assert caught.value.exit_code == 2
    assert "bad." in said
    for word in words:
        assert word in said
    assert not story.run_folder.journal.exists()


@pytest.mark.parametrize(
    "columns", ["", ", columns: {LastName: LastName, Title: {value: CEO}}"], ids=["as it stands", "mapped"]
)
@pytest.mark.parametrize("change", [b"Name 2000,CTO\n", b""], ids=["grown", "cut"])
def test_a_source_that_changes_between_the_check_and_its_turn(tmp_path: Path, columns: str, change: bytes) -> None:
    """Exit 6 and the file by name: none of its rows is applied, whether it is copied into parts or sent as it stands."""
    path = tmp_path / "late.csv"
    path.write_bytes(ROWS)
    plan = f"{HEAD}  late: {{object: Contact, operation: insert, source: late.csv{columns}, depends_on: [good]}}\n"

    def on_event(record: ev.Recorded, _: Any) -> None:
        if isinstance(record.event, ev.StepSettled) and record.event.step == "good":
            path.write_bytes(ROWS + change if change else ROWS[: len(ROWS) // 2])

    with Story(tmp_path, plan, FILES) as story:
        with pytest.raises(StaleError) as caught:
            story.drive(listeners=(on_event,))
        assert story.applied("Contact") == {}
        path.write_bytes(ROWS)
        run = story.drive()
        assert len(story.org.org.records("Contact")) == 2000
    assert (caught.value.exit_code, caught.value.code) == (6, "LP0331")
    assert "late.csv" in str(caught.value.where)
    assert run.steps["late"].state == "succeeded"


def test_two_files_of_one_name_are_two_sources(tmp_path: Path) -> None:
    """In two folders: each step sends its own rows and keeps its own results."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.csv").write_text(f"LastName\n{folder}1\n{folder}2\n", encoding="utf-8")
    plan = (
        "version: 1\nname: traps\nsteps:\n"
        "  one: {object: Contact, operation: insert, source: x/rows.csv}\n"
        "  two: {object: Contact, operation: insert, source: y/rows.csv}\n"
    )
    with Story(tmp_path, plan) as story:
        story.drive()
        assert sorted(r["LastName"] for r in story.org.org.records("Contact")) == ["x1", "x2", "y1", "y2"]
    results = {p.parts[-4]: p.read_text() for p in story.run_folder.root.glob("steps/*/jobs/*/successful.csv")}
    assert results.keys() == {"one", "two"}
    assert ('"x1"' in results["one"], '"x1"' in results["two"]) == (True, False)


def test_a_file_that_is_gone_when_its_turn_comes(tmp_path: Path) -> None:
    """A share that is unmounted, a file that is moved: the run stops and goes on when it is back."""
    path = tmp_path / "late.csv"
    path.write_bytes(ROWS)
    plan = f"{HEAD}  late: {{object: Contact, operation: insert, source: late.csv, depends_on: [good]}}\n"

    def on_event(record: ev.Recorded, _: Any) -> None:
        if isinstance(record.event, ev.StepSettled) and record.event.step == "good":
            path.unlink()

    with Story(tmp_path, plan, FILES) as story:
        with pytest.raises(StaleError) as caught:
            story.drive(listeners=(on_event,))
        assert story.applied("Contact") == {}
        path.write_bytes(ROWS)
        story.drive()
        assert len(story.org.org.records("Contact")) == 2000
    assert (caught.value.exit_code, caught.value.code) == (6, "LP0331")
    assert "late.csv" in str(caught.value.where)
