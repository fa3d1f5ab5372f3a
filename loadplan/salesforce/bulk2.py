"""Org over Bulk API 2.0: one short method per endpoint, no choice of what comes next, no repeated write.

Paths are rebuilt from ids; a URL that the server supplies is never used. (Bulk API 2.0 Developer Guide, "Request and
Response Data", "Create a Job", "Upload Job Data", "Get Job Results".)
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from loadplan.masking import printable
from loadplan.salesforce.download import save
from loadplan.salesforce.faults import clean, digits
from loadplan.salesforce.http import Http, body_of
from loadplan.salesforce.port import (
    Content,
    IngestSpec,
    JobInfo,
    JobKind,
    OrgFault,
    Page,
    PageLinks,
    QuerySpec,
    Reader,
    Received,
    ResultKind,
    Tap,
    Truncated,
    Unavailable,
)

LOCATOR = re.compile(r"[\x21-\x7e]{1,2000}\Z")
"""What a locator may look like: it is opaque, and only that it is text without blanks can be asked of it."""
JOB_ID = re.compile(r"750[0-9A-Za-z]{12}([0-9A-Za-z]{3})?\Z")
PAGES_PATH = re.compile(r"/services/data/v\d+\.\d/jobs/query/(?P<job>[0-9A-Za-z]{15,18})/(?P<resource>[A-Za-z]+)/?\Z")
STATE = re.compile(r"[A-Za-z]{1,40}\Z")
"""A state goes into the journal and onto the terminal; one that we do not know yet is a word all the same."""
RESULT_PATHS: dict[ResultKind, str] = {
    "successful": "successfulResults",
    "failed": "failedResults",
    "unprocessed": "unprocessedrecords",
}


class Bulk2Org:
    """The engine's `Org`, over HTTP."""

    def __init__(self, http: Http) -> None:
        self.http = http

    @property
    def instance_url(self) -> str:
        return self.http.origin

    def create_ingest(self, spec: IngestSpec, *, api_version: str) -> JobInfo:
        """POST /jobs/ingest: an empty, open job. It does nothing until its upload is closed."""
        path = _jobs("ingest", api_version)
        return self._created(path, *self.http.json("POST", path, ingest_body(spec)))

    def create_multipart(self, spec: IngestSpec, content: bytes | Path, *, api_version: str) -> JobInfo:
        """Job and data in one request; the job is in `UploadComplete` when it is answered. Under 100,000 characters."""
        path = _jobs("ingest", api_version)
        content = content.read_bytes() if isinstance(content, Path) else content
        boundary = f"loadplan-{secrets.token_hex(16)}"
        body = b"".join(
            (
                f"--{boundary}\r\nContent-Type: application/json\r\n".encode(),
                b'Content-Disposition: form-data; name="job"\r\n\r\n',
                json.dumps(ingest_body(spec)).encode(),
                f"\r\n--{boundary}\r\nContent-Type: text/csv\r\n".encode(),
                b'Content-Disposition: form-data; name="content"; filename="content"\r\n\r\n',
                content,
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}
        answer = self.http.call("POST", path, body=body, headers=headers)
        return self._created(path, answer.status_code, self.http.parse(f"POST {path}", answer))

    def upload(self, job: str, content: Content | Path, *, api_version: str) -> int:
        """PUT the part (or a file), once. 201 and an empty body when the org has it."""
        if isinstance(content, Path):
            with content.open("rb") as file:
                return self.upload(job, cast(Content, file), api_version=api_version)
        headers = {"Content-Type": "text/csv; charset=UTF-8", "Accept": "application/json"}
        path = _job("ingest", job, api_version) + "/batches"
        answer = self.http.call("PUT", path, body=content, headers=headers)
        if body_of(f"PUT {path}", answer).lstrip()[:1] == b"<":
            raise Unavailable(f"PUT {path}", "the answer is a page of HTML, not the org's", status=answer.status_code)
        return answer.status_code

    def close_upload(self, job: str, *, api_version: str) -> JobInfo:
        """PATCH UploadComplete: from here on Salesforce processes the rows."""
        return self._patch("ingest", job, "UploadComplete", api_version)

    def abort(self, kind: JobKind, job: str, *, api_version: str) -> JobInfo:
        """PATCH Aborted. Rows that were saved stay saved."""
        return self._patch(kind, job, "Aborted", api_version)

    def create_query(self, spec: QuerySpec, *, api_version: str) -> JobInfo:
        path = _jobs("query", api_version)
        body = {
            "operation": spec.operation,
            "query": spec.soql,
            "contentType": "CSV",
            "columnDelimiter": spec.delimiter,
            "lineEnding": spec.line_ending,
        }
        return self._created(path, *self.http.json("POST", path, body))

    def job(self, kind: JobKind, job: str, *, api_version: str) -> JobInfo:
        path = _job(kind, job, api_version)
        status, data = self.http.json("GET", path)
        return _same(job, _info(f"GET {path}", status, data), f"GET {path}")

    def fetch_result(
        self, job: str, kind: ResultKind, to: Path, *, delimiter: str, api_version: str, reader: Reader | None = None
    ) -> Received:
        """One of the three result files, whole and durable at `to`; `reader` sees its plain bytes as they arrive."""
        path = f"{_job('ingest', job, api_version)}/{RESULT_PATHS[kind]}"
        answer = self.http.call("GET", path, headers={"Accept": "text/csv"}, stream=True)
        return save(f"GET {path}", answer, to, delimiter=delimiter, reader=reader)

    def fetch_page(
        self,
        job: str,
        locator: str | None,
        max_records: int | None,
        to: Path,
        *,
        delimiter: str,
        api_version: str,
        tap: Tap | None = None,
        received: Callable[[str], None] | None = None,
    ) -> Page:
        """One page of results. Its rows must be as many as its header says."""
        path = f"{_job('query', job, api_version)}/results"
        params: dict[str, str] = {}
        if max_records is not None:
            params["maxRecords"] = str(max_records)
        if locator is not None:
            params["locator"] = locator
        answer = self.http.call("GET", path, params=params, headers={"Accept": "text/csv"}, stream=True)
        following = answer.headers.get("Sforce-Locator")
        number = digits(answer.headers.get("Sforce-NumberOfRecords"))
        if not following:
            answer.close()
            raise Truncated(
                f"GET {path}", "the page came without a Sforce-Locator, so it cannot be told whether more follow"
            )
        if not LOCATOR.match(following):
            answer.close()
            raise Truncated(f"GET {path}", "the page came with a Sforce-Locator that is no locator")
        if number is None:
            answer.close()
            raise Truncated(f"GET {path}", "the page came without a Sforce-NumberOfRecords, so it cannot be counted")
        come = partial(received, following) if received is not None else None
        got = save(f"GET {path}", answer, to, delimiter=delimiter, rows=number, tap=tap, received=come)
        return Page(got, following, number)

    def result_pages(self, job: str, locator: str | None, *, api_version: str) -> PageLinks:
        """Up to five links to pages of results, which may be fetched at the same time. API 58.0 and later.

        The links are URLs; only their locators are taken. One that leads to another host, job or resource makes the whole
        answer `Unavailable`: somebody else wrote it. ("Get Parallel Results for a Query Job".)"""
        path = f"{_job('query', job, api_version)}/resultPages"
        name = f"GET {path}"
        status, data = self.http.json("GET", path, params={"locator": locator} if locator is not None else None)
        listed = data.get("resultPages") if isinstance(data, Mapping) else None
        if not isinstance(listed, list):
            raise Unavailable(name, "the answer names no pages", status=status)
        urls = [link.get("resultUrl") if isinstance(link, Mapping) else None for link in listed]
        # The guide's table calls the key nextRecordUrl, its example nextRecordsUrl.
        following = data.get("nextRecordsUrl") or data.get("nextRecordUrl")
        return PageLinks(
            tuple(self._locator(name, url, job, "results") for url in urls),
            self._locator(name, following, job, "resultpages") if following else None,
            status,
        )

    def _locator(self, name: str, url: object, job: str, resource: str) -> str:
        """The locator of a URL that the org wrote, which must lead to `resource` of this job."""
        shown = printable(str(url))[:200]
        try:
            parts = urlsplit(str(url))
            found = parse_qs(parts.query, strict_parsing=True, max_num_fields=20).get("locator", [])
        except ValueError:
            raise Unavailable(name, f"a link of the answer is no URL of a page: {shown}") from None
        if (parts.scheme or parts.netloc) and f"{parts.scheme}://{parts.netloc}".lower() != self.http.origin:
            raise Unavailable(name, f"a link of the answer leads to another host, which is never asked: {shown}")
        match = PAGES_PATH.match(parts.path)
        if match is None or match["resource"].lower() != resource or match["job"][:15] != job[:15]:
            raise Unavailable(name, f"a link of the answer leads to something other than this job's results: {shown}")
        if len(found) != 1 or not LOCATOR.match(found[0]) or found[0] == "null":
            raise Unavailable(name, f"a link of the answer holds no locator: {shown}")
        return found[0]

    def _patch(self, kind: JobKind, job: str, state: str, api_version: str) -> JobInfo:
        path = _job(kind, job, api_version)
        status, data = self.http.json("PATCH", path, {"state": state})
        return _same(job, _info(f"PATCH {path}", status, data), f"PATCH {path}")

    def _created(self, path: str, status: int, data: Any) -> JobInfo:
        info = _info(f"POST {path}", status, data)
        if not JOB_ID.match(info.id):
            raise Unavailable(f"POST {path}", "the answer to a create names no job id", status=status)
        return info


def ingest_body(spec: IngestSpec) -> dict[str, str]:
    """The JSON of `POST /jobs/ingest`."""
    body = {
        "object": spec.object,
        "operation": spec.operation,
        "contentType": "CSV",
        "columnDelimiter": spec.delimiter,
        "lineEnding": spec.line_ending,
    }
    if spec.external_id:
        body["externalIdFieldName"] = spec.external_id
    if spec.assignment_rule_id:
        body["assignmentRuleId"] = spec.assignment_rule_id
    return body


def _jobs(kind: JobKind, api_version: str) -> str:
    return f"/services/data/v{api_version}/jobs/{kind}"


def _job(kind: JobKind, job: str, api_version: str) -> str:
    if not JOB_ID.match(job):
        raise OrgFault("job", f"`{job}` is not the id of a job")
    return f"{_jobs(kind, api_version)}/{job}"


def _info(name: str, status: int, data: Any) -> JobInfo:
    if not isinstance(data, Mapping) or not isinstance(data.get("id"), str) or not isinstance(data.get("state"), str):
        raise Unavailable(name, "the answer is not a job", status=status)
    if not STATE.match(data["state"]):
        raise Unavailable(name, "the answer holds a state that is none", status=status)
    message = data.get("errorMessage")
    return JobInfo(
        id=data["id"],
        state=data["state"],
        processed=_number(data.get("numberRecordsProcessed")),
        failed=_number(data.get("numberRecordsFailed")),
        error=clean(message) if message else None,
        http=status,
        raw=data,
    )


def _same(job: str, info: JobInfo, name: str) -> JobInfo:
    """The answer must speak of the job that was asked for (15 and 18 characters are the same id)."""
    if info.id[:15] != job[:15]:
        raise Unavailable(name, "the answer speaks of another job", status=info.http)
    return info


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
