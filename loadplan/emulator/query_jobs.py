"""Query jobs over HTTP: create, results by locator, resultPages (page section 8)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from .csvfile import DELIMITERS, ENDINGS
from .ingest import body
from .soql import parse
from .soql_eval import Evaluator
from .store import Record
from .values import show
from .wire import CSV_TYPE, ApiError, Request, Response, json_response, make_id, not_found, quote_row

if TYPE_CHECKING:
    from .org import Org

_REFUSED = (
    (r"\(\s*SELECT\b", "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"),
    (r"\bGROUP\s+BY\b|\b(COUNT|SUM|AVG|MIN|MAX)\s*\(", "Aggregate Relationships not supported in Bulk Query"),
    (r"\bOFFSET\s+\d", "Implementation restriction: OFFSET is not supported in Bulk Query"),
    (r"\bTYPEOF\b", "Implementation restriction: TYPEOF is not supported in Bulk Query"),
)


def create(org: Org, request: Request, version: int, now: float) -> Response:
    """`POST /jobs/query`."""
    wanted = request.json()
    if wanted.get("operation") not in ("query", "queryAll"):
        text = f"Invalid value: '{wanted.get('operation') or ''}' supplied for property: 'operation'"
        raise ApiError(400, "API_ERROR", text)
    text = str(wanted.get("query") or "")
    bare = re.sub(r"'(?:[^'\\]|\\.)*'", "''", text)
    for pattern, message in _REFUSED:
        if re.search(pattern, bare, re.IGNORECASE):
            raise ApiError(400, "API_ERROR", message)
    run = Evaluator(org.store, org.schema, parse(text), now)
    if any(path[-1].type in ("address", "location") for path in run.fields):
        raise ApiError(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")
    number = org.store.next("job")
    job: Record = {
        "id": make_id("750", number), "kind": "query", "number": number, "operation": wanted["operation"],
        "object": run.kind.name, "state": "UploadComplete", "created": now, "systemModstamp": now, "closed": now,
        "version": version, "lineEnding": wanted.get("lineEnding", "LF"), "started": 0.0, "total": 0, "millis": 0,
        "columnDelimiter": wanted.get("columnDelimiter", "COMMA"), "query": text,
    }  # fmt: skip
    if job["lineEnding"] not in ENDINGS or job["columnDelimiter"] not in DELIMITERS:
        raise ApiError(400, "API_ERROR", "Invalid value supplied for property: 'lineEnding' or 'columnDelimiter'")
    org.store.put_job(job)
    return json_response(body(org, job, "create"))


def advance(org: Org, job: Record, now: float) -> Record:
    """Evaluate once when the job begins; complete when the org's speed allows."""
    begins = job["closed"] + org.settings.latency
    if job["state"] == "UploadComplete" and now >= begins:
        run = Evaluator(org.store, org.schema, parse(job["query"]), now)
        found = run.rows(deleted=job["operation"] == "queryAll")
        delimiter, ending = DELIMITERS[job["columnDelimiter"]], ENDINGS[job["lineEnding"]]
        lines = (quote_row([show(run.value(row, path)) for path in run.fields], delimiter, ending) for row in found)
        org.store.add_pages((job["id"], number, line) for number, line in enumerate(lines))
        job["header"] = quote_row(list(run.query.fields), delimiter, ending)
        job.update(state="InProgress", started=begins, total=len(found), systemModstamp=begins)
        org.store.put_job(job)
        org.store.commit()
    if job["state"] == "InProgress" and now >= job["started"] + job["total"] / org.settings.rows_per_second:
        job.update(state="JobComplete", systemModstamp=now, millis=max(1, int((now - job["started"]) * 1000)))
        org.store.put_job(job)
        org.store.commit()
    return job


def _locator(job: Record, start: int) -> str:
    return base64.urlsafe_b64encode(f"0:{job['id']}:{start}".encode()).decode().rstrip("=")


def _start(job: Record, locator: str | None) -> int:
    if not locator:
        return 0
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode()
        marker, job_id, start = text.split(":")
        if (marker, job_id) == ("0", job["id"]):
            return int(start)
    except ValueError:
        pass_on = ApiError(400, "API_ERROR", "Invalid locator")
        raise pass_on from None
    raise ApiError(400, "API_ERROR", "Invalid locator")


def _readable(job: Record, version: int) -> None:
    if version != job["version"]:
        raise ApiError(409, "API_ERROR", "The API version of the request differs from that of the job")
    if job["state"] != "JobComplete":
        raise ApiError(400, "INVALIDJOBSTATE", f"Results are not available for a Job in state {job['state']}")


def _size(org: Org, request: Request) -> int:
    text = request.query.get("maxRecords", str(org.settings.page_size))
    if not text.isdigit() or not int(text):
        raise ApiError(400, "API_ERROR", f"Invalid value: '{text}' supplied for property: 'maxRecords'")
    return int(text)


def results(org: Org, job: Record, request: Request, version: int) -> Response:
    """One page: header row first, the next locator or the text `null` in Sforce-Locator."""
    _readable(job, version)
    size, start = _size(org, request), _start(job, request.query.get("locator"))
    lines = org.store.page(job["id"], start, size)
    after = start + len(lines)
    locator = _locator(job, after) if after < job["total"] else "null"
    headers = {"Content-Type": CSV_TYPE, "Sforce-NumberOfRecords": str(len(lines)), "Sforce-Locator": locator}
    return Response(200, (job["header"] + "".join(lines)).encode(), headers)


def pages(org: Org, job: Record, request: Request, version: int) -> Response:
    """`resultPages`, since v58: up to five page addresses a time."""
    if version < 58:
        raise not_found()
    _readable(job, version)
    size, start = org.settings.page_size, _start(job, request.query.get("locator"))
    base = f"/services/data/v{version}.0/jobs/query/{job['id']}/"
    starts = list(range(start, max(job["total"], 1), size))
    shown = [{"resultUrl": f"{base}results?locator={_locator(job, place)}"} for place in starts[:5]]
    more = f"{base}resultPages?locator={_locator(job, starts[5])}" if len(starts) > 5 else None
    return json_response({"resultPages": shown, "nextRecordsUrl": more, "done": more is None})
