"""Where everything stands: a fold over the journal's events, computed and never stored.

Starting, resuming and reporting all fold the same events. The only input besides the events is the plan's graph, given
as parents per step. Pure: no file, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from loadplan.lean import dataclass
from loadplan.run import events as ev
from loadplan.run.lifecycle import DEAD, FINAL, IN_FLIGHT, IN_SALESFORCE, advance
from loadplan.run.walked import Links, Pages
from loadplan.words import count


@dataclass
class Attempt:
    """One try to get one part, or one query, through the org. Counts are None until reconciled."""

    step: str
    part: int
    number: int
    round: int
    kind: str
    multipart: bool
    api_version: str
    file: str
    rows: int
    at: datetime
    phase: str = "intended"
    job: str = ""
    state: str = ""
    processed: int | None = None
    server_failed: int | None = None
    error: str = ""
    abort_why: str = ""
    abort_said: str = ""
    close_refused: bool = False
    seen_open: bool = False
    forgiven: bool = False
    was_closed: bool = False
    closed_at: datetime | None = None
    results: dict[str, ev.ResultSaved] = field(default_factory=dict)
    reconciled: ev.JobReconciled | None = None
    pages: Pages = field(default_factory=Pages)
    plans: Links = field(default_factory=Links)
    query: ev.QueryReconciled | None = None
    resent_failed: int = 0
    resent_unprocessed: int = 0
    resent_errors: list[dict[str, Any]] = field(default_factory=list)
    mended: bool = False
    resolved: bool = False
    adopted: bool = False

    @property
    def is_in_flight(self) -> bool:
        return self.phase in IN_FLIGHT

    @property
    def is_dead(self) -> bool:
        """Nothing was processed and nothing will be: another attempt may take its place."""
        return self.phase in DEAD

    @property
    def is_final(self) -> bool:
        return self.phase in FINAL

    @property
    def runs_in_salesforce(self) -> bool:
        return self.phase in IN_SALESFORCE and bool(self.job)

    @property
    def aborted_by_a_person(self) -> bool:
        return self.state == "Aborted" and self.abort_why != "replace"

    @property
    def left_over(self) -> int:
        """Rows of this attempt that did not land and were not sent again."""
        r = self.reconciled
        if r is None:
            return self.rows if self.phase == "refused" else 0
        return r.failed + r.unprocessed - self.resent_failed - self.resent_unprocessed


@dataclass
class PartRun:
    """A part through its attempts. `facts` holds what was sent in each round from `first_round` on, the newest last. A part with
    an `origin` is a piece of that part, made when its rows were sent again. `alone`: no other job of the object beside it.
    `moved` rows of it are sent in other parts, because they were mended; a part that is `withdrawn` sends nothing more."""

    number: int
    facts: list[ev.PartFact]
    attempts: list[Attempt] = field(default_factory=list)
    reopened: bool = False
    moved: int = 0
    withdrawn: bool = False
    first_round: int = 1
    origin: int = 0
    alone: bool = False

    @property
    def is_unsent(self) -> bool:
        """What it is to send next, or at all, has no fate yet."""
        return not self.withdrawn and (self.current is None or self.current.reconciled is None)

    @property
    def current(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def fact(self) -> ev.PartFact:
        return self.facts[-1]

    @property
    def round(self) -> int:
        return self.first_round - 1 + len(self.facts)

    def fact_of(self, round_: int) -> ev.PartFact:
        """What was, or will be, sent in this round."""
        return self.facts[round_ - self.first_round]

    @property
    def left_over(self) -> list[Attempt]:
        """The reconciled attempts with rows that did not land and were not sent again. What a person decided has no such rows
        that anybody could name."""
        return [a for a in self.attempts if a.reconciled and a.left_over and not a.resolved]


@dataclass(frozen=True)
class Counts:
    """Rows of a step: `sent` counts each row once however often it was sent; the three fates add up to it when reconciled.
    `held` rows were not sent, because their parents did not land."""

    sent: int = 0
    successful: int = 0
    failed: int = 0
    unprocessed: int = 0
    held: int = 0

    @property
    def left_over(self) -> int:
        """Rows that did not land, whether they were sent or not."""
        return self.failed + self.unprocessed + self.held

    @property
    def meant(self) -> int:
        """Rows that were sent or wait to be."""
        return self.sent + self.held

    @property
    def agree(self) -> bool:
        return self.sent == self.successful + self.failed + self.unprocessed


@dataclass
class StepRun:
    """waiting -> running -> succeeded | partial | failed | aborted, or blocked."""

    id: str
    parents: tuple[str, ...]
    state: str = "waiting"
    prepared: ev.StepPrepared | None = None
    parts: dict[int, PartRun] = field(default_factory=dict)
    query_attempts: list[Attempt] = field(default_factory=list)
    output: ev.OutputWritten | None = None
    gate: ev.GateDecided | None = None
    blocked_by: str = ""
    problem: str = ""
    reopened: bool = False
    held: tuple[ev.RowsFact, ...] = ()
    levels_cut: int = 0
    cuts: int = 0
    may_release: bool = False
    mended: list[ev.Mended] = field(default_factory=list)

    @property
    def held_rows(self) -> int:
        return sum(fact.rows for fact in self.held)

    @property
    def next_level(self) -> int | None:
        """The level of the hierarchy that is cut next, from 1; None when there is none left."""
        levels = self.prepared.levels if self.prepared else ()
        return self.levels_cut + 1 if self.levels_cut < len(levels) else None

    @property
    def is_settled(self) -> bool:
        return self.state in {"succeeded", "partial", "failed", "aborted", "blocked"}

    @property
    def attempts(self) -> list[Attempt]:
        return [a for p in self.parts.values() for a in p.attempts] + self.query_attempts

    @property
    def query(self) -> Attempt | None:
        return self.query_attempts[-1] if self.query_attempts else None

    @property
    def reconciled(self) -> bool:
        """Every row sent has exactly one fate on record and the org's own counters agree."""
        if self.query_attempts:
            q = self.query_attempts[-1].query
            return q is not None and q.agree
        done = [a for a in self.attempts if a.reconciled is not None]
        return self.counts.agree and all(a.reconciled.agree for a in done if a.reconciled)

    @property
    def not_sent(self) -> int:
        """Rows that were cut into parts and never closed over to Salesforce."""
        if self.prepared is None or self.query_attempts:
            return 0
        return self.prepared.rows_selected - self.counts.sent - self.held_rows

    @property
    def counts(self) -> Counts:
        if self.query_attempts:
            q = self.query_attempts[-1].query
            rows = q.rows if q else 0
            return Counts(rows, rows if q and q.agree else 0, 0 if q is None or q.agree else rows, 0)
        sent = ok = failed = unprocessed = 0
        for part in self.parts.values():
            if part.origin:
                sent -= part.moved  # its rows were counted with the part they come from
            elif any(a.round == 1 and (a.was_closed or a.reconciled) and not a.is_dead for a in part.attempts):
                sent += part.facts[0].rows - part.moved
            for done in part.attempts:
                if done.reconciled:
                    ok += done.reconciled.successful
                    failed += done.reconciled.failed - done.resent_failed
                    unprocessed += done.reconciled.unprocessed - done.resent_unprocessed
            if (
                part.round > 1
                and not part.withdrawn
                and not any(a.reconciled and a.round == part.round for a in part.attempts)
            ):
                unprocessed += part.fact.rows
        return Counts(sent, ok, failed, unprocessed, self.held_rows)


