"""`loadplan validate`: check plans offline."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, parse_variables, variables_options


@click.command("validate")
@click.argument("plans", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["full", "concise", "json", "github", "gitlab", "sarif", "junit"]),
    help="Default: full; on GitHub Actions with annotations too.",
)
@variables_options
@common
def command(
    console: Console, plans: tuple[Path, ...], form: str | None, var: tuple[str, ...], var_file: tuple[Path, ...]
) -> int:
    """Check the shape and the meaning of PLANS. Offline; exit 2 when one has an error."""
    from loadplan import diagnostic_formats as formats
    from loadplan.cli.exports import check_summary
    from loadplan.diagnostics import has_errors, in_order
    from loadplan.plan.load import check_plan

    found = []
    for path in plans:
        _, _, diagnostics = check_plan(path, variables=parse_variables(var), var_files=var_file)
        found.extend(diagnostics)
    found = in_order(found)
    form = form or ("json" if console.as_json else "full")
    if form == "github":
        if found:
            console.verbatim(formats.RENDERERS[form](found))  # its values are escaped, and it was asked for
    elif form in {"full", "concise"}:
        if found:
            full = form == "full"
            console.result(formats.render_full(found, color=console.color) if full else formats.as_concise(found))
            if console.in_actions:
                console.command(formats.RENDERERS["github"](found))
    else:
        console.result(formats.RENDERERS[form](found))
    check_summary(console, len(plans), found)
    errors = sum(1 for d in found if d.severity.value == "error")
    warnings = len(found) - errors
    if form in {"full", "concise"}:
        counts = (_count(n, w) for n, w in ((len(plans), "plan"), (errors, "error"), (warnings, "warning")))
        console.message("{} checked: {}, {}".format(*counts))
        if errors:
            first = next(d for d in found if d.severity.value == "error")
            console.message(f"next: loadplan explain {first.code}")
        else:
            plan = shlex.quote(str(plans[0]))
            console.message(f"next: loadplan plan {plan} --offline   # reads the rows too")
    return 2 if has_errors(found) else 0


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
