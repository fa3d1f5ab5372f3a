"""Records over REST, up to 200 in a call (REST API Developer Guide, 'sObject Collections').

Each record has its own result; with allOrNone one that fails takes the others back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import sobjects
from .records import folded_key
from .schema import Field, ObjectType
from .values import RowError
from .wire import ApiError, Request, Response, id18, json_response, looks_like_id, not_found, wrong_method

if TYPE_CHECKING:
    from .org import Org

MOST = 200
MOST_READ = 2_000
_ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}
Save = Callable[[], dict[str, Any]]


def route(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    """What lies under /services/data/vXX.0/composite/sobjects."""
    method = "GET" if request.method == "HEAD" else request.method
    if not parts or parts == [""]:
        if method == "DELETE":
            return _delete(org, request)
        if method not in ("POST", "PATCH"):
            raise wrong_method(request.method, "POST", "PATCH", "DELETE")
        return _save(org, request.json(), update=method == "PATCH", now=now)
    kind = org.schema.find(parts[0])
    if kind is None or len(parts) > 2:
        raise not_found()
    if len(parts) == 2:
        if method != "PATCH":
            raise wrong_method(request.method, "PATCH")
        return _upsert(org, kind, parts[1], request.json(), now)
    if method not in ("GET", "POST"):
        raise wrong_method(request.method, "GET", "POST")
    return _read(org, kind, request, version)


def _records(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    records = wanted.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "The records must be a list of objects")
    if len(records) > MOST:
        raise _too_many(MOST)
    return records


def _too_many(most: int) -> ApiError:
    return ApiError(
        400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records into this call"
    )


def _kind(org: Org, record: dict[str, Any]) -> ObjectType:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    kind = org.schema.find(str(name or ""))
    if kind is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{name or ''}' is not supported.")
    return kind


def _save(org: Org, wanted: dict[str, Any], *, update: bool, now: float) -> Response:
    steps: list[Save] = []
    for record in _records(wanted):
        kind, target, fields = _kind(org, record), None, record
        if update:
            target = next((str(value) for name, value in record.items() if name.lower() == "id"), "")
            fields = {name: value for name, value in record.items() if name.lower() != "id"}
        steps.append(_step(org, kind, fields, target, now))
    return json_response(perform(org, steps, all_or_none=wanted.get("allOrNone") is True))


def _step(org: Org, kind: ObjectType, record: dict[str, Any], target: str | None, now: float) -> Save:
    """One insert, or an update when there is a target."""
    given: dict[str, Any] | RowError
    try:
        given = sobjects.values(org, kind, record)
    except RowError as problem:
        given = problem

    def save() -> dict[str, Any]:
        if target == "":
            raise RowError("MISSING_ARGUMENT", "Id not specified in an update call")
        if isinstance(given, RowError):
            raise given
        if target is None:
            return {"id": org.saver.insert(kind, given, now)}
        record_id = _id(kind, target)
        org.saver.update(kind, record_id, given, now)
        return {"id": record_id}

    return save


def _id(kind: ObjectType, text: str) -> str:
    if not looks_like_id(text):
        raise RowError("MALFORMED_ID", f"{kind.raw['label']} ID: id value of incorrect type: {text}", "Id")
    return id18(text)


def _upsert(org: Org, kind: ObjectType, key_name: str, wanted: dict[str, Any], now: float) -> Response:
    field = kind.field(key_name)
    if field is None or not field.indexed:
        raise ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {key_name}")

    records = _records(wanted)
    keys = [_key_of(field, record) for record in records]
    times = Counter(folded_key(field, str(key)) for key in keys if key not in (None, ""))

    def step(record: dict[str, Any], key: Any) -> Save:
        rest = {name: value for name, value in record.items() if name.lower() != field.name.lower()}

        def save() -> dict[str, Any]:
            if key in (None, ""):
                raise RowError("MISSING_ARGUMENT", f"{field.name} not specified")
            if times[folded_key(field, str(key))] > 1:  # which of them is meant? All that have it are refused
                raise RowError("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", field.name)
            found = org.saver.find(kind, field, [str(key)]).get(str(key), [])
            if len(found) > 1:
                listed = ", ".join(found)
                text = f"{field.name}: more than one record found for external id field: [{listed}]"
                raise RowError("DUPLICATE_EXTERNAL_ID", text, field.name)
            made, is_new = sobjects.upsert(org, kind, field, str(key), rest, found, now)
            return {"id": made, "created": is_new}

        return save

    for record in records:
        if _kind(org, record) is not kind:
            raise ApiError(400, "INVALID_TYPE", "The records must be of the object that the address names")
    steps = [step(record, key) for record, key in zip(records, keys, strict=True)]
    done = perform(org, steps, all_or_none=wanted.get("allOrNone") is True)
    return json_response([{**entry, "created": entry.get("created", False)} for entry in done])


def _key_of(field: Field, record: dict[str, Any]) -> Any:
    return next((value for name, value in record.items() if name.lower() == field.name.lower()), None)


def _delete(org: Org, request: Request) -> Response:
    ids = _listed(request, "ids")
    if len(ids) > MOST:
        raise _too_many(MOST)

    def step(text: str) -> Save:
        def save() -> dict[str, Any]:
            kind = org.schema.of_id(text) if looks_like_id(text) else None
            if kind is None:
                raise RowError("MALFORMED_ID", f"malformed id {text}")
            org.saver.delete(kind, id18(text))
            return {"id": id18(text)}

        return save

    all_or_none = request.query.get("allOrNone", "").lower() == "true"
    return json_response(perform(org, [step(text) for text in ids], all_or_none=all_or_none))


def perform(org: Org, steps: Sequence[Save], *, all_or_none: bool) -> list[dict[str, Any]]:
    """A result for each step, in order; with all_or_none a step that fails takes all back."""
    results: list[dict[str, Any]] = []
    with org.store.attempt() as attempt:
        for step in steps:
            try:
                results.append({**step(), "success": True, "errors": []})
            except RowError as problem:
                results.append({"success": False, "errors": [as_error(problem)]})
        if all_or_none and not all(result["success"] for result in results):
            attempt.undo()
            undone = {"success": False, "errors": [_ROLLED_BACK]}
            results = [undone if result["success"] else result for result in results]
    return results


def as_error(problem: RowError) -> dict[str, Any]:
    """A refused record as a result shows it."""
    return {"statusCode": problem.code, "message": problem.message, "fields": list(problem.fields)}


def _read(org: Org, kind: ObjectType, request: Request, version: int) -> Response:
    if request.method == "POST":
        wanted = request.json()
        ids, fields = _texts(wanted, "ids"), _texts(wanted, "fields")
    else:
        ids, fields = _listed(request, "ids"), _listed(request, "fields")
    if len(ids) > MOST_READ:
        raise _too_many(MOST_READ)
    found = [id18(text) if looks_like_id(text) else "" for text in ids]
    living = org.saver.tables.state(kind, found)
    listed = ",".join(fields)
    return json_response([
        sobjects.read(org, kind, record, listed, version) if living.get(record) is False else None for record in found
    ])  # fmt: skip


def _missing(name: str) -> ApiError:
    return ApiError(400, "MISSING_ARGUMENT", f"{name} not specified")


def _listed(request: Request, name: str) -> list[str]:
    """Texts of a parameter, between commas; at least one."""
    found = [text.strip() for text in request.query.get(name, "").split(",") if text.strip()]
    if not found:
        raise _missing(name)
    return found


def _texts(wanted: dict[str, Any], name: str) -> list[str]:
    """The texts of a list in a body; at least one."""
    found = wanted.get(name)
    if found is not None and not (isinstance(found, list) and all(isinstance(text, str) for text in found)):
        raise ApiError(400, "JSON_PARSER_ERROR", f"The {name} must be a list of texts")
    if not found:
        raise _missing(name)
    return found
