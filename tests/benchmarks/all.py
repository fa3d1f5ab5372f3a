"""Every benchmark of speed and memory that loadplan is held to, in one table: what, measured, target, pass or not.

    python tests/benchmarks/all.py [--quick] [--only NAME ...] [--markdown FILE] [--folder FOLDER]

Each benchmark is a process of its own that starts what it measures as processes of their own. Ratios are to a floor that was
measured in the same run. `--quick` runs all of them with few rows, to see that they work: what a process needs to start then
outweighs everything, so that nothing is judged. The exit code is 0 when every figure passed (or with --quick when
every benchmark ran), else 1.

A machine that does other things at the same time measures those: look at the load average above the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duplicates
import extract
import family
import load
import parallel
from table import Line, as_markdown, as_text, facts

Figures = Callable[[Path], list[Line]]


@dataclass(frozen=True)
class Benchmark:
    """At full size and small."""

    full: Figures
    quick: Figures


BENCHMARKS: Mapping[str, Benchmark] = {
    "load": Benchmark(
        lambda f: load.figures(f, rows=1_000_000, more=5_000_000, peers=True),
        lambda f: load.figures(f, rows=20_000, more=50_000, peers=True, runs=1),
    ),
    "id_of": Benchmark(
        lambda f: family.id_of(f, parents=1_000_000, children=5_000_000),
        lambda f: family.id_of(f, parents=2_000, children=10_000),
    ),
    "hierarchy": Benchmark(
        lambda f: family.hierarchy(f, rows=1_000_000),
        lambda f: family.hierarchy(f, rows=5_000),
    ),
    "duplicates": Benchmark(
        lambda f: duplicates.figures(f, rows=5_000_000),
        lambda f: duplicates.figures(f, rows=50_000),
    ),
    "extract": Benchmark(
        lambda f: extract.speed(f, rows=5_000_000, runs=5),
        lambda f: extract.speed(f, rows=20_000, runs=1, page_size=2_000),
    ),
    "five pages": Benchmark(
        extract.latency,
        lambda f: extract.latency(f, pages=20),
    ),
    "parallel": Benchmark(
        lambda f: parallel.figures(f, jobs=20, seconds=10.0),
        lambda f: parallel.figures(f, jobs=8, seconds=2.0),
    ),
}  # fmt: skip


def in_process(name: str, folder: str | None, *, quick: bool) -> list[Line]:
    """One benchmark in a process of its own. Raises CalledProcessError when it does not run to its end."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        to = Path(made) / "lines.json"
        command = [sys.executable, __file__, "--case", name, "--folder", made, "--json", str(to)]
        subprocess.run([*command, *(["--quick"] if quick else [])], check=True)
        return [Line(**line) for line in json.loads(to.read_text(encoding="utf-8"))]


def one(name: str, folder: str, to: str, *, quick: bool) -> None:
    """The benchmark itself, in a folder of its own."""
    work = Path(folder) / "work"
    work.mkdir()
    benchmark = BENCHMARKS[name]
    lines = (benchmark.quick if quick else benchmark.full)(work)
    Path(to).write_text(json.dumps([line.to_json() for line in lines]), encoding="utf-8")


def main() -> int:
    asked = argparse.ArgumentParser(description="Every benchmark, one table.")
    asked.add_argument("--quick", action="store_true", help="few rows: that they run, not how fast")
    asked.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    asked.add_argument("--markdown", type=Path, help="write the table to this file too, as Markdown")
    asked.add_argument(
        "--folder", help="where rows and state go (default: /dev/shm, since the disk is not what is measured)"
    )
    asked.add_argument("--case", choices=list(BENCHMARKS), help=argparse.SUPPRESS)
    asked.add_argument("--json", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.case:
        one(given.case, given.folder, given.json, quick=given.quick)
        return 0
    folder = given.folder or ("/dev/shm" if Path("/dev/shm").is_dir() else None)
    machine, lines, broken, began = facts(), [], [], time.perf_counter()
    for name, text in machine.items():
        print(f"{name}: {text}")
    for name in given.only:
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            lines += in_process(name, folder, quick=given.quick)
        except subprocess.CalledProcessError:
            broken.append(name)
    took = f"{len(lines)} figures in {time.perf_counter() - began:.0f} s" + (
        "; too small for verdicts" if given.quick else ""
    )
    print(f"\n{as_text(lines, judged=not given.quick)}\n\n{took}")
    for name in broken:
        print(f"{name}: DID NOT RUN")
    if given.markdown:
        known = "".join(f"- {name}: {text}\n" for name, text in machine.items())
        given.markdown.write_text(
            f"{known}\n{as_markdown(lines, judged=not given.quick)}\n\n{took}\n", encoding="utf-8"
        )
    return 1 if broken or (not given.quick and not all(line.passed for line in lines)) else 0


if __name__ == "__main__":
    sys.exit(main())
