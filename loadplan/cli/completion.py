"""`loadplan completion SHELL`."""

from __future__ import annotations

import click

from loadplan.cli.console import Console


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def command(console: Console, shell: str) -> int:
    """Print the completion script of SHELL; source it from your shell's start file."""
    from click.shell_completion import get_completion_class

    from loadplan.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    console.verbatim(kind(cli, {}, "loadplan", "_LOADPLAN_COMPLETE").source())
    return 0
