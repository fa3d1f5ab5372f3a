"""Write what a run leaves: runbook, pagination audit, summary. Each file is made whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loadplan.durable import write_atomic
from loadplan.plan.model import Plan
from loadplan.reports.pagination import audit_view, pagination
from loadplan.reports.render import render
from loadplan.reports.view import Records, runbook, summary
from loadplan.run.folder import RunFolder
from loadplan.run.state import Run


def write_artifacts(plan: Plan, run: Run, records: Records, folder: RunFolder, left_over: Sequence[str]) -> None:
    """Render everything from the journal's records. Safe to repeat; raises `LocalError` when the disk refuses."""
    book = runbook(plan, run, records, left_over)
    folder.write_json("runbook.json", book)
    write_atomic(folder.root / "runbook.md", render("runbook.md.j2", book).encode())
    lines = pagination(run, records)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomic(folder.root / "pagination.jsonl", text.encode())
    write_atomic(folder.root / "pagination.md", render("pagination.md.j2", audit_view(folder.id, lines)).encode())
    folder.write_json("summary.json", summary(run))
