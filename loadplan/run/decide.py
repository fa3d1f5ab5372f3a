"""What to do next: a pure function of the run's state, the graph and the time. The engine only does what this says.

There is no resume mode. An intent without an outcome looks the same whether the process died a second ago or a week ago,
and it is settled the same way: by asking the org, or by walking away from a job that has done nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from loadplan.lean import dataclass
from loadplan.plan.model import Plan
from loadplan.run.retry import Again, select_retry
from loadplan.run.state import Attempt, PartRun, Run, StepRun

NOTHING = Again(False, False, 0.0)

MAX_REPLACEMENTS = 6
"""How many jobs in a row may be walked away from for one part before the run stops and says so."""


@dataclass(frozen=True)
class Action:
    """The next thing to do. `step`, `part` and `attempt` say for what; `key` names its timer."""

    step: str
    part: int = 0
    attempt: int = 0

    @property
    def key(self) -> tuple[str, int, int]:
        return (self.step, self.part, self.attempt)


class StartStep(Action):
    """Cut the step's rows into parts (ingest) or just begin (query)."""


class BlockStep(Action):
    """A parent's gate is shut."""


@dataclass(frozen=True)
class CreateJob(Action):
    round: int = 1

    @property
    def key(self) -> tuple[str, int, int]:
        """One timer for all attempts at a part, so that lost creates back off."""
        return (self.step, self.part, 0)


class AdmitCreateLost(Action):
    """A create without an outcome: on record as lost; the next attempt follows."""


class UploadPart(Action):
    pass


class CloseUpload(Action):
    pass


class AbortJob(Action):
    pass


class AskJob(Action):
    """GET the job: the outcome of a doubtful request, or a poll."""


class AdmitUploadLost(Action):
    """An upload without an outcome: its job is never uploaded to again."""


@dataclass(frozen=True)
class SaveResult(Action):
    kind: str = "successful"


class ReconcileJob(Action):
    pass


@dataclass(frozen=True)
class PrepareRetry(Action):
    again: Again = NOTHING


@dataclass(frozen=True)
class CutLevel(Action):
    """Cut the next level of a hierarchy into parts: the levels above it have ended."""

    level: int = 1


class ReleaseHeld(Action):
    """Look again at the rows that wait for their parents, and cut those whose parents have landed into parts."""


@dataclass(frozen=True)
class FetchPage(Action):
    page: int = 1


class ReconcileQuery(Action):
    pass


class WriteOutput(Action):
    pass


class SettleStep(Action):
    """Everything of the step has ended: decide its gate."""


@dataclass(frozen=True)
class Wait:
    """Nothing is due before `until` (monotonic seconds)."""

    until: float


@dataclass(frozen=True)
class Halt:
    """Nobody but a person can go on: the outcome of a request is unknown, or replacements ran out."""

    attempt: Attempt
    why: str


@dataclass(frozen=True)
class Finished:
    """Every step is settled."""


@dataclass
class Timers:
    """What the engine remembers between actions and may forget in a crash: when each attempt is due next (monotonic
    seconds), how often it was polled, how often in a row a request failed."""

    due: dict[tuple[str, int, int], float] = field(default_factory=dict)
    polls: dict[tuple[str, int, int], int] = field(default_factory=dict)
    failures: dict[tuple[str, int, int], int] = field(default_factory=dict)


Decision = Action | Wait | Halt | Finished


def decide(run: Run, plan: Plan, timers: Timers, now: float, *, parallelism: int, new_work: bool = True) -> Decision:
    """The next action that is due, work under way before new work; else how long to wait; else that all is settled.

    `new_work` False starts no step and creates no job (`--async`, an interrupt)."""
    flying = [a for a in run.attempts() if a.is_in_flight]
    busy = len(flying)
    earliest: float | None = None
    fresh: Action | None = None
    for step in run.steps.values():
        if step.is_settled:
            continue
        for action in _of_step(run, plan, step):
            if isinstance(action, Halt):
                return action
            if isinstance(action, (CreateJob, StartStep)):
                blocked_by_slots = isinstance(action, CreateJob) and (
                    busy >= parallelism or _must_not_meet(run, plan, step, action, flying)
                )
                if fresh is None and new_work and not blocked_by_slots and timers.due.get(action.key, now) <= now:
                    fresh = action
                elif new_work and (due := timers.due.get(action.key, now)) > now:
                    earliest = due if earliest is None else min(earliest, due)
                continue
            due = timers.due.get(action.key, now)
            if due <= now:
                return action
            earliest = due if earliest is None else min(earliest, due)
    if fresh is not None:
        return fresh
    return Finished() if earliest is None else Wait(earliest)


def _must_not_meet(run: Run, plan: Plan, step: StepRun, create: CreateJob, flying: Sequence[Attempt]) -> bool:
    """Rows that met locks until their last attempt go out alone: no other job of their object is under way beside theirs."""
    if not flying or create.part not in step.parts:
        return False
    name = plan.steps[step.id].object
    beside = [a for a in flying if a.kind == "ingest" and plan.steps[a.step].object == name]
    return bool(beside) and (
        step.parts[create.part].alone or any(run.steps[a.step].parts[a.part].alone for a in beside)
    )


