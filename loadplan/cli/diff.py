"""`loadplan diff`: what a change of plans and their data means."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, parse_variables, variables_options


@click.command("diff")
@click.argument("versions", nargs=-1, required=True, metavar="OLD NEW | BASE..HEAD [PLAN…]")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), help="Default: text.")
@click.option(
    "--fail-on", type=click.Choice(["R0", "R1", "R2", "R3"]), help="Exit 1 when the risk is this class or above."
)
@click.option("--show-values", is_flag=True, help="Show cells of changed rows: not for comments that others can read.")
@click.option(
    "--planned",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Output of `plan --json`, or a saved plan: what the change would do becomes part of the comment.",
)
@variables_options
@common
def command(
    console: Console,
    versions: tuple[str, ...],
    form: str | None,
    fail_on: str | None,
    show_values: bool,
    planned: tuple[Path, ...],
    var: tuple[str, ...],
    var_file: tuple[Path, ...],
) -> int:
    """Compare two plan files, or plans and data of two git revisions: by meaning, with a risk class from R0 to R3."""
    from loadplan.cli import comparing
    from loadplan.review import difftext, text
    from loadplan.review.planned import read_planned, section
    from loadplan.review.risk import at_least

    plans = [read_planned(file) for file in planned]
    document, named = comparing.compare(versions, parse_variables(var), var_file, show_values=show_values)
    form = form or ("json" if console.as_json else "text")
    if form == "json":
        console.json({**document, "planned": plans} if plans else document)
    elif form == "markdown":
        console.result(difftext.as_markdown(document, named, [line for p in plans for line in section(p)]))
    else:
        console.result(difftext.as_text(document, console.result_style))
        for plan in plans:
            console.result(f"{plan['plan']['name']}: {text.summary(plan)}")
    if fail_on is not None and document["risks"] and at_least(document["risk"], fail_on):
        console.error(f"error: the risk is {document['risk']}, and --fail-on {fail_on} was given")
        console.error("next: have the change approved, or take it apart")
        return 1
    return 0
