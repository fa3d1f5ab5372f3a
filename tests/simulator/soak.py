"""The long form of what the tests sample: `python tests/simulator/soak.py` prints what was tried and what went wrong.

    soak.py --seeds 10000            random schedules, seeds 0 to 9999 (--first N begins elsewhere)
    soak.py --seed 4711              one of them, with all that happened
    soak.py --crashes                a crash at every boundary of every scenario, killed and with the power cut
    soak.py --double 100             every 100th pair of crashes of two scenarios (1: all of them)
    soak.py --grid                   every cell of the grid
    soak.py --torn                   the journal torn at every byte, and with bits flipped
    soak.py --jobs N                 on so many processes (default: all processors)

Without a choice all of it is done, with 1,000 seeds. Exit 1 when anything went wrong.
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
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from simulator import grid, schedules, stories, torn
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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--crashes", action="store_true")
    parser.add_argument("--double", type=int)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--torn", action="store_true")
    parser.add_argument("--jobs", type=int, default=cpu_count() or 1)
    given = parser.parse_args(arguments)
    if given.seed is not None:
        problem = schedules.problem_of(given.seed)
        print(problem or f"seed {given.seed}: as promised")
        return 1 if problem else 0
    everything = not (given.seeds or given.crashes or given.double or given.grid or given.torn)
    broken = 0
    if given.grid or everything:
        broken += run("cells of the grid", grid.problem_of, list(grid.cells()), given.jobs)
    if given.crashes or everything:
        broken += run("single crashes", stories.tell, list(stories.single_crashes(CRASHED)), given.jobs)
    if given.double or everything:
        every = given.double or 100
        pairs = [story for name in stories.PAIRED for story in stories.double_crashes(name, every=every)]
        broken += run("double crashes", stories.tell, pairs, given.jobs)
    if given.torn or everything:
        broken += run("torn journals", torn.problem_of, list(torn.damages()), given.jobs)
    if given.seeds or everything:
        seeds = range(given.first, given.first + (given.seeds or 1_000))
        broken += run("seeds", schedules.problem_of, seeds, given.jobs)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
