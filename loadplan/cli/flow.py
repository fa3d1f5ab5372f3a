"""apply, resume and retry: load, check, guard, confirm, run, and leave the artifacts whatever happened."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli.console import Console
from loadplan.cli.events import json_listener, listeners, watching
from loadplan.cli.options import project_root, state_folder
from loadplan.cli.progress import board
from loadplan.cli.target import Target, open_target
from loadplan.clock import Clock, SystemClock
from loadplan.errors import InvalidInputError, LocalError, OrgError, StaleError, UsageError
from loadplan.plan.model import FileSource, Plan, Source, StepSource
from loadplan.run import events as ev
from loadplan.run.activity import Activity
from loadplan.run.engine import Engine, PollListener, Stop
from loadplan.run.folder import RunFolder, find_run, new_run_id, runs_folder
from loadplan.run.journal import FileJournal, read_journal
from loadplan.run.lock import Waiting, hold_lock, owner_now
from loadplan.run.output import check_outputs
from loadplan.run.quotas import Quota
from loadplan.run.state import Run, fold, new_run
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


def load(
    plan_file: Path,
    variables: Mapping[str, str],
    var_files: Sequence[Path],
    state_dir: Path | None = None,
    steps: Sequence[str] = (),
) -> tuple[Plan, Graph]:
    """The plan and its graph: whole, or the `steps` that are named and what they wait for. Raises `InvalidInputError` with
    every problem."""
    from loadplan.plan.chosen import choose
    from loadplan.plan.graph import compile_graph
    from loadplan.plan.load import load_plan

    plan = load_plan(plan_file, variables=variables, var_files=var_files, state_folder=state_dir)
    graph = compile_graph(plan)
    return choose(plan, graph, steps) if steps else (plan, graph)


def fresh_run(graph: Graph) -> Run:
    return new_run(graph.order, {s: graph.parents(s) for s in graph.order})


def check_data(
    plan: Plan, run: Run, folder: RunFolder, org: str | None = None, told: dict[str, list[Diagnostic]] | None = None,
    activity: Activity | None = None, selected: dict[str, int] | None = None,
) -> dict[str, InputDigest]:  # fmt: skip
    """Read every file source once, before anything is sent; `activity` tells how far it is. Raises `InvalidInputError` with
    the problems of all steps; warnings go to `told`, and how many rows are let pass to `selected`, by step."""
    from loadplan.run.cutting import check
    from loadplan.run.rows import Rows

    rows = Rows(plan, run, folder, org)
    digests: dict[str, InputDigest] = {}
    problems: list[Any] = []
    activity = activity or Activity(SystemClock())
    for step in plan.steps.values():
        if step.source is None or isinstance(step.source, StepSource):
            continue
        try:
            with activity.work("reading", step.id, bytes_=size_of(step.source)) as work:
                warnings = told.setdefault(step.id, []) if told is not None else None
                digests[step.id] = check(rows, step, warnings, work.add, selected)
                work.rows, work.bytes = digests[step.id].rows, digests[step.id].bytes
        except InvalidInputError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise InvalidInputError(f"{count(len(problems), 'problem')} in the data; nothing was sent", problems)
    return digests


def size_of(source: Source) -> int:
    """Bytes of the file behind a source that is one; else 0."""
    return source.file.stat().st_size if isinstance(source, FileSource) and source.file.is_file() else 0


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
            approval.check_org(target, plan, clock)
            room = room_needed(Rows(plan, run, folder, request.org), digests, embedded=target.is_embedded)
            again = f"loadplan apply {show(plan_file)} -o {target.profile.name}"
            require_room(room, state_dir, output_files(plan), again)
            confirm(console, plan, graph, digests, target, request, describe_room(room, state_dir))
            with hold_lock(
                state_dir, target.identity.organization_id, owner_now(folder.id, clock), clock=clock, waiting=waiting
            ):
                approval.begin(state_dir, folder.id)
                folder.create()
                freeze(plan, folder, digests, request, approval.saved())
                journal = FileJournal.create(folder.journal, clock)
                first = started(plan, folder, target, request)
                begun = _begun(state_dir, approval.saved().get("digest", ""), folder.id)
                return _drive(console, plan, run, target, journal, folder, clock, digests, request, [], [first], begun)
    finally:
        discard_unbegun(folder)


def resume(console: Console, name: str | None, start: Path, request: Request, *, retry: Retry | None = None) -> int:
    """Go on with a run, or send its left-over rows again. The journal says where it stands."""
    from loadplan.cli.again import begin_again
    from loadplan.salesforce import info, orgs

    clock = SystemClock()
    root = project_root(start)
    state_dir = state_folder(request.state_dir, root)
    folder = find_run(state_dir, name)
    plan, graph, frozen = reload(folder)
    check_beside(plan, frozen, folder)
    _check_approved(frozen, folder, plan.root)
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
            return _drive(console, plan, run, target, journal, folder, clock, digests, request, records, events, begun)


def _begun(state_dir: Path, saved: str, run: str) -> Callable[[], None]:
    """What is to be done when the journal says that the run began and before it sends anything."""

    def nothing() -> None:
        return

    def used_up() -> None:
        from loadplan.review.claim import mark_begun

        mark_begun(state_dir, saved, run)

    return used_up if saved else nothing


def _check_approved(frozen: Mapping[str, Any], folder: RunFolder, root: Path) -> None:
    """Raises `StaleError` when the org's entry no longer allows what was approved with the saved plan that the run began with."""
    saved = frozen.get("saved")
    if not saved:
        return
    from loadplan.review.entry import changes_of
    from loadplan.salesforce.entries import read_entries

    if changed := changes_of(saved["org"], saved["entry"], read_entries(root / "orgs.yaml").get(saved["org"], {})):
        raise StaleError(
            f"the run is of a saved plan, and {changed[0]}", code="LP0761", where=str(root / "orgs.yaml"), details=changed[1:],
            hint="nothing was sent; put the entry back as it was approved, or plan again and have that approved",
            next_commands=[f"loadplan resume {folder.id}"],
        )  # fmt: skip


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


