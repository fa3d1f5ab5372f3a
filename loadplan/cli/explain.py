"""`loadplan explain CODE`."""

from __future__ import annotations

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common
from loadplan.codes import CODES, explain
from loadplan.diagnostics import did_you_mean
from loadplan.errors import UsageError


@click.command("explain")
@click.argument("code", shell_complete=complete.codes)
@common
def command(console: Console, code: str) -> int:
    """Say what an error CODE (such as LP0207) means and what to do."""
    found = explain(code)
    if found is None:
        raise UsageError(
            f"there is no code `{code}`", hint=did_you_mean(code.upper(), CODES) or "codes look like LP0207"
        )
    if console.as_json:
        console.json({"code": code.upper(), "title": found.title, "meaning": found.meaning, "way_out": found.way_out})
        return 0
    console.result(f"{code.upper()}: {found.title}\n\n{found.meaning}\n\nWhat to do: {found.way_out}")
    if found.example:
        console.result(f"\n{found.example}")
    return 0
