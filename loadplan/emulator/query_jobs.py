"""Query jobs: create, evaluation over a snapshot, results by locator, resultPages (page section 8)."""

from __future__ import annotations

import base64
import re
import sqlite3
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from .csvfile import DELIMITERS, ENDINGS
from .ingest import check_enum, check_properties
from .jobs import Job
from .jobview import body
from .select import Select
from .soql import parse
from .spool import Spool
from .store import open_database
from .streams import FileBody
from .tables import COMPOUND
from .values import show_column
from .wire import CSV_TYPE, ApiError, Request, Response, json_response, make_id, not_found, quote_row, whole_number

if TYPE_CHECKING:
    from .org import Org

_PROPERTIES = ("operation", "query", "contentType", "columnDelimiter", "lineEnding")
_REFUSED = (
    (
        r"(?:^\s*SELECT|,)\s*\(\s*SELECT\b",
        "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
    ),
    (
        r"\bGROUP\s+BY\b|\b(COUNT|COUNT_DISTINCT|SUM|AVG|MIN|MAX)\s*\(",
        "Aggregate Relationships not supported in Bulk Query",
    ),
    (r"\bOFFSET\s+\d", "Implementation restriction: OFFSET is not supported in Bulk Query"),
    (r"\bTYPEOF\b", "Implementation restriction: TYPEOF is not supported in Bulk Query"),
)
_PACK = 1_000
_PAGES = 5
_MEGABYTE = 1_048_576


def create(org: Org, request: Request, version: int, now: float) -> Response:
    """`POST /jobs/query`."""
    wanted = request.json()
    check_properties(org, wanted, _PROPERTIES)
    check_enum(org, wanted, "operation", ("query", "queryAll"), required=True)
    check_enum(org, wanted, "contentType", ("CSV",))
    check_enum(org, wanted, "lineEnding", tuple(ENDINGS))
    check_enum(org, wanted, "columnDelimiter", tuple(DELIMITERS))
    _check_quota(org, now)
    text = str(wanted.get("query") or "")
    columns, name = org.sink.columns(text) if org.settings.sink else _columns(org, text, version, now)
    org.usage.add("query_jobs", 1, now)
    number = org.store.next("job")
    job = Job(
        make_id("750", number), number, "query", wanted["operation"], name, version, now, now, "UploadComplete",
        wanted.get("lineEnding", "LF"), wanted.get("columnDelimiter", "COMMA"), query=text, columns=columns, closed=now,
    )  # fmt: skip
    org.save(job, now)
    return json_response(body(org, job, "create"))


def _check_quota(org: Org, now: float) -> None:
    settings = org.settings
    most, megabytes = settings.query_jobs_max, settings.query_storage_max_mb
    if org.usage.used("query_jobs", now) >= most:
        text = f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached"
    elif org.usage.used("query_bytes", now) >= megabytes * _MEGABYTE:
        text = f"Max bulk v2 query result size stored ({megabytes * 1024}) kb per 24 hrs has been exceeded"
    else:
        return
    raise ApiError(400, settings.query_quota_code, text)


def _columns(org: Org, text: str, version: int, now: float) -> tuple[list[str], str]:
    """(names of the result's columns, canonical object name); raises what a bulk query refuses."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'", "''", text)
    for pattern, message in _REFUSED:
        if re.search(pattern, bare, re.IGNORECASE):
            raise ApiError(400, "API_ERROR", message)
    query = parse(text)
    if query.shown:  # a function of dates that nothing is grouped by
        raise ApiError(400, "API_ERROR", _REFUSED[1][1])
    select = Select(org.schema, query, now, bulk=True)
    if select.kind.name in org.settings.bulk_unsupported:
        raise ApiError(400, "INVALIDENTITY", f"Entity '{select.kind.name}' is not supported by the Bulk API.")
    if not select.kind.raw["queryable"]:
        raise ApiError(400, "API_ERROR", f"entity type {select.kind.name} does not support query")
    if any(path[-1].type in COMPOUND for path in select.fields):
        raise ApiError(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")
    if version < 50:
        select = select.in_alphabetical_order()
    return list(select.query.fields), select.kind.name


@dataclass(slots=True)
class _Run:
    """A query in the middle: its snapshot, the types of its columns, and where its rows go."""

    db: sqlite3.Connection
    cursor: sqlite3.Cursor
    kinds: list[str]
    spool: Spool


class Querier:
    """Evaluates running query jobs, a pack of rows after the other, each over the moment at which it began."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._runs: dict[str, _Run] = {}

    def advance(self, job: Job, now: float, most: int) -> float:
        """Bring a running job to `now`, by at most `most` rows. Answers when it wants to be looked at again."""
        org = self._org
        begins = job.closed + org.settings.latency
        if job.state == "UploadComplete":
            if now < begins:
                return begins
            job.state, job.started, job.modified = "InProgress", begins, begins
        if not job.evaluated and not self._evaluate(job, now, most):
            return now
        ready = job.started + (0.0 if org.settings.rows_per_second == inf else job.done / org.settings.rows_per_second)
        if now < ready:
            return ready
        problem = org.faults.query_failure(job.object)
        if problem is not None:
            job.end("Failed", now, problem)
        else:
            job.total = job.done
            job.end("JobComplete", now)
            job.millis = max(1, job.millis)
        return inf

    def _evaluate(self, job: Job, now: float, most: int) -> bool:
        org = self._org
        if org.settings.sink:
            job.done, job.evaluated = org.sink.rows_of(job.query), True
            return True
        if job.id not in self._runs:
            job.done = 0
            self._runs[job.id] = self._open(job, now)
        run, left = self._runs[job.id], most
        between, ending = f'"{DELIMITERS[job.delimiter]}"', f'"{ENDINGS[job.line_ending]}'
        while left > 0 and (rows := run.cursor.fetchmany(_PACK)):
            columns = [
                show_column(kind, column) for kind, column in zip(run.kinds, zip(*rows, strict=True), strict=True)
            ]
            lines = [f'"{line}{ending}' for line in map(between.join, zip(*columns, strict=True))]
            org.usage.add("query_bytes", run.spool.add(lines), now)
            job.done += len(rows)
            left -= len(rows)
        if left <= 0:
            return False
        job.evaluated = True
        self.drop(job)
        return True

    def _open(self, job: Job, now: float) -> _Run:
        """A connection of its own sees the org as it is committed now, whatever is written meanwhile."""
        org = self._org
        select = Select(org.schema, parse(job.query), now, deleted=job.operation == "queryAll", bulk=True)
        if job.version < 50:
            select = select.in_alphabetical_order()
        spool = org.spool(job)
        spool.clear()
        db = open_database(org.store.path)
        text, values = select.statement(select.columns())
        return _Run(db, db.execute(text, values), [path[-1].type for path in select.fields], spool)

    def drop(self, job: Job) -> None:
        """Let go of a job's snapshot."""
        run = self._runs.pop(job.id, None)
        if run is not None:
            run.db.close()


