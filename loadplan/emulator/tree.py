"""Records with their children in one call (REST API Developer Guide, 'sObject Tree'): all are made, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import sobjects
from .many import MOST, as_error
from .schema import ObjectType
from .values import RowError
from .wire import ApiError, Response, json_response, not_found

if TYPE_CHECKING:
    from .org import Org


def create(org: Org, name: str, wanted: dict[str, Any], now: float) -> Response:
    """`POST /composite/tree/{Object}`: 201 with an id for each reference, or 400 with what is wrong."""
    kind = org.schema.find(name)
    if kind is None:
        raise not_found()
    results: list[dict[str, Any]] = []
    with org.store.attempt() as attempt:
        _level(org, kind, wanted, {}, results, now)
        wrong = [result for result in results if "errors" in result]
        if wrong:
            attempt.undo()
            return json_response({"hasErrors": True, "results": wrong}, 400)
    return json_response({"hasErrors": False, "results": results}, 201)


def _level(
    org: Org, kind: ObjectType, wanted: Any, link: dict[str, Any], results: list[dict[str, Any]], now: float
) -> None:
    """The records of one list, each with its children; `link` is the field that leads to their parent."""
    records = wanted.get("records") if isinstance(wanted, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "The records must be a list of objects")
    for record in records:
        attributes = record.get("attributes")
        attributes = attributes if isinstance(attributes, dict) else {}
        reference = attributes.get("referenceId")
        if not reference or any(reference == result["referenceId"] for result in results):
            raise ApiError(
                400, "INVALID_INPUT", "Include a reference ID for each record in the request; it must be unique."
            )
        if len(results) >= MOST:
            raise ApiError(400, "INVALID_INPUT", f"The request can contain up to {MOST} records across all trees.")
        if org.schema.find(str(attributes.get("type") or "")) is not kind:
            raise ApiError(400, "INVALID_INPUT", f"The type must be {kind.name}.")
        below = {key: value for key, value in record.items() if isinstance(value, dict) and "records" in value}
        plain = {key: value for key, value in record.items() if key not in below}
        try:
            made = org.saver.insert(kind, {**sobjects.values(org, kind, plain), **link}, now)
        except RowError as problem:
            results.append({"referenceId": reference, "errors": [as_error(problem)]})
            continue
        results.append({"referenceId": reference, "id": made})
        for key, children in below.items():
            child, field = _children(org, kind, key)
            _level(org, child, children, {field: made}, results, now)


def _children(org: Org, kind: ObjectType, name: str) -> tuple[ObjectType, str]:
    """The object and the lookup behind the name of a child relationship."""
    for entry in org.schema.describe(kind, "v0")["childRelationships"]:
        child = org.schema.find(entry["childSObject"])
        if child is not None and str(entry["relationshipName"]).lower() == name.lower():
            return child, str(entry["field"])
    raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
