"""A disk that is full, broken or read-only from some operation on. Here every n-th operation; `soak.py --disk` takes them all."""

from __future__ import annotations

from simulator.full_disk import problem_of, refusals
from simulator.scenarios import CRASHED

EVERY = 307


def test_a_disk_that_refuses_is_told_and_nothing_is_lost() -> None:
    """Exit 9 at whatever operation it happens; when there is room again the run goes on as if nothing had happened."""
    tried = list(refusals(CRASHED, every=EVERY))
    assert [(refusal, problem) for refusal in tried if (problem := problem_of(refusal))] == []
    assert len(tried) > 20


def test_the_first_record_of_a_run_does_not_fit() -> None:
    """The journal cannot be made, or takes its first line and not the beginning of the run: exit 9, not the word of a bug."""
    first = [refusal for refusal in refusals(("keyless",)) if 11 <= refusal.at <= 17]
    assert [(refusal, problem) for refusal in first if (problem := problem_of(refusal))] == []
    assert len(first) == 21
