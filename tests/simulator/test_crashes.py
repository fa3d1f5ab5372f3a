"""A crash at any boundary: each request before it is sent and after it was answered, each write, fsync, rename, unlink and made
folder. Then somebody starts loadplan again.

Here every n-th point is tried, another kind of crash each time; `python tests/simulator/soak.py` tries them all.
"""

from __future__ import annotations

import pytest

from simulator.scenarios import CRASHED
from simulator.stories import PAIRED, boundaries, double_crashes, points, single_crashes, told

SINGLE = 47
DOUBLE = 2503


@pytest.mark.parametrize("name", CRASHED)
def test_a_crash_anywhere_changes_nothing(name: str) -> None:
    """Killed, or with the power cut and what was not synced gone: after a resume the org and the files are as without it."""
    offset = sum(len(points(other)) for other in CRASHED[: CRASHED.index(name)])
    tally = told(single_crashes([name], every=SINGLE, offset=offset))
    tally.require()
    assert tally.tried >= len(points(name)) // SINGLE


@pytest.mark.parametrize("name", PAIRED)
def test_a_crash_during_the_recovery_changes_nothing(name: str) -> None:
    """The process that clears up after a crash is ended too, at any point."""
    tally = told(double_crashes(name, every=DOUBLE))
    tally.require()
    assert tally.tried >= 15


def test_the_boundaries_are_those_that_matter() -> None:
    """A step that loads passes each request twice and each operation on files; otherwise a crash there is not tried."""
    kinds = {"create ingest", "upload", "close", "job info", "successful", "failed", "unprocessed"}
    passed = set(boundaries("parent-child"))
    assert {f"{when} {kind}" for kind in kinds for when in ("send", "answer")} <= passed
    assert {"create", "write", "record", "fsync", "rename", "sync folder", "mkdir"} <= passed
    assert {"send page", "send create query", "unlink"} <= set(boundaries("round-trip"))
    assert sum(len(points(name)) for name in CRASHED) > 3_000
