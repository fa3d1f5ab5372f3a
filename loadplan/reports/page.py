"""The run report as one HTML file: what the page shows, as plain values, and the page. No script, no network, no row values.

What it says comes from the runbook's view, so that the two never differ; what may be shown was masked there. The page carries a
policy of its own that forbids everything but its one style sheet, named by its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadplan.lean import dataclass
from loadplan.plan.model import Plan
from loadplan.reports.dag import SIGNS, Box, draw_graph
from loadplan.reports.gantt import draw_gantt
from loadplan.reports.layers import reduced
from loadplan.reports.pagination import audit_view, pagination
from loadplan.reports.render import markup, render_html
from loadplan.reports.timing import KINDS, Timing, duration, timing
from loadplan.reports.usage import usage
from loadplan.reports.view import Records, runbook, summary
from loadplan.run import events as ev
from loadplan.run.state import Run
from loadplan.words import count

FEW_STEPS = 16
"""Of more steps than these the page shows those first that need attention, and folds the others."""
MOST_IN_MERMAID = 80
MOST_LINES = 200
"""Lines of a table beyond these are left to the files of the run folder."""


@dataclass(frozen=True)
class FileLine:
    """A file of the run folder: its place relative to the folder, and what is in it."""

    path: str
    what: str


def report_page(
    plan: Plan, run: Run, records: Records, left_over: Sequence[str], found: Sequence[FileLine] = (), base: str = ""
) -> str:  # fmt: skip
    """The whole page. `found` are the files to list; `base` leads from the page to the run folder, empty when it lies there."""
    values = view(plan, run, records, left_over)
    return render_html("report.html.j2", {**values, "files": found, "base": f"{base}/" if base else ""})


def view(plan: Plan, run: Run, records: Records, left_over: Sequence[str]) -> dict[str, Any]:
    """What the page shows."""
    book = runbook(plan, run, records, left_over)
    times = timing(run, records)
    steps = [_step(s, times) for s in book["steps"]]
    trouble = [
        s for s in steps if (s["tone"] in {"bad", "warn"} or s["state"] == "running") and s["state"] != "blocked"
    ]
    first = steps if len(steps) <= FEW_STEPS else trouble
    waiting = [s for s in steps if s not in first and s["state"] in {"blocked", "waiting"}]
    shut = steps if len(steps) <= FEW_STEPS else [s for s in steps if s["gate"]["verdict"] == "shut"]
    audit = audit_view(book["run"], pagination(run, records))
    return {
        **book,
        **_verdict(run, steps),
        "description": plan.description,
        "steps": steps,
        "first_steps": first,
        "waiting_steps": waiting,
        "other_steps": [s for s in steps if s not in first and s not in waiting],
        "first_gates": shut,
        "other_gates": [s for s in steps if s not in shut],
        "totals": summary(run),
        "took": duration((times.end - times.start).total_seconds()),
        "stopped": duration(times.stopped.total_seconds()) if times.stops else "",
        "stops": len(times.stops),
        "gantts": list(_gantts(run, times, {s["step"] for s in trouble})),
        "legend": [k for k in KINDS if any(s.seconds(k) for s in times.steps.values())],
        "mermaid": _mermaid(run, steps) if len(steps) <= MOST_IN_MERMAID else "",
        "dag": markup(_dag(plan, run, steps, times)),
        "path": [{"step": s, "took": duration(times.steps[s].took or 0)} for s in times.path],
        "again": list(_sent_again(run, records)),
        "queries": audit["queries"],
        "result_files": len(audit["results"]),
        "usage": usage(run, records),
        "most": MOST_LINES,
    }


def _verdict(run: Run, steps: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The run in one word, a colour and a sentence."""
    left = sum(s["left_over"] for s in steps)
    shut = sum(1 for s in steps if s["gate"]["verdict"] == "shut")
    held = sum(1 for s in steps if s["state"] == "blocked")
    parts = [count(left, "row") + " left over"] if left else []
    parts += [count(shut, "gate") + " shut"] if shut else []
    parts += [count(held, "step") + " not started"] if held else []
    said = ", ".join(parts)
    if run.ended is None:
        word = "Stopped" if run.result or run.exit is not None else "Not ended"
        return {"tone": "warn", "verdict": word, "sentence": f"{said or 'Nothing is lost'}; the run can go on."}
    if run.exit == 0 and not left:
        return {"tone": "good", "verdict": "Complete", "sentence": "Every row landed and every gate passed."}
    if run.exit == 0:
        return {"tone": "warn", "verdict": "Complete", "sentence": f"{said}; the gates allow it."}
    return {"tone": "bad", "verdict": "Failed", "sentence": f"{said or 'The run ended early'}."}


