"""When each job did what: the journal's records as spans of time, the stops between them, and the critical path. Pure.

It decides nothing about a run. A time that the journal does not hold is not made up: a job that was never seen at work has no
queue of its own, and what had not ended is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from loadplan.lean import dataclass
from loadplan.run import events as ev
from loadplan.run.state import Run

KINDS = ("prepare", "upload", "queued", "in progress", "download", "backoff")
"""What a span may be, in the order of a job's life. `backoff` is time that loadplan waited before it asked or sent again."""

Key = tuple[str, int, int]


@dataclass(frozen=True)
class Span:
    """`kind` from `start` to `end`; `is_open` when it had not ended by then."""

    kind: str
    start: datetime
    end: datetime
    is_open: bool = False

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass
class Work:
    """The spans of one attempt at one part; part 0 is the step's own preparation."""

    step: str
    part: int
    attempt: int
    job: str = ""
    spans: list[Span] = field(default_factory=list)
    kind: str = ""
    since: datetime | None = None

    @property
    def start(self) -> datetime:
        return min(s.start for s in self.spans)

    @property
    def end(self) -> datetime:
        return max(s.end for s in self.spans)

    def turn(self, kind: str, at: datetime) -> None:
        """End the span that is under way, and begin another where `kind` is not empty."""
        if self.kind and self.since is not None and at > self.since:
            self.spans.append(Span(self.kind, self.since, at))
        self.kind, self.since = kind, at if kind else None


@dataclass(frozen=True)
class Decision:
    """A gate at the moment it was judged."""

    at: datetime
    verdict: str


@dataclass
class StepTime:
    """A step's works in the order in which they began, its gates, and its own begin and end (None when it has none). `took`
    is the seconds between them in which loadplan was at work."""

    step: str
    works: list[Work] = field(default_factory=list)
    gates: list[Decision] = field(default_factory=list)
    start: datetime | None = None
    end: datetime | None = None
    took: float | None = None

    def seconds(self, kind: str) -> float:
        """Time spent with this, added up over jobs."""
        return sum(s.seconds for w in self.works for s in w.spans if s.kind == kind)


@dataclass(frozen=True)
class Timing:
    """`stops` are the times in which no loadplan process worked on the run; `path` are the steps that the end had to wait
    for, first to last."""

    start: datetime
    end: datetime
    steps: Mapping[str, StepTime]
    stops: tuple[tuple[datetime, datetime], ...]
    path: tuple[str, ...]

    @property
    def stopped(self) -> timedelta:
        return sum((b - a for a, b in self.stops), timedelta())


def timing(run: Run, records: Sequence[ev.Recorded]) -> Timing:
    """Fold the records once more, for their times only. `records` is not empty."""
    steps = {name: StepTime(name) for name in run.steps}
    works: dict[Key, Work] = {}
    stops: list[tuple[datetime, datetime]] = []
    resent: dict[tuple[str, int], datetime] = {}
    last = records[0].at
    for record in records:
        event, at = record.event, record.at
        match event:
            case ev.RunResumed():
                if at > last:
                    stops.append((last, at))
            case ev.RetryPrepared():
                resent[event.step, event.part] = at
            case ev.JobEvent():
                key = (event.step, event.part, event.attempt)
                if key not in works:
                    works[key] = work = Work(*key)
                    steps[event.step].works.append(work)
                    if (since := resent.pop(key[:2], None)) is not None and at > since:
                        work.spans.append(Span("backoff", since, at))
                _job(works[key], event, at, is_multipart=_is_multipart(run, key))
            case _:
                _step(steps, event, at)
        last = at
    for work in works.values():
        _close(run, work, last)
    for step in steps.values():
        step.works = [w for w in step.works if w.spans]
        if step.start and step.end:
            step.took = (step.end - step.start).total_seconds() - _overlap(step.start, step.end, stops)
    return Timing(records[0].at, last, steps, tuple(stops), critical_path(run, steps))


def _overlap(start: datetime, end: datetime, stops: Iterable[tuple[datetime, datetime]]) -> float:
    """Seconds of the stops that lie between start and end."""
    return sum(max(0.0, (min(end, b) - max(start, a)).total_seconds()) for a, b in stops)


def _step(steps: Mapping[str, StepTime], event: ev.Event, at: datetime) -> None:
    name = getattr(event, "step", None)
    if name is None:
        return
    step = steps[name]
    match event:
        case ev.StepStarted():
            step.start = step.start or at
            work = Work(name, 0, 0)
            work.turn("prepare", at)
            step.works.append(work)
        case ev.StepPrepared() if step.works and step.works[-1].part == 0:
            step.works[-1].turn("", at)
        case ev.GateDecided():
            step.gates.append(Decision(at, event.verdict))
        case ev.StepSettled():
            step.end = at
        case _:
            pass


def _is_multipart(run: Run, key: Key) -> bool:
    try:
        return run.attempt(*key).multipart
    except KeyError:
        return False


def _job(work: Work, event: ev.JobEvent, at: datetime, *, is_multipart: bool) -> None:
    work.job = event.job or work.job
    match event:
        case ev.JobIntended():
            work.turn("upload" if event.kind == "ingest" else "queued", at)
        case ev.JobCreated() if is_multipart:
            work.turn("queued", at)
        case ev.UploadClosed():
            work.turn("queued", at)
        case ev.JobObserved() if event.state == "InProgress":
            work.turn("in progress", at)
        case ev.JobObserved() if event.state in {"JobComplete", "Failed", "Aborted"}:
            if (
                work.kind == "queued"
            ):  # it was not looked at while it worked: what was queue and what was work is not known
                work.kind = "in progress"
            work.turn("download", at)
        case ev.JobReconciled() | ev.QueryReconciled() | ev.JobRefused() | ev.CreateLost() | ev.JobGone():
            work.turn("", at)
        case ev.RequestFailed() if event.next_try:
            work.spans.append(Span("backoff", at, at + timedelta(seconds=event.next_try)))
        case _:
            pass


def _close(run: Run, work: Work, last: datetime) -> None:
    """What is under way at the last record is open, unless the attempt has come to its end."""
    if not work.kind or work.since is None:
        return
    try:
        attempt = run.attempt(work.step, work.part, work.attempt)
    except KeyError:
        return
    if not (attempt.is_final or attempt.is_dead) and last > work.since:
        work.spans.append(Span(work.kind, work.since, last, is_open=True))


def critical_path(run: Run, steps: Mapping[str, StepTime]) -> tuple[str, ...]:
    """From the step that ended last back through the parent that ended last. Empty when no step has ended."""
    ended = {name: s.end for name, s in steps.items() if s.end is not None and s.start is not None}
    if not ended:
        return ()
    path = [max(ended, key=lambda name: ended[name])]
    while parents := [p for p in run.steps[path[-1]].parents if p in ended]:
        path.append(max(parents, key=lambda name: ended[name]))
    return tuple(reversed(path))


def lanes(works: Iterable[Work]) -> list[list[Work]]:
    """The works in as few lanes as will do: those of a lane do not overlap."""
    found: list[list[Work]] = []
    for work in sorted(works, key=lambda w: (w.start, w.part, w.attempt)):
        free = next((lane for lane in found if lane[-1].end <= work.start), None)
        if free is None:
            found.append([work])
        else:
            free.append(work)
    return found


def duration(seconds: float) -> str:
    """A length of time as a person says it, two units at most.

    >>> [duration(s) for s in (0.04, 3.25, 72, 3720, 93600)]
    ['0.04 s', '3.2 s', '1 min 12 s', '1 h 2 min', '1 d 2 h']
    """
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, below, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
