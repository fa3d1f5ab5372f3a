"""`loadplan plan`: what apply would do, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, org_option, parse_variables, state_option, step_option, variables_options


@click.command("plan")
@click.argument("plan", type=click.Path(path_type=Path))
@org_option
@click.option("--offline", is_flag=True, help="Ask no org.")
@click.option(
    "--describe",
    "snapshot",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --offline: a folder of <Object>.json, as `org describe --out` writes it.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan; `apply FILE` runs exactly it."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 0: nothing to do. 2: something to do. 1: any error.")
@click.option("--expect-no-changes", is_flag=True, help="Exit 1 when there is something to do.")
@step_option
@variables_options
@state_option
@common
def command(
    console: Console,
    plan: Path,
    org: str | None,
    offline: bool,
    snapshot: Path | None,
    out: Path | None,
    detailed_exitcode: bool,
    expect_no_changes: bool,
    step: tuple[str, ...],
    var: tuple[str, ...],
    var_file: tuple[Path, ...],
    state_dir: Path | None,
) -> int:
    """Show what PLAN would do: rows, jobs, gates, cost and checks, destructive steps apart. Nothing is sent."""
    from loadplan.cli import flow, planning
    from loadplan.errors import LoadplanError

    request = flow.Request(None if offline else org, parse_variables(var), var_file, state_dir, steps=step)
    wish = planning.Wish(offline, snapshot, out, detailed_exitcode, expect_no_changes)
    try:
        return planning.plan(console, plan, request, wish)
    except LoadplanError as error:
        if not detailed_exitcode:
            raise
        console.show_error(error, or_else="loadplan plan --help")
        return 1
