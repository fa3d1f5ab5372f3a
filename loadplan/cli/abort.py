"""`loadplan abort`: abort the open jobs of a run. Rows that were saved stay saved; the rest goes to the retry file."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, state_option


@click.command("abort")
@click.argument("run")
@state_option
@common
def command(console: Console, run: str, state_dir: Path | None) -> int:
    """Abort the jobs of RUN that Salesforce still has open. `loadplan resume` then reads what they did and ends the run."""
    from loadplan.cli import flow

    return flow.abort(console, run, Path.cwd(), flow.Request(None, {}, (), state_dir))
