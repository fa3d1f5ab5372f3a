"""Limits: the run stops before the org does, says which and the numbers, and goes on when there is room."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.emulator.settings import Settings
from loadplan.errors import DetachedError
from loadplan.run.quotas import batches, over

from support.story import Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, parts: {max_rows: 2}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv}
  back: {operation: query, soql: SELECT Id FROM Account, depends_on: [accounts]}
"""
FILES = {"accounts.csv": [["Name", "Legacy_Id__c"], *[[f"Company {i}", f"A{i}"] for i in range(6)]]}
LANDED = {f"A{i}": 1 for i in range(6)}


def stopped(told: Story) -> DetachedError:
    with pytest.raises(DetachedError) as caught:
        told.drive()
    assert caught.value.code == "LP0516"
    assert f"loadplan resume {told.run_folder.id}" in caught.value.next_commands
    return caught.value


def test_the_run_stops_before_the_last_batch_and_goes_on_a_day_later(tmp_path: Path) -> None:
    """Two batches left for three parts: the third job is never created; when the day is over, its rows go out."""
    with Story(tmp_path, PLAN, FILES, Settings(batches_max=2), limits={}, parallelism=1) as told:
        error = stopped(told)
        assert error.summary == "the org has 0 of 2 batches left (DailyBulkApiBatches); the next job needs 1"
        assert told.applied("Account") == {f"A{i}": 1 for i in range(4)}
        assert len(told.run.attempts()) == 2
        told.clock.wait(25 * 3600)
        assert told.drive().exit == 0
        assert told.applied("Account") == LANDED


def test_jobs_under_way_are_counted(tmp_path: Path) -> None:
    """The org has not made batches of them yet, and says that all are left."""
    with Story(tmp_path, PLAN, FILES, Settings(batches_max=2, latency=30.0), limits={}, parallelism=4) as told:
        error = stopped(told)
        assert "2 of them for jobs under way" in error.summary
        assert len(error.details) == 2


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            {"max_batches": 2},
            "orgs.yaml allows a run 2 batches (max_batches); this one has used 2, and the next job needs 1",
        ),
        ({"max_query_jobs": 0}, "allows a run 0 query jobs (max_query_jobs)"),
        ({"max_api_requests": 5}, "allows a run 5 API requests (max_api_requests)"),
        ({"quota_percent_per_run": 10}, "allows a run 10% of the org's 20 batches (quota_percent_per_run)"),
    ],
)
def test_a_cap_of_orgs_yaml_stops_the_run(tmp_path: Path, limits: dict[str, int], words: str) -> None:
    """With the key and the numbers; raised, the run goes on. What was used counts over the resume."""
    with Story(tmp_path, PLAN, FILES, Settings(batches_max=20), limits=limits) as told:
        assert words in stopped(told).summary
        if "max_api_requests" not in limits:
            assert words in stopped(told).summary
        told.limits = {}
        assert told.drive().exit == 0
        assert told.applied("Account") == LANDED


def test_an_org_that_does_not_tell_its_limits_stops_nothing(tmp_path: Path) -> None:
    """A user without View Setup: the run goes on, and the org itself says when it is enough."""
    with Story(tmp_path, PLAN, FILES, limits={}) as told:
        told.faults.add("limits", "status", None, 403, b'[{"errorCode":"INSUFFICIENT_ACCESS","message":"no"}]')
        assert told.drive().exit == 0


@pytest.mark.parametrize("kind", ["create ingest", "upload", "close", "job info", "successful", "create query"])
def test_a_request_limit_detaches_cleanly_wherever_it_is_met(tmp_path: Path, kind: str) -> None:
    """403 REQUEST_LIMIT_EXCEEDED: exit 7, never a failed step; the resume ends as if nothing had happened."""
    with Story(tmp_path, PLAN, FILES) as told:
        told.faults.quota(kind)
        assert "a limit of the org is used up" in stopped(told).summary
        told.faults.rules.clear()
        assert told.drive().exit == 0
        assert told.applied("Account") == LANDED


def test_batches_are_counted_as_the_org_makes_them() -> None:
    """10,000 rows each; the last may be smaller."""
    assert [batches(n) for n in (0, 1, 10_000, 10_001)] == [0, 1, 1, 2]
    left = {"DailyBulkApiBatches": (5, 100)}
    used = {"DailyBulkApiBatches": 0}
    assert over({}, left, used, {}, {"DailyBulkApiBatches": 5}) == ""
    assert over({}, left, used, {"DailyBulkApiBatches": 1}, {"DailyBulkApiBatches": 5}) != ""
