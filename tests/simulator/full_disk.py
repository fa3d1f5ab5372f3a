"""A disk that is full, broken or read-only from some operation on, and later is not: told with exit 9, and nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simulator.judge import check, compare
from simulator.scenarios import SCENARIOS
from simulator.stories import place, undisturbed
from simulator.world import World

NEEDS_ROOM = ("create", "write", "record", "fsync", "rename", "mkdir")
TROUBLES = {errno.ENOSPC: NEEDS_ROOM, errno.EIO: ("write", "record", "fsync", "sync folder"), errno.EROFS: NEEDS_ROOM}
"""What the disk says, and at which operations."""


@dataclass(frozen=True)
class Refusal:
    """From the `at`-th operation on, counted over those that can fail so, the disk answers `code`."""

    scenario: str
    code: int
    at: int


@cache
def _operations(name: str, code: int) -> int:
    with World(place(), SCENARIOS[name]) as world:
        count = 0

        def counting(operation: str, _: Path | None) -> None:
            nonlocal count
            count += operation in TROUBLES[code]

        world.disk.fail = counting
        world.go_on()
        return count


def refusals(names: tuple[str, ...], *, every: int = 1) -> Iterator[Refusal]:
    number = 0
    for name in names:
        for code in TROUBLES:
            for at in range(1, _operations(name, code) + 1):
                if number % every == 0:
                    yield Refusal(name, code, at)
                number += 1


def problem_of(refusal: Refusal) -> str:
    """What was not told, or broken; the empty text when all is well."""
    wanted = undisturbed(refusal.scenario)[0]
    with World(place(), SCENARIOS[refusal.scenario]) as world:
        left = refusal.at

        def refuse(operation: str, path: Path | None) -> None:
            nonlocal left
            if operation in TROUBLES[refusal.code]:
                left -= 1
                if left <= 0:
                    raise OSError(refusal.code, os.strerror(refusal.code), str(path) if path else None)

        world.disk.fail = refuse
        try:
            code = world.go_on()
            if code != 9:
                return f"exit {code} instead of 9\n{world.said.getvalue()[-1500:]}"
            world.disk.fail = None
            world.to_the_end()
            check(world)
            compare(world, wanted)
        except Exception as error:
            return f"{type(error).__name__}: {error}\nexits {world.exits}\n{world.said.getvalue()[-1500:]}"
    return ""
