"""Planning: load, check, ask the org, and say what apply would do. Shared by `plan` and by saved plans. Sends nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli import flow, kept, loading, paths
from loadplan.cli.console import Console
from loadplan.cli.options import state_folder
from loadplan.cli.outfile import check_replaceable
from loadplan.cli.target import Target, open_target
from loadplan.clock import Clock, SystemClock
from loadplan.errors import InvalidInputError, UsageError
from loadplan.lean import dataclass
from loadplan.plan.model import Plan
from loadplan.run.folder import RunFolder, new_run_id, runs_folder
from loadplan.run.output import check_outputs
from loadplan.run.rows import Rows
from loadplan.run.surroundings import discard_unbegun
from loadplan.sources.base import InputDigest
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.diagnostics import Diagnostic
    from loadplan.plan.graph import Graph
    from loadplan.review.cost import OrgFacts
    from loadplan.review.described import Described
    from loadplan.salesforce.survey import Survey


@dataclass(frozen=True)
class Wish:
    """How the plan is asked for."""

    offline: bool = False
    snapshot: Path | None = None
    out: Path | None = None
    detailed_exitcode: bool = False
    expect_no_changes: bool = False


def plan(console: Console, plan_file: Path, request: flow.Request, wish: Wish) -> int:
    """Print the plan; save it where that is asked for. The exit code."""
    from loadplan.review.text import as_text

    _check_wish(request, wish)
    document, saved = review(plan_file, request, wish, console)
    refused = bool(document["checks"]["errors"])
    if console.as_json:
        console.json(document)
    else:
        console.result(as_text(document, console.result_style))
    if wish.out is not None and not refused:
        _save(console, wish.out, saved, document)
    if refused:
        console.error(f"next: loadplan explain {document['checks']['findings'][0]['code']}")
        if wish.out is not None:
            console.error(f"{wish.out} was not written: a plan with errors is not saved")
        return 1 if wish.detailed_exitcode else 2
    something = document["totals"]["changes"]
    if wish.expect_no_changes and something:
        console.error("error: there is something to do, and --expect-no-changes was given")
        console.error(f"next: loadplan apply {plan_file} -o {request.org or 'ORG'}")
        return 1
    return 2 if wish.detailed_exitcode and something else 0


def _check_wish(request: flow.Request, wish: Wish) -> None:
    if wish.snapshot is not None and not wish.offline:
        raise UsageError("--describe is for --offline: an org describes itself", hint="add --offline, or leave it out")
    if wish.offline and wish.out is not None:
        raise UsageError(
            "a saved plan is for one org, so the org must be asked", hint="leave --offline out and name the org with -o"
        )
    if wish.out is not None:
        check_replaceable(wish.out, "--out", "saved plan")
    if not wish.offline and not request.org:
        raise UsageError(
            "no org is named", hint="-o NAME asks an org, --offline asks none",
            next_commands=["loadplan plan PLAN --offline", "loadplan plan PLAN -o embedded"],
        )  # fmt: skip


def review(
    plan_file: Path, request: flow.Request, wish: Wish, console: Console | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the document of the plan, what a saved plan keeps beside it). Raises `LoadplanError`."""
    from loadplan.review.build import review as build
    from loadplan.review.described import Described, read_snapshot
    from loadplan.salesforce.entries import read_entries

    clock = SystemClock()
    loaded, graph = loading.load(plan_file, request.variables, request.var_files, request.state_dir, request.steps)
    entries = read_entries(loaded.root / "orgs.yaml")
    state_dir = state_folder(request.state_dir, loaded.root)
    run = loading.fresh_run(graph)
    folder = RunFolder(runs_folder(state_dir) / new_run_id(loaded.name, clock.now()))
    try:
        told: dict[str, list[Diagnostic]] = {}
        digests = loading.check_data(loaded, run, folder, request.org, told)
        beside = kept.beside(loaded)
        rows = Rows(loaded, run, folder, request.org)
        with ExitStack() as stack:
            if wish.offline:
                described = read_snapshot(wish.snapshot) if wish.snapshot is not None else Described()
                basis = "snapshot" if wish.snapshot is not None else "offline"
                document = build(loaded, graph, rows, digests, beside, described, basis=basis, told=told)
            else:
                target = stack.enter_context(open_target(request.org, loaded.root, state_dir, clock, console))
                if problems := check_outputs(loaded):
                    raise InvalidInputError(f"{count(len(problems), 'output')} cannot be written", problems)
                survey, described, facts = ask(target, loaded, clock)
                document = build(
                    loaded, graph, rows, digests, beside, described, basis="org", questions=survey, org=facts,
                    told=told,
                )  # fmt: skip
        entry = entries.get(request.org or "", {})
        if wish.out is None:
            return document, {}
        frozen = _kept(loaded, graph, request, digests, beside, described, entry)
        # Where the project is, as seen from the file.
        frozen["project"] = Path(os.path.relpath(loaded.root.resolve(), wish.out.resolve().parent)).as_posix()
        return document, frozen
    finally:
        discard_unbegun(folder)