def reload(folder: RunFolder) -> tuple[Plan, Graph, dict[str, Any]]:
    """The plan of a run as it was begun. Raises `StaleError` when the plan file or a variable is another by now."""
    frozen = _frozen(folder)
    file = Path(frozen["file"])
    if not file.is_file() or file.read_bytes() != folder.plan_yaml.read_bytes():
        raise StaleError(
            "the plan changed since the run began",
            code="LP0510",
            where=str(file),
            details=[f"the plan of the run is kept in {folder.plan_yaml}"],
            hint="put the plan back as it was, or start a new run with the new one",
            next_commands=[f"loadplan apply {file.name} -o ORG"],
        )
    try:
        plan, graph = load(file, frozen["variables"], [Path(f) for f in frozen["var_files"]])
    except InvalidInputError as error:
        # What this run has sent is on record; the plan is the same, so something beside it is not.
        first = error.diagnostics[0].summary if error.diagnostics else error.summary
        raise InvalidInputError(
            f"the plan of the run cannot be read as when it began: {first}", error.diagnostics,
            hint=f"put back what it reads, then go on; nothing more was sent, and what was sent is in {folder.id}",
            next_commands=[f"loadplan resume {folder.id}"],
        ) from error  # fmt: skip
    from loadplan.plan.chosen import only

    return *only(plan, graph, frozen.get("steps", plan.steps)), frozen


def _frozen(folder: RunFolder) -> dict[str, Any]:
    """What plan.json keeps of the run's beginning."""
    try:
        frozen: dict[str, Any] = json.loads(folder.plan_json.read_bytes())
        if not {"file", "variables", "var_files", "inputs"} <= set(frozen):
            raise ValueError("keys are missing")
    except (OSError, ValueError, TypeError) as error:
        raise LocalError(
            f"plan.json cannot be read: {error}", code="LP0603", where=str(folder.plan_json),
            hint="restore the run folder from a copy", next_commands=["loadplan runs"],
        ) from error  # fmt: skip
    return frozen


def as_begun(folder: RunFolder) -> tuple[Plan, Graph, dict[str, Any]]:
    """The plan of a run from the copy that its folder keeps, for reading only: plan and sources may be others by now."""
    from loadplan.plan.chosen import only
    from loadplan.plan.graph import compile_graph
    from loadplan.plan.load import recorded_plan

    frozen = _frozen(folder)
    plan = recorded_plan(
        folder.plan_yaml, Path(frozen["file"]), frozen["variables"], [Path(f) for f in frozen["var_files"]]
    )
    return *only(plan, compile_graph(plan), frozen.get("steps", plan.steps)), frozen


def check_beside(plan: Plan, frozen: Mapping[str, Any], folder: RunFolder) -> None:
    """Raises `StaleError` when a value table or a mask key is another than when the run began."""
    now, then = beside(plan), frozen.get("beside", {})
    if changed := sorted(name for name in {*now, *then} if now.get(name) != then.get(name)):
        raise StaleError(
            f"{', '.join(changed)} changed since the run began", code="LP0510", where=str(plan.file),
            hint="put it back as it was, or start a new run", next_commands=[f"loadplan resume {folder.id}"],
        )  # fmt: skip


def beside(plan: Plan) -> dict[str, str]:
    """What the rows depend on beside their sources: the sha256 of each value table, a check of each mask key."""
    from hashlib import sha256

    from loadplan.sources.masks import MASK_KEY, key_check

    found: dict[str, str] = {}
    for step in plan.steps.values():
        for used in step.input_files:
            found[used.path] = sha256(used.file.read_bytes()).hexdigest()
        if (check := key_check(step)) is not None:
            found[f"{MASK_KEY}`{step.id}`"] = check
    return found


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


