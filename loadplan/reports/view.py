"""Run -> plain values that a report may show: already sorted, counted and masked. Pure.

`runbook` and `summary` have the shapes of the contract (§4); new keys may be added. The pagination audit is in `pagination`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from loadplan.clock import timestamp
from loadplan.plan.model import Plan
from loadplan.reports.clinic import clusters, next_commands
from loadplan.reports.incidents import incidents, mask_job_error, mask_numbers_kept
from loadplan.run import events as ev
from loadplan.run.gates import describe_rule
from loadplan.run.state import Attempt, Run, StepRun

Records = Sequence[ev.Recorded]
MOST_ERRORS = 50


def runbook(plan: Plan, run: Run, records: Records, left_over: Sequence[str]) -> dict[str, Any]:
    """The runbook as data. `left_over` are steps with a file under `retry/`."""
    head = run.header
    assert head is not None
    return {
        "run": head.run,
        "plan": {"name": plan.name, "file": head.plan_file, "digest": f"sha256:{head.plan_digest}", "git": head.git},
        "org": {
            "name": head.org,
            "id": head.organization_id,
            "instance_url": head.instance_url,
            "username": head.username,
            "api_version": head.api_version,
        },
        "who": head.who,
        "host": head.host,
        "tool": f"loadplan {head.tool}",
        "started": timestamp(run.started) if run.started else None,
        "ended": timestamp(run.ended) if run.ended else None,
        "result": run.result or "running",
        "exit": run.exit,
        "steps": [_step(plan, s) for s in run.steps.values()],
        "left_out": list(plan.left_out),
        "timeline": list(_timeline(records)),
        "incidents": list(incidents(records)),
        "errors": [cluster.as_json() for cluster in clusters(run)[:MOST_ERRORS]],
        "next": next_commands(run, left_over),
    }


def _step(plan: Plan, step: StepRun) -> dict[str, Any]:
    spec = plan.steps[step.id]
    counts = step.counts
    gate: dict[str, Any] = {
        "verdict": "waiting",
        "rule": describe_rule(spec.gate, is_query=spec.is_query),
        "because": "",
    }
    if step.gate:
        gate |= {"verdict": step.gate.verdict, "because": mask_numbers_kept(step.gate.because)}
    if step.state == "blocked":
        gate |= {"verdict": "not reached", "because": f"held by {step.blocked_by}"}
    return {
        "step": step.id,
        "object": spec.object or "",
        "operation": spec.operation,
        "external_id": spec.external_id,
        "state": step.state,
        "sent": counts.sent,
        "successful": counts.successful,
        "failed": counts.failed,
        "unprocessed": counts.unprocessed,
        "held": counts.held,
        "held_why": _held_why(step),
        "not_sent": step.not_sent,
        "reconciled": step.reconciled if step.attempts else None,
        "problem": mask_numbers_kept(step.problem),
        "gate": gate,
        "output": spec.output,
        "jobs": [_job(a) for a in step.attempts],
    }


def _held_why(step: StepRun) -> dict[str, int]:
    """Rows that wait for their parents, by reason."""
    found: dict[str, int] = {}
    for fact in step.held:
        for why, rows in fact.why.items():
            found[why] = found.get(why, 0) + rows
    return found


def _job(a: Attempt) -> dict[str, Any]:
    r = a.reconciled
    closed = (a.was_closed or a.reconciled is not None) and not a.is_dead
    row: dict[str, Any] = {
        "job": a.job,
        "part": a.part,
        "attempt": a.number,
        "state": a.state if a.state and not a.is_dead else f"{a.state or 'no job'} ({a.phase})",
        "sent": a.rows if closed else 0,
        "successful": r.successful if r else 0,
        "failed": r.failed if r else 0,
        "unprocessed": r.unprocessed if r else 0,
        "reconciled": r.agree if r else None,
        "error": mask_job_error(a.error),
    }
    if a.kind == "query":
        rows = a.pages.rows
        row |= {
            "sent": rows,
            "successful": rows,
            "pages": len(a.pages),
            "reconciled": a.query.agree if a.query else None,
        }
    return row


def _timeline(records: Records) -> Iterable[dict[str, Any]]:
    """Each request that changes something, and each state seen."""
    for r in records:
        e = r.event
        if not isinstance(e, ev.JobEvent) or (
            e.http is None and not isinstance(e, ev.CreateLost | ev.UploadLost | ev.RequestFailed)
        ):
            continue
        if isinstance(e, ev.ResultSaved | ev.PageFetched):
            continue
        method, _, path = e.request.partition(" ")
        yield {
            "time": timestamp(r.at),
            "step": e.step,
            "part": e.part,
            "attempt": e.attempt,
            "job": e.job,
            "event": e.TYPE,
            "method": method,
            "path": path,
            "answer": e.http if e.http is not None else "no answer",
            "state": getattr(e, "state", ""),
            "next_poll": getattr(e, "next_poll", None) or getattr(e, "next_try", None),
        }


def summary(run: Run) -> dict[str, Any]:
    """`summary.json`: the result in a few numbers."""
    steps = list(run.steps.values())
    return {
        "run": run.header.run if run.header else "",
        "result": run.result or "running",
        "exit": run.exit,
        "steps": {
            "ok": sum(1 for s in steps if s.gate and s.gate.verdict == "open"),
            "failed": sum(1 for s in steps if s.gate and s.gate.verdict != "open"),
            "blocked": sum(1 for s in steps if s.state == "blocked"),
        },
        "rows": {
            key: sum(getattr(s.counts, key) for s in steps if not s.query_attempts)
            for key in ("sent", "successful", "failed", "unprocessed", "held")
        },
        "extracted": sum(s.counts.sent for s in steps if s.query_attempts),
    }


def summary_line(run: Run) -> str:
    """The last line of `apply`, and of a `retry`. Its words are a public interface and are golden-tested."""
    s = summary(run)
    rows, steps = s["rows"], s["steps"]
    numbers = (
        f"Rows: {rows['sent']:,} sent, {rows['successful']:,} ok, {rows['failed']:,} failed, "
        f"{rows['unprocessed']:,} unprocessed."
    )
    if rows["held"]:
        numbers += f" Held back: {rows['held']:,}."
    if s["extracted"]:
        numbers += f" Extracted: {s['extracted']:,}."
    if run.ended and s["exit"] == 0:
        return f"{run.asked.title()} complete! Steps: {steps['ok']} ok. {numbers}"
    word = "failed" if run.ended else "stopped"
    return f"{run.asked.title()} {word}! Steps: {steps['ok']} ok, {steps['failed']} failed, {steps['blocked']} blocked. {numbers}"