def ask(target: Target, plan: Plan, clock: Clock) -> tuple[Survey, Described, OrgFacts]:
    """What the org says of itself: its objects, limits, permissions, and jobs under way."""
    from loadplan.review.cost import OrgFacts
    from loadplan.salesforce import info
    from loadplan.salesforce.survey import Survey

    info.check_api_version(target.profile.name, target.api_versions, plan.api_version)
    survey = Survey(target.org, clock, plan.api_version)
    described = describe(survey, plan)
    check = info.gather_check(target.org, target.profile, target.identity, target.api_versions)
    objects = sorted({step.object for step in plan.steps.values() if step.object})
    facts = OrgFacts(
        target.profile.name, target.identity.organization_id, target.identity.organization_name, target.identity.username,
        "embedded" if target.is_embedded else target.org.instance_url.removeprefix("https://"), target.profile.production,
        check.limits, check.permissions, survey.open_jobs(objects), target.profile.limits.get("max_delete_rows"),
        [(s.id, s.operation) for s in plan.steps.values() if s.facts.permission not in target.profile.allow],
    )  # fmt: skip
    return survey, described, facts


def describe(survey: Survey, plan: Plan) -> Described:
    """The objects of the plan's steps and queries, and the parents that its lookups, references and paths name."""
    from loadplan.review.described import gather
    from loadplan.review.fields import named_parents
    from loadplan.review.queryfields import objects_asked, parents_asked

    queries = [step for step in plan.steps.values() if step.is_query]
    own = _each_once(
        [*(s.object for s in plan.steps.values() if s.object), *(o for s in queries for o in objects_asked(s))]
    )
    answers = list(survey.describe(own))
    known = {str(a["name"]).lower() for a in answers}
    first = gather(answers)
    parents: set[str] = set()
    for step in plan.steps.values():
        facts = first.object(step.object)
        for lookup in named_parents(step) if facts else ():
            field = facts.relationships.get(lookup.relationship.lower()) if facts else None
            if lookup.object_type:
                parents.add(lookup.object_type)
            elif field is not None:
                parents.update(field.reference_to[:5])
        for column in step.columns or ():
            reference = facts.field(column.field) if facts else None
            if reference is not None and len(reference.reference_to) <= 5:
                parents.update(reference.reference_to)
    wanted = _each_once(
        p for p in [*parents, *(p for q in queries for p in parents_asked(q, first))] if p.lower() not in known
    )
    while wanted:
        known.update(name.lower() for name in wanted)
        answers += survey.describe(wanted)
        # Each description may show where the next part of a path leads.
        found = gather(answers)
        wanted = _each_once(p for q in queries for p in parents_asked(q, found) if p.lower() not in known)
    return gather(answers, complete=True)


def _each_once(names: Iterable[str]) -> list[str]:
    """Sorted, and one spelling of each."""
    return sorted({name.lower(): name for name in names}.values())


def _kept(
    plan: Plan,
    graph: Graph,
    request: flow.Request,
    digests: Mapping[str, InputDigest],
    beside: Mapping[str, str],
    described: Described,
    entry: Mapping[str, Any],
) -> dict[str, Any]:
    from loadplan.review.saved import frozen_inputs

    return frozen_inputs(plan, graph, request.variables, request.var_files, digests, beside, described, entry)


def _save(console: Console, out: Path, kept: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    from loadplan.review.saved import write_saved

    to = shlex.quote(paths.show(out.resolve()))
    digest = write_saved(out.resolve(), kept, document)
    org = document["org"]
    console.message("")
    console.message(f"Saved {paths.show(out.resolve())}  {digest}")
    confirm = f" --confirm-org {org['organization_id']}" if org["production"] else ""
    console.message(f"Next: loadplan apply {to}{confirm}")
