"""Plans whose rows come from everywhere, run from end to end against the embedded org."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest
from loadplan.errors import InvalidInputError, OrgError

from support import postgres
from support.story import Killed, KillPoint, Story

HEAD = "version: 1\nname: story\ndefaults: {poll: {first: 100ms, factor: 1, max: 100ms}}\nsteps:\n"
UPSERT = "    object: Account\n    operation: upsert\n    external_id: Legacy_Id__c\n    columns: {Legacy_Id__c: id, Name: name}\n"


def step(name: str, source: str) -> str:
    return f"  {name}:\n{UPSERT}    source: {source}\n"


def test_files_of_every_format_land_with_the_same_values(tmp_path: Path) -> None:
    """A leading zero, a quote and a line break from JSONL, Parquet, SQLite and a SELECT over them."""
    (tmp_path / "orgs.yaml").write_text("version: 1\nsql_sources: true\norgs: {}\n", encoding="utf-8")
    name = 'It\'s "x"\nand y'
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "001", "name": name}) + "\n", encoding="utf-8")
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE TABLE t AS SELECT '002' AS id, ? AS name", [name])
        connection.execute(f"COPY t TO '{tmp_path / 'b.parquet'}' (FORMAT parquet)")
    with closing(sqlite3.connect(tmp_path / "c.sqlite")) as database:
        database.execute("CREATE TABLE t AS SELECT '003' AS id, ? AS name", [name])
        database.commit()
    sql = "{sql: \"SELECT '004' AS id, name FROM 'a.jsonl' UNION ALL SELECT '005', name FROM 'b.parquet'\"}"
    plan = (
        HEAD + step("a", "a.jsonl") + step("b", "b.parquet") + step("c", "{path: c.sqlite, table: t}") + step("d", sql)
    )
    with Story(tmp_path, plan) as told:
        run = told.drive()
        assert run.exit == 0
        assert told.applied("Account") == {f"00{n}": 1 for n in range(1, 6)}
        parts = sorted(told.run_folder.root.glob("steps/*/parts/0001.csv"))
        assert len(parts) == 4
        for part in parts:
            with part.open(encoding="utf-8", newline="") as file:
                assert {row[1] for row in list(csv.reader(file))[1:]} == {name}


def test_a_database_is_asked_once_and_not_again_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows change while the run goes on, then the server is gone; what was checked is what lands, each row once."""
    if reason := postgres.why_not():
        pytest.skip(reason)
    plan = HEAD + step("a", "{postgres: {env: STORY_DB}, query: 'SELECT id, name FROM t ORDER BY id'}")
    with postgres.running() as server, Story(tmp_path, plan) as told:
        with psycopg.connect(server.url, autocommit=True) as db:
            db.execute("CREATE TABLE t AS SELECT n::text AS id, 'Acme ' || n AS name FROM generate_series(1, 50) n")
        monkeypatch.setenv("STORY_DB", server.url)
        with pytest.raises(Killed):
            told.drive(kill=KillPoint(2, "after"))
        server.stop()
        monkeypatch.delenv("STORY_DB")
        run = told.drive()
        assert run.exit == 0
        assert told.applied("Account") == {str(n): 1 for n in range(1, 51)}
        kept = [p for p in told.run_folder.root.rglob("*") if p.is_file()]
        assert kept
        assert all(postgres.PASSWORD.encode() not in p.read_bytes() for p in kept)


RESULTS = (
    HEAD
    + """\
  accounts:
    object: Account
    operation: insert
    source: accounts.csv
    gate: {max_failed_rows: 9}
  notes:
    object: Task
    operation: insert
    source: {results_of: accounts, kind: KIND}
    columns: {Subject: COLUMN}
"""
)
ACCOUNTS = [["Name", "Legacy_Id__c"], ["", "A0"], ["Acme", "A1"], ["Blue", "A2"], ["", "A3"]]


@pytest.mark.parametrize(
    ("kind", "column", "subjects"),
    [("failed", "Legacy_Id__c", ["A0", "A3"]), ("successful", "Name", ["Acme", "Blue"]), ("unprocessed", "Name", [])],
)
def test_the_results_of_a_step_are_the_rows_of_the_next(
    tmp_path: Path, kind: str, column: str, subjects: list[str]
) -> None:
    """Those that failed, those that landed, and none at all, which is a good answer."""
    text = RESULTS.replace("KIND", kind).replace("COLUMN", column)
    with Story(tmp_path, text, {"accounts.csv": ACCOUNTS}) as told:
        run = told.drive()
        assert run.exit == 0
        assert run.steps["notes"].counts.successful == len(subjects)
        assert sorted(r["Subject"] for r in told.org.org.records("Task")) == subjects


