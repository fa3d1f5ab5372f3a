"""`loadplan status`: where a run stands, from its folder; nothing is asked of the org."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option
from loadplan.cli.unfinished import said_where

if TYPE_CHECKING:
    from loadplan.cli.standing import Standing
    from loadplan.run.state import Attempt

COLUMNS = ("sent", "successful", "failed", "unprocessed", "held")
MOST_JOBS = 10
"""Open jobs of a step that are listed one by one."""


@click.command("status")
@click.argument("run", required=False, shell_complete=complete.runs)
@state_option
@common
def command(console: Console, run: str | None, state_dir: Path | None) -> int:
    """Show where RUN (default: the newest) stands, step by step."""
    from loadplan.cli.standing import standing
    from loadplan.reports.clinic import clusters
    from loadplan.run.folder import find_run

    states = state_folder(state_dir, project_root(Path.cwd()))
    console.state_dir = said_where(states)
    found = standing(find_run(states, run))
    if console.as_json:
        why = [cluster.as_json() for cluster in clusters(found.run)]
        console.json({**found.line(), "steps": found.steps(), "errors": why})
        return 0
    for line in as_lines(found):
        console.result(line)
    if found.owner:
        console.message(f"it is being run by {found.owner}")
    else:
        for text in found.next_commands:
            console.message(f"next: {text}")
    return 0


def as_lines(found: Standing) -> Iterator[str]:
    """The run in a line, a table of its steps, their open jobs, and why a gate is shut."""
    from loadplan.cli.table import align
    from loadplan.reports.clinic import brief, clusters
    from loadplan.run.resolution import heard
    from loadplan.words import count

    line, steps = found.line(), found.steps()
    code = "" if line["exit"] is None else f", exit {line['exit']}"
    yield f"{line['run']} on {line['org']}: {line['result']}{code}"
    held = any(step["held"] for step in steps)
    columns = [name for name in COLUMNS if held or name != "held"]
    rows = [["STEP", "STATE", *(name.upper() for name in columns), "GATE"]]
    rows += [
        [s["step"], s["state"], *(f"{s[name]:,}" for name in columns), s["gate"] or _not_reached(s)] for s in steps
    ]
    yield from align(rows, right=range(2, 2 + len(columns)))
    for step, run_step in zip(steps, found.run.steps.values(), strict=True):
        if step["why"]:
            yield f"{step['step']}: {step['why']}"
        for a in (a for a in run_step.attempts if a.phase == "undecided"):
            yield f"{a.step}/{a.part}: undecided, {count(a.rows, 'row')} in {a.job or 'no known job'}; the org had said {heard(a)}"
        open_jobs = [a for a in run_step.attempts if not a.is_final]
        for a in open_jobs[:MOST_JOBS]:
            yield f"{step['step']}: {a.job or 'no job yet'} {_job_state(a)}"
        if len(open_jobs) > MOST_JOBS:
            yield f"{step['step']}: and {len(open_jobs) - MOST_JOBS} more"
    for why in brief(clusters(found.run), most=5):
        yield f"left over: {why}"


def _job_state(a: Attempt) -> str:
    """The job's state as it was seen last; after an abort, what the org said to that."""
    if a.phase != "aborting":
        return a.state or a.phase
    said = f"the org said {a.abort_said}" if a.abort_said else "no answer is on record"
    return f"abort asked for, {said}; seen last as {a.state or a.phase}"


def _not_reached(step: dict[str, Any]) -> str:
    return f"held by {step['blocked_by']}" if step["blocked_by"] else ""
