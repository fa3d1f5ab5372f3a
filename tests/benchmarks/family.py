"""Whole runs whose rows have parents: children by `id_of`, and a tree of eight levels; against the embedded org as a sink.

    python tests/benchmarks/family.py [--parents 1000000] [--children 5000000] [--tree 1000000] [--only id_of|hierarchy]

The building blocks alone are in parents.py. `id_of` is measured as what the children add: the CPU of a run of parents and
children, less that of a run of the parents alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness import LOADPLAN, Figures, measure, served
from table import Line, as_text, million

STRIDE = 7919
"""Prime, so that i * STRIDE % n visits every number below n in no order that helps."""
HEAD = "version: 1\nname: family\ndefaults: {poll: {first: 100ms, factor: 1, max: 100ms}}\nsteps:\n"
PARENTS = "  parents: {object: Account, operation: insert, key: Ref__c, source: parents.csv}\n"
CHILDREN = """\
  children:
    object: Task
    operation: insert
    source: children.csv
    columns: {Subject: subject, Description: text}
    lookups: {WhatId: {id_of: parents, column: parent}}
"""
TREE = """\
  tree:
    object: Account
    operation: upsert
    external_id: Ref__c
    source: tree.csv
    columns: {Ref__c: ref, Name: name, Site: site}
    hierarchy: {lookup: Parent.Ref__c, column: parent}
"""
WIDTH = 6
"""Children of a row: a million rows are eight levels."""


def apply(folder: Path, steps: str, environ: Mapping[str, str], rows: int) -> Figures:
    """One run in which every row must land."""
    (folder / "plan.yaml").write_text(HEAD + steps, encoding="utf-8")
    state = tempfile.mkdtemp(dir=folder)
    found = measure(
        [*LOADPLAN, "apply", "plan.yaml", "-o", "env", "--auto-approve", "-q", "--state-dir", state], cwd=folder, environ=environ
    )  # fmt: skip
    (summary,) = Path(state).glob("runs/*/summary.json")
    counted = json.loads(summary.read_text(encoding="utf-8"))["rows"]
    if counted != {"sent": rows, "successful": rows, "failed": 0, "unprocessed": 0, "held": 0}:
        raise RuntimeError(f"not every row landed: {counted}")
    shutil.rmtree(state)
    return found


def id_of(folder: Path, *, parents: int = 1_000_000, children: int = 5_000_000) -> list[Line]:
    """Parents without an external id, and children that get their ids from the parents' results."""
    with (folder / "parents.csv").open("w", encoding="utf-8", buffering=1 << 20) as file:
        file.write("Ref__c,Name\n")
        file.writelines(f"ACC-{i * STRIDE % parents:08d},Blue Harbour {i % 997}\n" for i in range(parents))
    with (folder / "children.csv").open("w", encoding="utf-8", buffering=1 << 20) as file:
        file.write("subject,text,parent\n")
        file.writelines(
            f"Call {i:09d},call back soon please,ACC-{i * STRIDE * 13 % parents:08d}\n" for i in range(children)
        )
    with served("--sink") as environ:
        alone = apply(folder, PARENTS, environ, parents)
        both = apply(folder, PARENTS + CHILDREN, environ, parents + children)
    name = f"id_of, {million(children)} children of {million(parents)} parents"
    beside = f"whole run {both.cpu:.1f} s of CPU and {both.wall:.1f} s, parents alone {alone.cpu:.1f} s of CPU"
    return [
        Line(f"{name}: CPU", both.cpu - alone.cpu, "s", 30.0, note=beside),
        Line(f"{name}: peak", both.peak, "MB", 400.0),
    ]


def hierarchy(folder: Path, *, rows: int = 1_000_000) -> list[Line]:
    """A tree whose rows are in no order."""
    levels, seen = 0, 0
    while seen < rows:
        seen, levels = seen + WIDTH ** (levels + 1), levels + 1
    with (folder / "tree.csv").open("w", encoding="utf-8", buffering=1 << 20) as file:
        file.write("ref,name,site,parent\n")
        for i in range(rows):
            number = i * STRIDE % rows
            parent = f"ACC-{number // WIDTH - 1:08d}" if number >= WIDTH else ""
            file.write(f"ACC-{number:08d},Blue Harbour {number % 997},Site {number % 1000},{parent}\n")
    with served("--sink") as environ:
        used = apply(folder, TREE, environ, rows)
    name = f"hierarchy, {million(rows)} rows, {levels} levels"
    return [
        Line(f"{name}: wall", used.wall, "s", 20.0, note=f"whole run; {used.cpu:.1f} s of CPU"),
        Line(f"{name}: peak", used.peak, "MB", 400.0),
    ]


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--parents", type=int, default=1_000_000)
    given.add_argument("--children", type=int, default=5_000_000)
    given.add_argument("--tree", type=int, default=1_000_000)
    given.add_argument("--only", choices=["id_of", "hierarchy"])
    given.add_argument("--folder", help="where the rows and the state go (default: a temporary folder)")
    chosen = given.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        lines = []
        if chosen.only != "hierarchy":
            lines += id_of(Path(folder), parents=chosen.parents, children=chosen.children)
        if chosen.only != "id_of":
            lines += hierarchy(Path(folder), rows=chosen.tree)
        print(as_text(lines))


if __name__ == "__main__":
    main()