def freeze(
    plan: Plan,
    folder: RunFolder,
    digests: Mapping[str, InputDigest],
    request: Request,
    saved: Mapping[str, Any] | None = None,
) -> None:
    """Keep the plan and what it read as they are now."""
    from loadplan.durable import write_atomic

    write_atomic(folder.plan_yaml, plan.text)
    folder.write_json(
        "plan.json",
        {
            "name": plan.name,
            "file": str(plan.file.resolve()),
            "digest": plan.digest,
            "api_version": plan.api_version,
            "variables": dict(request.variables),
            "var_files": [str(f.resolve()) for f in request.var_files],
            "inputs": {k: asdict(v) for k, v in digests.items()},
            "beside": beside(plan),
            **({"saved": dict(saved)} if saved else {}),
            "steps": {
                s.id: {
                    "operation": s.operation,
                    "object": s.object,
                    "external_id": s.external_id,
                    "depends_on": list(s.depends_on),
                }
                for s in plan.steps.values()
            },
        },
    )


def started(plan: Plan, folder: RunFolder, target: Target, request: Request) -> ev.RunStarted:
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
    begun: Callable[[], None],
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
                poll_listeners=(on_poll, *on_polls, _while_waiting()), watched=activity,
            )  # fmt: skip
            for event in first:
                engine.emit(event)
            begun()
            return engine.go()
    finally:
        finish(console, plan, run, known, folder, digests, request.junit, twin_of(target))
        journal.close()


def _while_waiting() -> PollListener:
    """What there is time for as soon as a job is waited for: the templates of the run's pages, which take longer to compile than to
    render."""
    from threading import Thread

    from loadplan.reports.render import warm

    thread = Thread(target=warm, name="templates", daemon=True)

    def on_poll(*asked: object) -> None:
        *_, wait = asked
        if wait and thread.ident is None:
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


def twin_of(target: Target) -> Twin | None:
    """The twin that an embedded org is, when it was given the objects of another."""
    folder = (target.profile.embedded or {}).get("describe")
    if not target.is_embedded or not folder:
        return None
    from loadplan.cli.rehearsal import Twin

    return Twin(target.profile.name, folder, target)


def finish(
    console: Console, plan: Plan, run: Run, records: Sequence[ev.Recorded], folder: RunFolder,
    digests: Mapping[str, InputDigest], junit: Path | None = None, twin: Twin | None = None,
) -> None:  # fmt: skip
    """Write the artifacts and say how it went, on a `twin` also what that means for the org. Runs after success and after every
    failure."""
    from loadplan.cli.exports import tell_github, write_junit
    from loadplan.reports.artifacts import write_artifacts
    from loadplan.reports.clinic import brief, clusters, next_commands
    from loadplan.reports.view import summary_line
    from loadplan.run.leftovers import write_leftovers
    from loadplan.run.rows import Rows

    left = []
    if run.header is None:
        return  # not even the beginning of the run is on record: there is nothing to tell of
    try:
        # Reading sources and results again can take long, and who stops a run does not want to wait.
        if run.exit not in {130, 143}:
            left = write_leftovers(Rows(plan, run, folder), digests)
    except (InvalidInputError, StaleError) as error:
        console.error(
            f"warning: the retry files are not up to date: {error.summary}; "
            f"a retry sends the rows left over all the same, from {show(folder.root / 'steps')}"
        )
    names = [item.step for item in left]
    write_artifacts(plan, run, records, folder, names)
    if junit is not None:
        write_junit(plan, run, records, names, junit)
    tell_github(console, plan, run, records, names)
    if run.ended is None:
        return
    console.message("")
    console.message(console.style(summary_line(run), "green" if run.exit == 0 else "red", "bold"))
    for step in run.steps.values():
        if step.gate and step.gate.verdict != "open":
            console.message(f"  gate shut   {step.id}: {step.gate.because}")
        if step.state == "blocked":
            console.message(f"  not started {step.id}: held by {step.blocked_by}")
    console.message(f"  runbook     {show(folder.root / 'runbook.md')}")
    console.message(f"  report      {show(folder.root / 'report.html')}")
    for item in left:
        if item.edited is not None:
            console.message(f"  kept        {show(item.edited)}: it had been edited")
        console.message(f"  left over   {count(item.rows, 'row')} of {item.step}: {show(item.file)}")
    if twin is not None:
        from loadplan.cli.rehearsal import tell

        tell(console, twin, plan, run, records, folder, {step: d.rows for step, d in digests.items()})
        return
    for line in brief(clusters(run)):
        console.message(f"  why         {line}")
    for command in next_commands(run, names):
        console.message(f"  next        {command['command']}   # {command['why']}")


def show(path: Path) -> str:
    """A path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
