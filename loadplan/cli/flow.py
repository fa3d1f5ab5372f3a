"""apply, resume and retry: load, check, guard, confirm, run, and leave the artifacts whatever happened."""

from __future__ import annotations

import getpass
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli.console import Console
from loadplan.cli.ending import finish, twin_of
from loadplan.cli.events import json_listener, listeners, watching
from loadplan.cli.kept import beside, check_approved, check_beside, freeze, reload
from loadplan.cli.loading import check_data, fresh_run, load
from loadplan.cli.options import project_root, state_folder
from loadplan.cli.paths import show
from loadplan.cli.progress import board
from loadplan.cli.target import Target, open_target
from loadplan.cli.unfinished import said_where, warn_of_unfinished
from loadplan.clock import Clock, SystemClock
from loadplan.errors import InvalidInputError, LocalError, OrgError, UsageError
from loadplan.lean import dataclass
from loadplan.plan.model import Plan
from loadplan.run import events as ev
from loadplan.run.engine import Engine, PollListener, Stop, none_excused
from loadplan.run.folder import RunFolder, find_run, new_run_id, runs_folder
from loadplan.run.journal import FileJournal, read_journal
from loadplan.run.lock import Waiting, hold_lock, owner_now
from loadplan.run.output import check_outputs
from loadplan.run.quotas import Quota
from loadplan.run.state import Run, fold
from loadplan.run.surroundings import discard_unbegun
from loadplan.sources.base import InputDigest
from loadplan.version import __version__
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.cli.again import Retry
    from loadplan.cli.rehearsal import Twin
    from loadplan.diagnostics import Diagnostic
    from loadplan.plan.graph import Graph


@dataclass(frozen=True)
class Request:
    """What the user typed."""

    org: str | None
    variables: Mapping[str, str]
    var_files: tuple[Path, ...]
    state_dir: Path | None
    auto_approve: bool = False
    confirm_org: str | None = None
    detach: bool = False
    parallelism: int = 4
    lock_timeout: float = 0.0
    junit: Path | None = None
    steps: tuple[str, ...] = ()
    """Of the plan only these steps and what they wait for; empty: all."""


def _warn(console: Console, told: Mapping[str, Sequence[Diagnostic]]) -> None:
    """What was found in the data and stops nothing."""
    if found := [d for listed in told.values() for d in listed]:
        from loadplan.diagnostic_formats import render_full

        console.message(render_full(found, color=console.color))


class Approval:
    """What an approval has to say on the way to a run; this one says nothing. Each method may raise `StaleError`."""

    def check_data(
        self, plan: Plan, graph: Graph, digests: Mapping[str, InputDigest], beside: Mapping[str, str], selected: Mapping[str, int]
    ) -> None:  # fmt: skip
        """The plan and every input were read; `selected` are the rows of each step that its filters let pass."""

    def check_org(self, target: Target, plan: Plan, clock: Clock) -> None:
        """The org answered."""

    def begin(self, state_dir: Path, run: str) -> None:
        """The lock is held and nothing is sent yet."""

    def saved(self) -> dict[str, Any]:
        """Of the saved plan that is applied what the run keeps: its `digest`, and the `entry` of the org as it was approved; nothing
        for another plan."""
        return {}


def apply(console: Console, plan_file: Path, request: Request, approval: Approval | None = None) -> int:
    """Run a plan from the start. The exit code; raises `LoadplanError` for what stops it."""
    from loadplan.run.room import describe_room, output_files, require_room, room_needed
    from loadplan.run.rows import Rows
    from loadplan.salesforce.entries import read_entries

    clock = SystemClock()
    plan, graph = load(plan_file, request.variables, request.var_files, request.state_dir, request.steps)
    read_entries(plan.root / "orgs.yaml")  # before the data: what is wrong there is not the data's
    state_dir = state_folder(request.state_dir, plan.root)
    console.state_dir = said_where(state_dir)
    run = fresh_run(graph)
    folder = RunFolder(runs_folder(state_dir) / new_run_id(plan.name, clock.now()))
    try:
        told: dict[str, list[Diagnostic]] = {}
        selected: dict[str, int] = {}
        activity = watching(console, clock)
        with board(console, clock, activity):
            digests = check_data(plan, run, folder, request.org, told, activity, selected)
        _warn(console, told)
        approval = approval or Approval()
        approval.check_data(plan, graph, digests, beside(plan), selected)
        if problems := check_outputs(plan):
            raise InvalidInputError(f"{count(len(problems), 'output')} cannot be written; nothing was sent", problems)
        waiting = Waiting(request.lock_timeout, console.message)
        with open_target(request.org, plan.root, state_dir, clock, console, waiting) as target:
            guard(target, plan, digests, request, console)
            twin = twin_of(target, plan.root)
            approval.check_org(target, plan, clock)
            room = room_needed(Rows(plan, run, folder, request.org), digests, embedded=target.is_embedded)
            again = f"loadplan apply {show(plan_file)} -o {target.profile.name}"
            require_room(room, state_dir, output_files(plan), again)
            warn_of_unfinished(console, plan, target, state_dir)
            confirm(console, plan, graph, digests, target, request, describe_room(room, state_dir))
            with hold_lock(
                state_dir, target.identity.organization_id, owner_now(folder.id, clock), clock=clock, waiting=waiting
            ):
                approval.begin(state_dir, folder.id)
                folder.create()
                freeze(plan, folder, digests, request, approval.saved())
                journal = FileJournal.create(folder.journal, clock)
                first = started(plan, folder, target, request, twin)
                begun = _begun(state_dir, approval.saved().get("digest", ""), folder.id)
                return _drive(
                    console, plan, run, target, journal, folder, clock, digests, request, [], [first], begun, twin
                )
    finally:
        discard_unbegun(folder)


