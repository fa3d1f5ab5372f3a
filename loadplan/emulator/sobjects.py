"""Objects and records over REST, one by one (REST API Developer Guide, 'sObject Rows', 'sObject Rows by External ID')."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .schema import Field, ObjectType
from .values import Converter, RowError
from .wire import ApiError, Request, Response, json_response, looks_like_id, not_found, wrong_method

if TYPE_CHECKING:
    from .org import Org


def route(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    """What lies under /services/data/vXX.0/sobjects."""
    method = "GET" if request.method == "HEAD" else request.method
    if not parts:
        if method != "GET":
            raise wrong_method(request.method, "GET")
        return _all_objects(org, version)
    kind = org.schema.find(parts[0])
    if kind is None:
        raise not_found()
    if parts[1:] == ["describe"]:
        if method != "GET":
            raise wrong_method(request.method, "GET")
        return json_response(org.schema.describe(kind, f"v{version}.0"))
    try:
        return _record(org, request, kind, parts[1:], version, now)
    except RowError as problem:
        status = 404 if problem.code == "ENTITY_IS_DELETED" else 400
        raise ApiError(status, problem.code, problem.message, list(problem.fields)) from None


def _all_objects(org: Org, version: int) -> Response:
    base = f"/services/data/v{version}.0/sobjects"
    shown = [
        {**_without_fields(kind), "urls": {"sobject": f"{base}/{kind.name}", "describe": f"{base}/{kind.name}/describe",
                                           "rowTemplate": f"{base}/{kind.name}/{{ID}}"}}
        for kind in org.schema.objects.values()
    ]  # fmt: skip
    return json_response({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})


def _without_fields(kind: ObjectType) -> dict[str, Any]:
    return {key: value for key, value in kind.raw.items() if key not in ("fields", "recordTypeInfos")}


def _record(org: Org, request: Request, kind: ObjectType, parts: list[str], version: int, now: float) -> Response:
    method = "GET" if request.method == "HEAD" else request.method
    if not parts:
        if method == "POST":
            made = org.saver.insert(kind, values(org, kind, request.json()), now)
            place = {"Location": f"/services/data/v{version}.0/sobjects/{kind.name}/{made}"}
            return json_response({"id": made, "success": True, "errors": []}, 201, place)
        if method != "GET":
            raise wrong_method(request.method, "GET", "POST")
        return json_response({"objectDescribe": _without_fields(kind), "recentItems": []})
    field = kind.field(parts[0] if len(parts) == 2 else "Id")
    if field is None or len(parts) > 2 or not field.indexed:
        raise _no_such_key(parts[0])
    if method not in ("GET", "PATCH", "DELETE"):
        raise wrong_method(request.method, "GET", "PATCH", "DELETE")
    key = parts[-1]
    found = org.saver.find(kind, field, [key]).get(key, [])
    if len(found) > 1:
        base = f"/services/data/v{version}.0/sobjects/{kind.name}"
        return json_response([f"{base}/{record}" for record in found], 300)
    if method == "PATCH" and field.type != "id":
        return upsert_answer(upsert(org, kind, field, key, request.json(), found, now), version)
    if not found:
        raise _missing(org, kind, field, key)
    if method == "PATCH":
        org.saver.update(kind, found[0], values(org, kind, request.json()), now)
        return Response(204)
    if method == "DELETE":
        org.saver.delete(kind, found[0])
        return Response(204)
    return json_response(read(org, kind, found[0], request.query.get("fields"), version))


def _no_such_key(name: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")


def _missing(org: Org, kind: ObjectType, field: Field, key: str) -> Exception:
    """Why there is no record of that id or key."""
    if field.type != "id":
        return not_found()
    if not looks_like_id(key):
        return _no_such_key(key)
    problem = org.saver.living(kind, [key])[0]
    return problem if problem.code != "INVALID_CROSS_REFERENCE_KEY" else not_found()


def read(org: Org, kind: ObjectType, record: str, fields: str | None, version: int) -> dict[str, Any]:
    """A record with all its fields, or with those of a list with commas. Raises ApiError for an unknown field."""
    stored = org.saver.tables.get(kind, record) or {}
    head = {"attributes": {"type": kind.name, "url": f"/services/data/v{version}.0/sobjects/{kind.name}/{record}"}}
    if not fields:
        return {**head, **stored}
    shown = {}
    for name in fields.split(","):
        known = _known(kind, name.strip()).name
        shown[known] = stored.get(known)
    return {**head, **shown, "Id": record}


def _known(kind: ObjectType, name: str) -> Field:
    field = kind.field(name)
    if field is None:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
    return field


def upsert(
    org: Org, kind: ObjectType, field: Field, key: str, wanted: dict[str, Any], found: list[str], now: float
) -> tuple[str, bool]:
    """(id, whether it was made) of the record whose key field has that text; `found` are the records that have it."""
    given = values(org, kind, wanted, but=field)
    if found:
        org.saver.update(kind, found[0], given, now)
        return found[0], False
    return org.saver.insert(kind, {**given, field.name: Converter(field).value(key, 0)}, now), True


def upsert_answer(done: tuple[str, bool], version: int) -> Response:
    """201 for a new record; 200 for one that was there since v46, 204 before."""
    record, made = done
    if not made and version < 46:
        return Response(204)
    return json_response({"id": record, "success": True, "errors": [], "created": made}, 201 if made else 200)


def values(org: Org, kind: ObjectType, wanted: dict[str, Any], but: Field | None = None) -> dict[str, Any]:
    """Field values of a JSON object, with lookups by the key of their parent. `but` is a field that must not be among them.

    Raises ApiError for what cannot be read (an unknown field, a value of another type), RowError for a value that does not fit."""
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        if name == "attributes":
            continue
        lookup = kind.relationships.get(name.lower()) if isinstance(value, dict) else None
        if lookup is not None:
            found[lookup.name] = _parent(org, lookup, value)
            continue
        field = _known(kind, name)
        if field.type == "id" or field is but:
            raise ApiError(400, "INVALID_FIELD", f"The {field.name} field should not be specified in the sobject data.")
        found[field.name] = None if value in (None, "") else _value(field, value)
    return found


def _value(field: Field, value: Any) -> Any:
    if isinstance(value, dict | list):
        reason = f"Cannot deserialize instance of {field.type} from"
        where = "START_ARRAY value [line:1, column:2]"
        if isinstance(value, dict):
            where = "START_OBJECT value { or request may be missing a required field at [line:1, column:2]"
        raise ApiError(400, "JSON_PARSER_ERROR", f"{reason} {where}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        return Converter(field).value(text, 0)
    except RowError as problem:
        if problem.code != "INVALID_FIELD":
            raise
        token = "VALUE_STRING" if isinstance(value, str) else "VALUE_NUMBER_INT"
        reason = f"Cannot deserialize instance of {field.type} from {token} value {text}"
        where = "or request may be missing a required field at [line:1, column:2]"
        raise ApiError(400, "JSON_PARSER_ERROR", f"{reason} {where}") from None


def _parent(org: Org, lookup: Field, wanted: dict[str, Any]) -> str:
    """The record that a nested object names by one of its keys."""
    named = (
        str(wanted.get("attributes", {}).get("type") or "") if isinstance(wanted.get("attributes", {}), dict) else ""
    )
    parent = org.schema.find(named or next(iter(lookup.reference_to), ""))
    keys = [(name, value) for name, value in wanted.items() if name != "attributes"]
    if parent is None or len(keys) != 1:
        raise ApiError(400, "INVALID_FIELD", f"Only one external ID may be given for {lookup.relationship}")
    name, value = keys[0]
    field = _known(parent, name)
    found = org.saver.find(parent, field, [str(value)]).get(str(value), []) if field.indexed else []
    if len(found) != 1:
        text = f"Foreign key external ID: {str(value).lower()} not found for field {field.name} in entity {parent.name}"
        raise RowError("INVALID_FIELD", text)
    return found[0]
