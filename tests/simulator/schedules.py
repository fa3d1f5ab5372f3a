"""Random schedules: one number decides the scenario, every fault, every crash, and what an administrator does meanwhile."""

from __future__ import annotations

import random
from typing import Any

from loadplan.emulator.wire import Request

from simulator.judge import ViolationError, check, compare, picture
from simulator.scenarios import SCENARIOS
from simulator.stories import POWER, boundaries, place, undisturbed
from simulator.wire import CUTS, Fault
from simulator.world import MOST_LIVES, StuckError, World

NAMES = tuple(name for name, scenario in SCENARIOS.items() if not scenario.assume)
"""All but those that need a person: whether they do depends on which request a fault meets."""
SENT = (
    "reset before",
    "reset after",
    "delayed",
    "duplicated",
    "500",
    "503",
    "503 after",
    "429",
    "html",
    "401",
    *CUTS,
    "stall",
)
CALM = 6
"""After so many processes the faults end, so that every story has an end."""


class Schedule:
    """What happens in the story of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.scenario = self.chance.choice(NAMES)
        self.power = self.chance.choice(POWER)
        self.share = self.chance.choice((0.0, 0.02, 0.1, 0.25))
        scenario = SCENARIOS[self.scenario]
        self.meddles = self.chance.random() < 0.2 and not scenario.retries and self.scenario != "results-of"
        self.happened: list[str] = []

    def crashes(self) -> list[int]:
        """The boundaries at which the first processes end; those that are never reached end nothing."""
        total = len(boundaries(self.scenario))
        return [self.chance.randint(1, int(total * 1.3)) for _ in range(self.chance.randint(0, 4))]

    def fault(self, kind: str) -> Fault | None:
        if self.chance.random() >= self.share:
            return None
        effect = self.chance.choice(SENT)
        if kind == "token" and effect == "401":
            return None
        self.happened.append(f"{kind}: {effect}")
        return Fault(kind, effect, 0, self.chance.choice((0, 1, 1, 2, 3, 5)))

    def meddle(self, world: World, request: Request, kind: str) -> None:
        """An administrator aborts a job, at most once in a story."""
        if self.meddles and kind in {"job info", "close", "upload"} and self.chance.random() < 0.1:
            self.meddles = False
            job = next(part for part in request.path.split("/") if part.startswith("750"))
            self.happened.append(f"somebody aborts {job}")
            world.org.faults.admin_abort(job)


def problem_of(seed: int) -> str:
    """Live through the story of a seed: what it broke, with the command that shows it again, or the empty text."""
    schedule = Schedule(seed)
    wanted = undisturbed(schedule.scenario)[0]
    crashes = schedule.crashes()
    with World(place(), SCENARIOS[schedule.scenario]) as world:
        world.power_fails = schedule.power != "kill"
        world.chance = schedule.chance if schedule.power == "torn" else None
        world.wire.choose = schedule.fault
        world.wire.before = lambda request, kind: schedule.meddle(world, request, kind)
        meddled = schedule.meddles
        try:
            world.to_the_end(list(crashes), between=lambda: _calm_down(world, schedule))
            check(world)
            if meddled and not schedule.meddles:
                _sent_by_hand(world, wanted)
            else:
                compare(world, wanted)
        except Exception as error:
            told = [
                f"seed {seed}: {type(error).__name__}: {error}",
                f"{schedule.scenario}, {schedule.power}, crashes {crashes}",
            ]
            told += [*schedule.happened[-20:], f"python tests/simulator/soak.py --seed {seed}"]
            return "\n".join(told)
    return ""


def _calm_down(world: World, schedule: Schedule) -> None:
    if len(world.exits) >= CALM:
        schedule.share = 0.0


def _sent_by_hand(world: World, wanted: dict[str, Any]) -> None:
    """Rows of a job that somebody aborted are not sent again unasked; asked, they are, and the org ends as it would have."""
    world.wire.choose = None
    for _ in range(MOST_LIVES):
        if world.exits[-1] == 0:
            break
        world.retry()
    else:
        raise StuckError(f"retries do not end: {world.exits}\n{world.said.getvalue()}")
    check(world)
    found = picture(world)
    for name in ("records",) if world.scenario.repeats else ("records", "applied"):
        if found[name] != wanted[name]:
            raise ViolationError(f"after retries, {name}: {found[name]} instead of {wanted[name]}")
