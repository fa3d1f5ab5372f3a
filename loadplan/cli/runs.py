"""`loadplan runs`: what ran."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option
from loadplan.cli.unfinished import said_where


@click.command("runs")
@state_option
@common
def command(console: Console, state_dir: Path | None) -> int:
    """List the runs of this project, oldest first."""
    from loadplan.cli.standing import standings
    from loadplan.cli.table import align

    states = state_folder(state_dir, project_root(Path.cwd()))
    console.state_dir = said_where(states)
    found = standings(states)
    if console.as_json:
        console.json({"runs": [s.line() for s in found]})
        return 0
    if not found:
        console.message("no runs yet")
        console.message("next: loadplan apply PLAN -o embedded")
        return 0
    rows = [["RUN", "ORG", "SENT", "LEFT OVER", "EXIT", "RESULT"]]
    for s in found:
        line = s.line()
        numbers = [f"{line['rows']['sent']:,}", f"{line['rows']['left_over']:,}"] if s.records else ["", ""]
        exit_code = "" if line["exit"] is None else str(line["exit"])
        rows.append([line["run"], line["org"], *numbers, exit_code, line["result"]])
    for text in align(rows, right=(2, 3, 4)):
        console.result(text)
    # The newest is the one that somebody looks for; what an older one left is told by its own status.
    newest = found[-1]
    console.message(f"next: {newest.next_command or f'loadplan status {newest.folder.id}'}")
    return 0
