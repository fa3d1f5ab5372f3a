"""How jobs look on the wire: which keys appear at which moment, and the lists of jobs (page sections 1.5 and 4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .jobs import Job
from .wire import ApiError, Request, Response, id18, json_response, make_id, not_found, stamp, whole_number

if TYPE_CHECKING:
    from .org import Org

_LIST_NAME = "01g"
_JOB_TYPES = ("Classic", "V2Query", "V2Ingest", "BigObjectIngest")


def body(org: Org, job: Job, moment: str) -> dict[str, Any]:
    """The keys of a job at one moment: create, info, patch or list."""
    out: dict[str, Any] = {"id": job.id, "operation": job.operation, "object": job.object}
    out.update(createdById=org.admin, createdDate=stamp(job.created), systemModstamp=stamp(job.modified))
    out["state"] = job.state
    if job.key:
        out["externalIdFieldName"] = job.key
    out.update(concurrencyMode="Parallel", contentType="CSV", apiVersion=float(job.version))
    if moment == "patch":
        return out
    if moment in ("info", "list"):
        out["jobType"] = job_type(job)
    if job.state == "Open":
        out["contentUrl"] = f"services/data/v{job.version}.0/jobs/ingest/{job.id}/batches"
    out.update(lineEnding=job.line_ending, columnDelimiter=job.delimiter)
    if job.assignment_rule:
        out["assignmentRuleId"] = job.assignment_rule
    if moment == "info":
        _counters(org, out, job)
    return out


def job_type(job: Job) -> str:
    """`V2Ingest` or `V2Query`."""
    return "V2Query" if job.kind == "query" else "V2Ingest"


def _counters(org: Org, out: dict[str, Any], job: Job) -> None:
    if job.kind == "query":
        shown = job.total if job.state == "JobComplete" else 0
        out.update(numberRecordsProcessed=shown, retries=job.retries, totalProcessingTime=job.millis)
        if job.version >= 58:  # absent in recordings up to v57
            out["isPkChunkingSupported"] = " order by " not in job.query.lower() and " limit " not in job.query.lower()
        if job.error and org.settings.query_error_message:
            out["errorMessage"] = job.error
        return
    if job.state != "Open" or job.puts:
        out.update(numberRecordsProcessed=job.done, numberRecordsFailed=job.failed)
    out.update(retries=job.retries, totalProcessingTime=job.millis)
    out.update(apiActiveProcessingTime=job.millis, apexProcessingTime=0)
    if job.error:
        out["errorMessage"] = job.error


def find(org: Org, job_id: str, kind: str) -> Job:
    """The job of that id and kind; raises 404."""
    short = len(job_id) == 15 and org.settings.short_job_ids
    job = org.jobs.get(id18(job_id) if short else job_id)
    if job is None or job.kind != kind:
        raise not_found()
    return job


def listing(org: Org, request: Request, version: int) -> Response:
    """`GET /jobs/ingest` and `/jobs/query`: jobs of all kinds unless a jobType is asked for, a page at a time.

    The next page is found by a cursor of the server, so that it keeps the filter; and both lists point at /jobs/ingest."""
    size = org.settings.list_page_size
    locator = request.query.get("queryLocator")
    if locator is None:
        ids = [job.id for job in org.jobs if _is_wanted(job, request)]
        start, cursor = 0, ""
        if len(ids) > size:
            cursor = make_id(_LIST_NAME, org.store.next("cursor"))
            org.store.put_cursor(cursor, ids)
    else:
        cursor, _, text = locator.rpartition("-")
        ids, place = org.store.cursor(cursor), whole_number(text)
        if not isinstance(ids, list) or place is None:
            raise ApiError(400, "API_ERROR", f"Invalid value: '{locator}' supplied for property: 'queryLocator'")
        start = place
    shown = [body(org, job, "list") for job in map(org.jobs.get, ids[start : start + size]) if job is not None]
    more = start + size < len(ids)
    url = f"/services/data/v{version}.0/jobs/ingest?queryLocator={cursor}-{start + size}" if more else None
    return json_response({"done": not more, "records": shown, "nextRecordsUrl": url})


def _is_wanted(job: Job, request: Request) -> bool:
    wanted = request.query.get("jobType")
    if wanted is not None and wanted not in _JOB_TYPES:
        raise ApiError(400, "API_ERROR", f"Invalid value: '{wanted}' supplied for property: 'jobType'")
    if wanted not in (None, job_type(job)) or request.query.get("isPkChunkingEnabled", "").lower() == "true":
        return False
    return request.query.get("concurrencyMode", "parallel").lower() == "parallel"
