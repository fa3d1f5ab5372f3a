"""Everything that can happen in a run, as frozen values in the past tense, and their JSON.

The journal is a list of these; state, runbook, audit and console are folds over them. An event holds no row values and no
secrets. New types and new keys may be added; none changes its meaning (`schemas/event.schema.json`).
`Intended` events are durable before the request they announce is sent; their outcome is durable before the next request.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from loadplan.lean import dataclass


@dataclass(frozen=True)
class Event:
    """Base of all events. `TYPE` is its name in JSON."""

    TYPE: ClassVar[str] = ""


@dataclass(frozen=True)
class Recorded:
    """An event with its place in the journal: sequence number from 1 and UTC time."""

    seq: int
    at: datetime
    event: Event


# -- the run -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunStarted(Event):
    """`rehearses` is not empty in a rehearsal: the org that the load is meant for, as its snapshot calls it, or `ORG`."""

    TYPE: ClassVar[str] = "RunStarted"
    run: str
    plan: str
    plan_file: str
    plan_digest: str
    org: str
    organization_id: str
    instance_url: str
    username: str
    api_version: str
    tool: str
    who: str
    host: str
    git: str = ""
    parallelism: int = 4
    rehearses: str = ""


@dataclass(frozen=True)
class RunResumed(Event):
    TYPE: ClassVar[str] = "RunResumed"
    who: str
    host: str
    tool: str
    why: str = "resume"


@dataclass(frozen=True)
class RunAdopted(Event):
    """The run's own folder was lost: what follows was rebuilt from `jobs` jobs of the org, by comparing rows."""

    TYPE: ClassVar[str] = "RunAdopted"
    who: str
    host: str
    tool: str
    jobs: int = 0


@dataclass(frozen=True)
class RunInterrupted(Event):
    """The process stopped on purpose before the end. `jobs` are those still running in Salesforce."""

    TYPE: ClassVar[str] = "RunInterrupted"
    reason: str
    exit: int
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunEnded(Event):
    TYPE: ClassVar[str] = "RunEnded"
    result: str
    exit: int


# -- steps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartFact:
    """A part: `rows` data records, `bytes` and `sha256` of what is sent, `digest` proves which rows they are.

    Either a file: `file` and `index` are relative to the run folder. Or a range of the step's source (`end` is not 0): the
    header of `StepPrepared`, then bytes `start` to `end`; its first row is record `first` of the source."""

    part: int
    file: str
    index: str
    rows: int
    bytes: int
    sha256: str
    start: int = 0
    end: int = 0
    first: int = 1
    digest: str = ""


@dataclass(frozen=True)
class RowsFact:
    """Rows put aside on disk, as they stand in the source: `file` is relative to the run folder, `why` counts them by the
    reason. `level` is their level in a hierarchy, 0 outside of one."""

    file: str
    rows: int
    delimiter: str
    why: dict[str, int] = field(default_factory=dict)
    level: int = 0


@dataclass(frozen=True)
class Taken:
    """Rows that leave the count of an attempt at a part: mended rows take their place, in parts of their own."""

    part: int
    attempt: int
    failed: int
    unprocessed: int
    errors: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Mended:
    """Rows of a step that a person corrected in `file`. `fact` is where they are kept, as the source would have them; `held`
    is all that waits to be sent now, they included; `taken` says which attempts they leave, `withdrawn` which parts are not
    sent as they were. Parts that come of them have numbers from `first_part` on."""

    step: str
    file: str
    sha256: str
    rows: int
    fact: RowsFact
    held: tuple[RowsFact, ...]
    taken: tuple[Taken, ...]
    withdrawn: tuple[int, ...]
    first_part: int


@dataclass(frozen=True)
class RetryRequested(Event):
    """A person asked to send left-over rows again: these settled steps run once more, what they blocked waits again. Of
    steps in `mended` only those rows go out, and what was never sent."""

    TYPE: ClassVar[str] = "RetryRequested"
    steps: tuple[str, ...]
    who: str
    mended: tuple[Mended, ...] = ()


@dataclass(frozen=True)
class StepStarted(Event):
    TYPE: ClassVar[str] = "StepStarted"
    step: str


