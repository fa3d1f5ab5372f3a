"""`loadplan retry`: send only the rows that a run left over, then go on with what they held back."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, junit_option, state_option


@click.command("retry")
@click.argument("run", shell_complete=complete.runs)
@click.option("--parallelism", type=click.IntRange(1, 25), default=4, show_default=True, help="Jobs in flight at once.")
@junit_option
@state_option
@common
def command(console: Console, run: str, parallelism: int, junit: Path | None, state_dir: Path | None) -> int:
    """Send the failed and unprocessed rows of RUN again, in the same run and through the same gates."""
    from loadplan.cli import flow

    return flow.resume(
        console,
        run,
        Path.cwd(),
        flow.Request(None, {}, (), state_dir, parallelism=parallelism, junit=junit),
        retry=True,
    )