def resume(console: Console, name: str | None, start: Path, request: Request, *, retry: Retry | None = None) -> int:
    """Go on with a run, or send its left-over rows again. The journal says where it stands."""
    from loadplan.cli.again import begin_again
    from loadplan.salesforce import info, orgs

    clock = SystemClock()
    root = project_root(start)
    state_dir = state_folder(request.state_dir, root)
    console.state_dir = said_where(state_dir)
    folder = find_run(state_dir, name)
    plan, graph, frozen = reload(folder)
    check_beside(plan, frozen, folder)
    check_approved(frozen, folder, plan.root)
    run = fresh_run(graph)
    # Read first, lock and reopen after: the org's name is in the journal.
    records, _, _ = read_journal(folder.journal)
    fold(run, records)
    if run.header is None:
        raise LocalError(
            "the run has no beginning on record; nothing was sent", code="LP0603", where=str(folder.journal),
            next_commands=["loadplan runs"],
        )  # fmt: skip
    digests = {k: InputDigest.from_json(v) for k, v in frozen["inputs"].items()}
    if run.ended is not None and not _rendered(folder):
        # The machine died between the end of the run and its last page: whatever is said next, a retry file of rows that have landed
        # meanwhile must not lie there.
        from loadplan.cli.report import render

        render(console, plan, run, records, folder, frozen["inputs"])
    events = begin_again(console, plan, graph, run, folder, digests, retry)
    if events is None:
        return run.exit or 0
    waiting = Waiting(request.lock_timeout, console.message)
    with open_target(run.header.org, plan.root, state_dir, clock, console, waiting) as target:
        same_run_org(run.header, target)
        twin = twin_of(target, plan.root)
        info.check_api_version(target.profile.name, target.api_versions, plan.api_version)
        orgs.check_allowed(target.profile, [(s.id, s.operation) for s in plan.steps.values()])
        with hold_lock(
            state_dir, target.identity.organization_id, owner_now(folder.id, clock), clock=clock, waiting=waiting
        ):
            known = len(records)
            journal, records = FileJournal.reopen(folder.journal, clock)
            if len(records) != known:
                journal.close()
                raise UsageError(
                    f"run {folder.id} went on meanwhile", hint="another command was working on it; look where it stands now",
                    next_commands=[f"loadplan status {folder.id}"],
                )  # fmt: skip
            run = fold(fresh_run(graph), records)
            begun = _begun(state_dir, frozen.get("saved", {}).get("digest", ""), folder.id)
            return _drive(
                console, plan, run, target, journal, folder, clock, digests, request, records, events, begun, twin
            )


def _begun(state_dir: Path, saved: str, run: str) -> Callable[[], None]:
    """What is to be done when the journal says that the run began and before it sends anything."""

    def nothing() -> None:
        return

    def used_up() -> None:
        from loadplan.review.claim import mark_begun

        mark_begun(state_dir, saved, run)

    return used_up if saved else nothing


def _rendered(folder: RunFolder) -> bool:
    """Whether the renderings are there and as new as the journal; the summary is written last."""
    summary = folder.root / "summary.json"
    return summary.is_file() and summary.stat().st_mtime_ns >= folder.journal.stat().st_mtime_ns


def same_run_org(head: ev.RunStarted, target: Target) -> str:
    """The id of the run's org. Raises `OrgError` when another org answers under its name."""
    if target.identity.organization_id != head.organization_id:
        raise OrgError(
            f"the run belongs to org {head.organization_id}, but {target.identity.organization_id} answered",
            code="LP0403", hint="check which credentials the environment holds; nothing was sent",
            next_commands=[f"loadplan org check -o {head.org}"],
        )  # fmt: skip
    return head.organization_id


def guard(target: Target, plan: Plan, digests: Mapping[str, InputDigest], request: Request, console: Console) -> None:
    """What the org's entry forbids stops the run before anything is sent (exit 3)."""
    from loadplan.salesforce import info, orgs

    info.check_api_version(target.profile.name, target.api_versions, plan.api_version)
    orgs.check_allowed(target.profile, [(s.id, s.operation) for s in plan.steps.values()])
    for step in plan.steps.values():
        if step.facts.destructive and step.id in digests:
            orgs.check_delete_rows(target.profile, step.id, digests[step.id].rows)
    if not target.is_embedded:
        confirmed = request.confirm_org
        if confirmed is None and console.may_ask and target.profile.production:
            import click

            confirmed = click.prompt(f"{target.profile.name} is a PRODUCTION org. Type its org id to go on", err=True)
        orgs.check_production(target.profile, target.identity, confirmed)


