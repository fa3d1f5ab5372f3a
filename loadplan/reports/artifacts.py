"""Write what a run leaves: runbook, pagination audit, summary. Each file is made whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from loadplan.durable import write_atomic
from loadplan.plan.model import Plan
from loadplan.reports.render import render
from loadplan.reports.view import Records, pagination, runbook, summary
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


def audit_view(run: str, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The audit's lines grouped by query job, for the readable form."""
    queries: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        if line.get("kind") == "query" or line.get("end"):
            query = queries.setdefault(
                (line["step"], line["job"]), {"step": line["step"], "job": line["job"], "pages": [], "end": None}
            )
            if line.get("end"):
                query["end"] = line
            else:
                query["pages"].append(line)
    results = [line for line in lines if line.get("kind") in {"successful", "failed", "unprocessed"}]
    return {"run": run, "queries": list(queries.values()), "results": results}
