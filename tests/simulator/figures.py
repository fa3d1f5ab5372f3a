"""Prints the table of docs/concepts/promises.md: what every test run tries, and what the long form tries.

    python tests/simulator/figures.py

Nothing is typed in: scenarios, boundaries, cells and bytes are counted, which takes a few seconds. What came of them is printed by
soak.py, which tries them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from simulator import (
    full_disk,
    grid,
    mutations,
    schedules,
    stories,
    test_crashes,
    test_full_disk,
    test_killed,
    test_schedules,
    test_torn_journal,
    torn,
)
from simulator.scenarios import CRASHED

HEAD = ("what is tried", "in every test run", "in the long form", "the long form alone")
COMMAND = "`python tests/simulator/soak.py {}`"


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The lines of the table."""
    cells = len(list(grid.cells()))
    yield "requests × faults × occurrences", f"{len(grid.sample(1_000, 4)):,}", f"{cells:,}", COMMAND.format("--grid")
    points = sum(len(stories.points(name)) for name in CRASHED)
    yield (
        f"one crash, at each of {points:,} boundaries of {len(CRASHED)} plans: killed, power cut, power cut with torn writes",
        f"{len(list(stories.single_crashes(CRASHED, every=test_crashes.SINGLE))):,}", f"{points * len(stories.POWER):,}",
        COMMAND.format("--crashes"),
    )  # fmt: skip
    pairs = [len(stories.boundaries(name)) ** 2 for name in stories.PAIRED]
    sampled = sum(-(-count // test_crashes.DOUBLE) for count in pairs)
    yield "two crashes, the second during the recovery", f"{sampled:,}", f"{sum(pairs):,}", COMMAND.format("--double 1")
    few = [
        len(list(torn.damages(every=test_torn_journal.EVERY, flips=test_torn_journal.FLIPS))),
        len(list(torn.damages())),
    ]
    yield (
        "a journal cut after a byte, or with one bit turned over",
        f"{few[0]:,}",
        f"{few[1]:,}",
        COMMAND.format("--torn"),
    )
    disk = [len(list(full_disk.refusals(CRASHED, every=every))) for every in (test_full_disk.EVERY, 1)]
    yield (
        "a disk that is full, broken or read-only from an operation on",
        f"{disk[0]:,}",
        f"{disk[1]:,}",
        COMMAND.format("--disk"),
    )
    yield (
        f"random schedules over {len(schedules.NAMES)} plans, each decided by one number", f"{len(test_schedules.SEEDS):,}",
        "as many as you like", COMMAND.format("--seeds 10000"),
    )  # fmt: skip
    killed = f"{len(test_killed.SEEDS):,}"
    yield (
        "real processes ended with `kill -9`, twice each",
        killed,
        "as many as you like",
        COMMAND.format("--kill9 500"),
    )
    yield "guards taken away, each of which has to show", f"{len(mutations.MUTATIONS):,}", "the same", ""


def table() -> str:
    lines = [f"| {' | '.join(HEAD)} |", "|---|--:|--:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows())])


if __name__ == "__main__":
    print(table())
