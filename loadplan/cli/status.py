"""`loadplan status`: where a run stands, from its folder; nothing is asked of the org."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option

if TYPE_CHECKING:
    from loadplan.cli.standing import Standing

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
    from loadplan.run.folder import find_run

    found = standing(find_run(state_folder(state_dir, project_root(Path.cwd())), run))
    if console.as_json:
        console.json({**found.line(), "steps": found.steps()})
        return 0
    for line in as_lines(found):
        console.result(line)
    if found.owner:
        console.message(f"it is being run by {found.owner}")
    elif found.next_command:
        console.message(f"next: {found.next_command}")
    return 0


def as_lines(found: Standing) -> Iterator[str]:
    """The run in a line, a table of its steps, their open jobs, and why a gate is shut."""
    from loadplan.cli.table import align

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
        open_jobs = [a for a in run_step.attempts if not a.is_final]
        for a in open_jobs[:MOST_JOBS]:
            yield f"{step['step']}: {a.job or 'no job yet'} {a.state or a.phase}"
        if len(open_jobs) > MOST_JOBS:
            yield f"{step['step']}: and {len(open_jobs) - MOST_JOBS} more"


def _not_reached(step: dict[str, Any]) -> str:
    return f"held by {step['blocked_by']}" if step["blocked_by"] else ""
