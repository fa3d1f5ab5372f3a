"""`loadplan report`: make a run's renderings again from its journal."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option


@click.command("report")
@click.argument("run", required=False)
@click.option("--summary", is_flag=True, help="Only the summary line.")
@state_option
@common
def command(console: Console, run: str | None, summary: bool, state_dir: Path | None) -> int:
    """Render runbook, pagination audit, summary and retry files of RUN (default: the newest) again."""
    from loadplan.cli import flow
    from loadplan.reports import view
    from loadplan.run.folder import find_run
    from loadplan.run.journal import read_journal
    from loadplan.run.state import fold

    folder = find_run(state_folder(state_dir, project_root(Path.cwd())), run)
    plan, graph, _ = flow.reload(folder)
    records, _, _ = read_journal(folder.journal)
    state = fold(flow.fresh_run(graph), records)
    if not summary:
        flow.render(console, plan, state, records, folder)
    if console.as_json:
        console.json(view.summary(state))
    else:
        console.result(view.summary_line(state))
        console.result(flow.show(folder.root / "runbook.md"))
    return 0
