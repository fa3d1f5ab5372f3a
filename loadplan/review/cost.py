"""Cost: what a plan takes of the org, of the network and of this machine, and what it adds up to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from loadplan.lean import dataclass
from loadplan.plan.model import Plan
from loadplan.review.asking import UNKNOWN, Split
from loadplan.review.sizing import PartSize

BATCH_ROWS = 10_000
"""Records of a batch (Bulk API 2.0 Developer Guide, "How Requests Are Processed"); daily limits count batches."""
CALLS_PER_JOB = 7
"""Create, upload, close, one look at its state, three result files: the least that one job takes."""
CALLS_PER_QUERY = 3


@dataclass(frozen=True)
class OrgFacts:
    """Of the org that was asked. `limits` maps a name to (left, of)."""

    name: str
    organization_id: str
    organization_name: str
    username: str
    instance: str
    production: bool
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    permissions: Mapping[str, bool] = field(default_factory=dict)
    open_jobs: Sequence[Mapping[str, str]] = ()
    max_delete_rows: int | None = None
    barred: Sequence[tuple[str, str]] = ()
    """Steps whose operation the org's entry does not allow."""


@dataclass
class StepView:
    """A step on its way into the document. `about`: the run will count again; `exact`: the boundaries of its parts are certain."""

    rows: int | None = None
    about: bool = False
    read: int | None = None
    bytes: int = 0
    parts: list[PartSize] = field(default_factory=list)
    exact: bool = True
    levels: tuple[int, ...] = ()
    split: Split = UNKNOWN
    as_it_stands: bool = False


def batches_of(found: StepView) -> int:
    return sum(-(-part.rows // BATCH_ROWS) for part in found.parts)


def cost_of(plan: Plan, steps: Mapping[str, StepView], org: OrgFacts | None, disk: int) -> dict[str, Any]:
    """What the run will use. `disk` is the bytes it needs on disk (`run/room.py`), pages of queries not among them."""
    ingest = sum(len(found.parts) for s, found in steps.items() if not plan.steps[s].is_query)
    queries = [s for s in plan.steps.values() if s.is_query]
    pages = 0
    for step in queries:
        rows = steps[step.id].rows
        pages += max(1, -(-rows // (step.max_records or 250_000))) if rows is not None else 1
    batches = sum(batches_of(found) for s, found in steps.items() if not plan.steps[s].is_query)
    calls = ingest * CALLS_PER_JOB + len(queries) * CALLS_PER_QUERY + pages
    needs = {"DailyApiRequests": calls, "DailyBulkApiBatches": batches, "DailyBulkV2QueryJobs": len(queries)}
    limits = {}
    for name, wanted in needs.items():
        if org is not None and wanted and name in org.limits:
            left, most = org.limits[name]
            limits[name] = {
                "needs": wanted, "left": left, "of": most, "percent": round(wanted * 100 / most, 2) if most else 0.0,
            }  # fmt: skip
    sent = sum(found.bytes for found in steps.values())
    return {
        "ingest_jobs": ingest, "query_jobs": len(queries), "batches": batches, "api_calls_at_least": calls, "bytes_sent": sent,
        "disk_bytes_about": disk, "limits": limits,
    }  # fmt: skip


def totals_of(plan: Plan, steps: Mapping[str, StepView]) -> dict[str, Any]:
    """What the steps add up to."""
    views = {
        name: {"rows": s.rows, "parts": s.parts, "creates": s.split.creates, "updates": s.split.updates}
        for name, s in steps.items()
    }
    return add_up(plan, views)


def add_up(plan: Plan, steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The totals of steps as the document shows them."""
    totals = {"create": 0, "update": 0, "create_or_update": 0, "delete": 0, "extract": 0, "jobs": 0, "unknown_steps": 0}
    for step in plan.steps.values():
        found = steps.get(step.id, {"rows": None, "parts": ()})
        totals["jobs"] += 1 if step.is_query else len(found["parts"])
        if step.is_query:
            totals["extract"] += 1
        elif found["rows"] is None:
            totals["unknown_steps"] += 1
        elif step.facts.destructive:
            totals["delete"] += found["rows"]
        elif step.operation == "insert":
            totals["create"] += found["rows"]
        elif step.operation == "update":
            totals["update"] += found["rows"]
        elif found["creates"] is not None and found["updates"] is not None:
            totals["create"] += found["creates"]
            totals["update"] += found["updates"]
        else:
            totals["create_or_update"] += found["rows"]
    outputs = any(step.is_query and step.output for step in plan.steps.values())
    rows = any(totals[k] for k in ("create", "update", "create_or_update", "delete", "unknown_steps"))
    return {**totals, "changes": bool(outputs or rows)}
