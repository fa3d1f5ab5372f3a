"""Parts that are sent straight from their source: what happens when somebody changes the file meanwhile."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from loadplan.errors import StaleError
from loadplan.run.journal import read_journal
from loadplan.run.leftovers import write_leftovers
from loadplan.run.rows import Rows

from support.story import Killed, KillPoint, Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, parts: {max_rows: 3}}
steps:
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    gate: {max_failed_rows: 10}
"""
ACCOUNTS = [["Legacy_Id__c", "Name"], *[[f"A{i}", f"Company {i}"] for i in range(5)]]


def story(folder: Path, rows: list[list[str]] = ACCOUNTS) -> Story:
    return Story(folder, PLAN, {"accounts.csv": rows}, parallelism=1)


def test_a_source_that_can_be_sent_as_it_stands_is_not_copied(tmp_path: Path) -> None:
    """No part file is written: the two parts are ranges of the source."""
    with story(tmp_path) as told:
        run = told.drive()
        assert run.exit == 0
        assert [p.fact.rows for p in run.steps["accounts"].parts.values()] == [3, 2]
        assert list(told.run_folder.step("accounts").rglob("parts/*")) == []
        assert told.applied("Account") == {f"A{i}": 1 for i in range(5)}


def test_a_source_changed_before_its_upload_is_never_closed(tmp_path: Path) -> None:
    """The upload's digest is not the plan's: exit 6, nothing of it applied; with the file put back the run goes on."""
    with story(tmp_path) as told:
        with pytest.raises(Killed):
            told.drive(kill=KillPoint(1, "before"))  # the parts are on record, nothing was sent
        good = (tmp_path / "accounts.csv").read_bytes()
        (tmp_path / "accounts.csv").write_bytes(good.replace(b"Company 1", b"Company X"))
        with pytest.raises(StaleError) as stopped:
            told.drive()
        assert "loadplan resume" in stopped.value.next_commands[0]
        assert told.applied("Account") == {}
        (tmp_path / "accounts.csv").write_bytes(good)
        assert told.drive().exit == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(5)}


def test_rows_left_over_outlive_their_source(tmp_path: Path) -> None:
    """A failed row is put aside as it was sent, so a retry next day does not need the source."""
    with story(tmp_path) as told:
        told.faults.lock_rows("Account", times=3, where={"Legacy_Id__c": "A1"})
        run = told.drive()
        assert run.steps["accounts"].counts.failed == 1
        (tmp_path / "accounts.csv").write_text("Legacy_Id__c,Name\nB1,Other\n", encoding="utf-8")
        run = told.drive(retry=["accounts"])
        assert run.exit == 0
        assert run.steps["accounts"].counts.failed == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(5)}


def test_rows_whose_source_is_gone_are_kept_as_the_org_echoed_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source is replaced while the job runs: the failed row is on disk as the org gave it back, and the run ends."""
    with story(tmp_path) as told:
        told.faults.lock_rows("Account", times=9, where={"Legacy_Id__c": "A1"})
        real = Rows.reckon

        def replace_first(rows: Rows, *rest: Any) -> Any:
            (tmp_path / "accounts.csv").write_text("Legacy_Id__c,Name\nB1,Other\n", encoding="utf-8")
            return real(rows, *rest)

        monkeypatch.setattr(Rows, "reckon", replace_first)
        with pytest.raises(StaleError):
            told.drive()  # the second part can no longer be sent
        attempt = told.run.steps["accounts"].parts[1].attempts[0]
        assert attempt.reconciled is not None
        assert attempt.reconciled.agree
        assert attempt.reconciled.failed == 1
        echo = told.run_folder.left("accounts", attempt.job, "echo")
        with echo.open(encoding="utf-8") as file:
            assert list(csv.reader(file)) == [["Legacy_Id__c", "Name"], ["A1", "Company 1"]]


def test_results_are_tallied_again_after_a_crash(tmp_path: Path) -> None:
    """What was tallied while the files came in is forgotten; the files are read again, with the same verdict."""
    with story(tmp_path) as told:
        told.drive()
        events = [type(r.event).__name__ for r in read_journal(told.run_folder.journal)[0]]
    at = events.index("JobReconciled") + 1
    folder = tmp_path / "again"
    folder.mkdir()
    with story(folder) as told:
        with pytest.raises(Killed):
            told.drive(kill_record=at)
        run = told.drive()
        assert run.exit == 0
        assert write_leftovers(Rows(told.plan, run, told.run_folder)) == []
        assert told.applied("Account") == {f"A{i}": 1 for i in range(5)}