def spool_path(folder: Path) -> Path:
    """Where a query job keeps its rows."""
    return folder / "rows.csv"


def _locator(job: Job, start: int) -> str:
    return base64.urlsafe_b64encode(f"0:{job.id}:{start}".encode()).decode().rstrip("=")


def _start(org: Org, job: Job, locator: str | None) -> int:
    if not locator:
        return 0
    wrong = ApiError(org.settings.bad_locator_status, "API_ERROR", "Invalid locator")
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode()
        marker, job_id, place = text.split(":")
        start = whole_number(place)
        if (marker, job_id) == ("0", job.id) and start is not None:
            return start
    except ValueError:
        raise wrong from None
    raise wrong


def _readable(org: Org, job: Job, version: int) -> None:
    if version != job.version:
        raise ApiError(409, "API_ERROR", "The API version of the request differs from that of the job")
    if job.state != "JobComplete":
        status = org.settings.early_results_status
        text = f"Results are not available for a Job in state {job.state}"
        raise ApiError(status, "INVALIDJOBSTATE" if status != 404 else "NOT_FOUND", text)


def _size(org: Org, request: Request) -> int:
    text = request.query.get("maxRecords", str(org.settings.page_size))
    size = whole_number(text)
    if not size:
        raise ApiError(400, "API_ERROR", f"Invalid value: '{text}' supplied for property: 'maxRecords'")
    return size


def results(org: Org, job: Job, request: Request, version: int) -> Response:
    """One page: header row first, the next locator or the text `null` in Sforce-Locator."""
    _readable(org, job, version)
    size, start = _size(org, request), _start(org, job, request.query.get("locator"))
    after = min(start + size, job.total)
    locator = _locator(job, after) if after < job.total else "null"
    headers = {
        "Content-Type": CSV_TYPE, "Sforce-NumberOfRecords": str(max(0, after - start)), "Sforce-Locator": locator,
    }  # fmt: skip
    header = quote_row(job.columns, DELIMITERS[job.delimiter], ENDINGS[job.line_ending]).encode()
    if org.settings.sink:
        return Response(200, org.sink.page(job, start, after, header, gzip=request.takes_gzip), headers)
    spool = org.spool(job)
    return Response(200, FileBody.of(spool.path, [spool.range(start, after - start)], header), headers)


def pages(org: Org, job: Job, request: Request, version: int) -> Response:
    """`resultPages`, since v58: up to five page addresses a time."""
    if version < 58:
        raise not_found()
    _readable(org, job, version)
    size, start = _size(org, request), _start(org, job, request.query.get("locator"))
    asked = f"&maxRecords={size}" if "maxRecords" in request.query else ""
    base = f"/services/data/v{version}.0/jobs/query/{job.id}/"
    starts = list(range(start, max(job.total, 1), size))
    shown = [{"resultUrl": f"{base}results?locator={_locator(job, place)}{asked}"} for place in starts[:_PAGES]]
    more = f"{base}resultpages?locator={_locator(job, starts[_PAGES])}{asked}" if len(starts) > _PAGES else None
    return json_response({"resultPages": shown, org.settings.next_pages_key: more, "done": more is None})


def open_spool(folder: Path) -> Spool:
    """The rows of a query job."""
    folder.mkdir(exist_ok=True)
    return Spool(spool_path(folder))
