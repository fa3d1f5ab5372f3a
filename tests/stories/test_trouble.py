"""Trouble on the wire and in the org: nothing lost, nothing sent twice, nothing silent."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from loadplan.errors import DetachedError, OrgError
from loadplan.run.engine import Patience
from loadplan.run.leftovers import write_leftovers
from loadplan.run.rows import Rows

from support.story import Story

PLAN = """\
version: 1
name: story
defaults:
  poll: {first: 100ms, factor: 1, max: 100ms}
  retry: {backoff: {first: 1s, factor: 2, max: 4s}}
steps:
  accounts:
    object: Account
    operation: insert
    source: accounts.csv
    GATE
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id}
    lookups: {Account.Legacy_Id__c: account}
"""
ACCOUNTS = [["Name", "Legacy_Id__c"], *[[f"Company {i}", f"A{i}"] for i in range(6)]]
CONTACTS = [["id", "last", "account"], *[[f"C{i}", f"Person {i}", f"A{i}"] for i in range(6)]]


def story(folder: Path, *, gate: str = "", accounts: list[list[str]] = ACCOUNTS) -> Story:
    return Story(
        folder,
        PLAN.replace("    GATE\n", f"    {gate}\n" if gate else ""),
        {"accounts.csv": accounts, "contacts.csv": CONTACTS},
    )


REQUESTS = ["create ingest", "upload", "close", "job info", "successful", "failed", "unprocessed"]


@pytest.mark.parametrize("request_kind", REQUESTS)
@pytest.mark.parametrize("effect", ["drop before", "drop after", "status", "truncate", "expire"])
@pytest.mark.parametrize("nth", [1, 2])
def test_one_fault_at_one_request_changes_nothing(tmp_path: Path, request_kind: str, effect: str, nth: int) -> None:
    """A lost request, a lost answer, a 503, a cut body or an expired token at any ingest request: each row lands once."""
    with story(tmp_path) as told:
        told.faults.add(request_kind, effect, nth)
        run = told.drive()
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}
        assert told.applied("Contact") == {f"C{i}": 1 for i in range(6)}
        assert run.exit == 0
        assert {s.state for s in run.steps.values()} == {"succeeded"}


def test_rows_behind_a_lock_heal_by_themselves(tmp_path: Path) -> None:
    """Rows refused with UNABLE_TO_LOCK_ROW go into a job of their own after a backoff, and only they."""
    with story(tmp_path) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A3"})
        run = told.drive()
        step = run.steps["accounts"]
        assert [(a.rows, a.reconciled.successful) for a in step.attempts if a.reconciled] == [(6, 5), (1, 1)]
        assert (step.counts.sent, step.counts.successful, step.counts.failed) == (6, 6, 0)
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}
        assert run.exit == 0


def test_a_shut_gate_holds_the_children_and_a_retry_lets_them_go(tmp_path: Path) -> None:
    """A parent row fails, so the child step does not start; when the cause is gone, the retry sends that row and the children."""
    with story(tmp_path) as told:
        told.faults.lock_rows("Account", times=3, where={"Legacy_Id__c": "A3"})
        run = told.drive()
        assert run.exit == 1
        assert run.steps["accounts"].gate is not None
        assert run.steps["accounts"].gate.verdict == "shut"
        assert run.steps["contacts"].state == "blocked"
        assert told.applied("Contact") == {}
        left = write_leftovers(Rows(told.plan, run, told.run_folder))
        with left[0].file.open(encoding="utf-8") as file:
            assert list(csv.reader(file)) == [["Name", "Legacy_Id__c"], ["Company 3", "A3"]]
        run = told.drive(retry=["accounts"])
        assert run.exit == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}
        assert told.applied("Contact") == {f"C{i}": 1 for i in range(6)}
        assert write_leftovers(Rows(told.plan, run, told.run_folder)) == []
        assert not (told.run_folder.root / "retry" / "accounts.csv").exists()


def test_a_retry_sends_what_any_attempt_left_over(tmp_path: Path) -> None:
    """One row is locked and heals by itself in a second job; another fails for good in the first. By hand, that one goes out."""
    accounts = [*ACCOUNTS[:6], ["", "A5"]]
    with story(tmp_path, accounts=accounts) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A3"})
        run = told.drive()
        assert [a.reconciled.failed for a in run.steps["accounts"].attempts if a.reconciled] == [2, 0]
        assert run.steps["accounts"].counts.failed == 1
        run = told.drive(retry=["accounts"])
        third = run.steps["accounts"].attempts[2]
        assert (third.rows, third.reconciled is not None and third.reconciled.failed) == (1, 1)
        assert run.steps["accounts"].counts.failed == 1
        assert run.steps["accounts"].counts.agree
        left = write_leftovers(Rows(told.plan, run, told.run_folder))
        assert [item.rows for item in left] == [1]
        assert told.applied("Account") == {f"A{i}": 1 for i in range(5)}


def test_gate_that_continues_still_ends_with_exit_1(tmp_path: Path) -> None:
    """With `on_fail: continue` the children run, and the run says that something is left over."""
    accounts = [*ACCOUNTS[:6], ["", "A5"]]
    with story(tmp_path, gate="gate: {max_failed_rows: 0, on_fail: continue}", accounts=accounts) as told:
        run = told.drive()
        assert run.exit == 1
        assert run.steps["contacts"].counts.successful == 5
        assert run.steps["contacts"].counts.held == 1


def test_a_job_that_fails_midway_is_reconciled_and_its_rest_is_sent_again(tmp_path: Path) -> None:
    """Failed with some rows done: the three result files are read, and only unprocessed rows go out again."""
    with story(tmp_path) as told:
        told.faults.fail_job_midway("Account", 4)
        run = told.drive()
        first = run.steps["accounts"].attempts[0]
        assert first.state == "Failed"
        assert first.reconciled is not None
        assert (first.reconciled.successful, first.reconciled.unprocessed) == (4, 2)
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}
        assert run.exit == 0


def test_a_header_the_org_refuses_is_not_sent_again(tmp_path: Path) -> None:
    """A Failed job that would fail the same way again is not repeated; its message is kept in the org's words."""
    accounts = [["Name", "No_Such_Field__c"], *[[f"Company {i}", "x"] for i in range(3)]]
    with story(tmp_path, accounts=accounts) as told:
        run = told.drive()
        step = run.steps["accounts"]
        assert [a.state for a in step.attempts] == ["Failed"]
        assert step.attempts[0].error == "InvalidBatch : Field name not found : No_Such_Field__c"
        assert step.counts.unprocessed == 3
        assert run.steps["contacts"].state == "blocked"
        assert run.exit == 1


