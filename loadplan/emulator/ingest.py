"""Ingest jobs over HTTP: create, upload, close, abort, delete (page sections 1 to 4)."""

from __future__ import annotations

import gzip as gzip_files
import re
import shutil
import zlib
from typing import TYPE_CHECKING, Any

from .csvfile import DELIMITERS, ENDINGS
from .jobs import Job
from .jobview import body
from .wire import ApiError, Request, Response, json_response, make_id

if TYPE_CHECKING:
    from .org import Org

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_PROPERTIES = ("object", "operation", "externalIdFieldName", "contentType", "lineEnding", "columnDelimiter",
               "concurrencyMode")  # fmt: skip


def create(org: Org, request: Request, version: int, now: float) -> Response:
    """`POST /jobs/ingest`, JSON or multipart."""
    if "multipart/form-data" in request.headers.get("content-type", ""):
        return _multipart(org, request, version, now)
    job = _new(org, request.json(), version, now)
    org.save(job, now)
    return json_response(body(org, job, "create"))


def check_properties(org: Org, wanted: dict[str, Any], known: tuple[str, ...]) -> None:
    """Refuse what the create request does not know, and values that are not text."""
    for name, value in wanted.items():
        if name not in known and org.settings.unknown_properties_refused:
            raise ApiError(400, "JSON_PARSER_ERROR", f'Unrecognized field "{name}", not marked as ignorable')
        if value is not None and not isinstance(value, str):
            raise ApiError(400, "JSON_PARSER_ERROR", f'Cannot deserialize the value of "{name}"')


def check_enum(
    org: Org, wanted: dict[str, Any], name: str, allowed: tuple[str, ...], *, required: bool = False
) -> None:
    """Refuse a value outside its list. Values are case-sensitive unless the setting says otherwise."""
    if org.settings.enums_any_case and name in wanted:
        wanted[name] = next((one for one in allowed if one.lower() == str(wanted[name]).lower()), wanted[name])
    if (required or name in wanted) and wanted.get(name) not in allowed:
        text = f"Invalid value: '{wanted.get(name) or ''}' supplied for property: '{name}'"
        raise ApiError(400, "API_ERROR", text)


def _new(org: Org, wanted: dict[str, Any], version: int, now: float) -> Job:
    check_properties(org, wanted, (*_PROPERTIES, "assignmentRuleId") if version >= 49 else _PROPERTIES)
    check_enum(org, wanted, "operation", OPERATIONS, required=True)
    check_enum(org, wanted, "contentType", ("CSV",))
    check_enum(org, wanted, "lineEnding", tuple(ENDINGS))
    check_enum(org, wanted, "columnDelimiter", tuple(DELIMITERS))
    if wanted["operation"] == "hardDelete" and not org.settings.hard_delete_allowed:
        text = "hardDelete operation requires special user profile permission, please contact your system administrator"
        raise ApiError(400, "FEATURENOTENABLED", text)
    name, key = _target(org, wanted)
    number = org.store.next("job")
    return Job(
        make_id("750", number), number, "ingest", wanted["operation"], name, version, now, now,
        line_ending=wanted.get("lineEnding", "LF"), delimiter=wanted.get("columnDelimiter", "COMMA"),
        key=key, assignment_rule=wanted.get("assignmentRuleId"),
    )  # fmt: skip


def _target(org: Org, wanted: dict[str, Any]) -> tuple[str, str | None]:
    """(canonical object name, key field of an upsert)."""
    name, key = str(wanted.get("object") or ""), wanted.get("externalIdFieldName")
    upsert = wanted["operation"] == "upsert"
    if org.settings.sink and name:
        return name, key if upsert else None
    kind = org.schema.find(name)
    if kind is None:
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
    if kind.name in org.settings.bulk_unsupported:
        raise ApiError(400, "INVALIDENTITY", f"Entity '{kind.name}' is not supported by the Bulk API.")
    if not upsert:
        return kind.name, None
    if not key:
        text = f"External ID was blank for {kind.name}. An External ID must be specified for upsert."
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : {text}")
    field = kind.field(key)
    if field is None or not field.indexed:
        text = f"Field name provided, {key} does not match an External ID"
        text += " for" if org.settings.short_key_error else ", Salesforce Id, or indexed field for"
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : {text} {kind.name}")
    return kind.name, field.name


def _multipart(org: Org, request: Request, version: int, now: float) -> Response:
    parts = _parts(request.body, request.headers["content-type"])
    refused = org.settings.multipart_refused_status
    if set(parts) != {"job", "content"}:
        raise ApiError(refused, "API_ERROR", "The multipart request must have the parts 'job' and 'content'")
    if len(parts["content"].decode("utf-8", "replace")) > org.settings.max_multipart_characters:
        raise ApiError(refused, "API_ERROR", "The job data exceeds 100,000 characters")
    job = _new(org, Request("POST", request.path, body=parts["job"]).json(), version, now)
    org.files.make(job)
    org.files.upload(job).write_bytes(parts["content"])
    job.puts, job.state, job.closed = 1, "UploadComplete", now
    org.save(job, now)
    return json_response(body(org, job, "create"))


