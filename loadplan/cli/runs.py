"""`loadplan runs`: what ran."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option


@click.command("runs")
@state_option
@common
def command(console: Console, state_dir: Path | None) -> int:
    """List the runs of this project, oldest first."""
    from loadplan.cli.standing import standing
    from loadplan.run.folder import list_runs

    rows = [standing(f).line() for f in list_runs(state_folder(state_dir, project_root(Path.cwd())))]
    if console.as_json:
        console.json({"runs": rows})
        return 0
    if not rows:
        console.message("no runs yet")
    for row in rows:
        console.result(f"{row['run']:48} {row['org']:12} {row['result']:32} exit {row['exit']}")
    return 0
