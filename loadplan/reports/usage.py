"""What a run used of the org's daily allowances, counted from the journal. Pure.

Polls that brought nothing new are not on record, so requests are a lower bound; what other programs used is not known here.
Allowances are those of Salesforce's guide (Bulk API limits: 15,000 batches of 10,000 rows and 150 million rows of ingest,
10,000 query jobs, in rolling 24 hours).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadplan.run import events as ev
from loadplan.run.state import Run

ROWS_OF_A_BATCH, BATCHES, ROWS, QUERY_JOBS = 10_000, 15_000, 150_000_000, 10_000


def usage(run: Run, records: Sequence[ev.Recorded]) -> list[dict[str, Any]]:
    """Lines of `what`, `used`, `of` (None where there is no allowance) and `unit`; only those that are not zero."""
    closed = [a.rows for a in run.attempts() if a.kind == "ingest" and a.was_closed and not a.is_dead]
    jobs = [r.event for r in records if isinstance(r.event, ev.JobCreated)]
    queries = sum(1 for a in run.attempts() if a.kind == "query" and a.job)
    answered = sum(1 for r in records if isinstance(r.event, ev.JobEvent) and r.event.http is not None)
    down = sum(r.event.bytes for r in records if isinstance(r.event, ev.ResultSaved | ev.PageFetched))
    lines: list[tuple[str, int, int | None, str]] = [
        ("rows sent, those sent again too", sum(closed), ROWS, "rows"),
        ("batches of 10,000 rows, at least", sum(-(-rows // ROWS_OF_A_BATCH) for rows in closed), BATCHES, "batches"),
        ("query jobs", queries, QUERY_JOBS, "jobs"),
        ("jobs made", len(jobs), None, "jobs"),
        ("requests on record, polls that brought nothing new aside", answered, None, "requests"),
        ("uploaded", _uploaded(run, records), None, "bytes"),
        ("downloaded", down, None, "bytes"),
    ]
    return [{"what": what, "used": used, "of": of, "unit": unit} for what, used, of, unit in lines if used]


def _uploaded(run: Run, records: Sequence[ev.Recorded]) -> int:
    total = 0
    for record in records:
        event = record.event
        if not isinstance(event, ev.PartUploaded):
            continue
        part = run.steps[event.step].parts.get(event.part)
        if part is not None:
            round_ = run.attempt(event.step, event.part, event.attempt).round
            total += part.facts[min(round_, len(part.facts)) - 1].bytes
    return total
