"""Earlier runs of a state folder: what their journals tell of the time that the steps of a plan take in a real org.

Reads journals only. A run that cannot be read tells nothing, and is no reason to say so here: `loadplan runs` does.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli.standing import standing
from loadplan.errors import LocalError
from loadplan.lean import dataclass
from loadplan.reports.forecast import Forecast, Kind, Sample, Task, forecast, rates
from loadplan.reports.timing import timing
from loadplan.run.folder import RunFolder, list_runs

if TYPE_CHECKING:
    from loadplan.plan.model import Plan, Step
    from loadplan.run import events as ev
    from loadplan.run.state import Run, StepRun

MOST_RUNS = 5
"""So many runs of one org tell of the time, the newest: orgs change."""
MOST_JOURNALS = 50
SPENT = ("queued", "upload", "in progress", "download")
"""The spans of a job; waits before it was sent again are trouble of that day."""


@dataclass(frozen=True)
class Earlier:
    """`org` and `runs` are those that the forecast rests on. `twin_was_used`: the twin holds what an earlier run loaded."""

    org: str = ""
    runs: tuple[str, ...] = ()
    forecast: Forecast | None = None
    twin_was_used: bool = False


def earlier_runs(
    state_dir: Path,
    plan: Plan,
    run: Run,
    records: Sequence[ev.Recorded],
    rows: Mapping[str, int],
    org: str,
    twin: str,
    begun: str,
) -> Earlier:
    """What the runs before this one tell. `org` is the one that is meant; where nothing ran on it, it is the real org of the newest run
    that has jobs of this plan's kinds. `rows` maps a step to the rows of its source, for steps that were not begun. `begun` is when the
    twin began, as a timestamp of UTC; empty where that is not known."""
    name = run.header.run if run.header else ""
    others = [(f, head) for f in reversed(list_runs(state_dir)) if f.id != name and (head := _head(f))]
    used = _was_used([head for _, head in others], twin, begun)
    kinds = {_kind(plan.name, step.id, step.operation, step.object) for step in plan.steps.values()}
    chosen, runs, samples = "", [], list[Sample]()
    real = [(f, head) for f, head in others if head.get("instance_url") != "embedded"][:MOST_JOURNALS]
    for folder, head in sorted(real, key=lambda pair: pair[1].get("org") != org):
        if chosen and head.get("org") != chosen:
            continue
        if found := list(_samples(folder, kinds)):
            chosen = str(head.get("org"))
            runs.append(folder.id)
            samples += found
        if len(runs) == MOST_RUNS:
            break
    tasks = list(_tasks(plan, run, records, rows))
    parallelism = run.header.parallelism if run.header else 1
    return Earlier(chosen, tuple(runs), forecast(tasks, rates(samples), parallelism), used)


def twin_was_used(state_dir: Path, run: Run, twin: str, begun: str) -> bool:
    """Whether the twin holds what an earlier run loaded into it."""
    name = run.header.run if run.header else ""
    return _was_used([_head(f) for f in list_runs(state_dir) if f.id != name], twin, begun)


def _was_used(heads: Sequence[Mapping[str, Any]], twin: str, begun: str) -> bool:
    return any(head.get("org") == twin and str(head.get("at"))[:19] >= begun[:19] for head in heads)


def _head(folder: RunFolder) -> dict[str, Any]:
    """The first record of a journal, without reading the rest; {} where there is none."""
    try:
        with folder.journal.open("rb") as file:
            file.readline()
            data = json.loads(file.readline())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) and data.get("type") == "RunStarted" else {}


def _kind(plan: str, step: str, operation: str, object_: str | None) -> Kind:
    return (object_ or f"{plan}/{step}", operation)


def _samples(folder: RunFolder, kinds: Collection[Kind]) -> Iterator[Sample]:
    """The jobs of these kinds in a run that came to their end. The journal is read only where the plan had such steps."""
    try:
        frozen = json.loads(folder.plan_json.read_bytes())
        steps = {
            str(name): _kind(str(frozen["name"]), str(name), str(spec["operation"]), spec["object"])
            for name, spec in frozen["steps"].items()
        }
        if not set(steps.values()) & set(kinds):
            return
        found = standing(folder)
    except (LocalError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    for name, times in timing(found.run, found.records).steps.items():
        if steps.get(name) not in kinds:
            continue
        attempts = {(a.part, a.number): a for a in found.run.steps[name].attempts}
        for work in times.works:
            attempt = attempts.get((work.part, work.attempt))
            if attempt is not None and not attempt.adopted and attempt.state == "JobComplete":
                spent = {kind: sum(s.seconds for s in work.spans if s.kind == kind) for kind in SPENT}
                rows = attempt.pages.rows if attempt.kind == "query" else attempt.rows
                yield Sample(steps[name], rows, spent["queued"], sum(spent.values()) - spent["queued"])


def _tasks(plan: Plan, run: Run, records: Sequence[ev.Recorded], rows: Mapping[str, int]) -> Iterator[Task]:
    """The steps as they were cut here, since they would be cut the same way there."""
    times = timing(run, records).steps
    for state in run.steps.values():
        step = plan.steps[state.id]
        prepare = times[state.id].seconds("prepare")
        in_turn = bool(state.prepared and state.prepared.levels)
        kind = _kind(plan.name, step.id, step.operation, step.object)
        yield Task(state.id, state.parents, kind, _jobs(step, state, rows), prepare, in_turn, step.is_query)


def _jobs(step: Step, state: StepRun, rows: Mapping[str, int]) -> tuple[int, ...]:
    if step.is_query:
        return (0,)
    if state.prepared is not None:
        sent = tuple(part.facts[0].rows for part in state.parts.values() if not part.origin)
        return (*sent, state.held_rows) if state.held_rows else sent
    most, left = step.parts.max_rows, rows.get(state.id, 0)
    whole, rest = divmod(left, most)
    return (*([most] * whole), *([rest] if rest else ()))
