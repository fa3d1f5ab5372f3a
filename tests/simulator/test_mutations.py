"""The harness is not blind: each guard of the engine is taken away, and the stories that prove it then break a promise."""

from __future__ import annotations

import pytest

from simulator.mutations import MUTATIONS, Mutation, found, two_runners, vanished
from simulator.stories import undisturbed


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.guard)
def test_a_missing_guard_shows(mutation: Mutation) -> None:
    """Without the guard some story goes wrong."""
    stories, problem = found(mutation)
    assert problem, f"{stories} stories went well without the guard"


@pytest.mark.parametrize("at", [5, 8, 10, 13])
def test_a_second_runner_in_the_middle_of_a_run_changes_nothing(at: int) -> None:
    """With the lock the other one is turned away at whatever request it comes."""
    assert len(undisturbed("keyless")[2]) >= at
    assert two_runners("keyless", at) == ""


@pytest.mark.parametrize("nth", [1, 2])
def test_a_job_that_vanished_is_left_to_a_person(nth: int) -> None:
    """Deleted by somebody after its upload was closed: exit 5, again and again, and no row is sent a second time."""
    assert vanished("keyless", nth) == ""
