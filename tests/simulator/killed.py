"""Real processes: `kill -9` at a random moment of `apply` and of the `resume` after it, against `emulator serve`.

The moment is drawn from the seed, the machine does the rest: where it hits differs from run to run.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loadplan.run.folder import list_runs
from loadplan.run.journal import read_journal

from support.processes import started

PLAN = """\
version: 1
name: killed
defaults: {poll: {first: 50ms, factor: 1, max: 50ms}, parts: {max_rows: 7}}
steps:
  people: {object: Contact, operation: insert, source: people.csv}
  more: {object: Contact, operation: insert, source: more.csv, depends_on: [people]}
  back: {operation: query, soql: SELECT LastName FROM Contact, max_records: 20, output: back.csv, depends_on: [more]}
"""
ROWS = 20
LONGEST = 2.0
"""Seconds of a process after which it is killed at the latest."""
MOST_STARTS = 8


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """The embedded org in a process of its own; the environment for `-o env`."""
    with started(folder, os.environ, "emulator", "serve", "--data", str(folder / "org")) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        yield {**os.environ, "SF_ACCESS_TOKEN": ready["access_token"], "SF_ORG_INSTANCE_URL": ready["instance_url"]}


def problem_of(seed: int, folder: Path, environ: Mapping[str, str]) -> str:
    """Kill the run of a seed twice at random, then let it end; what was lost or sent twice, or the empty text."""
    chance = random.Random(seed)
    project = folder / f"project-{seed}"
    project.mkdir()
    (project / ".git").mkdir()
    (project / "plan.yaml").write_text(PLAN, encoding="utf-8")
    for name in ("people", "more"):
        rows = "\n".join(f"{name} {seed} {number}" for number in range(ROWS))
        (project / f"{name}.csv").write_text(f"LastName\n{rows}\n", encoding="utf-8")
    moments: list[float | None] = [chance.uniform(0.2, LONGEST), chance.uniform(0.2, LONGEST)]
    codes = []
    for _ in range(MOST_STARTS):
        codes.append(_run(project, environ, moments.pop(0) if moments else None))
        if codes[-1] == 0:
            break
    else:
        return f"seed {seed}: no end, exits {codes}"
    applied = {key: times for key, times in ledger(environ).items() if key.split()[1:2] == [str(seed)]}
    wanted = {f"{name} {seed} {number}": 1 for name in ("people", "more") for number in range(ROWS)}
    if applied != wanted:
        twice = {key: times for key, times in applied.items() if times > 1}
        return f"seed {seed}: twice {twice}, lost {sorted(set(wanted) - set(applied))}, exits {codes}"
    return ""


def _run(project: Path, environ: Mapping[str, str], kill_after: float | None) -> int:
    begun = [folder for folder in list_runs(project / ".loadplan") if read_journal(folder.journal)[0]]
    command = ["resume"] if begun else ["apply", "plan.yaml", "-o", "env", "--auto-approve"]
    process = subprocess.Popen(
        [sys.executable, "-m", "loadplan", *command], cwd=project, env=environ, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    timer = threading.Timer(kill_after, process.kill) if kill_after is not None else None
    with contextlib.ExitStack() as stack:
        if timer is not None:
            timer.start()
            stack.callback(timer.cancel)
        return process.wait(120)


def ledger(environ: Mapping[str, str]) -> dict[str, int]:
    """How often the org applied each row."""
    with urllib.request.urlopen(
        f"{environ['SF_ORG_INSTANCE_URL']}/__control__/ledger?object=Contact", timeout=30
    ) as answer:
        found: dict[str, dict[str, int]] = json.load(answer)
    return found.get("Contact", {})
