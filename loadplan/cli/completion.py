"""`loadplan completion SHELL`."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion script of SHELL; source it from your shell's start file."""
    from click.shell_completion import get_completion_class

    from loadplan.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "loadplan", "_LOADPLAN_COMPLETE").source())
    return 0
