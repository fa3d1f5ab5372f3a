"""`loadplan resolve`: put on record what a person decided of a part whose outcome nobody can tell from here.

It needs the journal alone: nothing is asked of the org. Who decided, where and why is on record with it.
"""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, lock_option, project_root, state_folder, state_option
from loadplan.cli.unfinished import said_where


@click.command("resolve")
@click.argument("run", shell_complete=complete.runs)
@click.argument("part", metavar="STEP/PART", shell_complete=complete.parts)
@click.option(
    "--assume", type=click.Choice(["applied", "not-applied"]), required=True,
    help="applied: its rows count as saved. not-applied: they are sent in another job.",
)  # fmt: skip
@click.option("--reason", required=True, help="Why; it is kept in the journal and shown in the runbook.")
@lock_option
@state_option
@common
def command(
    console: Console, run: str, part: str, assume: str, reason: str, state_dir: Path | None, lock_timeout: float
) -> int:
    """Decide what became of STEP/PART of RUN (exit 5), as `status` spells it. Then `loadplan resume` goes on."""
    import getpass
    import socket

    from loadplan.cli.standing import standing
    from loadplan.clock import SystemClock
    from loadplan.errors import UsageError
    from loadplan.masking import printable
    from loadplan.run.folder import find_run
    from loadplan.run.journal import FileJournal
    from loadplan.run.lock import Waiting, hold_lock, owner_now
    from loadplan.run.resolution import find_undecided, part_name, resolve

    reason = printable(reason).strip()
    if not reason:
        raise UsageError("--reason is empty", hint="say what was looked at", next_commands=["loadplan resolve --help"])
    clock = SystemClock()
    states = state_folder(state_dir, project_root(Path.cwd()))
    console.state_dir = said_where(states)
    folder = find_run(states, run)
    head = standing(folder).run.header
    waiting = Waiting(lock_timeout, console.message)
    lock = head.organization_id if head else folder.id
    with hold_lock(states, lock, owner_now(folder.id, clock), clock=clock, waiting=waiting):
        attempt = find_undecided(standing(folder).run, part)
        event = resolve(attempt, assume, reason, who=getpass.getuser(), host=socket.gethostname())
        journal, _ = FileJournal.reopen(folder.journal, clock)
        try:
            journal.append(event)
        finally:
            journal.close()
    what = "its rows count as saved" if assume == "applied" else f"its {attempt.rows:,} rows go into another job"
    console.message(f"{part_name(attempt)} is decided: {what}")
    found = standing(folder)
    for line in found.next_commands:
        console.message(f"next: {line}")
    return 0
