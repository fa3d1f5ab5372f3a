"""A damaged journal: cut after any byte, or with one bit turned over. It is told, or it does not matter; a run never goes on
from another state than the one that was on record.

What a resume would go on from is the fold of the records that were read. For a cut journal that has to be the fold of its first
whole records; what was dropped is at most one record that was not whole.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loadplan.errors import LocalError
from loadplan.run.events import Recorded
from loadplan.run.journal import read_journal

from simulator.judge import check, compare
from simulator.scenarios import SCENARIOS
from simulator.stories import place, undisturbed
from simulator.world import World

JOURNALS = ("parent-child", "retried", "extract", "hierarchy", "held")


@dataclass(frozen=True)
class Damage:
    """`cut` keeps so many bytes; `flip` turns over one bit (its number in the file)."""

    scenario: str
    cut: int | None = None
    flip: int | None = None


@cache
def journal_of(name: str) -> bytes:
    """The journal of a run without trouble."""
    with World(place(), SCENARIOS[name]) as world:
        world.to_the_end()
        folder = world.run_folder
        assert folder is not None
        return folder.journal.read_bytes()


def damages(*, every: int = 1, flips: int = 4_000, seed: int = 1) -> Iterator[Damage]:
    """Every `every`-th byte of each journal, and `flips` bits of each."""
    chance = random.Random(seed)
    for name in JOURNALS:
        size = len(journal_of(name))
        yield from (Damage(name, cut=at) for at in range(0, size + 1, every))
        bits = range(size * 8)
        yield from (Damage(name, flip=bit) for bit in (bits if flips >= len(bits) else chance.sample(bits, flips)))


def damaged(damage: Damage) -> bytes:
    whole = journal_of(damage.scenario)
    if damage.cut is not None:
        return whole[: damage.cut]
    assert damage.flip is not None
    changed = bytearray(whole)
    changed[damage.flip // 8] ^= 1 << damage.flip % 8
    return bytes(changed)


def problem_of(damage: Damage) -> str:
    """What a damage broke, or the empty text."""
    path = place().with_name("damaged.jsonl")
    path.write_bytes(damaged(damage))
    try:
        found, _, _ = read_journal(path)
    except LocalError:
        # Told. But a cut is what a machine leaves that dies while it writes: it has to be read.
        return "a cut journal is refused" if damage.cut is not None else ""
    wanted = _records(damage.scenario)
    if found != list(wanted[: len(found)]):
        return "other records than were written"
    if damage.cut is not None:
        whole = journal_of(damage.scenario)[: damage.cut].count(b"\n") - 1
        return "" if len(found) == max(0, whole) else f"{len(found)} records instead of {whole}"
    # A bit in the last line may make it unreadable, as a torn one: then only that record is missing.
    return "" if len(found) >= len(wanted) - 1 else f"{len(wanted) - len(found)} records dropped without a word"


@cache
def _records(name: str) -> tuple[Recorded, ...]:
    path = place().with_name(f"whole-{name}.jsonl")
    path.write_bytes(journal_of(name))
    return tuple(read_journal(path)[0])


def resumed(name: str, at: int, left: int) -> str:
    """Kill a run at a boundary, keep `left` bytes of the journal's last line, as a machine does that dies while it writes, and go on:
    what broke, or the empty text."""
    wanted = undisturbed(name)[0]
    with World(place(), SCENARIOS[name]) as world:
        try:
            if world.apply(at) is None and (folder := world.run_folder) is not None:
                _tear(folder.journal, left)
            world.to_the_end()
            check(world)
            compare(world, wanted)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


def _tear(journal: Path, left: int) -> None:
    """Add the beginning of a record that never became whole."""
    last = journal.read_bytes().splitlines(keepends=True)[-1]
    with journal.open("ab") as file:
        file.write(last[: min(left, len(last) - 1)])
