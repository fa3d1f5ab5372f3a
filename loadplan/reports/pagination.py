"""The pagination audit as plain values: the chain of a query's pages, and the result files of ingest jobs. Pure.

Its lines are those of the contract (§4). Besides them it has a line `planned` for links that the org named ahead, before the
pages they lead to, and a line `stopped` where the org contradicted itself about its pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadplan.clock import timestamp
from loadplan.run import events as ev
from loadplan.run.state import Run


def pagination(run: Run, records: Sequence[ev.Recorded]) -> list[dict[str, Any]]:
    """One line per page and result file in the order they became durable. A query whose last page named `null` has an end
    line, whether its rows agree with the job's or not; no other query has one."""
    lines: list[dict[str, Any]] = []
    last: dict[tuple[str, int], str] = {}
    for record in records:
        event = record.event
        if not isinstance(event, ev.PagesPlanned | ev.PageFetched | ev.ResultSaved | ev.QueryReconciled):
            continue
        base = {"run": run.header.run if run.header else "", "step": event.step, "job": event.job}
        match event:
            case ev.PagesPlanned():
                line = {
                    "kind": "planned", **base, "locator_in": event.locator_in, "locators": list(event.locators),
                    "following": event.following, "http": event.http,
                }  # fmt: skip
            case ev.PageFetched():
                last[event.step, event.attempt] = event.locator_out
                line = {
                    "kind": "query", **base, "page": event.page, "locator_in": event.locator_in,
                    "locator_out": event.locator_out, "rows": event.rows, "header_rows": event.header_rows,
                    "bytes": event.bytes, "sha256": event.sha256, "file": event.file, "http": event.http,
                    "tries": event.tries,
                }  # fmt: skip
            case ev.ResultSaved():
                line = {
                    "kind": event.kind, **base, "page": 1, "locator_in": None, "locator_out": None, "rows": event.rows,
                    "header_rows": None, "bytes": event.bytes, "sha256": event.sha256, "file": event.file,
                    "http": event.http, "tries": event.tries,
                }  # fmt: skip
            case _:
                ended = last.get((event.step, event.attempt)) == "null"
                mark = {"end": True} if ended else {"kind": "stopped"}
                line = {
                    **mark, **base, "pages": event.pages, "rows": event.rows, "job_rows": event.job_rows,
                    "agree": event.agree,
                }  # fmt: skip
                if event.problem:
                    line["problem"] = event.problem
        lines.append({**line, "at": timestamp(record.at)})
    return lines


def audit_view(run: str, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The audit's lines grouped by query job, for the readable form."""
    queries: dict[tuple[str, str], dict[str, Any]] = {}
    results = []
    for line in lines:
        kind = line.get("kind")
        if kind in {"successful", "failed", "unprocessed"}:
            results.append(line)
            continue
        query = queries.setdefault(
            (line["step"], line["job"]),
            {"step": line["step"], "job": line["job"], "pages": [], "planned": 0, "end": None, "stopped": None},
        )
        match kind:
            case "query":
                query["pages"].append(line)
            case "planned":
                query["planned"] += len(line["locators"])
            case "stopped":
                query["stopped"] = line
            case _:
                query["end"] = line
    return {"run": run, "queries": list(queries.values()), "results": results}
