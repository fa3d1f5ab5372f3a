"""`loadplan schema`: print a JSON Schema that ships with loadplan."""

from __future__ import annotations

from importlib.resources import files

import click

from loadplan.cli.console import Console


@click.command("schema")
@click.argument("name", type=click.Choice(["plan", "orgs", "event", "planned", "saved", "diff", "faults"]))
@click.pass_obj
def command(console: Console, name: str) -> int:
    """Print the schema of plans, of orgs.yaml, of events, of what `plan --json` and `diff --json` print, of saved plans, or of the
    embedded org's faults, for editors and tools."""
    console.verbatim(files("loadplan.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8"), end="")
    return 0
