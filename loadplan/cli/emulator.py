"""`loadplan emulator serve`: the embedded org for other programs, on loopback."""

from __future__ import annotations

import errno
import shlex
import signal
import sys
from contextlib import ExitStack
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
@click.option(
    "--faults", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Scripted trouble, in JSON."
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Where the org keeps its records.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A setting, such as rows_per_second=5000.")
@click.option(
    "--org-size",
    "size",
    metavar="SIZE",
    help="Records to begin with: small, medium, snapshot, a number of accounts, or Object=N,Object=N.",
)
@click.option("--sink", is_flag=True, help="Take rows without validating or keeping them, to measure clients.")
@click.option(
    "--access-log",
    "log",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="A line of JSON for each request is added to this file; - is stderr.",
)
@click.option(
    "--tls",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Key and certificate in PEM: answer over https.",
)
@common
def serve(
    console: Console,
    port: int,
    describe: Path | None,
    faults: Path | None,
    data: Path | None,
    pairs: tuple[str, ...],
    size: str | None,
    sink: bool,
    log: Path | None,
    tls: Path | None,
) -> int:
    """Serve until interrupted. Prints one line of JSON with instance_url and access_token when ready.

    Settings, faults and the control endpoint are described in docs/reference/emulator.md."""
    from loadplan.cli.twin import cannot_start, far_lookups, filled, wrong_description
    from loadplan.emulator.describefiles import DescribeError
    from loadplan.emulator.faultfile import load_faults
    from loadplan.emulator.faultnotes import unmet
    from loadplan.emulator.server import EmbeddedOrg, InUseError
    from loadplan.emulator.settings import Settings, sink_settings, with_texts
    from loadplan.emulator.store import DamagedError
    from loadplan.errors import LockedError, UsageError
    from loadplan.salesforce.snapshot import check_whole

    clock, stopped = SystemClock(), []
    notes: list[str] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        clock.wake()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with ExitStack() as stack:
        try:
            if sink and size:
                raise ValueError("a sink keeps no records: --org-size and --sink exclude each other")
            settings = with_texts(sink_settings() if sink else Settings(), pairs)
            trouble = load_faults(faults) if faults else None
            stream = None
            if log is not None:
                stream = sys.stderr if str(log) == "-" else stack.enter_context(log.open("a", encoding="utf-8"))
            if describe is not None:
                check_whole([describe])
            server = EmbeddedOrg(
                data, settings=settings, describe=[describe] if describe else [], faults=trouble, port=port,
                access_log=stream, tls=tls,
            )  # fmt: skip
            if size is not None:
                try:
                    notes += filled(server, size, [describe] if describe else [], clock)
                except BaseException:
                    server.stop()
                    raise
        except DescribeError as error:
            raise wrong_description(error) from error
        except DamagedError as error:
            raise cannot_start(error, data or Path(), named=True) from error
        except InUseError as error:
            raise LockedError(
                str(error), hint="stop it, or name another folder", next_commands=["loadplan emulator serve --data FOLDER"],
            ) from error  # fmt: skip
        except (ValueError, OSError) as error:
            raise UsageError(str(error), next_commands=["loadplan emulator serve --help"]) from error
        try:
            server.start()
        except OSError as error:
            server.stop()
            raise UsageError(
                f"port {port} cannot be had: {error.strerror}", hint="another server may have it: stop it, or take any with --port 0"
                if error.errno != errno.EACCES else "ports below 1024 are for the administrator: take any with --port 0",
                next_commands=["loadplan emulator serve --port 0"],
            ) from error  # fmt: skip
        stack.callback(server.stop)
        for note in filter(None, [_open_key(tls), far_lookups(server), *notes]):
            console.message(f"note: {note}")
        console.json({"instance_url": server.instance_url, "access_token": server.access_token()}, compact=True)
        while not stopped:
            clock.wait(3600.0)
        for note in unmet(server.faults):
            console.message(f"note: {note}")
    return 0


def _open_key(tls: Path | None) -> str:
    """What is to be said of a private key that others may read; empty when there is nothing."""
    if tls is None or not tls.stat().st_mode & 0o077:
        return ""
    return f"others may read the private key in {tls}: chmod 600 {shlex.quote(str(tls))}"
