"""THE state machine: what may follow what for a job, as two tables. No I/O, no clock; it does not know who drives it.

An attempt is one try to get one part (or one query) through the org; it has at most one job. Its phase is ours; the state
of the job (`Open`, `InProgress`, …) is Salesforce's word and is kept beside it.

Ingest. Until `UploadComplete` is asked for, the org does nothing with a job, so every doubt before that point is settled by
walking away: the job is aborted, seen `Aborted`, and another attempt begins. From `CloseIntended` on, nothing is ever sent
again; the org is asked what became of it. (Bulk API 2.0 Developer Guide, "Upload Job Data", "Close or Abort a Job".)

    intended   a create was announced        doubtful   the one PUT has no proven outcome
    created    the id is durable             aborting   an abort was announced; must be seen `Aborted`
    uploading  the PUT was announced         processing Salesforce has it
    uploaded   201 was seen                  terminal   JobComplete, Failed or Aborted was seen
    closing    the PATCH was announced       collected  all three result files are on disk
    lost, abandoned, refused                 reconciled counts met or the mismatch is named
    undecided  the job vanished after closing: a person must decide (`PartResolved`)

Query. A query changes nothing, so a lost create or a vanished job simply starts another attempt.

An unlisted pair raises `IllegalEvent` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loadplan.run import events as ev

if TYPE_CHECKING:
    from loadplan.run.state import Attempt

TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})

IN_FLIGHT = frozenset(
    {
        "intended",
        "created",
        "uploading",
        "uploaded",
        "closing",
        "doubtful",
        "aborting",
        "processing",
        "terminal",
        "paging",
    }
)
DEAD = frozenset({"lost", "abandoned"})
FINAL = frozenset({"reconciled", "refused", "undecided"}) | DEAD
IN_SALESFORCE = frozenset({"closing", "processing"})


class IllegalEvent(Exception):  # noqa: N818 - a bug of ours or a damaged journal, never user input
    """An event arrived in a phase that does not allow it."""


Next = str | Callable[["Attempt", ev.Event], str]


def _created(attempt: Attempt, _: ev.Event) -> str:
    return "processing" if attempt.multipart else "created"


def _after_close_seen(_: Attempt, event: ev.Event) -> str:
    assert isinstance(event, ev.JobObserved)
    if event.state == "Open":
        return "closing"
    return "terminal" if event.state in TERMINAL else "processing"


def _after_refused_close(attempt: Attempt, event: ev.Event) -> str:
    """A refused PATCH on a job that is still `Open` will be refused for ever (two contents, none): replace the job."""
    state = _after_close_seen(attempt, event)
    return "doubtful" if state == "closing" else state


def _doubt_seen(attempt: Attempt, event: ev.Event) -> str:
    """Ours to abort while `Open`; anything else means that somebody moved the job: follow the org, never resend."""
    assert isinstance(event, ev.JobObserved)
    if event.state == "Open":
        return "doubtful"
    return "terminal" if event.state in TERMINAL else "processing"


def _abort_seen(attempt: Attempt, event: ev.Event) -> str:
    assert isinstance(event, ev.JobObserved)
    if event.state == "Aborted":
        replaced = attempt.abort_why == "replace" and not event.processed
        return "abandoned" if replaced else "terminal"
    return "terminal" if event.state in TERMINAL else "aborting"


def _query_seen(_: Attempt, event: ev.Event) -> str:
    assert isinstance(event, ev.JobObserved)
    if event.state == "JobComplete":
        return "paging"
    return "reconciled" if event.state in TERMINAL else "processing"


def _saved(attempt: Attempt, event: ev.Event) -> str:
    assert isinstance(event, ev.ResultSaved)
    return "collected" if len({*attempt.results, event.kind}) == 3 else "terminal"


def _applied(event: ev.Event) -> bool:
    assert isinstance(event, ev.PartResolved)
    return event.assume == "applied"


def _page(_: Attempt, event: ev.Event) -> str:
    assert isinstance(event, ev.PageFetched)
    return "collected" if event.locator_out == "null" else "paging"


INGEST: dict[tuple[str, type[ev.Event]], Next] = {
    ("intended", ev.JobCreated): _created,
    ("intended", ev.JobRefused): "refused",
    ("intended", ev.CreateLost): "lost",
    ("intended", ev.JobAdopted): "terminal",
    ("intended", ev.OutcomeLost): "undecided",
    ("created", ev.UploadIntended): "uploading",
    ("created", ev.AbortIntended): "aborting",
    ("created", ev.JobGone): "lost",
    ("uploading", ev.PartUploaded): "uploaded",
    ("uploading", ev.UploadLost): "doubtful",
    ("uploading", ev.JobGone): "lost",
    ("uploaded", ev.CloseIntended): "closing",
    ("uploaded", ev.AbortIntended): "aborting",
    ("uploaded", ev.JobGone): "lost",
    ("closing", ev.CloseIntended): "closing",
    ("closing", ev.UploadClosed): "processing",
    ("closing", ev.CloseRefused): "closing",
    ("closing", ev.JobObserved): lambda a, e: (_after_refused_close if a.close_refused else _after_close_seen)(a, e),
    ("closing", ev.AbortIntended): "aborting",
    ("closing", ev.JobGone): "undecided",
    ("doubtful", ev.JobObserved): _doubt_seen,
    ("doubtful", ev.AbortIntended): "aborting",
    ("doubtful", ev.JobGone): "lost",
    ("aborting", ev.AbortIntended): "aborting",
    ("aborting", ev.AbortAnswered): "aborting",
    ("aborting", ev.JobObserved): _abort_seen,
    ("aborting", ev.JobGone): lambda a, e: "undecided" if a.was_closed else "lost",
    ("processing", ev.JobObserved): _after_close_seen,
    ("processing", ev.AbortIntended): "aborting",
    ("processing", ev.JobGone): "undecided",
    ("terminal", ev.ResultSaved): _saved,
    ("terminal", ev.JobGone): "undecided",
    ("collected", ev.JobReconciled): "reconciled",
    ("undecided", ev.PartResolved): lambda _, e: "reconciled" if _applied(e) else "abandoned",
}

QUERY: dict[tuple[str, type[ev.Event]], Next] = {
    ("intended", ev.JobCreated): "processing",
    ("intended", ev.JobRefused): "refused",
    ("intended", ev.CreateLost): "lost",
    ("processing", ev.JobObserved): _query_seen,
    ("processing", ev.AbortIntended): "aborting",
    ("processing", ev.JobGone): "lost",
    ("aborting", ev.AbortIntended): "aborting",
    ("aborting", ev.AbortAnswered): "aborting",
    ("aborting", ev.JobObserved): lambda a, e: s if (s := _query_seen(a, e)) != "processing" else "aborting",
    ("aborting", ev.JobGone): "lost",
    ("paging", ev.PagesPlanned): "paging",
    ("paging", ev.PageFetched): _page,
    # The org contradicts itself about its pages: the walk ends, and the difference is named.
    ("paging", ev.QueryReconciled): "reconciled",
    ("paging", ev.JobGone): "lost",
    ("collected", ev.QueryReconciled): "reconciled",
}

TABLES = {"ingest": INGEST, "query": QUERY}


def advance(attempt: Attempt, event: ev.Event) -> str:
    """The phase that follows. Raises `IllegalEvent` when the table has no such pair."""
    following = TABLES[attempt.kind].get((attempt.phase, type(event)))
    if following is None:
        raise IllegalEvent(f"{type(event).__name__} while {attempt.phase} ({attempt.kind} {attempt.job or 'no job'})")
    return following if isinstance(following, str) else following(attempt, event)
