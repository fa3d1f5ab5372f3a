"""`loadplan emulator serve`: the embedded org for other programs, on loopback."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common
from loadplan.clock import SystemClock


@click.group("emulator")
def command() -> None:
    """The embedded org: a local server that speaks Salesforce's REST and Bulk API 2.0."""


@command.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 picks a free one.")
@click.option(
    "--describe", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of <Object>.json."
)
@click.option("--faults", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Scripted trouble.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Where the org keeps its records.")
@common
def serve(console: Console, port: int, describe: Path | None, faults: Path | None, data: Path | None) -> int:
    """Serve until interrupted. Prints one line of JSON with instance_url and access_token when ready."""
    from loadplan.emulator.faultfile import load_faults
    from loadplan.emulator.server import EmbeddedOrg
    from loadplan.errors import UsageError

    try:
        trouble = load_faults(faults) if faults else None
        server = EmbeddedOrg(data, describe=[describe] if describe else [], faults=trouble, port=port)
    except ValueError as error:
        raise UsageError(str(error)) from error
    clock, stopped = SystemClock(), []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        clock.wake()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with server:
        console.json({"instance_url": server.instance_url, "access_token": server.access_token()}, compact=True)
        while not stopped:
            clock.wait(3600.0)
    return 0
