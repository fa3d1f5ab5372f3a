"""`loadplan apply`: run a plan against an org."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import (
    common,
    junit_option,
    lock_option,
    org_option,
    parse_variables,
    state_option,
    step_option,
    variables_options,
)


@click.command("apply")
@click.argument("plan", type=click.Path(path_type=Path))
@org_option
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--confirm-org", metavar="ORG_ID", help="The id of the production org that is meant.")
@click.option(
    "--expect", metavar="DIGEST", help="Run only the plan that has this digest, as `loadplan plan` prints it."
)
@click.option("--async", "detach", is_flag=True, help="Leave jobs running in Salesforce and exit 7; resume later.")
@click.option("--parallelism", type=click.IntRange(1, 25), default=4, show_default=True, help="Jobs in flight at once.")
@junit_option
@step_option
@variables_options
@lock_option
@state_option
@common
def command(
    console: Console,
    plan: Path,
    org: str | None,
    auto_approve: bool,
    confirm_org: str | None,
    expect: str | None,
    detach: bool,
    parallelism: int,
    junit: Path | None,
    step: tuple[str, ...],
    var: tuple[str, ...],
    var_file: tuple[Path, ...],
    state_dir: Path | None,
    lock_timeout: float,
) -> int:
    """Run PLAN against an org: validate, check the data, send, gate, reconcile; leave a runbook.

    PLAN may be a file that `loadplan plan --out` saved: it runs as it was approved, once, without asking.
    """
    from loadplan.cli import flow
    from loadplan.review.mark import is_saved

    request = flow.Request(
        org,
        parse_variables(var),
        var_file,
        state_dir,
        auto_approve,
        confirm_org,
        detach,
        parallelism,
        lock_timeout,
        junit,
        step,
    )
    if expect is None and not is_saved(plan):
        return flow.apply(console, plan, request)
    from loadplan.cli import approved

    wanted = approved.expected(expect) if expect is not None else None
    if is_saved(plan):
        return approved.apply_saved(console, plan, request, wanted)
    return flow.apply(console, plan, request, approved.Expected(str(wanted)))
