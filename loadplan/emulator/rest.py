"""The REST side: versions, limits, describe, records one by one, and queries with nextRecordsUrl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .schema import ObjectType
from .soql import parse
from .soql_eval import Evaluator
from .store import Record
from .values import RowError, convert
from .wire import ApiError, Request, Response, json_response, make_id, not_found

if TYPE_CHECKING:
    from .org import Org

_SEASONS = ("Winter", "Spring", "Summer")


def versions(org: Org) -> Response:
    """`GET /services/data`; no token needed."""
    low, high = org.settings.versions
    return json_response([
        {"label": f"{_SEASONS[(v - 41) % 3]} '{18 + (v - 41) // 3:02d}",
         "url": f"/services/data/v{v}.0", "version": f"{v}.0"} for v in range(low, high + 1)
    ])  # fmt: skip


def route(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    """The calls under /services/data/vXX.0 that are not jobs."""
    if parts == [""]:
        base = f"/services/data/v{version}.0"
        return json_response({name: f"{base}/{name}" for name in ("sobjects", "query", "queryAll", "limits", "jobs")})
    if parts == ["limits"]:
        left = org.settings.api_requests_max - len(org.requests)
        shown = {"DailyApiRequests": (org.settings.api_requests_max, left), "DailyBulkApiBatches": (15000, 15000),
                 "DailyBulkV2QueryJobs": (10000, 10000), "DailyBulkV2QueryFileStorageMB": (976562, 976562)}  # fmt: skip
        return json_response({name: {"Max": top, "Remaining": rest} for name, (top, rest) in shown.items()})
    if parts[0] in ("query", "queryAll"):
        return _query(org, request, parts, version, now)
    if parts[0] == "sobjects":
        return _sobjects(org, request, parts[1:], version, now)
    raise not_found()


def _query(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    size = org.settings.rest_page_size
    if len(parts) == 2:
        cursor, _, start_text = parts[1].rpartition("-")
        start, data = int(start_text) if start_text.isdigit() else 0, org.store.cursor(cursor)
        if data is None:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    else:
        run = Evaluator(org.store, org.schema, parse(request.query.get("q", "")), now)
        found = run.rows(deleted=parts[0] == "queryAll")
        if run.query.count:
            return json_response({"totalSize": len(found), "done": True, "records": []})
        data, start, cursor = [_nested(run, row, version) for row in found], 0, ""
        if len(data) > size:
            cursor = make_id("01g", org.store.next("cursor"))
            org.store.put_cursor(cursor, data)
    done = start + size >= len(data)
    answer: dict[str, Any] = {"totalSize": len(data), "done": done}
    if not done:
        answer["nextRecordsUrl"] = f"/services/data/v{version}.0/{parts[0]}/{cursor}-{start + size}"
    return json_response({**answer, "records": data[start : start + size]})


def _nested(run: Evaluator, row: Record, version: int) -> Record:
    url = f"/services/data/v{version}.0/sobjects/{run.kind.name}/{row['Id']}"
    out: Record = {"attributes": {"type": run.kind.name, "url": url}}
    for path in run.fields:
        place = out
        for lookup in path[:-1]:
            name = str(lookup.relationship)
            if not row.get(path[0].name):
                out[name] = None
                break
            place = place.setdefault(name, {"attributes": {"type": lookup.reference_to[0]}})
        else:
            place[path[-1].name] = run.value(row, path)
    return out


def _sobjects(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    if not parts:
        shown = [{k: v for k, v in kind.raw.items() if k != "fields"} for kind in org.schema.objects.values()]
        return json_response({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})
    kind = org.schema.find(parts[0])
    if kind is None:
        raise not_found()
    if parts[1:] == ["describe"]:
        return json_response(org.schema.describe(kind, f"v{version}.0"))
    try:
        return _record(org, request, kind, parts[1:], now)
    except RowError as problem:
        status = 404 if problem.code == "ENTITY_IS_DELETED" else 400
        raise ApiError(status, problem.code, problem.message, list(problem.fields)) from None


def _record(org: Org, request: Request, kind: ObjectType, parts: list[str], now: float) -> Response:
    if not parts and request.method == "POST":
        made = org.saver.insert(kind, _values(kind, request.json()), now)
        return json_response({"id": made, "success": True, "errors": []}, 201)
    field = kind.field(parts[0] if len(parts) == 2 else "Id")
    if field is None or not parts or not field.indexed:
        raise not_found()
    found = org.saver.find(kind, field, parts[-1])
    if len(found) > 1:
        return json_response([f"{request.path}/{record}" for record in found], 300)
    if request.method == "PATCH" and not found and field.type != "id":
        values = {**_values(kind, request.json()), field.name: parts[-1]}
        made = org.saver.insert(kind, values, now)
        return json_response({"id": made, "success": True, "errors": [], "created": True}, 201)
    if not found:
        raise not_found()
    if request.method == "PATCH":
        org.saver.update(kind, found[0], _values(kind, request.json()), now)
        return Response(204)
    if request.method == "DELETE":
        org.saver.delete(kind, found[0], hard=False)
        return Response(204)
    stored = org.saver.live(kind, found[0])
    return json_response({"attributes": {"type": kind.name, "url": request.path}, **stored})


def _values(kind: ObjectType, wanted: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place, (name, value) in enumerate((k, v) for k, v in wanted.items() if k != "attributes"):
        field = kind.field(name)
        if field is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        values[field.name] = None if value in (None, "") else convert(field, text, place)
    return values