def test_an_admin_abort_is_respected(tmp_path: Path) -> None:
    """Rows of a job that a person aborted are read, listed and not sent again."""
    with story(tmp_path) as told:
        told.faults.admin_abort("750Em0000000001IAA")
        run = told.drive()
        step = run.steps["accounts"]
        assert len(step.attempts) == 1
        assert step.attempts[0].state == "Aborted"
        assert step.reconciled
        assert step.counts.unprocessed == 6
        assert run.exit == 1
        assert told.applied("Account") == {}


def test_no_network_for_long_stops_resumable(tmp_path: Path) -> None:
    """When nothing answers any more the run stops with exit 3 or 7 and goes on later."""
    with story(tmp_path) as told:
        told.faults.add("job info", "drop before", None)
        with pytest.raises(DetachedError) as stopped:
            told.drive(patience=Patience(tries=3))
        assert any("loadplan resume" in c for c in stopped.value.next_commands)
        told.faults.rules.clear()
        assert told.drive().exit == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}


def test_creates_that_are_never_answered_stop_with_exit_3(tmp_path: Path) -> None:
    """Lost creates leave only empty jobs; after a few the run stops, and nothing was applied."""
    with story(tmp_path) as told:
        told.faults.add("create ingest", "drop after", None)
        with pytest.raises(OrgError):
            told.drive(patience=Patience(tries=3))
        assert told.applied("Account") == {}
        told.faults.rules.clear()
        assert told.drive().exit == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}


def test_quota_detaches_and_resumes(tmp_path: Path) -> None:
    """403 REQUEST_LIMIT_EXCEEDED while a job runs: exit 7, and a resume finds its rows."""
    with story(tmp_path) as told:
        told.faults.quota("job info")
        with pytest.raises(DetachedError):
            told.drive()
        told.faults.rules.clear()
        assert told.drive().exit == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}


def test_a_maintenance_page_is_no_answer(tmp_path: Path) -> None:
    """An HTML page instead of JSON proves nothing; the request is settled as if it had been lost."""
    with story(tmp_path) as told:
        for kind in ("create ingest", "close", "job info"):
            told.faults.add(kind, "status", 1, 200, b"<html><title>Maintenance</title></html>")
        assert told.drive().exit == 0
        assert told.applied("Account") == {f"A{i}": 1 for i in range(6)}


def test_a_delete_of_more_rows_than_the_org_allows_is_refused(tmp_path: Path) -> None:
    """Rows found by a query are counted before they are deleted: over the cap of the org's entry nothing is sent."""
    plan = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  made: {object: Account, operation: insert, source: accounts.csv}
  old: {operation: query, soql: SELECT Id FROM Account, depends_on: [made]}
  purge: {object: Account, operation: delete, source: {step: old}}
"""
    with Story(tmp_path, plan, {"accounts.csv": ACCOUNTS}, max_delete_rows=1) as told:
        run = told.drive()
        assert run.exit == 1
        assert run.steps["purge"].problem.startswith("it would delete 6 rows")
        assert told.org.org.count("Account") == 6
