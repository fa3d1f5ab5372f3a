"""Ids, levels and groups of rows: CPU seconds and peak memory of each building block, in a process of its own.

Run: python tests/benchmarks/parents.py (about three minutes), or with the names of some cases. The seconds are those of
the block: what it takes to make the rows is measured beside it and taken off. Beside each stands what a turn of an empty
loop takes in the same process, before and after: on a core that is shared a second is worth less. The verdict is of
seconds at 45 ns a turn, the least seen on the machine that the bounds were set for.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from loadplan.sources.grouping import ParentOrder, group_rows
from loadplan.sources.idmap_build import build_id_map
from loadplan.sources.levels import find_levels
from loadplan.sources.sentrows import Sent
from table import Line, as_text, turn

MILLION = 1_000_000
STRIDE = 7919
"""Prime, so that i * STRIDE % n visits every number below n in no order that helps."""


def pairs(count: int) -> Iterator[tuple[bytes, bytes]]:
    return ((b"ACC-%08d" % (i * STRIDE % count), b"001%015d" % i) for i in range(count))


def children(count: int, parents: int) -> Iterator[list[bytes]]:
    for start in range(0, count, 10_000):
        yield [b"ACC-%08d" % (i * STRIDE * 13 % parents) for i in range(start, start + 10_000)]


def tree(count: int) -> Iterator[tuple[int, bytes, bytes]]:
    for i in range(count):
        number = i * STRIDE % count
        yield i + 2, b"ACC-%08d" % number, b"" if number < 6 else b"ACC-%08d" % (number // 6)


def rows(count: int, stride: int = STRIDE) -> Iterator[Sent]:
    body = b"x" * 138
    for start in range(0, count, 2000):
        numbers = range(start, min(start + 2000, count))
        keys = [b"ACC-%08d" % (i * stride % count // 5) for i in numbers]
        yield Sent(numbers, numbers, [b"%011d" % i + body for i in numbers], keys)


def build(folder: Path, count: int) -> None:
    build_id_map(folder / "map", pairs(count), digest="").close()


def look_up(folder: Path, count: int, parents: int) -> float:
    with build_id_map(folder / "map", pairs(parents), digest="") as ids:
        began = time.process_time()
        assert sum(ids.find_all(keys).count(None) for keys in children(count, parents)) == 0
        return time.process_time() - began


def level(folder: Path, count: int) -> None:
    assert find_levels(tree(count), folder).ok


def group(folder: Path, count: int) -> None:
    assert sum(len(batch.data) for batch in group_rows(rows(count), folder)) == count


def recognise(_: Path, count: int) -> None:
    order = ParentOrder()
    for batch in rows(count, 1):
        order.see(batch.parents)
    assert order.in_order


Case = tuple[Callable[[Path], float | None], Callable[[], Iterator[object]], float, int]
CASES: dict[str, Case] = {
    "id map: build, 1M parents": (lambda f: build(f, MILLION), lambda: pairs(MILLION), 5, 200),
    "id map: build, 5M parents": (lambda f: build(f, 5 * MILLION), lambda: pairs(5 * MILLION), 35, 200),
    "id map: 5M look-ups in 1M": (lambda f: look_up(f, 5 * MILLION, MILLION), lambda: children(5 * MILLION, MILLION), 15, 200),
    "id map: 5M look-ups in 100k": (lambda f: look_up(f, 5 * MILLION, 100_000), lambda: children(5 * MILLION, 100_000), 15, 200),
    "levels: 1M rows, 8 levels": (lambda f: level(f, MILLION), lambda: tree(MILLION), 10, 300),
    "levels: 5M rows, 9 levels": (lambda f: level(f, 5 * MILLION), lambda: tree(5 * MILLION), 50, 300),
    "groups: 1M rows of 150 bytes": (lambda f: group(f, MILLION), lambda: rows(MILLION), 3, 100),
    "groups: 5M rows of 150 bytes": (lambda f: group(f, 5 * MILLION), lambda: rows(5 * MILLION), 15, 100),
    "groups: 1M rows in order": (lambda f: recognise(f, MILLION), lambda: rows(MILLION, 1), 0.5, 100),
}  # fmt: skip


TURN = 45.0


def measure(name: str) -> dict[str, float]:
    """One case: its CPU seconds less those of making its rows, the peak of this process, and the speed of the machine."""
    run, make, _, _ = CASES[name]
    before = turn()
    began = time.process_time()
    deque(make(), maxlen=0)
    making = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        own = run(Path(folder))
        seconds = own if own is not None else time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": seconds - making, "peak": peak, "turn": (before + turn()) / 2}


def figures(names: Sequence[str] = ()) -> list[Line]:
    """The cases, each in a process of its own."""
    lines = []
    for name in names or CASES:
        worker = subprocess.run([sys.executable, __file__, "--case", name], check=True, capture_output=True, text=True)
        found = json.loads(worker.stdout)
        _, _, most_seconds, most_memory = CASES[name]
        alone = found["seconds"] * TURN / found["turn"]
        beside = f"{found['seconds']:.2f} s at {found['turn']:.0f} ns a turn"
        lines += [
            Line(f"{name}: CPU at {TURN:g} ns a turn", alone, "s", most_seconds, note=beside),
            Line(f"{name}: peak", found["peak"], "MB", most_memory),
        ]
    return lines


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        print(as_text(figures(sys.argv[1:])))
