"""`loadplan org check` and `loadplan org describe`: ask an org; nothing is changed there."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, org_option, project_root, state_folder, state_option


@click.group("org")
def command() -> None:
    """Ask an org who you are, what is left of its limits, and what its objects look like."""


@command.command("check")
@org_option
@state_option
@common
def check(console: Console, org: str | None, state_dir: Path | None) -> int:
    """Who am I, which org is it, sandbox or production, API versions, limits left."""
    from dataclasses import asdict

    from loadplan.cli.target import open_target
    from loadplan.clock import SystemClock
    from loadplan.salesforce import info

    root = project_root(Path.cwd())
    with open_target(org, root, state_folder(state_dir, root), SystemClock(), console) as target:
        found = info.gather_check(target.org, target.profile)
        if console.as_json:
            console.json(asdict(found))
        else:
            console.result(info.describe_check(found))
    return 0


@command.command("describe")
@click.argument("objects", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for <Object>.json."
)
@click.option(
    "--all-needed-by", "plan_file", type=click.Path(path_type=Path, dir_okay=False), help="The objects of a plan."
)
@org_option
@state_option
@common
def describe(
    console: Console,
    objects: tuple[str, ...],
    out: Path,
    plan_file: Path | None,
    org: str | None,
    state_dir: Path | None,
) -> int:
    """Write <Object>.json for each of OBJECTS: stable, diffable, fit for git."""
    from loadplan.cli import flow
    from loadplan.cli.target import open_target
    from loadplan.clock import SystemClock
    from loadplan.errors import UsageError
    from loadplan.salesforce import info

    names = list(objects)
    if plan_file:
        plan, _ = flow.load(plan_file, {}, ())
        names += [s.object for s in plan.steps.values() if s.object]
    if not names:
        raise UsageError("name at least one object, or a plan with --all-needed-by")
    root = project_root(Path.cwd())
    with open_target(org, root, state_folder(state_dir, root), SystemClock(), console) as target:
        for path in info.write_describes(target.org, sorted(set(names)), out):
            console.result(flow.show(path))
    return 0
