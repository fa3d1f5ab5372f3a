"""How long a load would take in an org where loads ran before: the rates of those jobs, laid along the plan's graph. Pure.

A rate belongs to an object and an operation. A job waits, then its rows take time; what the jobs of small trials say of a large load
is said to be rough. Steps of which no earlier run tells are named and take no time here, so that nothing is made up.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from statistics import median

from loadplan.lean import dataclass

Kind = tuple[str, str]
"""(object, operation) of an ingest step; (step, operation) of a query, whose rows a twin does not have."""
ROUGH = 20
"""A job of so many times the rows of the largest one that ran is a guess."""


@dataclass(frozen=True)
class Sample:
    """One job that ended. Seconds: `waiting` in Salesforce's queue, `working` from upload to download without the queue."""

    kind: Kind
    rows: int
    waiting: float
    working: float


@dataclass(frozen=True)
class Task:
    """A step as it would run: the rows of each of its jobs, after its parents. `in_turn`: one job after the other, as the
    levels of a hierarchy are sent. `prepare` are seconds before the first job."""

    step: str
    parents: tuple[str, ...]
    kind: Kind
    jobs: tuple[int, ...]
    prepare: float = 0.0
    in_turn: bool = False
    is_query: bool = False


@dataclass(frozen=True)
class Forecast:
    """`seconds` from begin to end; `path` are the steps that the end waits for; `untold` those without a rate, `rough` those
    that are far larger than what ran."""

    seconds: float
    path: tuple[str, ...]
    untold: tuple[str, ...] = ()
    rough: tuple[str, ...] = ()
    ends: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rate:
    """Seconds of a job: `waiting`, and `per_row` for each row. `most` are the rows of the largest job that ran, `whole` the
    seconds that a job took in the middle."""

    waiting: float
    per_row: float
    most: int
    whole: float

    def seconds(self, rows: int, *, is_query: bool = False) -> float:
        return self.whole if is_query else self.waiting + rows * self.per_row


def rates(samples: Iterable[Sample]) -> dict[Kind, Rate]:
    """What the jobs of each kind say together. Small jobs are mostly overhead, so only those with at least half of the rows of
    the largest one tell the time of a row."""
    kinds: dict[Kind, list[Sample]] = {}
    for sample in samples:
        kinds.setdefault(sample.kind, []).append(sample)
    return {kind: _rate(found) for kind, found in kinds.items()}


def _rate(found: Sequence[Sample]) -> Rate:
    most = max(s.rows for s in found)
    large = [s for s in found if 2 * s.rows >= most]
    rows = sum(s.rows for s in large)
    per_row = sum(s.working for s in large) / rows if rows else 0.0
    return Rate(median(s.waiting for s in found), per_row, most, median(s.waiting + s.working for s in found))


def forecast(tasks: Sequence[Task], known: Mapping[Kind, Rate], parallelism: int) -> Forecast | None:
    """The time of the whole, with `parallelism` jobs at once. `tasks` name parents before children, and parents that are not
    among them are over. None when no step has a rate."""
    here = {task.step: task for task in tasks}
    told = {task.step for task in tasks if task.kind in known or not task.jobs}
    if not any(task.kind in known and task.jobs for task in tasks):
        return None
    ends = _ends(tasks, known, max(1, parallelism))
    path = [max(ends, key=lambda step: ends[step])]
    while parents := [p for p in here[path[-1]].parents if p in ends]:
        path.append(max(parents, key=lambda step: ends[step]))
    rough = tuple(
        t.step
        for t in tasks
        if t.kind in known and not t.is_query and max(t.jobs, default=0) > ROUGH * known[t.kind].most
    )
    untold = tuple(task.step for task in tasks if task.step not in told)
    return Forecast(max(ends.values()), tuple(reversed(path)), untold, rough, ends)


def _ends(tasks: Sequence[Task], known: Mapping[Kind, Rate], parallelism: int) -> dict[str, float]:
    """When each step ends: jobs that are ready go out in the order of the plan as slots become free."""
    slots = [0.0] * parallelism
    ends: dict[str, float] = {}
    names = {task.step for task in tasks}
    waits = {task.step: {p for p in task.parents if p in names} for task in tasks}
    left: dict[str, int] = {}
    latest: dict[str, float] = {}
    ready: list[tuple[float, int, int]] = []

    def begin(number: int) -> None:
        task = tasks[number]
        at = max((ends[p] for p in waits[task.step]), default=0.0) + task.prepare
        latest[task.step], left[task.step] = at, len(task.jobs)
        if not task.jobs or task.kind not in known:
            close(task, at)
            return
        for job in range(1 if task.in_turn else len(task.jobs)):
            heapq.heappush(ready, (at, number, job))

    def close(task: Task, at: float) -> None:
        ends[task.step] = at
        for number, other in enumerate(tasks):
            if task.step in waits[other.step] and waits[other.step] <= set(ends):
                begin(number)

    for number, task in enumerate(tasks):
        if not waits[task.step]:
            begin(number)
    while ready:
        at, number, job = heapq.heappop(ready)
        task = tasks[number]
        end = max(at, heapq.heappop(slots)) + known[task.kind].seconds(task.jobs[job], is_query=task.is_query)
        heapq.heappush(slots, end)
        latest[task.step] = max(latest[task.step], end)
        left[task.step] -= 1
        if task.in_turn and job + 1 < len(task.jobs):
            heapq.heappush(ready, (end, number, job + 1))
        if not left[task.step]:
            close(task, latest[task.step])
    return ends
