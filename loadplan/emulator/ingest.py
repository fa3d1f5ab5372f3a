"""Ingest jobs over HTTP: create, upload, close, abort, info, results, delete (page sections 1 to 7)."""

from __future__ import annotations

import random
import re
import shutil
from typing import TYPE_CHECKING, Any

from .csvfile import DELIMITERS, ENDINGS, header_text
from .store import Record
from .wire import CSV_TYPE, ApiError, Request, Response, id18, json_response, make_id, not_found, quote_row, stamp

if TYPE_CHECKING:
    from .org import Org

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
TERMINAL = ("JobComplete", "Failed", "Aborted")


def body(org: Org, job: Record, moment: str) -> dict[str, Any]:
    """The keys of a job at one moment: create, info, patch or list (page 1.5)."""
    out: dict[str, Any] = {key: job[key] for key in ("id", "operation", "object")}
    out.update(createdById=org.admin, createdDate=stamp(job["created"]), systemModstamp=stamp(job["systemModstamp"]))
    out["state"] = job["state"]
    if job.get("externalIdFieldName"):
        out["externalIdFieldName"] = job["externalIdFieldName"]
    out.update(concurrencyMode="Parallel", contentType="CSV", apiVersion=float(job["version"]))
    if moment == "patch":
        return out
    if moment in ("info", "list"):
        out["jobType"] = "V2Query" if job["kind"] == "query" else "V2Ingest"
    if job["state"] == "Open":
        out["contentUrl"] = f"services/data/v{job['version']}.0/jobs/ingest/{job['id']}/batches"
    out.update(lineEnding=job["lineEnding"], columnDelimiter=job["columnDelimiter"])
    if job.get("assignmentRuleId"):
        out["assignmentRuleId"] = job["assignmentRuleId"]
    if moment == "info":
        _counters(out, job)
    return out


def _counters(out: dict[str, Any], job: Record) -> None:
    if job["kind"] == "query":
        shown = job["total"] if job["state"] == "JobComplete" else 0
        out.update(numberRecordsProcessed=shown, retries=0, totalProcessingTime=job["millis"])
    else:
        if job["state"] != "Open" or job["puts"]:
            out.update(numberRecordsProcessed=job["done"], numberRecordsFailed=job["failed"])
        out.update(retries=0, totalProcessingTime=job["millis"])
        out.update(apiActiveProcessingTime=job["millis"], apexProcessingTime=0)
    if job.get("errorMessage"):
        out["errorMessage"] = job["errorMessage"]


def create(org: Org, request: Request, version: int, now: float) -> Response:
    """`POST /jobs/ingest`, JSON or multipart."""
    if "multipart/form-data" in request.headers.get("content-type", ""):
        return _multipart(org, request, version, now)
    job = _new(org, request.json(), version, now)
    org.store.put_job(job)
    return json_response(body(org, job, "create"))


def _new(org: Org, wanted: dict[str, Any], version: int, now: float) -> Record:
    for name, allowed in (("operation", OPERATIONS), ("contentType", ("CSV",)), ("lineEnding", tuple(ENDINGS)),
                          ("columnDelimiter", tuple(DELIMITERS))):  # fmt: skip
        if (name == "operation" or name in wanted) and wanted.get(name) not in allowed:
            text = f"Invalid value: '{wanted.get(name) or ''}' supplied for property: '{name}'"
            raise ApiError(400, "API_ERROR", text)
    name = str(wanted.get("object") or "")
    kind = org.schema.find(name)
    if kind is None:
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
    if wanted["operation"] == "hardDelete" and not org.settings.hard_delete_allowed:
        text = "hardDelete operation requires special user profile permission, please contact your system administrator"
        raise ApiError(400, "FEATURENOTENABLED", text)
    key = wanted.get("externalIdFieldName")
    if wanted["operation"] == "upsert":
        if not key:
            text = f"External ID was blank for {kind.name}. An External ID must be specified for upsert."
            raise ApiError(400, "INVALIDJOB", f"InvalidJob : {text}")
        field = kind.field(key)
        if field is None or not field.indexed:
            text = f"Field name provided, {key} does not match an External ID, Salesforce Id, or indexed field for"
            raise ApiError(400, "INVALIDJOB", f"InvalidJob : {text} {kind.name}")
        key = field.name
    number = org.store.next("job")
    return {
        "id": make_id("750", number), "kind": "ingest", "number": number, "operation": wanted["operation"],
        "object": kind.name, "state": "Open", "created": now, "systemModstamp": now, "closed": 0.0, "started": 0.0,
        "externalIdFieldName": key if wanted["operation"] == "upsert" else None, "version": version,
        "lineEnding": wanted.get("lineEnding", "LF"), "columnDelimiter": wanted.get("columnDelimiter", "COMMA"),
        "assignmentRuleId": wanted.get("assignmentRuleId"), "puts": 0, "total": 0, "done": 0, "failed": 0, "millis": 0,
    }  # fmt: skip


def _multipart(org: Org, request: Request, version: int, now: float) -> Response:
    match = re.search(r'boundary="?([^";]+)', request.headers["content-type"])
    boundary = b"--" + match[1].encode() if match else b"--"
    parts: dict[str, bytes] = {}
    for piece in request.body.split(boundary)[1:-1]:
        head, blank, content = piece.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
        name = re.search(rb'name="(\w+)"', head)
        if blank and name:
            parts[name[1].decode()] = content.removesuffix(b"\n").removesuffix(b"\r")
    if set(parts) != {"job", "content"}:
        raise ApiError(400, "API_ERROR", "The multipart request must have the parts 'job' and 'content'")
    if len(parts["content"].decode("utf-8", "replace")) > org.settings.max_multipart_characters:
        raise ApiError(400, "API_ERROR", "The job data exceeds 100,000 characters")
    job = _new(org, Request("POST", request.path, body=parts["job"]).json(), version, now)
    (org.files / job["id"]).write_bytes(parts["content"])
    job.update(puts=1, state="UploadComplete", closed=now)
    org.store.put_job(job)
    return json_response(body(org, job, "create"))