def test_a_retry_of_the_parent_leaves_the_childs_rows_as_they_were_sent(tmp_path: Path) -> None:
    """The failures of the parent are mended later; the retry file of the child still has the child's own rows."""
    text = RESULTS.replace("KIND", "failed").replace("COLUMN", "Legacy_Id__c")
    accounts = [["Name", "Legacy_Id__c"], *[[f"Company {i}", f"A{i}"] for i in range(4)]]
    with Story(tmp_path, text, {"accounts.csv": accounts}) as told:
        for key in ("A1", "A2"):
            told.faults.lock_rows("Account", times=3, where={"Legacy_Id__c": key})
        told.faults.lock_rows("Task", times=9, where={"Subject": "A2"})
        run = told.drive()
        assert run.steps["notes"].counts.failed == 1
        told.drive(retry=["accounts"])
        assert told.run.steps["accounts"].counts.failed == 0
        from loadplan.run.leftovers import write_leftovers
        from loadplan.run.rows import Rows

        (left,) = write_leftovers(Rows(told.plan, told.run, told.run_folder))
        with left.file.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["Legacy_Id__c"] for row in rows] == ["A2"]
        assert rows[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW")


def test_sql_needs_leave_for_the_org_that_is_meant(tmp_path: Path) -> None:
    """Before anything is read or sent."""
    (tmp_path / "a.csv").write_text("id,name\n1,x\n", encoding="utf-8")
    plan = HEAD + step("a", "{sql: \"SELECT * FROM 'a.csv'\"}")
    with Story(tmp_path, plan) as told:
        with pytest.raises(OrgError) as caught:
            told.drive()
        assert caught.value.code == "LP0450"
        assert told.applied("Account") == {}


def test_a_source_that_cannot_be_read_sends_nothing_of_any_step(tmp_path: Path) -> None:
    """The good step before it waits as well."""
    (tmp_path / "a.csv").write_text("id,name\n1,x\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(
        '{"id": 1, "name": "x"}\n{"id": 2, "name": ["y"]}\n{"id": 3, "na', encoding="utf-8"
    )
    with Story(tmp_path, HEAD + step("a", "a.csv") + step("b", "b.jsonl")) as told:
        with pytest.raises(InvalidInputError) as caught:
            told.drive()
        assert [(d.code, d.place.line) for d in caught.value.diagnostics] == [("LP0372", 2), ("LP0371", 3)]
        assert told.applied("Account") == {}


def loadplan(folder: Path, *args: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SF_")}
    command = [sys.executable, "-m", "loadplan", *args]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, env=environ, check=False, timeout=120)


def test_rows_come_through_a_pipe_and_a_retry_needs_none(tmp_path: Path) -> None:
    """The command line as it is typed: what came in is kept, and only for the run."""
    plan = HEAD + step("a", '{path: "-", format: jsonl}')
    (tmp_path / "plan.yaml").write_text(plan, encoding="utf-8")
    rows = b'{"id": "007", "name": "Acme"}\n{"id": "008", "name": ""}\n'
    done = loadplan(tmp_path, "apply", "plan.yaml", "-o", "embedded", "--auto-approve", given=rows)
    assert done.returncode == 1, done.stderr.decode()
    (run,) = (tmp_path / ".loadplan" / "runs").iterdir()
    (kept,) = (run / "steps" / ".inputs").iterdir()
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (rows, 0o600)
    assert (run / "retry" / "a.csv").read_bytes() == b"id,name\n008,\n"
    again = loadplan(tmp_path, "retry", run.name)
    assert again.returncode == 1, again.stderr.decode()
    assert b"008" in (run / "retry" / "a.csv").read_bytes()


def test_nothing_is_kept_of_a_pipe_whose_rows_cannot_be_sent(tmp_path: Path) -> None:
    """The run never began."""
    (tmp_path / "plan.yaml").write_text(HEAD + step("a", '"-"'), encoding="utf-8")
    done = loadplan(tmp_path, "apply", "plan.yaml", "-o", "embedded", given=b"id,name\n1\n")
    assert done.returncode == 2, done.stderr.decode()
    assert b"standard input:2" in done.stderr + done.stdout
    assert list((tmp_path / ".loadplan").rglob("*.csv")) == []
    assert not any((tmp_path / ".loadplan" / "runs").glob("*"))
