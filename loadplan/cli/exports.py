"""What a run or a check hands to the CI system around it: JUnit, GitHub's step summary and its annotations.

Nothing of it is in the way of the run: it has ended, and its own files are written, before any of this is made.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan import github
from loadplan.cli.console import Console
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.diagnostics import Diagnostic
    from loadplan.plan.model import Plan
    from loadplan.reports.view import Records
    from loadplan.run.state import Run


def write_junit(plan: Plan, run: Run, records: Records, left_over: Sequence[str], to: Path) -> None:
    """The run as JUnit XML. Raises `LocalError`."""
    from loadplan.durable import write_atomic
    from loadplan.reports.junit import as_junit
    from loadplan.reports.timing import timing
    from loadplan.reports.view import runbook

    took = {name: s.took for name, s in timing(run, records).steps.items()}
    write_atomic(to, as_junit(runbook(plan, run, records, left_over), took).encode(), 0o644)


def tell_github(console: Console, plan: Plan, run: Run, records: Records, left_over: Sequence[str]) -> None:
    """On GitHub Actions: the run in the step's summary, and an annotation for each gate that is shut."""
    if not github.is_actions(os.environ) or not records:
        return
    from loadplan.reports.page import view
    from loadplan.reports.render import render

    values = view(plan, run, records, left_over)
    append_summary(console, render("summary.md.j2", values))
    shut = [s for s in values["steps"] if s["gate"]["verdict"] == "shut" or s["state"] in {"failed", "aborted"}]
    most = github.MOST_ANNOTATIONS - 1
    for step in shut[:most]:
        why = step["gate"]["because"] or step["problem"] or step["state"]
        console.command(
            github.annotation(
                "error", why, title=f"gate of {step['step']} is shut", place=plan.steps[step["step"]].place
            )
        )
    if len(shut) > most:
        console.command(github.annotation("error", f"{len(shut) - most} more gates are shut", title="loadplan"))


def check_summary(console: Console, plans: int, found: Sequence[Diagnostic]) -> None:
    """The outcome of `validate` in the step's summary."""
    if not github.is_actions(os.environ):
        return
    from loadplan.reports.render import md

    errors = sum(1 for d in found if str(d.severity) == "error")
    counts = ", ".join(count(n, w) for n, w in ((plans, "plan"), (errors, "error"), (len(found) - errors, "warning")))
    head = f"## {'❌' if errors else '✅'} loadplan validate: {counts}\n\n"
    lines = ["| where | | code | what |", "|---|---|---|---|"] if found else []
    for d in found[:500]:
        where = github.from_workspace(str(d.place), os.environ)
        lines.append(
            f"| {md(where)} | {d.severity} | {d.code} | {md(d.summary)}{f' ({md(d.hint)})' if d.hint else ''} |"
        )
    if len(found) > 500:
        lines.append(f"\n{len(found) - 500} more are in the log.")
    append_summary(console, head + "".join(f"{line}\n" for line in lines) + "\n")


def append_summary(console: Console, text: str) -> None:
    """Add to `$GITHUB_STEP_SUMMARY`, within its limit. A summary that cannot be written is a warning."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    file = Path(name)
    try:
        there = file.stat().st_size if file.exists() else 0
        with file.open("a", encoding="utf-8") as out:
            out.write(github.within_budget(text, there))
    except OSError as error:
        console.error(f"warning: the step summary cannot be written: {error.strerror}")
