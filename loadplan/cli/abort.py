"""`loadplan abort`: abort the open jobs of a run. Rows that were saved stay saved; the rest goes to the retry file.

It needs the journal and the org, not the plan: a run can be aborted whatever became of its files. An abort that was asked
for is on record before it is sent; asking twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadplan.cli import complete
from loadplan.cli.console import Console
from loadplan.cli.options import common, lock_option, project_root, state_folder, state_option
from loadplan.cli.unfinished import said_where

if TYPE_CHECKING:
    from loadplan.clock import Clock
    from loadplan.run import events as ev
    from loadplan.run.state import Attempt
    from loadplan.salesforce.bulk2 import Bulk2Org

TRIES = 4
ENDED = frozenset({"terminal", "collected", "paging"})
"""Phases of an attempt whose job has ended in the org, although the run has not read all of it."""


@click.command("abort")
@click.argument("run", shell_complete=complete.runs)
@lock_option
@state_option
@common
def command(console: Console, run: str, state_dir: Path | None, lock_timeout: float) -> int:
    """Abort the jobs of RUN that Salesforce still has open. `loadplan resume` then reads what they did and goes on."""
    from loadplan.cli import flow
    from loadplan.cli.events import json_listener
    from loadplan.cli.standing import standing
    from loadplan.cli.target import open_target
    from loadplan.clock import SystemClock
    from loadplan.errors import OrgError
    from loadplan.run.folder import find_run
    from loadplan.run.journal import FileJournal
    from loadplan.run.lock import Waiting, hold_lock, owner_now
    from loadplan.run.state import apply

    clock = SystemClock()
    root = project_root(Path.cwd())
    states = state_folder(state_dir, root)
    console.state_dir = said_where(states)
    folder = find_run(states, run)
    listen = json_listener(console) if console.as_json else None
    found = standing(folder)
    head = found.run.header
    if head is None or not _open(found.run.attempts()):
        console.message(f"run {folder.id} has no open jobs")
        if found.next_command:
            console.message(f"next: {found.next_command}")
        return 0
    waiting = Waiting(lock_timeout, console.message)
    with (
        open_target(head.org, root, states, clock, console, waiting) as target,
        hold_lock(states, flow.same_run_org(head, target), owner_now(folder.id, clock), clock=clock, waiting=waiting),
    ):
        journal, _ = FileJournal.reopen(folder.journal, clock)
        # Read again: somebody may have gone on with the run since.
        found = standing(folder)

        def emit(event: ev.Event) -> None:
            record = journal.append(event)
            apply(found.run, record)
            if listen is not None:
                listen(record, found.run)

        lost = []
        try:
            for attempt in _open(found.run.attempts()):
                said, asked = _abort(target.org, attempt, emit, clock)
                console.message(f"{attempt.step} {attempt.job}: {said}")
                if not asked:
                    lost.append(attempt.job)
        finally:
            journal.close()
    if lost:
        raise OrgError(
            f"no usable answer about {', '.join(lost)}: they may go on", code="LP0405",
            hint="asking again does no harm", next_commands=[f"loadplan abort {folder.id}", f"loadplan org check -o {head.org}"],
        )  # fmt: skip
    console.message(
        f"next: loadplan resume {folder.id}   # reads what the jobs had done; the gates say whether the rest runs"
    )
    return 0


def _open(attempts: list[Attempt]) -> list[Attempt]:
    return [a for a in attempts if a.job and not a.is_final and a.phase not in ENDED]


def _abort(org: Bulk2Org, attempt: Attempt, emit: Callable[[ev.Event], None], clock: Clock) -> tuple[str, bool]:
    """Ask for one abort; (what the org said, whether it said anything). ("Close or Abort a Job": what was saved stays.)"""
    from loadplan.errors import OrgError
    from loadplan.run import events as ev
    from loadplan.salesforce.port import AuthRefused, JobKind, NotFound, Refused, Unavailable

    about: dict[str, Any] = {
        "step": attempt.step, "part": attempt.part, "attempt": attempt.number, "job": attempt.job,
    }  # fmt: skip
    kind: JobKind = "query" if attempt.kind == "query" else "ingest"
    about["request"] = f"PATCH /services/data/v{attempt.api_version}/jobs/{kind}/{attempt.job} Aborted"
    if attempt.phase == "uploading":
        emit(ev.UploadLost(**{**about, "request": ""}, detail="loadplan stopped before an answer was on record"))
    emit(ev.AbortIntended(**about, why="user"))
    for left in range(TRIES - 1, -1, -1):
        try:
            info = org.abort(kind, attempt.job, api_version=attempt.api_version)
        except NotFound as fault:
            emit(ev.JobGone(**about, http=fault.status))
            return "is gone from the org", True
        except Refused as fault:
            emit(ev.AbortAnswered(**about, http=fault.status, detail=fault.detail))
            return fault.message, True
        except AuthRefused as fault:
            raise OrgError(
                f"the org does not accept the credentials: {fault.detail}", code="LP0401", where=org.instance_url,
                hint="log in again, then abort again", next_commands=["loadplan runs"],
            ) from fault  # fmt: skip
        except Unavailable as fault:
            if not left:
                emit(ev.AbortAnswered(**about, http=fault.status, detail=fault.detail))
                return f"no usable answer: {fault.detail}", False
            clock.wait(min(fault.retry_after or 0.0, 30.0) or 0.5 * 2.0 ** (TRIES - 1 - left))
        else:
            emit(ev.AbortAnswered(**about, http=info.http, detail=info.state))
            return info.state, True
    raise AssertionError("unreachable")
