"""Runs that stopped before their end, told where somebody is about to begin another: a load that is typed again is loaded twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.cli.console import Console
from loadplan.cli.options import project_root, state_folder
from loadplan.errors import LocalError
from loadplan.run.folder import RunFolder, list_runs

if TYPE_CHECKING:
    from loadplan.cli.standing import Standing
    from loadplan.cli.target import Target
    from loadplan.plan.model import Plan

MOST = 20
"""So many runs are looked at, the newest."""
_TAIL = 4096


def said_where(state_dir: Path) -> str:
    """The state folder as commands need it; empty where they find it by themselves."""
    if state_dir.resolve() == state_folder(None, project_root(Path.cwd())).resolve():
        return ""
    relative = os.path.relpath(state_dir)
    return relative if len(relative) < len(str(state_dir)) else str(state_dir)


def unfinished(state_dir: Path) -> Iterator[Standing]:
    """Runs that began, did not end, and that nobody works on, the newest first."""
    from loadplan.cli.standing import standing

    for folder in list_runs(state_dir)[: -MOST - 1 : -1]:
        if _ended(folder):
            continue
        try:
            found = standing(folder)
        except LocalError:
            continue  # `loadplan runs` says what is wrong with it
        if found.run.ended is None and not found.owner:
            yield found


def _ended(folder: RunFolder) -> bool:
    """Whether the last record is the run's end, which most are: then it need not be read."""
    try:
        with folder.journal.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            last = file.read().splitlines()[-1:]
    except OSError:
        return True
    return bool(last) and b'"RunEnded"' in last[0]


def warn_of_unfinished(console: Console, plan: Plan, target: Target, state_dir: Path) -> None:
    """Say that a run of this plan, in this org, can be gone on with."""
    inserts = any(s.operation == "insert" and s.idempotency is None for s in plan.steps.values())
    for found in unfinished(state_dir):
        head = found.run.header
        if head is None or head.plan != plan.name or head.organization_id != target.identity.organization_id:
            continue
        console.message(
            f"{console.style('warning', 'yellow', 'bold')}: run {found.folder.id} of `{plan.name}` was not finished ({found.result}); "
            f"this one sends its rows again{', and inserts make second records' if inserts else ''}"
        )
        console.message(f"{console.style('help', 'blue')}: go on with that one instead: {found.next_command}")
        return
