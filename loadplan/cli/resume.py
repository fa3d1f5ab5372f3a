"""`loadplan resume`: go on where a run stopped."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, junit_option, lock_option, state_option


@click.command("resume")
@click.argument("run", required=False, shell_complete=complete.runs)
@click.option("--async", "detach", is_flag=True, help="Leave jobs running in Salesforce and exit 7.")
@click.option("--parallelism", type=click.IntRange(1, 25), default=4, show_default=True, help="Jobs in flight at once.")
@junit_option
@lock_option
@state_option
@common
def command(
    console: Console,
    run: str | None,
    detach: bool,
    parallelism: int,
    junit: Path | None,
    state_dir: Path | None,
    lock_timeout: float,
) -> int:
    """Go on with RUN (default: the newest). What was sent is asked about, never sent again."""
    from loadplan.cli import flow

    request = flow.Request(
        None, {}, (), state_dir, detach=detach, parallelism=parallelism, lock_timeout=lock_timeout, junit=junit
    )
    return flow.resume(console, run, Path.cwd(), request)
