"""Options that every command takes, and how they set up the console and the state folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from loadplan.cli import complete
from loadplan.cli.console import Console

F = TypeVar("F", bound=Callable[..., Any])


def common(function: Callable[..., int]) -> Callable[..., Any]:
    """Add -q, -v, --color, --json, --no-input; the command receives `console` first."""

    @click.option("-q", "--quiet", is_flag=True, help="Only results and errors.")
    @click.option("-v", "--verbose", count=True, help="-v shows each request, -vv tracebacks too.")
    @click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour on stderr.")
    @click.option("--json", "as_json", is_flag=True, help="Machine-readable output on stdout.")
    @click.option("--no-input", is_flag=True, help="Never ask.")
    @click.pass_context
    @wraps(function)
    def wrapper(
        context: click.Context,
        /,
        quiet: bool,
        verbose: int,
        color: str,
        as_json: bool,
        no_input: bool,
        **rest: Any,
    ) -> Any:
        console: Console = context.obj or Console.from_environment(os.environ)
        console.set_color(color, os.environ)
        console.verbosity = -1 if quiet else verbose
        console.as_json = as_json
        console.may_ask = console.may_ask and not no_input
        return function(console, **rest)

    return wrapper


def state_option(function: F) -> F:
    """Add --state-dir (default `.loadplan` at the project root)."""
    return click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="LOADPLAN_STATE_DIR",
        help="Where runs are kept (default: .loadplan at the project root).",
    )(function)


def lock_option(function: F) -> F:
    """Add --lock-timeout; the command receives `lock_timeout` in seconds."""

    def seconds(context: click.Context, parameter: click.Parameter, text: str) -> float:
        from loadplan.plan.units import duration

        try:
            return duration(text)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx=context, param=parameter) from error

    return click.option(
        "--lock-timeout", default="0s", metavar="DURATION", callback=seconds,
        help="Wait as long for another run on this org to end (30s, 10m), instead of exit 4.",
    )(function)  # fmt: skip


def org_option(function: F) -> F:
    return click.option(
        "-o",
        "--target-org",
        "org",
        envvar="SF_TARGET_ORG",
        shell_complete=complete.orgs,
        help="The org: a name in orgs.yaml, `embedded`, `env`, or an sf alias.",
    )(function)


def junit_option(function: F) -> F:
    """Add --junit; refused before any work where it would take the place of a file that is none of ours."""

    def free(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
        if path is not None:
            from loadplan.cli.outfile import check_replaceable

            check_replaceable(path, "--junit", "JUnit report", makes_folder=True)
        return path

    return click.option(
        "--junit",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        callback=free,
        help="Write the outcome as JUnit XML.",
    )(function)


def step_option(function: F) -> F:
    return click.option(
        "--step", "step", multiple=True, metavar="NAME[+]", shell_complete=complete.steps,
        help="Only this step and all it waits for; NAME+: what waits for it, too. May be given several times.",
    )(function)  # fmt: skip


def variables_options(function: F) -> F:
    function = click.option("--var", "var", multiple=True, metavar="NAME=VALUE", help="A variable of the plan.")(
        function
    )
    return click.option(
        "--var-file",
        "var_file",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="Variables in YAML.",
    )(function)


def parse_variables(pairs: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` texts as a dict. Raises click's usage error on a text without `=`."""
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"`{pair}` is not NAME=VALUE", param_hint="--var")
        found[name] = value
    return found


def project_root(start: Path) -> Path:
    """The nearest parent with `orgs.yaml` or `.git`, else `start` itself."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "orgs.yaml").is_file() or (folder / ".git").exists():
            return folder
    return start


def state_folder(given: Path | None, root: Path) -> Path:
    return given.resolve() if given else root / ".loadplan"
