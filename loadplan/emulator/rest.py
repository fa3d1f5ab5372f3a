"""The REST side: versions, limits, and queries with nextRecordsUrl; which module answers the rest."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import composite, identity, querycolumns, sobjects
from .children import Children
from .grouped import MOST, Grouped
from .restrows import columns, nested
from .select import Select
from .soql import parse
from .soqltree import Query
from .spool import Spool
from .streams import FileBody
from .wire import JSON_TYPE, ApiError, Request, Response, json_response, make_id, not_found, wrong_method

if TYPE_CHECKING:
    from .org import Org

_SEASONS = ("Winter", "Spring", "Summer")
_CURSOR = re.compile(r"(01g\w{15})-([0-9]{1,9})", re.ASCII)


def versions(org: Org) -> Response:
    """`GET /services/data`; no token needed."""
    low, high = org.settings.versions
    return json_response([
        {"label": f"{_SEASONS[(v - 41) % 3]} '{18 + (v - 41) // 3:02d}",
         "url": f"/services/data/v{v}.0", "version": f"{v}.0"} for v in range(low, high + 1)
    ])  # fmt: skip


def route(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    """The calls under /services/data/vXX.0 that are not jobs."""
    if parts[0] == "sobjects":
        return sobjects.route(org, request, parts[1:], version, now)
    if parts[0] == "composite":
        return composite.route(org, request, parts[1:], version, now, route)
    if parts[0] not in ("", "limits", "query", "queryAll", "recent") or len(parts) > 2:
        raise not_found()
    if request.method not in ("GET", "HEAD"):
        raise wrong_method(request.method, "GET")
    if parts == [""]:
        base = f"/services/data/v{version}.0"
        names = ("sobjects", "query", "queryAll", "limits", "jobs", "composite", "recent")
        return json_response({**{name: f"{base}/{name}" for name in names}, "identity": identity.address(org)})
    if parts == ["recent"]:
        return json_response([])  # what a user looked at in a browser; nobody looks here
    if parts == ["limits"]:
        return json_response({name: {"Max": top, "Remaining": max(0, left)} for name, top, left in limits(org, now)})
    if parts[0] in ("query", "queryAll"):
        return _query(org, request, parts, version, now)
    raise not_found()


def limits(org: Org, now: float) -> list[tuple[str, int, int]]:
    """(name, most, left) of the allocations of the last 24 hours, and of what is never used up here."""
    settings, used = org.settings, org.usage.used
    stored = used("query_bytes", now) // 1_048_576
    return [
        ("ConcurrentAsyncGetReportInstances", 200, 200),
        ("DailyApiRequests", settings.api_requests_max, settings.api_requests_max - used("requests", now)),
        ("DailyAsyncApexExecutions", 250_000, 250_000),
        ("DailyBulkApiBatches", settings.batches_max, settings.batches_max - used("batches", now)),
        ("DailyBulkV2QueryFileStorageMB", settings.query_storage_max_mb, settings.query_storage_max_mb - stored),
        ("DailyBulkV2QueryJobs", settings.query_jobs_max, settings.query_jobs_max - used("query_jobs", now)),
        ("DataStorageMB", 10_240, 10_240),
        ("FileStorageMB", 10_240, 10_240),
    ]


# queries


def _query(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    match = re.search(r"batchSize=([0-9]{1,9})", request.headers.get("sforce-query-options", ""))
    size = min(max(200, int(match[1])), org.settings.rest_page_size) if match else org.settings.rest_page_size
    if len(parts) == 2:
        return _next_page(org, parts, version)
    query = parse(request.query.get("q", ""))
    if query.shown:
        return _groups(org, query, request, now, deleted=parts[0] == "queryAll")
    select = Select(org.schema, query, now, deleted=parts[0] == "queryAll")
    children = Children(select, version)
    if request.query.get("columns", "").lower() == "true":
        return json_response(querycolumns.metadata(select, children))
    if select.query.count:
        (count,) = org.store.db.execute(*select.statement([])).fetchone()
        return json_response({"totalSize": count, "done": True, "records": []})
    text, values = select.statement(['t."Id"', *columns(select)])
    found = ((row[0], nested(select, row, version)) for row in org.store.db.execute(text, values))
    rows = children.beneath(org.store, found)
    first = list(islice(rows, size))
    more = list(islice(rows, 1))
    if not more:
        return json_response({"totalSize": len(first), "done": True, "records": first})
    cursor = make_id("01g", org.store.next("cursor"))
    spool = Spool(_cursor_path(org, cursor))
    spool.clear()
    total = 0
    pack = [*first, *more]
    while pack:
        spool.add([json.dumps(entry, ensure_ascii=False) + ",\n" for entry in pack])
        total += len(pack)
        pack = list(islice(rows, 1_000))
    org.store.put_cursor(cursor, {"total": total, "size": size})
    url = f"/services/data/v{version}.0/query/{cursor}-{size}"  # of queryAll too, as its documents say
    return json_response({"totalSize": total, "done": False, "nextRecordsUrl": url, "records": first})


def _groups(org: Org, query: Query, request: Request, now: float, *, deleted: bool) -> Response:
    """The answer to a query with aggregate functions: a record for each group, whole in one page."""
    grouped = Grouped(org.schema, query, now, deleted=deleted)
    text, values = grouped.grouped_statement()
    names, kinds = grouped.names(), grouped.kinds()
    if request.query.get("columns", "").lower() == "true":
        return json_response(querycolumns.of_groups(grouped))
    rows = list(islice(org.store.db.execute(text, values), MOST + 1))
    if len(rows) > MOST:
        text = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", text)
    records = [
        {"attributes": {"type": "AggregateResult"}, **{
            name: bool(value) if kind == "boolean" and value is not None else value
            for name, kind, value in zip(names, kinds, row, strict=True)}}
        for row in rows
    ]  # fmt: skip
    return json_response({"totalSize": len(records), "done": True, "records": records})


def _cursor_path(org: Org, cursor: str) -> Path:
    folder = org.folder / "cursors"
    folder.mkdir(exist_ok=True)
    return folder / f"{cursor}.json"


def _next_page(org: Org, parts: list[str], version: int) -> Response:
    match = _CURSOR.fullmatch(parts[1])
    kept = org.store.cursor(match[1]) if match else None
    if match is None or not isinstance(kept, dict):
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    start, total, size = int(match[2]), kept["total"], kept["size"]
    spool = Spool(_cursor_path(org, match[1]))
    first, length = spool.range(start, size)
    done = start + size >= total
    answer: dict[str, Any] = {"totalSize": total, "done": done}
    if not done:
        answer["nextRecordsUrl"] = f"/services/data/v{version}.0/query/{match[1]}-{start + size}"
    head = json.dumps(answer, indent=2, separators=(",", " : "))[:-2] + ',\n  "records" : [ '
    body = FileBody.of(spool.path, [(first, max(0, length - 2))], head.encode())
    body.pieces.append(b" ]\n}")
    return Response(200, body, {"Content-Type": JSON_TYPE})
