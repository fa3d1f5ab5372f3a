"""How long a load would take: the rates of earlier jobs along the graph of the plan."""

from __future__ import annotations

import pytest
from loadplan.reports.forecast import Forecast, Rate, Sample, Task, forecast, rates

ACCOUNT, CONTACT, QUERY = ("Account", "upsert"), ("Contact", "upsert"), ("p/stale", "query")


def task(step: str, *jobs: int, after: tuple[str, ...] = (), **more: object) -> Task:
    """A step on Account, whose rows take a second each and whose jobs wait ten."""
    return Task(step, after, ACCOUNT, jobs, **more)  # type: ignore[arg-type]


KNOWN = {ACCOUNT: Rate(waiting=10.0, per_row=1.0, most=1_000, whole=60.0)}


def told(*tasks: Task, parallelism: int = 4) -> Forecast:
    found = forecast(tasks, KNOWN, parallelism)
    assert found is not None
    return found


def test_a_rate_is_that_of_the_larger_jobs() -> None:
    """A job of one row is all overhead: it tells of the queue, not of rows."""
    found = rates([Sample(ACCOUNT, 1, 4, 3), Sample(ACCOUNT, 1_000, 6, 10), Sample(ACCOUNT, 600, 8, 6)])[ACCOUNT]
    assert (found.waiting, found.per_row, found.most) == (6, 16 / 1_600, 1_000)
    assert found.seconds(100_000) == pytest.approx(6 + 1_000)


def test_each_kind_has_its_own_rate() -> None:
    """What an upsert of contacts takes says nothing of accounts; a job without rows takes its time in the queue."""
    found = rates([Sample(ACCOUNT, 100, 1, 10), Sample(CONTACT, 100, 2, 50), Sample(QUERY, 0, 3, 0)])
    assert (found[ACCOUNT].per_row, found[CONTACT].per_row, found[QUERY].per_row) == (0.1, 0.5, 0)


def test_jobs_of_a_step_run_beside_each_other() -> None:
    """As many as the parallelism allows; one at a time it takes as long as all together."""
    step = task("a", 100, 100, 100)
    assert told(step).seconds == 110
    assert told(step, parallelism=2).seconds == 220
    assert told(step, parallelism=1).seconds == 330


def test_a_step_begins_when_all_its_parents_have_ended() -> None:
    """The path is what the end waits for; preparation counts."""
    found = told(
        task("small", 10),
        task("large", 200),
        task("child", 50, after=("small", "large"), prepare=5.0),
        task("other", 100),
    )
    assert found.seconds == 210 + 5 + 60
    assert found.path == ("large", "child")
    assert found.ends == {"small": 20, "large": 210, "child": 275, "other": 110}


def test_levels_go_one_after_the_other() -> None:
    """A hierarchy's jobs are not parallel, however many slots there are."""
    assert told(task("tree", 10, 20, 30, in_turn=True)).seconds == 20 + 30 + 40


def test_a_slot_that_is_taken_is_waited_for() -> None:
    """Two steps that need nothing of each other share one slot."""
    assert told(task("a", 100), task("b", 100), parallelism=1).seconds == 220


def test_a_step_of_which_nothing_is_known_is_named_and_takes_no_time() -> None:
    """What comes after it goes on; nothing is made up."""
    strange = Task("strange", ("a",), CONTACT, (1_000_000,))
    found = told(task("a", 100), strange, task("b", 100, after=("strange",)))
    assert (found.seconds, found.untold, found.path) == (220, ("strange",), ("a", "strange", "b"))
    assert forecast([strange], KNOWN, 4) is None
    assert forecast([], KNOWN, 4) is None


def test_a_step_that_has_nothing_to_send_takes_no_time() -> None:
    """It is not untold: there is nothing to tell."""
    found = told(task("a", 100), Task("empty", ("a",), CONTACT, ()), task("b", 0, after=("empty",)))
    assert (found.seconds, found.untold) == (120, ())


def test_a_query_takes_as_long_as_it_did() -> None:
    """The rows that a twin has say nothing of those that the org has."""
    known = {QUERY: Rate(waiting=5.0, per_row=2.0, most=500, whole=90.0)}
    found = forecast([Task("stale", (), QUERY, (0,), is_query=True)], known, 4)
    assert found is not None
    assert found.seconds == 90


def test_a_load_far_larger_than_what_ran_is_a_guess() -> None:
    """Twenty times the largest job; parents that are not in the plan are over."""
    assert told(task("a", 20_000, after=("gone",))).rough == ()
    assert told(task("a", 20_001)).rough == ("a",)


def test_a_parallelism_of_nothing_is_one() -> None:
    """A header of an older journal may hold anything."""
    assert told(task("a", 10, 10), parallelism=0).seconds == 40