@dataclass
class Run:
    """The whole run. `steps` in execution order."""

    steps: dict[str, StepRun]
    header: ev.RunStarted | None = None
    started: datetime | None = None
    ended: datetime | None = None
    result: str = ""
    exit: int | None = None
    last_at: datetime | None = None
    asked: str = "apply"
    """What a person asked for last: `apply` or `retry`. A resume goes on with that."""

    def attempts(self) -> list[Attempt]:
        return [a for s in self.steps.values() for a in s.attempts]

    def running_jobs(self) -> list[Attempt]:
        """Attempts whose jobs Salesforce is working on, or may be."""
        return [a for a in self.attempts() if a.runs_in_salesforce]

    def attempt(self, step: str, part: int, number: int) -> Attempt:
        for a in self.steps[step].attempts:
            if a.part == part and a.number == number:
                return a
        raise KeyError((step, part, number))


def new_run(order: Sequence[str], parents: Mapping[str, Sequence[str]]) -> Run:
    """A run in which nothing has happened."""
    return Run({s: StepRun(s, tuple(parents.get(s, ()))) for s in order})


def fold(run: Run, records: Iterable[ev.Recorded]) -> Run:
    """Apply every record in order to `run` and return it. Raises `IllegalEvent` when the tables forbid one."""
    for record in records:
        apply(run, record)
    return run


