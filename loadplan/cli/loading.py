"""Loading: a plan, its graph, and one careful look at its data, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.clock import SystemClock
from loadplan.errors import InvalidInputError
from loadplan.plan.model import FileSource, Plan, Source, StepSource
from loadplan.run.activity import Activity
from loadplan.run.folder import RunFolder
from loadplan.run.state import Run, new_run
from loadplan.sources.base import InputDigest
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.diagnostics import Diagnostic
    from loadplan.plan.graph import Graph


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