def upload(org: Org, job: Record, request: Request) -> Response:
    """`PUT .../batches`: 201, empty; the content is looked at only after the close."""
    if job["state"] != "Open":
        raise ApiError(400, "INVALIDJOBSTATE", f"Uploading to already {job['state']} Job not allowed")
    if "text/csv" not in request.headers.get("content-type", ""):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be text/csv")
    if request.headers.get("content-encoding") == "gzip":
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Encoding gzip is not supported")
    if job["puts"] and org.settings.second_put_refused_at_put:
        raise _twice(job)
    target = org.files / job["id"]
    size = request.spool.stat().st_size if request.spool else len(request.body)
    if size > org.settings.max_upload_bytes:
        raise ApiError(400, "API_ERROR", "The uploaded data exceeds the maximum size of a job")
    if request.spool:
        shutil.move(request.spool, target)
    else:
        target.write_bytes(request.body)
    job["puts"] += 1
    org.store.put_job(job)
    return Response(201)


def _twice(job: Record) -> ApiError:
    return ApiError(400, "INVALIDJOB", f"Found multipe contents for job: <{job['id'][:15]}>, please 'Close' / 'Abort' /"
                    " 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given"
                    " Job.")  # fmt: skip


def patch(org: Org, job: Record, request: Request, now: float) -> Response:
    """`PATCH`: UploadComplete or Aborted."""
    state = request.json().get("state")
    if state not in ("UploadComplete", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", f"Changing the state of a Job to {state} not allowed")
    word = "Aborting" if state == "Aborted" else "Closing"
    shown = {"JobComplete": "Completed"}.get(job["state"], job["state"])
    if job["state"] in TERMINAL or (state == "UploadComplete" and job["state"] != "Open"):
        raise ApiError(400, "INVALIDJOBSTATE", f"{word} already {shown} Job not allowed")
    if state == "UploadComplete":
        if not job["puts"]:
            text = f"Could not find content for job: <{job['id'][:15]}>, try doing 'PUT' on 'contentUrl' corresponding"
            text += " to this job and once upload finished use 'PATCH' to mark Job as 'UploadComplete'"
            raise ApiError(400, "INVALIDJOB", text)
        if job["puts"] > 1:
            raise _twice(job)
        job["closed"] = now
    job["state"] = state
    org.store.put_job(job)
    return json_response(body(org, job, "patch"))


def delete(org: Org, job: Record) -> Response:
    """`DELETE`: 204 for a job that has ended."""
    allowed = TERMINAL if job["kind"] == "query" else (*TERMINAL, "UploadComplete")
    if job["state"] not in allowed:
        text = "Error encountered when deleting the job because the job is not terminated"
        raise ApiError(400, "API_ERROR", text)
    org.store.delete_job(job["id"])
    (org.files / job["id"]).unlink(missing_ok=True)
    return Response(204)


def results(org: Org, job: Record, which: str) -> Response:
    """The three result files (page section 5): user header raw, every value quoted, rows shuffled."""
    ready = ("JobComplete", "Failed", "Aborted")
    if job["state"] not in ready:
        raise ApiError(400, "INVALIDJOBSTATE", f"Results are not available for a Job in state {job['state']}")
    delimiter, ending = DELIMITERS[job["columnDelimiter"]], ENDINGS[job["lineEnding"]]
    path = org.files / job["id"]
    header = header_text(path, job["lineEnding"]) if path.exists() else ""
    if which == "unprocessedrecords":
        lines = [quote_row(cells, delimiter, ending) for cells in org.remaining(job)]
    else:
        failed = int(which == "failedresults")
        added = '"sf__Error"' if failed else '"sf__Created"'
        header = delimiter.join(part for part in ('"sf__Id"', added, header) if part)
        found = org.store.outcomes(job["id"], failed)
        lines = [quote_row([record, note, *cells], delimiter, ending) for record, note, cells in found]
    if not lines and org.settings.empty_results_as_204:
        return Response(204)
    random.Random(job["id"]).shuffle(lines)  # noqa: S311
    return Response(200, (header + ending + "".join(lines)).encode(), {"Content-Type": CSV_TYPE})


def find(org: Org, job_id: str, kind: str) -> Record:
    """The job of that id and kind; raises 404."""
    job = org.store.job(id18(job_id)) if len(job_id) in (15, 18) else None
    if job is None or job["kind"] != kind:
        raise not_found()
    return job


def listing(org: Org, request: Request, version: int) -> Response:
    """`GET /jobs/ingest` and `/jobs/query`: all jobs, 1,000 a page."""
    size = org.settings.list_page_size
    start = int(request.query.get("queryLocator", "-0").rpartition("-")[2] or 0)
    wanted = request.query.get("jobType")
    shown = [body(org, job, "list") for job in org.store.jobs()]
    shown = [entry for entry in shown if wanted in (None, entry["jobType"])]
    more = start + size < len(shown)
    url = f"/services/data/v{version}.0/jobs/ingest?queryLocator=01gEm000000000AAAA-{start + size}" if more else None
    return json_response({"done": not more, "records": shown[start : start + size], "nextRecordsUrl": url})
