"""Rows behind locks go out again in smaller parts, and at last one job at a time for their object."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.run import events as ev
from loadplan.run import retry
from loadplan.run.journal import read_journal
from loadplan.run.leftovers import write_leftovers
from loadplan.run.rows import Rows

from support.story import Killed, Story

PLAN = """\
version: 1
name: story
defaults:
  poll: {first: 100ms, factor: 1, max: 100ms}
  retry: {backoff: {first: 1s, factor: 2, max: 4s}}
steps:
  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv, gate: {max_failed_percent: 90}}
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id}
    lookups: {Account.Legacy_Id__c: account}
"""


def story(folder: Path, rows: int) -> Story:
    accounts = [["Legacy_Id__c", "Name"], *[[f"A{i}", f"Company {i}"] for i in range(rows)]]
    contacts = [["id", "last", "account"], *[[f"C{i}", "x", f"A{i}"] for i in range(3)]]
    return Story(folder, PLAN, {"accounts.csv": accounts, "contacts.csv": contacts})


def landed(rows: int) -> dict[str, int]:
    return {f"A{i}": 1 for i in range(rows)}


def test_parts_get_smaller_and_the_last_ones_go_alone(tmp_path: Path) -> None:
    """900 rows meet locks twice: one job, then four at once, then eight one after the other; every row lands once."""
    with story(tmp_path, 900) as told:
        told.faults.lock_rows("Account", times=2)
        run = told.drive()
        accounts = run.steps["accounts"]
        assert (accounts.counts.sent, accounts.counts.successful, accounts.state) == (900, 900, "succeeded")
        by_round = {n: [a.rows for a in accounts.attempts if a.round == n] for n in (1, 2, 3)}
        assert (by_round[1], by_round[2]) == ([900], [225] * 4)
        assert sorted(by_round[3]) == [112] * 4 + [113] * 4
        assert told.applied("Account") == landed(900)
        last = {(a.part, a.number) for a in accounts.attempts if a.round == 3}
        under_way: set[tuple[int, int]] = set()
        together = 0
        for event in (r.event for r in read_journal(told.run_folder.journal)[0]):
            if isinstance(event, ev.JobCreated) and event.step == "accounts":
                under_way.add((event.part, event.attempt))
                if under_way & last:
                    assert len(under_way) == 1
                together = max(together, len(under_way))
            if isinstance(event, ev.JobReconciled):
                under_way.discard((event.part, event.attempt))
        assert together == 4


def test_unprocessed_rows_go_out_in_smaller_parts_too(tmp_path: Path) -> None:
    """A job that failed in the middle: what it left is cut in two."""
    with story(tmp_path, 500) as told:
        told.faults.fail_job_midway("Account", 100)
        run = told.drive()
        assert [a.rows for a in run.steps["accounts"].attempts] == [500, 200, 200]
        assert told.applied("Account") == landed(500)
        assert run.exit == 0


def test_what_the_pieces_leave_over_is_left_over_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that stays locked is in the retry file, its child is held, and a retry by hand sends both."""
    monkeypatch.setattr(retry, "SMALLEST", 2)
    with story(tmp_path, 8) as told:
        told.faults.lock_rows("Account", times=3, where={"Legacy_Id__c": "A1"})
        told.faults.lock_rows("Account", times=1)
        run = told.drive()
        counts = run.steps["accounts"].counts
        assert (counts.sent, counts.successful, counts.failed) == (8, 7, 1)
        assert (run.steps["contacts"].counts.successful, run.steps["contacts"].counts.held) == (2, 1)
        left = {item.step: item.file for item in write_leftovers(Rows(told.plan, run, told.run_folder))}
        assert left["accounts"].read_text(encoding="utf-8") == "Legacy_Id__c,Name\nA1,Company 1\n"
        run = told.drive(retry=["accounts", "contacts"])
        assert run.exit == 0
        assert told.applied("Account") == landed(8)
        assert told.applied("Contact") == {f"C{i}": 1 for i in range(3)}
        assert write_leftovers(Rows(told.plan, run, told.run_folder)) == []


def test_a_kill_at_any_record_of_it_loses_and_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pieces are on disk before they are on record; a resume makes the same ones again."""
    monkeypatch.setattr(retry, "SMALLEST", 2)

    def told_at(name: str) -> Story:
        (tmp_path / name).mkdir()
        one = story(tmp_path / name, 5)
        one.__enter__()
        one.faults.lock_rows("Account", times=2)
        return one

    whole = told_at("whole")
    whole.drive()
    records = len(whole.run_folder.journal.read_bytes().splitlines()) - 1
    whole.__exit__(None, None, None)
    for at in range(13, records + 1, 11):
        one = told_at(str(at))
        with pytest.raises(Killed):
            one.drive(kill_record=at)
        one.drive()
        assert one.applied("Account") == landed(5), at
        assert (one.run.exit, one.run.steps["accounts"].counts.successful) == (0, 5), at
        one.__exit__(None, None, None)
