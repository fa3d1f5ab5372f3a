"""Several REST calls in one: composite, batch, and collections (REST API Developer Guide, 'Composite Resources').

Every call in it goes the way of a single one; the whole counts as one API request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from . import many, tree
from .streams import FileBody
from .wire import ApiError, Request, Response, json_response, not_found, wrong_method

if TYPE_CHECKING:
    from .org import Org

MOST = 25
One = Callable[["Org", Request, list[str], int, float], Response]
_REFERENCE = re.compile(r"@\{([A-Za-z_]\w*)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


class Calls:
    """Answers the calls of one request; `one` answers a single call (org, request, parts of its path, version, time)."""

    def __init__(self, org: Org, one: One, now: float) -> None:
        self._org, self._one, self._now = org, one, now

    def answer(self, method: str, url: str, body: Any, headers: Any = None) -> Response:
        """One call; its errors are answers."""
        path, _, asked = url.partition("?")
        match = re.fullmatch(r"/services/data/v([0-9]{1,3})\.0/(.+?)/?", path, re.DOTALL)
        low, high = self._org.settings.versions
        data = json.dumps(body).encode() if body is not None else b""
        known = {name.lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
        query = dict(parse_qsl(asked, keep_blank_values=True))
        request = Request(method.upper(), unquote(path), query, known, data, encoded=path)
        try:
            steps = request.steps[4:] if match is not None else []
            nested = steps[:1] == ["composite"] and steps[1:2] != ["sobjects"]
            if match is None or not low <= int(match[1]) <= high or steps[0] == "jobs" or nested:
                raise not_found()
            return self._one(self._org, request, steps, int(match[1]), self._now)
        except ApiError as problem:
            return problem.response()


def route(org: Org, request: Request, parts: list[str], version: int, now: float, one: One) -> Response:
    """What lies under /services/data/vXX.0/composite."""
    if parts and parts[0] == "sobjects":
        return many.route(org, request, parts[1:], version, now)
    if parts and parts[0] == "tree" and len(parts) == 2:
        if request.method != "POST":
            raise wrong_method(request.method, "POST")
        return tree.create(org, parts[1], request.json(), now)
    if parts not in ([], ["batch"]):
        raise not_found()
    if not parts and request.method in ("GET", "HEAD"):
        base = f"/services/data/v{version}.0/composite"
        return json_response({name: f"{base}/{name}" for name in ("tree", "batch", "sobjects")})
    if request.method != "POST":
        raise wrong_method(request.method, *(("POST",) if parts else ("GET", "POST")))
    calls = Calls(org, one, now)
    return _batch(calls, request.json()) if parts else _composite(org, calls, request.json())


def _listed(wanted: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = wanted.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name} must be a list of objects")
    if len(entries) > MOST:
        raise ApiError(400, "LIMIT_EXCEEDED", f"Limit exceeded. Max allowed subrequests: {MOST}")
    return entries


def _json(response: Response) -> Any:
    body = response.body
    if isinstance(body, FileBody):
        body = b"".join(bytes(block) for block in body.blocks())
    assert isinstance(body, bytes)
    return json.loads(body) if body else None


# composite


def _composite(org: Org, calls: Calls, wanted: dict[str, Any]) -> Response:
    """`POST /composite`: a call may use what an earlier one answered, by @{referenceId.field}."""
    listed = _listed(wanted, "compositeRequest")
    all_or_none = wanted.get("allOrNone") is True
    known: dict[str, Any] = {}
    answers: list[dict[str, Any]] = []
    with org.store.attempt() as attempt:
        for call in listed:
            name = str(call.get("referenceId") or "")
            if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in known:
                raise ApiError(400, "JSON_PARSER_ERROR", f"Invalid reference id: {name}")
            response = _composite_call(calls, call, known)
            body = _json(response)
            known[name] = body if response.status < 300 else None
            headers = {"Location": response.headers["Location"]} if "Location" in response.headers else {}
            answers.append(
                {"body": body, "httpHeaders": headers, "httpStatusCode": response.status, "referenceId": name}
            )
            if all_or_none and response.status >= 300:
                attempt.undo()
                answers = _all_halted(listed, answers)
                break
    return json_response({"compositeResponse": answers})


def _composite_call(calls: Calls, call: dict[str, Any], known: dict[str, Any]) -> Response:
    try:
        url, body = _filled(str(call.get("url") or ""), known), _filled(call.get("body"), known)
    except ApiError as problem:
        return problem.response()
    return calls.answer(str(call.get("method") or ""), url, body, call.get("httpHeaders"))


def _all_halted(calls: list[dict[str, Any]], answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What all the others say when one failed and all were to stand or fall together."""
    halted = [{"errorCode": "PROCESSING_HALTED", "message": _ROLLED_BACK}]
    common = {"body": halted, "httpHeaders": {}, "httpStatusCode": 400}
    before = [{**common, "referenceId": entry["referenceId"]} for entry in answers[:-1]]
    after = [{**common, "referenceId": call.get("referenceId")} for call in calls[len(answers) :]]
    return [*before, answers[-1], *after]


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """A value with its references put in."""
    if isinstance(value, dict):
        return {name: _filled(entry, known) for name, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, known) for entry in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return _referred(whole, known)
    return _REFERENCE.sub(lambda match: str(_referred(match, known)), value)


def _referred(match: re.Match[str], known: dict[str, Any]) -> Any:
    found = known.get(match[1])
    for field, place in _STEP.findall(match[2]):
        if field and isinstance(found, dict):
            found = found.get(field)
        elif place and isinstance(found, list) and int(place) < len(found):
            found = found[int(place)]
        else:
            found = None
    if found is None:
        path = match[2].lstrip(".")
        text = f"Invalid reference specified. No value for {match[1]}.{path} found in {match[1]}"
        raise ApiError(400, "PROCESSING_HALTED", text)
    return found


# batch


def _batch(calls: Calls, wanted: dict[str, Any]) -> Response:
    """`POST /composite/batch`: calls that know nothing of each other."""
    results: list[dict[str, Any]] = []
    halted = False
    for call in _listed(wanted, "batchRequests"):
        if halted:
            body = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}]
            results.append({"statusCode": 412, "result": body})
            continue
        url = str(call.get("url") or "")
        url = url if url.startswith("/services/data/") else f"/services/data/{url.lstrip('/')}"
        response = calls.answer(str(call.get("method") or ""), url, call.get("richInput"))
        results.append({"statusCode": response.status, "result": _json(response)})
        halted = wanted.get("haltOnError") is True and response.status >= 300
    failed = any(result["statusCode"] >= 300 for result in results)
    return json_response({"hasErrors": failed, "results": results})