def _parts(data: bytes, content_type: str) -> dict[str, bytes]:
    """The parts of a multipart body by name. A blank line must stand between a part's headers and its content."""
    match = re.search(r'boundary=("?)([^";]+)\1', content_type)
    if match is None:
        return {}
    marker = b"--" + match[2].strip().encode()
    parts: dict[str, bytes] = {}
    for piece in re.split(rb"(?:^|\r?\n)" + re.escape(marker) + rb"(?=\r?\n|--)", data)[1:]:
        if piece.startswith(b"--"):
            break
        head, blank, content = re.match(rb"(.*?)(\r?\n\r?\n|$)(.*)", piece, re.DOTALL).groups()  # type: ignore[union-attr]
        name = re.search(rb'name="?(\w+)', head)
        if blank and name:
            parts[name[1].decode()] = content
    return parts


def upload(org: Org, job: Job, request: Request, now: float) -> Response:
    """`PUT .../batches`: 201, empty; the content is looked at only after the close."""
    if job.state != "Open":
        raise ApiError(
            org.settings.closed_upload_status, "INVALIDJOBSTATE", f"Uploading to already {job.state} Job not allowed"
        )
    if "text/csv" not in request.headers.get("content-type", ""):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be text/csv")
    packed = request.headers.get("content-encoding", "identity").lower()
    if packed != "identity" and not (packed == "gzip" and org.settings.gzip_uploads):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Encoding {packed} is not supported")
    if job.puts and org.settings.second_put_refused_at_put:
        raise _twice(org, job)
    org.files.make(job)
    target = org.files.upload(job)
    if packed == "gzip" and request.spool:
        _unpack(org, request)
    size = request.spool.stat().st_size if request.spool else len(request.body)
    if size > org.settings.max_upload_bytes:
        status = org.settings.oversize_upload_status
        raise ApiError(status, "API_ERROR", "The uploaded data exceeds the maximum size of a job")
    if request.spool:
        shutil.move(request.spool, target)
    else:
        target.write_bytes(request.body)
    job.puts += 1
    org.save(job, now)
    return Response(201)


def _unpack(org: Org, request: Request) -> None:
    """Replace a gzip spool by what it holds, up to just over the largest upload."""
    assert request.spool is not None
    plain = request.spool.with_suffix(".plain")
    left = org.settings.max_upload_bytes + 1
    try:
        with gzip_files.open(request.spool) as source, plain.open("wb") as target:
            while left and (block := source.read(min(left, 1 << 18))):
                left -= len(block)
                target.write(block)
    except (OSError, EOFError, zlib.error):
        plain.unlink()
        raise ApiError(400, "API_ERROR", "The gzip data is damaged") from None
    plain.replace(request.spool)


def _twice(org: Org, job: Job) -> ApiError:
    text = f"Found multipe contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job then"
    text += " create a new Job and make sure you only do 'PUT' once on a given Job."
    return ApiError(400, org.settings.second_put_code, text)


def patch(org: Org, job: Job, request: Request, now: float) -> Response:
    """`PATCH`: UploadComplete or Aborted."""
    state = request.json().get("state")
    if state not in ("UploadComplete", "Aborted"):
        text = f"Changing the state of a Job to {state} not allowed"
        raise ApiError(org.settings.odd_state_status, "INVALIDJOBSTATE", text)
    word = "Aborting" if state == "Aborted" else "Closing"
    shown = {"JobComplete": "Completed"}.get(job.state, job.state)
    if job.has_ended or (state == "UploadComplete" and job.state != "Open"):
        raise ApiError(400, "INVALIDJOBSTATE", f"{word} already {shown} Job not allowed")
    if state == "Aborted":
        org.abort(job, now)
        return json_response(body(org, job, "patch"))
    if not job.puts:
        text = f"Could not find content for job: <{job.id[:15]}>, try doing 'PUT' on 'contentUrl' corresponding"
        text += " to this job and once upload finished use 'PATCH' to mark Job as 'UploadComplete'"
        raise ApiError(org.settings.close_without_content_status, "INVALIDJOB", text)
    if job.puts > 1:
        raise _twice(org, job)
    job.state, job.closed = "UploadComplete", now
    org.save(job, now)
    return json_response(body(org, job, "patch"))


def delete(org: Org, job: Job) -> Response:
    """`DELETE`: 204 for a job that has ended."""
    if not job.has_ended and not (job.kind == "ingest" and job.state == "UploadComplete"):
        text = "Error encountered when deleting the job because the job is not terminated"
        raise ApiError(400, "API_ERROR", text)
    org.forget(job)
    return Response(204)
