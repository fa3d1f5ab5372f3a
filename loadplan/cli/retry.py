"""`loadplan retry`: send only the rows that a run left over, then go on with what they held back."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, junit_option, lock_option, state_option


@click.command("retry")
@click.argument("run", shell_complete=complete.runs)
@click.option("--parallelism", type=click.IntRange(1, 25), default=4, show_default=True, help="Jobs in flight at once.")
@click.option(
    "--rows", "rows", multiple=True, metavar="STEP[=FILE]", shell_complete=complete.steps,
    help="Send the mended rows of FILE in place of those that STEP left over. Without a file: retry/STEP.csv of the run.",
)  # fmt: skip
@junit_option
@lock_option
@state_option
@common
def command(
    console: Console,
    run: str,
    rows: tuple[str, ...],
    parallelism: int,
    junit: Path | None,
    state_dir: Path | None,
    lock_timeout: float,
) -> int:
    """Send the failed and unprocessed rows of RUN again, in the same run and through the same gates.

    With --rows, FILE is a retry file (retry/STEP.csv of the run's folder) in which rows were corrected. Rows that it does not
    have stay left over; rows of other steps are sent as they were."""
    from loadplan.cli import flow
    from loadplan.cli.again import Retry, parse_rows

    request = flow.Request(None, {}, (), state_dir, parallelism=parallelism, lock_timeout=lock_timeout, junit=junit)
    return flow.resume(console, run, Path.cwd(), request, retry=Retry(parse_rows(rows, run)))
