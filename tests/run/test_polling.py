"""Looks at a running job: seldom enough for the org, soon enough for whoever waits."""

from __future__ import annotations

import pytest
from loadplan.plan.model import Poll
from loadplan.run.polling import next_poll


def looks(poll: Poll, length: float) -> list[float]:
    """The times of the looks at a job of this length; the last one finds it done."""
    at: list[float] = []
    now = 0.0
    while not at or at[-1] < length:
        now += next_poll(poll, len(at), now)
        at.append(now)
    return at


@pytest.mark.parametrize("around", [10.0, 45.0, 300.0, 3600.0])
def test_a_finished_job_is_noticed_soon_and_asked_about_seldom(around: float) -> None:
    """With the default schedule: mean delay under 10 % of the length, under one request a second."""
    lengths = [around * (0.75 + i / 400) for i in range(200)]
    late = [(looks(Poll(), n)[-1] - n) / n for n in lengths]
    assert sum(late) / len(late) < 0.1
    assert all(len(looks(Poll(), n)) < n for n in lengths)


def test_the_plan_sets_the_first_and_the_longest_wait() -> None:
    """The schedule of the plan is never exceeded, and what it asks for is done."""
    poll = Poll(first=5, factor=2, max=12)
    assert next_poll(poll, 0, 0) == 5
    assert next_poll(poll, 9, 86_400) == 12
    assert next_poll(Poll(first=0.1, factor=1, max=0.1), 50, 60) == 0.1
    assert next_poll(Poll(first=2, factor=1.5, max=30), 10_000, 1e9) == 30
