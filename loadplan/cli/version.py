"""`loadplan version`."""

from __future__ import annotations

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common
from loadplan.version import __version__


@click.command("version")
@common
def command(console: Console) -> int:
    """Print the version of loadplan and of the event stream."""
    if console.as_json:
        console.json({"loadplan": __version__, "events": "1.0", "journal": 1})
    else:
        console.result(f"loadplan {__version__}")
    return 0
