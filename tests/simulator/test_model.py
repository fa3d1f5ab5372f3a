"""The protocol itself, without the code: every state with a few faults and crashes. `soak.py --model` explores further."""

from __future__ import annotations

import pytest

from simulator.model import GUARDS, Model, explore


def test_with_all_guards_no_row_is_applied_twice_or_lost() -> None:
    """One runner, up to 3 faults and 2 crashes in any place; two runners with fewer."""
    one = explore(Model(faults=3, crashes=2))
    two = explore(Model(faults=1, crashes=1, runners=2))
    assert (one.violation, two.violation) == ((), ())
    assert one.states > 20_000
    assert two.states > 20_000


@pytest.mark.parametrize("guard", ["id first", "abort first", "compare and set"])
def test_without_a_guard_there_is_a_way_to_apply_rows_twice(guard: str) -> None:
    """The model finds it, and tells the steps."""
    without = {guard, "uploaded mark"} if guard == "abort first" else {guard}
    two = guard == "compare and set"
    found = explore(Model(GUARDS - without, faults=0 if two else 2, crashes=0 if two else 1, runners=2 if two else 1))
    assert found.violation
