"""Write what a run leaves: runbook, pagination audit, report, summary. Each file is made whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loadplan.durable import write_atomic
from loadplan.plan.model import Plan
from loadplan.reports.page import FileLine, report_page
from loadplan.reports.pagination import audit_view, pagination
from loadplan.reports.render import render, warm
from loadplan.reports.view import Records, runbook, summary
from loadplan.run.folder import RunFolder
from loadplan.run.state import Run

__all__ = ["page_of", "warm", "write_artifacts"]
KEPT = {
    "runbook.md": "the runbook, with the timeline of every request that changed something",
    "runbook.json": "the same for programs",
    "pagination.md": "the pagination audit",
    "pagination.jsonl": "the same for programs, one line a page",
    "summary.json": "the result in a few numbers",
    "plan.yaml": "the plan as it was given",
    "journal.jsonl": "the truth: everything above can be made again from it",
}


def write_artifacts(plan: Plan, run: Run, records: Records, folder: RunFolder, left_over: Sequence[str]) -> None:
    """Render everything from the journal's records; the summary last. Safe to repeat; raises `LocalError` when the disk refuses."""
    book = runbook(plan, run, records, left_over)
    folder.write_json("runbook.json", book)
    write_atomic(folder.root / "runbook.md", render("runbook.md.j2", book).encode())
    lines = pagination(run, records)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomic(folder.root / "pagination.jsonl", text.encode())
    write_atomic(folder.root / "pagination.md", render("pagination.md.j2", audit_view(folder.id, lines)).encode())
    write_atomic(folder.root / "report.html", page_of(plan, run, records, folder, left_over).encode())
    folder.write_json("summary.json", summary(run))


def page_of(plan: Plan, run: Run, records: Records, folder: RunFolder, left_over: Sequence[str], base: str = "") -> str:
    """The report page of a run, with links to the files that its folder holds; `base` leads there from where the page lies."""
    found = [FileLine(name, what) for name, what in KEPT.items()]
    for step in left_over:
        path = folder.relative(folder.retry(step))
        found.insert(0, FileLine(path, f"rows of {step} that did not land, with the columns of their source"))
    return report_page(plan, run, records, left_over, found, base)