def _step(step: dict[str, Any], times: Timing) -> dict[str, Any]:
    left = 0 if step["operation"] in {"query", "queryAll"} else step["failed"] + step["unprocessed"] + step["held"]
    is_shut = step["gate"]["verdict"] == "shut"
    if is_shut or step["state"] in {"failed", "aborted"} or step["reconciled"] is False:
        tone = "bad"
    elif step["state"] == "blocked" or left:
        tone = "warn"
    else:
        tone = "good" if step["state"] == "succeeded" else "idle"
    took = times.steps[step["step"]].took
    shares = [
        {"kind": kind, "took": duration(seconds)}
        for kind in KINDS
        if (seconds := times.steps[step["step"]].seconds(kind))
    ]
    return {
        **step, "tone": tone, "left_over": left, "is_query": step["operation"] in {"query", "queryAll"},
        "took": duration(took) if took is not None else "", "shares": shares,
        "critical": step["step"] in times.path,
    }  # fmt: skip


def _gantts(run: Run, times: Timing, trouble: set[str]) -> list[dict[str, Any]]:
    """One drawing of all steps; of many steps first one of those that the end waited for or that need attention."""
    every = list(run.steps)
    if len(every) <= FEW_STEPS:
        return [{"title": "", "about": "", "svg": markup(draw_gantt(times, every, name="When each step did what"))}]
    few = [s for s in every if s in times.path or s in trouble][:FEW_STEPS]
    name = "When the steps of the critical path and those that need attention did what"
    return [
        {"title": "", "svg": markup(draw_gantt(times, few, name=name)), "about": name},
        {
            "title": f"All {len(every)} steps",
            "about": "",
            "svg": markup(draw_gantt(times, every, name=f"When each of {len(every)} steps did what")),
        },
    ]


def _mermaid(run: Run, steps: Sequence[dict[str, Any]]) -> str:
    """The graph for markdown that draws mermaid. Step ids are letters, digits, `_` and `-`: nothing in them is a command there."""
    names = {s["step"]: f"s{i}" for i, s in enumerate(steps)}
    lines = ["flowchart LR"]
    lines += [f'  {names[s["step"]]}["{SIGNS.get(s["state"], "○")} {s["step"]}"]' for s in steps]
    kept = reduced({name: s.parents for name, s in run.steps.items()})
    lines += [f"  {names[p]} --> {names[child]}" for child, above in kept.items() for p in above]
    return "\n".join(lines)


def _dag(plan: Plan, run: Run, steps: Sequence[dict[str, Any]], times: Timing) -> str:
    boxes = []
    for step in steps:
        spec = plan.steps[step["step"]]
        rows = f" · {step['sent']:,}" if step["sent"] else ""
        what = f"{spec.operation} {spec.object or ''}".strip() + rows
        boxes.append(Box(step["step"], what, step["state"], f"{step['step']}: {what}, {step['state']}"))
    parents = {name: s.parents for name, s in run.steps.items()}
    return draw_graph(boxes, parents, name=f"Steps of {plan.name}", path=times.path)


def _sent_again(run: Run, records: Sequence[ev.Recorded]) -> list[dict[str, Any]]:
    """Each time that rows were sent again: why, how many, and what became of them."""
    found = []
    for record in records:
        event = record.event
        if not isinstance(event, ev.RetryPrepared):
            continue
        part = run.steps[event.step].parts.get(event.part)
        done = [a.reconciled for a in part.attempts if a.round == event.round and a.reconciled] if part else []
        found.append(
            {
                "step": event.step, "part": event.part, "round": event.round, "why": event.why, "rows": event.fact.rows,
                "successful": done[-1].successful if done else None,
                "left": done[-1].failed + done[-1].unprocessed if done else None,
            }
        )  # fmt: skip
    return found
