"""When to look at a running job again. Pure.

A job that ends just after a look is noticed only at the next one. So the wait grows with the time the job has been running,
not with the number of looks alone: the mean delay stays under a tenth of a job's length, and a job is never asked about more
than once a second unless the plan says so.
"""

from __future__ import annotations

from loadplan.plan.model import Poll

SHARE = 0.15
"""Of the time a job has been running: the wait until the next look. Its end is noticed half of that late on average."""
OFTEN = 1.0
"""Seconds: no share is shorter than this, or than the plan's own first wait."""


def next_poll(poll: Poll, polls: int, running: float) -> float:
    """Seconds to wait after `polls` looks at a job that has been running for `running` seconds. The plan's schedule (first,
    then times factor, at most max) is the longest wait."""
    if polls == 0:
        return poll.first
    # A float power that is already past the cap would overflow in a run of weeks.
    planned = min(poll.max, poll.first * poll.factor ** min(polls, 200))
    return min(planned, max(min(OFTEN, poll.first), SHARE * running))