def confirm(
    console: Console, plan: Plan, graph: Graph, digests: Mapping[str, InputDigest], target: Target, request: Request,
    more: Sequence[str] = (),
) -> None:  # fmt: skip
    """Show what is about to happen, `more` lines at the end; ask on a terminal, where only `yes` passes."""
    who = target.identity
    console.message(
        f"{plan.name} -> {target.profile.name}: {who.organization_name} {who.organization_id} "
        f"as {who.username}, API {plan.api_version}"
    )
    for step_id in graph.order:
        step = plan.steps[step_id]
        rows = count(digests[step_id].rows, "row") if step_id in digests else ""
        after = f"after {', '.join(graph.parents(step_id))}" if graph.parents(step_id) else ""
        sign = console.style(step.facts.symbol, "red", "bold") if step.facts.destructive else step.facts.symbol
        console.message(
            f"  {sign} {step.id:24} {step.operation:10} {step.object or '':22} {rows:>12}  {after}".rstrip()
        )
    if plan.left_out:
        console.message(f"  left out by --step: {', '.join(plan.left_out)}")
    for line in more:
        console.message(f"  {line}")
    if target.is_embedded or request.auto_approve:
        return
    if not console.may_ask:
        raise UsageError(
            "apply needs a yes, and there is no terminal to ask on",
            hint="pass --auto-approve where nobody can answer",
            next_commands=[
                f"loadplan apply {plan.file} -o {target.profile.name} --auto-approve"
                + (f" --confirm-org {request.confirm_org}" if request.confirm_org else "")
            ],
        )
    import click

    if click.prompt("Run it? Only `yes` goes on", err=True, default="no", show_default=False) != "yes":
        raise UsageError("not confirmed; nothing was sent", next_commands=[f"loadplan graph {plan.file}"])


def started(plan: Plan, folder: RunFolder, target: Target, request: Request, twin: Twin | None = None) -> ev.RunStarted:
    return ev.RunStarted(
        run=folder.id,
        plan=plan.name,
        plan_file=str(plan.file),
        plan_digest=plan.digest,
        org=target.profile.name,
        organization_id=target.identity.organization_id,
        instance_url="embedded" if target.is_embedded else target.org.instance_url,
        username=target.identity.username,
        api_version=plan.api_version,
        tool=__version__,
        who=getpass.getuser(),
        host=socket.gethostname(),
        git=_git(plan.folder),
        parallelism=request.parallelism,
        rehearses=(twin.manifest.org or "ORG") if twin else "",
    )


def _git(folder: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _drive(
    console: Console, plan: Plan, run: Run, target: Target, journal: FileJournal, folder: RunFolder, clock: Clock,
    digests: Mapping[str, InputDigest], request: Request, records: list[ev.Recorded], first: Sequence[ev.Event],
    begun: Callable[[], None], twin: Twin | None,
) -> int:  # fmt: skip
    from loadplan.cli.signals import stopping

    stop = Stop()
    known = list(records)
    on_event, on_poll = listeners(console, plan, clock)
    extra = (json_listener(console),) if console.as_json else ()

    def last_words() -> None:
        console.last_words(f"interrupted: what was sent is on record\nnext: loadplan resume {folder.id}")

    try:
        activity = watching(console, clock)
        with board(console, clock, activity) as (on_events, on_polls), stopping(stop, clock, last_words):
            engine = Engine(
                plan, run, target.org, journal, folder, clock, digests,
                parallelism=request.parallelism, detach=request.detach, stop=stop,
                max_delete_rows=target.profile.limits.get("max_delete_rows"), quota=quota_of(target, clock),
                listeners=(lambda record, _: known.append(record), on_event, *on_events, *extra),
                excused=twin.excuses(plan, folder.root.parent.parent) if twin else none_excused,
                poll_listeners=(on_poll, *on_polls, _while_waiting()), watched=activity,
            )  # fmt: skip
            for event in first:
                engine.emit(event)
            begun()
            return engine.go()
    finally:
        finish(console, plan, run, known, folder, digests, request.junit, twin)
        journal.close()


_MANY = 100_000
"""Rows that take a second to be fetched, about."""


def _while_waiting() -> PollListener:
    """What there is time for as soon as a job is waited for, or has many rows to be fetched: to load what a run ends with, and to
    compile its templates, which takes longer than to render them."""
    from threading import Thread

    def get_ready() -> None:
        from loadplan.reports.artifacts import warm

        warm()

    thread = Thread(target=get_ready, name="artifacts", daemon=True)

    def on_poll(_: str, __: int, ___: int, ____: str, processed: int | None, wait: float) -> None:
        if (wait or (processed or 0) >= _MANY) and thread.ident is None:
            thread.start()

    return on_poll


def quota_of(target: Target, clock: Clock) -> Quota:
    """The limits of the org's entry, and the org itself to ask."""
    from loadplan.salesforce.info import limits_now

    return Quota(
        target.profile.limits,
        lambda: limits_now(target.org, clock, target.version),
        lambda: target.org.http.requests,
        clock,
    )