def _of_step(run: Run, plan: Plan, step: StepRun) -> Iterator[Action | Halt]:
    if step.state == "waiting":
        yield from _gate_action(run, plan, step)
        return
    spec = plan.steps[step.id]
    if spec.is_query:
        yield from _of_query(step, has_output=spec.output_file is not None)
        return
    if step.prepared is None and not step.problem:
        yield StartStep(step.id)
        return
    ended = True
    for part in step.parts.values():
        action = _of_part(plan, step, part)
        if action is not None:
            ended = False
            yield action
    if not ended:
        return
    if step.next_level is not None and not step.problem:
        yield CutLevel(step.id, level=step.next_level)
    elif step.may_release and not step.problem:
        yield ReleaseHeld(step.id)
    else:
        yield SettleStep(step.id)


def _gate_action(run: Run, plan: Plan, step: StepRun) -> Iterator[Action]:
    parents = [run.steps[p] for p in step.parents]
    if shut_parent(plan, parents) is not None:
        yield BlockStep(step.id)
    elif all(p.is_settled for p in parents):
        yield StartStep(step.id)


def shut_parent(plan: Plan, parents: list[StepRun]) -> tuple[StepRun, str] | None:
    """The first settled parent that keeps this step from starting, with the reason; None when none does."""
    for parent in parents:
        if not parent.is_settled:
            continue
        if parent.state == "blocked":
            return parent, f"`{parent.id}` did not run itself (held by `{parent.blocked_by}`)"
        gate = parent.gate
        if gate is None or gate.verdict == "open":
            continue
        tolerated = plan.steps[parent.id].gate.on_fail == "continue" and gate.reconciled
        if not tolerated:
            return parent, f"the gate of `{parent.id}` is shut: {gate.because}"
    return None


def _of_part(plan: Plan, step: StepRun, part: PartRun) -> Action | Halt | None:
    attempt = part.current
    if part.withdrawn:
        return None
    if attempt is None:
        return None if step.problem else CreateJob(step.id, part.number, 1, part.round)
    following = None if step.problem else CreateJob(step.id, part.number, attempt.number + 1, part.round)
    if attempt.round < part.round and attempt.is_final:
        return following
    if attempt.is_dead:
        if _replacements(part.attempts) >= MAX_REPLACEMENTS:
            return Halt(attempt, f"{MAX_REPLACEMENTS} jobs in a row came to nothing")
        return following
    if attempt.phase == "refused" and part.reopened:
        return following
    if attempt.phase == "reconciled":
        again = _again(plan, step, part)
        return PrepareRetry(step.id, part.number, attempt.number, again) if again else None
    return _of_attempt(attempt)


def _again(plan: Plan, step: StepRun, part: PartRun) -> Again | None:
    attempt = part.current
    if attempt is None or step.problem:
        return None
    if part.reopened:
        return Again(True, True, 0.0) if part.left_over else None
    return select_retry(plan.steps[step.id].retry, part)


def _replacements(attempts: list[Attempt]) -> int:
    count = 0
    for attempt in reversed(attempts):
        if not attempt.is_dead or attempt.forgiven:
            break
        count += 1
    return count


_INGEST_NEXT: Mapping[str, type[Action]] = {
    "intended": AdmitCreateLost,
    "created": UploadPart,
    "uploading": AdmitUploadLost,
    "uploaded": CloseUpload,
    "processing": AskJob,
    "collected": ReconcileJob,
}


def _of_attempt(attempt: Attempt) -> Action | Halt | None:
    """The next action for one ingest attempt, read off its phase."""
    where = (attempt.step, attempt.part, attempt.number)
    match attempt.phase:
        case "closing":
            # `Open` was seen after the PATCH was announced: asking again is safe, the id is the same.
            return CloseUpload(*where) if attempt.seen_open else AskJob(*where)
        case "doubtful" | "aborting":
            return AbortJob(*where) if attempt.seen_open else AskJob(*where)
        case "terminal":
            missing = next(k for k in ("successful", "failed", "unprocessed") if k not in attempt.results)
            return SaveResult(*where, kind=missing)
        case "undecided":
            lost = "the job vanished after its upload was closed" if attempt.job else "no job of the org holds its rows"
            return Halt(attempt, lost)
        case "refused":
            return None
        case phase:
            return _INGEST_NEXT[phase](*where)


def _of_query(step: StepRun, *, has_output: bool) -> Iterator[Action | Halt]:
    attempt = step.query
    if step.problem:
        yield SettleStep(step.id)
    elif attempt is None or attempt.is_dead or (step.reopened and attempt.is_final):
        if attempt and _replacements(step.query_attempts) >= MAX_REPLACEMENTS:
            yield Halt(attempt, f"{MAX_REPLACEMENTS} query jobs in a row came to nothing")
        else:
            yield CreateJob(step.id, 0, attempt.number + 1 if attempt else 1)
    else:
        where = (step.id, 0, attempt.number)
        match attempt.phase:
            case "intended":
                yield AdmitCreateLost(*where)
            case "processing" | "aborting":
                yield AskJob(*where)
            case "paging":
                yield FetchPage(*where, page=len(attempt.pages) + 1)
            case "collected":
                yield ReconcileQuery(*where)
            case "reconciled" if has_output and attempt.query and attempt.query.agree and step.output is None:
                yield WriteOutput(*where)
            case _:
                yield SettleStep(step.id)