@dataclass(frozen=True)
class StepPrepared(Event):
    """The rows of an ingest step were cut into parts. `rows_read` of the source, `rows_selected` after filters. `header` is
    what is sent before the rows of parts that are ranges of the source. `held` rows wait for their parents; `levels` of a
    hierarchy are cut into parts one after the other."""

    TYPE: ClassVar[str] = "StepPrepared"
    step: str
    parts: tuple[PartFact, ...]
    rows_read: int
    rows_selected: int
    sha256: str
    header: str = ""
    held: tuple[RowsFact, ...] = ()
    levels: tuple[RowsFact, ...] = ()


@dataclass(frozen=True)
class LevelCut(Event):
    """A level of a hierarchy was cut into parts, after the levels above it had ended."""

    TYPE: ClassVar[str] = "LevelCut"
    step: str
    level: int
    parts: tuple[PartFact, ...]
    held: tuple[RowsFact, ...] = ()


@dataclass(frozen=True)
class HeldReleased(Event):
    """Rows that had waited for their parents were looked at again: those whose parents have landed are in `parts`, `held`
    are all that wait now."""

    TYPE: ClassVar[str] = "HeldReleased"
    step: str
    parts: tuple[PartFact, ...]
    held: tuple[RowsFact, ...] = ()


@dataclass(frozen=True)
class StepRefused(Event):
    """The step cannot run: its data is wrong or the org will not have it. Nothing more of it is sent."""

    TYPE: ClassVar[str] = "StepRefused"
    step: str
    reason: str


@dataclass(frozen=True)
class GateDecided(Event):
    """`verdict` is open or shut; `rule` and `numbers` say why. `left_over` rows did not land; of `excused` ones among them a
    rehearsal cannot tell whether the org would take them, and the gate did not count them."""

    TYPE: ClassVar[str] = "GateDecided"
    step: str
    verdict: str
    rule: str
    because: str
    reconciled: bool
    sent: int
    left_over: int
    excused: int = 0


@dataclass(frozen=True)
class StepSettled(Event):
    TYPE: ClassVar[str] = "StepSettled"
    step: str
    state: str


@dataclass(frozen=True)
class StepBlocked(Event):
    TYPE: ClassVar[str] = "StepBlocked"
    step: str
    by: str
    because: str


# -- jobs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobEvent(Event):
    """What concerns one attempt of one part. `request` is method and path; `http` the status of the answer."""

    step: str
    part: int
    attempt: int
    job: str = ""
    request: str = ""
    http: int | None = None


@dataclass(frozen=True)
class JobIntended(JobEvent):
    """About to create a job. `round` counts how often rows are sent (1 the first time)."""

    TYPE: ClassVar[str] = "JobIntended"
    kind: str = "ingest"
    multipart: bool = False
    api_version: str = ""
    file: str = ""
    rows: int = 0
    round: int = 1


@dataclass(frozen=True)
class JobCreated(JobEvent):
    TYPE: ClassVar[str] = "JobCreated"
    state: str = ""


@dataclass(frozen=True)
class JobRefused(JobEvent):
    """The org refused to create the job, in its words."""

    TYPE: ClassVar[str] = "JobRefused"
    message: str = ""


@dataclass(frozen=True)
class CreateLost(JobEvent):
    """No usable answer to a create: a job may exist, open and empty, and does nothing. Another is created."""

    TYPE: ClassVar[str] = "CreateLost"
    detail: str = ""


@dataclass(frozen=True)
class UploadIntended(JobEvent):
    TYPE: ClassVar[str] = "UploadIntended"


@dataclass(frozen=True)
class PartUploaded(JobEvent):
    TYPE: ClassVar[str] = "PartUploaded"


@dataclass(frozen=True)
class UploadLost(JobEvent):
    """The one PUT of this job has no proven outcome, so the job is never uploaded to again."""

    TYPE: ClassVar[str] = "UploadLost"
    detail: str = ""


@dataclass(frozen=True)
class CloseIntended(JobEvent):
    TYPE: ClassVar[str] = "CloseIntended"