def apply(run: Run, record: ev.Recorded) -> None:
    """Apply one record. The run is changed in place: it belongs to whoever folds."""
    run.last_at = record.at
    event = record.event
    if isinstance(event, ev.JobEvent):
        _apply_job(run, event, record.at)
    else:
        _apply_other(run, event, record.at)


def _apply_other(run: Run, event: ev.Event, at: datetime) -> None:
    match event:
        case ev.RunStarted():
            run.header, run.started = event, at
        case ev.RunAdopted():
            return
        case ev.RunEnded():
            run.ended, run.result, run.exit = at, event.result, event.exit
        case ev.RunInterrupted():
            run.result, run.exit = "interrupted", event.exit
        case ev.RunResumed():
            run.ended, run.result, run.exit = None, "", None
            run.asked = "retry" if event.why == "retry" else run.asked
            for attempt in run.attempts():
                attempt.forgiven = True
        case ev.RetryRequested():
            _reopen(run, event)
        case ev.StepStarted():
            run.steps[event.step].state = "running"
        case ev.StepPrepared() | ev.LevelCut() | ev.HeldReleased():
            _take_parts(run.steps[event.step], event)
        case ev.StepRefused():
            run.steps[event.step].problem = event.reason
        case ev.RetryPrepared():
            _new_round(run, event)
        case ev.OutputWritten():
            run.steps[event.step].output = event
        case ev.GateDecided():
            run.steps[event.step].gate = event
        case ev.StepSettled():
            run.steps[event.step].state = event.state
        case ev.StepBlocked():
            run.steps[event.step].state = "blocked"
            run.steps[event.step].blocked_by = event.by
        case _:
            raise ValueError(f"no rule for {type(event).__name__}")


def _take_parts(step: StepRun, event: ev.StepPrepared | ev.LevelCut | ev.HeldReleased) -> None:
    match event:
        case ev.StepPrepared():
            step.prepared, step.held, step.parts = event, event.held, {}
        case ev.LevelCut():
            step.levels_cut, step.held = event.level, step.held + event.held
        case ev.HeldReleased():
            # Rows may wait for rows that have waited themselves: look again while that moves something.
            step.held, step.may_release = event.held, bool(event.parts)
    step.parts.update({fact.part: PartRun(fact.part, [fact]) for fact in event.parts})
    step.cuts += 1


def _new_round(run: Run, event: ev.RetryPrepared) -> None:
    part = run.steps[event.step].parts[event.part]
    for resent in (ev.Resent(event.attempt, event.failed, event.unprocessed, event.errors), *event.more):
        before = run.attempt(event.step, event.part, resent.attempt)
        before.resent_failed += resent.failed
        before.resent_unprocessed += resent.unprocessed
        before.resent_errors.extend(resent.errors)
    part.facts.append(event.fact)
    part.reopened, part.alone = False, event.alone
    for fact in event.pieces:
        piece = PartRun(fact.part, [fact], first_round=event.round, origin=event.part, alone=event.alone)
        run.steps[event.step].parts[fact.part] = piece


def _reopen(run: Run, event: ev.RetryRequested) -> None:
    mended = {m.step: m for m in event.mended}
    for step in run.steps.values():
        if step.id in mended:
            _take_mended(step, mended[step.id])
        if step.id in event.steps:
            # It waits for its parents again: they may be sent again in the same breath.
            step.state, step.gate, step.problem = "waiting", None, ""
            step.reopened, step.output, step.may_release = True, None, bool(step.held)
            for part in step.parts.values():
                part.reopened = step.id not in mended or part.is_unsent
        elif step.state == "blocked":
            step.state, step.blocked_by = "waiting", ""


