"""The long form of what the tests sample: `python tests/simulator/soak.py` prints what was tried and what went wrong.

    soak.py --seeds 10000            random schedules, seeds 0 to 9999 (--first N begins elsewhere)
    soak.py --seed 4711              one of them, with all that happened
    soak.py --crashes                a crash at every boundary of every scenario, killed and with the power cut
    soak.py --double 100             every 100th pair of crashes of two scenarios (1: all of them)
    soak.py --grid                   every cell of the grid
    soak.py --torn                   the journal torn at every byte, and with bits flipped
    soak.py --disk                   a disk that is full, broken or read-only from any operation on
    soak.py --model                  the protocol's model, with more faults than the tests explore
    soak.py --kill9 500              real processes killed twice each, against `emulator serve`
    soak.py --every N                of crashes, cells, damages and refusals only each N-th
    soak.py --jobs N                 on so many processes (default: all processors)

Without a choice all of it is done, with 1,000 seeds and 50 killed processes. Exit 1 when anything went wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from simulator import full_disk, grid, killed, schedules, stories, torn
from simulator.model import Model, explore
from simulator.scenarios import CRASHED


def run(title: str, one: Callable[[Any], str], tasks: Sequence[Any], jobs: int) -> int:
    """Do every task; print a line of figures, and what went wrong; how many did."""
    began, broken = time.monotonic(), 0
    for task, problem in zip(tasks, _results(one, tasks, jobs), strict=True):
        if problem:
            broken += 1
            print(f"--- {task}\n{problem}", flush=True)
    seconds = time.monotonic() - began
    print(f"{title}: {len(tasks) - broken:,} of {len(tasks):,} as promised, {seconds:.0f} s", flush=True)
    return broken


def _results(one: Callable[[Any], str], tasks: Sequence[Any], jobs: int) -> Iterable[str]:
    if jobs == 1:
        yield from map(one, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("forkserver")) as pool:
        yield from pool.map(one, tasks, chunksize=max(1, min(50, len(tasks) // (jobs * 8))))


def explored(task: tuple[int, int, int]) -> str:
    """The model with so many faults, crashes and runners."""
    faults, crashes, runners = task
    found = explore(Model(faults=faults, crashes=crashes, runners=runners))
    print(f"model, {runners} runner(s), {faults} faults, {crashes} crashes: {found.states:,} states", flush=True)
    return "\n".join(found.violation)


def killed_processes(count: int, first: int) -> int:
    with TemporaryDirectory(prefix="killed-") as name, killed.served(Path(name)) as environ:
        return run("kill -9", lambda seed: killed.problem_of(seed, Path(name), environ), range(first, first + count), 1)


CHOICES = ("grid", "crashes", "torn", "disk", "model")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for choice in CHOICES:
        parser.add_argument(f"--{choice}", action="store_true")
    for number in ("seeds", "seed", "double", "kill9"):
        parser.add_argument(f"--{number}", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=cpu_count() or 1)
    given = parser.parse_args(arguments)
    if not any(getattr(given, name) for name in (*CHOICES, "seeds", "double", "kill9")):
        given.seeds, given.double, given.kill9 = 1_000, 100, 50
        for choice in CHOICES:
            setattr(given, choice, True)
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    given = parsed(arguments)
    if given.seed is not None:
        problem = schedules.problem_of(given.seed)
        print(problem or f"seed {given.seed}: as promised")
        return 1 if problem else 0
    every, jobs, broken = given.every, given.jobs, 0
    if given.grid:
        broken += run("cells of the grid", grid.problem_of, list(grid.cells())[::every], jobs)
    if given.crashes:
        broken += run("single crashes", stories.tell, list(stories.single_crashes(CRASHED, every=every)), jobs)
    if given.double:
        pairs = [story for name in stories.PAIRED for story in stories.double_crashes(name, every=given.double)]
        broken += run("double crashes", stories.tell, pairs, jobs)
    if given.torn:
        broken += run("damaged journals", torn.problem_of, list(torn.damages())[::every], jobs)
    if given.disk:
        broken += run(
            "refusals of the disk", full_disk.problem_of, list(full_disk.refusals(CRASHED, every=every)), jobs
        )
    if given.model:
        broken += run("models", explored, [(5, 4, 1), (3, 2, 2)], jobs)
    if given.seeds:
        seeds = range(given.first, given.first + given.seeds)
        broken += run("seeds", schedules.problem_of, seeds, jobs)
    if given.kill9:
        broken += killed_processes(given.kill9, given.first)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