@dataclass(frozen=True)
class UploadClosed(JobEvent):
    TYPE: ClassVar[str] = "UploadClosed"
    state: str = ""


@dataclass(frozen=True)
class CloseRefused(JobEvent):
    TYPE: ClassVar[str] = "CloseRefused"
    message: str = ""


@dataclass(frozen=True)
class AbortIntended(JobEvent):
    """`why` is `replace` (ours: the upload is in doubt) or `user` (a person asked; its rows are not sent again)."""

    TYPE: ClassVar[str] = "AbortIntended"
    why: str = "replace"


@dataclass(frozen=True)
class AbortAnswered(JobEvent):
    TYPE: ClassVar[str] = "AbortAnswered"
    detail: str = ""


@dataclass(frozen=True)
class JobObserved(JobEvent):
    """The org told the job's state. Journaled when it differs from what was known. `next_poll` in seconds."""

    TYPE: ClassVar[str] = "JobObserved"
    state: str = ""
    processed: int | None = None
    failed: int | None = None
    error: str = ""
    next_poll: float | None = None


@dataclass(frozen=True)
class JobGone(JobEvent):
    """404: the org no longer has the job."""

    TYPE: ClassVar[str] = "JobGone"


@dataclass(frozen=True)
class JobAdopted(JobEvent):
    """A job that has ended holds exactly the rows of this part: the lost run had sent it."""

    TYPE: ClassVar[str] = "JobAdopted"
    state: str = ""
    processed: int | None = None
    failed: int | None = None
    error: str = ""


@dataclass(frozen=True)
class OutcomeLost(JobEvent):
    """Nobody can tell from here whether the lost run had sent this part: a person must decide."""

    TYPE: ClassVar[str] = "OutcomeLost"
    detail: str = ""


@dataclass(frozen=True)
class PartResolved(JobEvent):
    """A person decided what became of an undecided part: `assume` is applied or not-applied. Of a part that was applied, `failed`
    and `unprocessed` rows are what the org's counters had said."""

    TYPE: ClassVar[str] = "PartResolved"
    assume: str = ""
    reason: str = ""
    who: str = ""
    host: str = ""
    failed: int = 0
    unprocessed: int = 0


@dataclass(frozen=True)
class ResultSaved(JobEvent):
    """One result file is whole and on disk."""

    TYPE: ClassVar[str] = "ResultSaved"
    kind: str = ""
    file: str = ""
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    tries: int = 1


@dataclass(frozen=True)
class JobReconciled(JobEvent):
    """The counts met, or `problem` names how they did not. `codes` counts failed rows by status code; `retriable` is how
    many of the failed rows carry a code that the step retries."""

    TYPE: ClassVar[str] = "JobReconciled"
    sent: int = 0
    successful: int = 0
    failed: int = 0
    unprocessed: int = 0
    agree: bool = True
    problem: str = ""
    codes: dict[str, int] = field(default_factory=dict)
    errors: tuple[dict[str, Any], ...] = ()
    retriable: int = 0


@dataclass(frozen=True)
class Resent:
    """Rows that leave the count of an attempt, because they are sent again; `errors` are the groups of those that failed."""

    attempt: int
    failed: int
    unprocessed: int
    errors: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class RetryPrepared(Event):
    """Rows of a reconciled attempt were put into a new file to be sent again: `failed` and `unprocessed` of them leave
    the count of that attempt, `errors` are their groups; `more` says the same of earlier attempts at the part. `why` is
    automatic or asked for. Rows that do not fit into `fact` any more, because parts get smaller, are new parts: `pieces`.
    `alone` is the last time: no other job of the object is under way meanwhile."""

    TYPE: ClassVar[str] = "RetryPrepared"
    step: str
    part: int
    attempt: int
    round: int
    fact: PartFact
    failed: int
    unprocessed: int
    why: str = "automatic"
    more: tuple[Resent, ...] = ()
    errors: tuple[dict[str, Any], ...] = ()
    pieces: tuple[PartFact, ...] = ()
    alone: bool = False

    @property
    def rows(self) -> int:
        """All rows that are sent again."""
        return self.fact.rows + sum(piece.rows for piece in self.pieces)


