"""`loadplan adopt`: a run whose folder was lost, rebuilt from what the org can prove. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadplan.cli.console import Console
from loadplan.cli.options import (
    common,
    lock_option,
    org_option,
    parse_variables,
    state_folder,
    state_option,
    step_option,
    variables_options,
)
from loadplan.errors import UsageError

if TYPE_CHECKING:
    from loadplan.plan.model import Plan
    from loadplan.run.adopting import Found
    from loadplan.salesforce.joblist import Listed


@click.command("adopt")
@click.argument("plan", type=click.Path(path_type=Path))
@org_option
@click.option("--since", default="7d", show_default=True, metavar="DURATION", help="Only jobs created since then.")
@click.option("--whole", is_flag=True, help="The lost run was of the whole plan, its destructive steps too.")
@step_option
@variables_options
@lock_option
@state_option
@common
def command(
    console: Console,
    plan: Path,
    org: str | None,
    since: str,
    whole: bool,
    step: tuple[str, ...],
    var: tuple[str, ...],
    var_file: tuple[Path, ...],
    state_dir: Path | None,
    lock_timeout: float,
) -> int:
    """Rebuild a run of PLAN whose folder was lost, from the org's jobs: rows of their results are compared with the plan's.

    What is proven goes on record in a new run folder, for `loadplan resume`; what cannot be told is left to `loadplan resolve`.
    Nothing is sent."""
    import socket
    from datetime import timedelta
    from getpass import getuser

    from loadplan.cli import flow, kept, loading
    from loadplan.cli.target import open_target
    from loadplan.clock import SystemClock
    from loadplan.plan.units import duration
    from loadplan.run import events as ev
    from loadplan.run.adopting import Adopter
    from loadplan.run.engine import Engine
    from loadplan.run.folder import RunFolder, new_run_id, runs_folder
    from loadplan.run.journal import FileJournal
    from loadplan.run.lock import Waiting, hold_lock, owner_now
    from loadplan.run.resolution import resolve_commands, undecided
    from loadplan.run.surroundings import discard_unbegun
    from loadplan.salesforce import info
    from loadplan.salesforce.joblist import list_ingest_jobs
    from loadplan.version import __version__

    try:
        seconds = duration(since)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    clock = SystemClock()
    request = flow.Request(org, parse_variables(var), var_file, state_dir, lock_timeout=lock_timeout)
    loaded, graph = loading.load(plan, request.variables, request.var_files, state_dir, step)
    states = state_folder(state_dir, loaded.root)
    folder = RunFolder(runs_folder(states) / new_run_id(loaded.name, clock.now()))
    run = loading.fresh_run(graph)
    waiting = Waiting(lock_timeout, console.message)
    try:
        digests = loading.check_data(loaded, run, folder, org)
        with (
            open_target(org, loaded.root, states, clock, console, waiting) as target,
            hold_lock(
                states, target.identity.organization_id, owner_now(folder.id, clock), clock=clock, waiting=waiting
            ),
        ):
            info.check_api_version(target.profile.name, target.api_versions, loaded.api_version)
            listed = list_ingest_jobs(target.org, clock, target.version)
            from_then = clock.now() - timedelta(seconds=seconds)
            jobs = [j for j in listed if j.created >= from_then and j.created_by[:15] == target.identity.user_id[:15]]
            console.message(
                f"{len(listed):,} jobs listed, {len(jobs):,} of them by {target.identity.username} since {from_then:%Y-%m-%d %H:%M}Z"
            )
            if not (step or whole):
                refuse_to_guess(loaded, jobs, f"loadplan adopt {plan} -o {target.profile.name}")
            folder.create()
            kept.freeze(loaded, folder, digests, request)
            journal = FileJournal.create(folder.journal, clock)
            try:
                engine = Engine(loaded, run, target.org, journal, folder, clock, digests)
                engine.emit(flow.started(loaded, folder, target, request))
                engine.emit(ev.RunAdopted(getuser(), socket.gethostname(), __version__, jobs=len(jobs)))
                found = Adopter(engine, jobs).go()
                exit_code = 5 if found.undecided else 7
                engine.emit(ev.RunInterrupted("rebuilt from the org's jobs; nothing was sent", exit_code))
            finally:
                journal.close()
    finally:
        discard_unbegun(folder)
    for line in as_lines(found):
        console.message(line)
    if found.undecided:
        console.error(
            f"{len(found.undecided)} part(s) of run {folder.id} wait for a decision: look into the org for their rows"
        )
        for text in resolve_commands(folder.id, undecided(run)[0]):
            console.error(f"next: {text}")
        return 5
    console.message(f"next: loadplan resume {folder.id}")
    return 0


def refuse_to_guess(plan: Plan, jobs: Sequence[Listed], command: str) -> None:
    """A run may have been of a part of the plan (`--step`), which the org does not tell. Raises `UsageError` when a destructive step of
    which there is no job would begin with the next resume."""
    done = {(job.object.lower(), job.operation.lower()) for job in jobs}
    fresh = [
        s.id
        for s in plan.steps.values()
        if s.facts.destructive and ((s.object or "").lower(), s.operation.lower()) not in done
    ]
    if not fresh:
        return
    others = " ".join(f"--step {s}" for s in plan.steps if s not in fresh)
    names = ", ".join(f"`{s}`" for s in fresh)
    raise UsageError(
        f"nothing tells whether the lost run was to {names}: no job of the org did, and the next resume would",
        hint="name the steps that the run was begun with; --whole says that it was the whole plan",
        next_commands=[*([f"{command} {others}"] if others else []), f"{command} --whole"],
    )  # fmt: skip


def as_lines(found: Found) -> Iterator[str]:
    """What was proven, what is left to do, and what nobody can know."""
    for part, job in found.adopted.items():
        yield f"proven     {part}: job {job} holds exactly its rows"
    for part in found.undecided:
        yield f"undecided  {part}: no job of the list holds its rows; one may have been deleted"
    for part in found.to_send:
        yield f"to send    {part}: no job holds its rows, and the same rows twice end in the same records"
    for step in found.waiting:
        yield f"to begin   {step}"
    for job in found.strangers:
        yield f"unknown    job {job} is of the same kind and holds the rows of no part: another load, or a retry"
    for job in found.twice:
        yield f"twice      job {job} holds the rows of a part that another job holds too: they were sent twice"
    yield "not known: jobs that the org no longer lists (deleted, older than seven days), jobs of other users, mended rows"
