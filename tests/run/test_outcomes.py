"""The rows of a step with one fate, after runs against the embedded org in which rows failed and were sent again."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.errors import InvalidInputError
from loadplan.plan.model import ResultsSource
from loadplan.run.outcomes import outcomes_of
from loadplan.sources.registry import open_source
from loadplan.sources.results import ResultKind
from loadplan.sources.surroundings import Surroundings

from support.story import Story

PLAN = """\
version: 1
name: story
defaults:
  poll: {first: 100ms, factor: 1, max: 100ms}
  retry: {max_attempts: 2, backoff: {first: 1s, factor: 2, max: 4s}}
steps:
  accounts:
    object: Account
    operation: insert
    source: accounts.csv
    csv: {delimiter: PIPE}
    gate: {max_failed_rows: 6}
"""
ACCOUNTS = [["Name", "Legacy_Id__c"], ["", "A0"], *[[f"Company {i}", f"A{i}"] for i in range(1, 6)]]


def story(folder: Path) -> Story:
    """Six accounts, the first of which has no name and always fails."""
    return Story(folder, PLAN, {"accounts.csv": ACCOUNTS})


def keys(told: Story, folder: Path, kind: ResultKind) -> list[str]:
    """The external ids of the rows with this fate."""
    step, run_step = told.plan.steps["accounts"], told.run.steps["accounts"]
    around = Surroundings(
        folder=folder / kind, outcomes=lambda name, fate: outcomes_of(step, run_step, told.run_folder, fate)
    )
    reader = open_source(ResultsSource("accounts", kind), around=around)
    at = reader.header.index("Legacy_Id__c") if "Legacy_Id__c" in reader.header else -1
    try:
        return sorted(row.cells[at] for row in reader)
    finally:
        reader.close()


def fates(told: Story, folder: Path) -> dict[str, list[str]]:
    kinds: tuple[ResultKind, ...] = ("successful", "failed", "unprocessed")
    return {kind: keys(told, folder, kind) for kind in kinds}


def test_a_row_that_failed_first_and_landed_later_is_successful(tmp_path: Path) -> None:
    """Its failure stands in a file of the first job, and does not count."""
    with story(tmp_path) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A3"})
        told.drive()
        assert fates(told, tmp_path) == {
            "successful": ["A1", "A2", "A3", "A4", "A5"],
            "failed": ["A0"],
            "unprocessed": [],
        }


def test_a_row_that_failed_twice_is_failed_once(tmp_path: Path) -> None:
    """Only its last failure counts; after a retry by hand, what that gave."""
    with story(tmp_path) as told:
        told.faults.lock_rows("Account", times=2, where={"Legacy_Id__c": "A3"})
        told.drive()
        assert fates(told, tmp_path / "1")["failed"] == ["A0", "A3"]
        told.drive(retry=["accounts"])
        assert fates(told, tmp_path / "2") == {
            "successful": ["A1", "A2", "A3", "A4", "A5"],
            "failed": ["A0"],
            "unprocessed": [],
        }


def test_rows_that_the_org_did_not_get_to_are_unprocessed(tmp_path: Path) -> None:
    """A person aborted the job."""
    with story(tmp_path) as told:
        told.faults.admin_abort("750Em0000000001IAA")
        told.drive()
        assert fates(told, tmp_path)["unprocessed"] == ["A0", "A1", "A2", "A3", "A4", "A5"]


def test_a_step_that_has_not_ended_has_no_results_yet(tmp_path: Path) -> None:
    """Its counts still change."""
    with story(tmp_path) as told:
        told.drive()
        step, run_step = told.plan.steps["accounts"], told.run.steps["accounts"]
        run_step.state = "running"
        with pytest.raises(InvalidInputError) as caught:
            outcomes_of(step, run_step, told.run_folder, "failed")
        assert caught.value.code == "LP0386"


def test_rows_that_are_in_no_result_file_are_not_passed_over(tmp_path: Path) -> None:
    """A result file that was on record is gone from it."""
    with story(tmp_path) as told:
        told.drive()
        step, run_step = told.plan.steps["accounts"], told.run.steps["accounts"]
        del run_step.attempts[0].results["failed"]
        with pytest.raises(InvalidInputError) as caught:
            outcomes_of(step, run_step, told.run_folder, "failed")
        assert caught.value.code == "LP0386"
        assert "retry" in (caught.value.hint or "")