@dataclass(frozen=True)
class RequestFailed(JobEvent):
    """A request had no usable answer and will be asked again; `tries` so far, `next_try` in seconds."""

    TYPE: ClassVar[str] = "RequestFailed"
    detail: str = ""
    tries: int = 1
    next_try: float = 0.0


# -- queries -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PagesPlanned(JobEvent):
    """The org named pages that may be fetched at the same time (`resultPages`). Durable before any of them is asked for.
    `locators` are in the order of the results; `following` asks for the links after them (null: these are the last)."""

    TYPE: ClassVar[str] = "PagesPlanned"
    locator_in: str | None = None
    locators: tuple[str, ...] = ()
    following: str | None = None


@dataclass(frozen=True)
class PageFetched(JobEvent):
    """A page is whole and on disk, and so are all before it: pages are on record in their order. `locator_in` None asks for
    the first page; `locator_out` "null" ends the walk."""

    TYPE: ClassVar[str] = "PageFetched"
    page: int = 0
    locator_in: str | None = None
    locator_out: str = ""
    rows: int = 0
    header_rows: int = 0
    bytes: int = 0
    sha256: str = ""
    file: str = ""
    tries: int = 1


@dataclass(frozen=True)
class QueryReconciled(JobEvent):
    TYPE: ClassVar[str] = "QueryReconciled"
    pages: int = 0
    rows: int = 0
    job_rows: int | None = None
    agree: bool = True
    problem: str = ""


@dataclass(frozen=True)
class OutputWritten(Event):
    TYPE: ClassVar[str] = "OutputWritten"
    step: str
    file: str
    rows: int
    sha256: str


def _all_types(base: type[Event]) -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for sub in base.__subclasses__():
        if sub.TYPE:
            found[sub.TYPE] = sub
        found.update(_all_types(sub))
    return found


EVENT_TYPES: dict[str, type[Event]] = _all_types(Event)
_NAMES = {name: frozenset(f.name for f in dataclasses.fields(kind)) for name, kind in EVENT_TYPES.items()}


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object with its `type` first. Shape: one flat object, parts as objects."""
    return {"type": event.TYPE, **_as_dict(event)}


@cache
def _keys(kind: type) -> tuple[str, ...]:
    """Its fields; `__dataclass_fields__` would name variables of the class, too."""
    return tuple(f.name for f in dataclasses.fields(kind))


def _as_dict(made: Any) -> dict[str, Any]:
    return {name: _plain(getattr(made, name)) for name in _keys(type(made))}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    """What `dataclasses.asdict` makes of a value that only holds what JSON has, without copying each of them."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    return _as_dict(value) if hasattr(value, "__dataclass_fields__") else value


def from_json(data: dict[str, Any]) -> Event:
    """The inverse of `to_json`. Unknown keys are dropped (a newer loadplan may have added them).

    Raises ValueError on an unknown type or a missing key."""
    kind = EVENT_TYPES.get(str(data.get("type")))
    if kind is None:
        msg = f"unknown event type {data.get('type')!r}"
        raise ValueError(msg)
    names = _NAMES[kind.TYPE]
    values = {k: _thaw(k, v) for k, v in data.items() if k in names}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{kind.TYPE}: {error}") from error


def _mended(data: dict[str, Any]) -> Mended:
    nested = {"fact": RowsFact(**data["fact"]), "held": tuple(RowsFact(**v) for v in data["held"])}
    taken = tuple(Taken(**v) for v in data["taken"])
    return Mended(**{**data, **nested, "taken": taken, "withdrawn": tuple(data["withdrawn"])})


def _thaw(name: str, value: Any) -> Any:
    if name == "fact":
        return PartFact(**value)
    if name in {"parts", "pieces"}:
        return tuple(PartFact(**v) for v in value)
    if name in {"held", "levels"}:
        return tuple(RowsFact(**v) for v in value)
    if name == "more":
        return tuple(Resent(**v) for v in value)
    if name == "mended":
        return tuple(_mended(v) for v in value)
    return tuple(value) if isinstance(value, list) else value
