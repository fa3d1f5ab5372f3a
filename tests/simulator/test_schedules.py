"""Random schedules of faults, crashes, power cuts and an administrator. `python tests/simulator/soak.py --seeds 10000` is the
long form."""

from __future__ import annotations

import pytest

from simulator.schedules import problem_of

SEEDS = range(60)


@pytest.mark.parametrize("block", range(4))
def test_whatever_happens_the_story_ends_well(block: int) -> None:
    """The seed of a story that does not is in the message, with the command that tells it again."""
    problems = [problem for seed in SEEDS if seed % 4 == block and (problem := problem_of(seed))]
    assert not problems, "\n\n".join(problems)
