"""Stories: a scenario, the crashes and faults it meets, and whether it ends as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from simulator.judge import check, compare, picture
from simulator.scenarios import SCENARIOS
from simulator.wire import Fault
from simulator.world import World

FAST = Path("/dev/shm")
"""Where there is a disk in memory the stories are told there: what a machine keeps is simulated anyway."""

POWER = ("kill", "power cut", "torn")
"""What a crash does to the disk: nothing; what was not synced is gone; some of it is gone."""


PAIRED = ("parent-child", "multi-part")
"""The scenarios that are ended twice."""


@dataclass(frozen=True)
class Story:
    """`crashes[n]` is the boundary that the n-th process does not pass, None for one that ends by itself. `power` is what happens
    to the disk then."""

    scenario: str
    crashes: tuple[int | None, ...] = ()
    faults: tuple[Fault, ...] = ()
    power: str = "kill"
    seed: int = 0


@dataclass
class Tally:
    """What was tried, and what went wrong, each with the story that shows it."""

    tried: int = 0
    broken: list[tuple[Story, str]] = field(default_factory=list)

    @property
    def survived(self) -> int:
        return self.tried - len(self.broken)

    def add(self, story: Story, problem: str) -> None:
        self.tried += 1
        if problem:
            self.broken.append((story, problem))

    def require(self) -> None:
        """Raises AssertionError with the first stories that went wrong."""
        assert not self.broken, "\n\n".join(f"{story}\n{problem}" for story, problem in self.broken[:3])


@cache
def _room() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="stories-", dir=FAST if FAST.is_dir() else None)


def place() -> Path:
    """A folder for one world at a time."""
    return Path(_room().name) / "world"


@cache
def undisturbed(name: str) -> tuple[dict[str, Any], tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """How a scenario ends without trouble: its picture, the boundaries of each of its processes, the kinds of its requests."""
    with World(place(), SCENARIOS[name]) as world:
        world.to_the_end()
        check(world)
        return picture(world), tuple(world.passed), tuple(sent.kind for sent in world.wire.log)


def boundaries(name: str, process: int = 0) -> tuple[str, ...]:
    """The names of the boundaries of one of a scenario's processes, in order."""
    return undisturbed(name)[1][process]


def points(name: str) -> list[tuple[int, int]]:
    """(process, boundary counted from 1) of all that the scenario is to be ended at."""
    return [(p, at) for p in SCENARIOS[name].crashed for at in range(1, len(boundaries(name, p)) + 1)]


def tell(story: Story) -> str:
    """Live through a story; what it broke, or the empty text."""
    wanted = undisturbed(story.scenario)[0]
    with World(place(), SCENARIOS[story.scenario]) as world:
        world.power_fails = story.power != "kill"
        world.chance = random.Random(story.seed) if story.power == "torn" else None
        world.planned(*story.faults)
        try:
            world.to_the_end(list(story.crashes))
            check(world)
            compare(world, wanted)
        except Exception as error:
            return f"{type(error).__name__}: {error}\nexits {world.exits}"
    return ""


def told(stories: Iterable[Story]) -> Tally:
    tally = Tally()
    for story in stories:
        tally.add(story, tell(story))
    return tally


def single_crashes(names: Sequence[str], *, every: int = 1, offset: int = 0) -> Iterator[Story]:
    """A crash at each `every`-th boundary of the scenarios, the kind of crash taking turns; at each with `every` 1, under all
    three kinds."""
    number = offset
    for name in names:
        for process, at in points(name):
            for kind, power in enumerate(POWER):
                if every == 1 or (number % every == 0 and (number // every) % len(POWER) == kind):
                    yield Story(name, (*[None] * process, at), power=power, seed=at)
            number += 1


def double_crashes(name: str, *, every: int = 1, offset: int = 0) -> Iterator[Story]:
    """A crash, and another one while its traces are cleared away: each pair, or each `every`-th."""
    total = len(boundaries(name))
    pairs = ((first, second) for first in range(1, total + 1) for second in range(1, total + 1))
    for number, (first, second) in enumerate(pairs):
        if number % every == offset % every:
            yield Story(name, (first, second), power=POWER[number // every % len(POWER)], seed=number)


def forget() -> None:
    """Remove the worlds."""
    shutil.rmtree(place(), ignore_errors=True)
