"""The journal torn at any byte or with bits turned over. Here every n-th byte and some bits; `soak.py --torn` takes all bytes."""

from __future__ import annotations

import pytest

from simulator.torn import JOURNALS, damages, problem_of, resumed

EVERY, FLIPS = 41, 30


def test_a_damaged_journal_is_told_or_does_not_matter() -> None:
    """What is read of it is what was written first; nothing but a last record that was not whole is dropped in silence."""
    tried = list(damages(every=EVERY, flips=FLIPS))
    assert [(damage, problem) for damage in tried if (problem := problem_of(damage))] == []
    assert len(tried) > 1_000


@pytest.mark.parametrize("name", JOURNALS)
@pytest.mark.parametrize("at", [60, 100])
@pytest.mark.parametrize("left", [1, 150])
def test_a_run_whose_last_record_is_torn_goes_on(name: str, at: int, left: int) -> None:
    """The beginning of a record that never became whole is cut off, and the run ends as if nothing had happened."""
    assert resumed(name, at, left) == ""