def _take_mended(step: StepRun, mended: ev.Mended) -> None:
    """Mended rows leave the attempts that left them over, and wait to be cut into parts of their own."""
    step.mended.append(mended)
    step.held = mended.held
    step.cuts += 1
    for taken in mended.taken:
        part = step.parts[taken.part]
        attempt = next(a for a in part.attempts if a.number == taken.attempt)
        attempt.resent_failed += taken.failed
        attempt.resent_unprocessed += taken.unprocessed
        attempt.resent_errors.extend(taken.errors)
        attempt.mended = True
        part.moved += taken.failed + taken.unprocessed
    for number in mended.withdrawn:
        part = step.parts[number]
        part.withdrawn = True
        if part.round > 1:
            part.moved += part.fact.rows


def _apply_job(run: Run, event: ev.JobEvent, at: datetime) -> None:
    step = run.steps[event.step]
    if isinstance(event, ev.JobIntended):
        attempt = Attempt(
            event.step, event.part, event.attempt, event.round, event.kind, event.multipart, event.api_version,
            event.file, event.rows, at,
        )  # fmt: skip
        if event.kind == "query":
            step.query_attempts.append(attempt)
            step.reopened = False
        else:
            step.parts[event.part].attempts.append(attempt)
            step.parts[event.part].reopened = False
        return
    attempt = run.attempt(event.step, event.part, event.attempt)
    if isinstance(event, ev.RequestFailed):
        return
    attempt.phase = advance(attempt, event)
    _note(attempt, event, at)


def _note(attempt: Attempt, event: ev.JobEvent, at: datetime) -> None:
    match event:
        case ev.JobCreated():
            attempt.job, attempt.state = event.job, event.state
            if attempt.multipart:
                attempt.was_closed, attempt.closed_at = True, at
        case ev.JobRefused():
            attempt.error = event.message
        case ev.CloseIntended():
            attempt.was_closed, attempt.closed_at = True, attempt.closed_at or at
            attempt.close_refused = attempt.seen_open = False
        case ev.UploadClosed():
            attempt.state = event.state
        case ev.CloseRefused():
            attempt.close_refused = True
            attempt.error = event.message
        case ev.AbortIntended():
            attempt.abort_why = event.why
            attempt.seen_open = False
        case ev.AbortAnswered():
            attempt.abort_said = event.detail
        case ev.JobObserved():
            attempt.state = event.state
            attempt.seen_open = event.state == "Open"
            attempt.processed = attempt.processed if event.processed is None else event.processed
            attempt.server_failed = attempt.server_failed if event.failed is None else event.failed
            attempt.error = event.error or attempt.error
        case ev.ResultSaved():
            attempt.results[event.kind] = event
        case ev.JobReconciled():
            attempt.reconciled = event
        case ev.JobAdopted():
            attempt.job, attempt.state, attempt.error = event.job, event.state, event.error
            attempt.processed, attempt.server_failed = event.processed, event.failed
            attempt.adopted, attempt.was_closed, attempt.closed_at = True, True, at
        case ev.OutcomeLost():
            attempt.was_closed = True
        case ev.PartResolved():
            attempt.resolved = True
            if event.assume == "applied":
                attempt.reconciled = _as_resolved(attempt, event)
        case _:
            _note_pages(attempt, event)


def _note_pages(attempt: Attempt, event: ev.JobEvent) -> None:
    match event:
        case ev.PagesPlanned():
            attempt.plans.append(event)
        case ev.PageFetched():
            attempt.pages.append(event)
        case ev.QueryReconciled():
            attempt.query = event
        case _:
            return


def _as_resolved(attempt: Attempt, event: ev.PartResolved) -> ev.JobReconciled:
    """What counts for a part that is assumed to be applied. Rows that failed cannot be named: the gate stays shut then."""
    lost = event.failed + event.unprocessed
    problem = f"{count(lost, 'row')} did not land, and the results that name them are gone" if lost else ""
    return ev.JobReconciled(
        attempt.step, attempt.part, attempt.number, attempt.job, sent=attempt.rows, successful=attempt.rows - lost,
        failed=event.failed, unprocessed=event.unprocessed, agree=not problem, problem=problem,
    )  # fmt: skip
