"""The control endpoint, under a path no Salesforce has: what tests in any language read from the org and do to it.

Answers plain JSON without a token, to programs on this machine only: a request that a web page makes is refused. Such
requests are neither counted, nor logged as requests of the org, nor spoiled by faults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any

from .auth import issue
from .clock import OrgClock
from .faultfile import read_faults
from .faultnotes import settle
from .faults import KINDS
from .jobs import as_dict
from .ledger import entries
from .store import open_database
from .streams import MadeBody
from .wire import ApiError, Request, Response, read_json

if TYPE_CHECKING:
    from .org import Org

ROOT = "/__control__"


def is_for(request: Request) -> bool:
    """Whether a request is one of these."""
    return request.path == ROOT or request.path.startswith(f"{ROOT}/")


def handle(org: Org, request: Request, clock: OrgClock) -> Response:
    """Answer one request of the control endpoint."""
    if "origin" in request.headers:
        return _json({"error": "web pages may not use the control endpoint"}, 403)
    name = request.path.removeprefix(ROOT).strip("/")
    known = {
        ("GET", "ledger"): _ledger, ("GET", "ledger/entries"): _entries,
        ("GET", "requests"): _requests, ("DELETE", "requests"): _forget_requests,
        ("GET", "faults"): _faults, ("POST", "faults"): _add_faults, ("DELETE", "faults"): _clear_faults,
        ("GET", "jobs"): _jobs, ("POST", "tokens"): _new_token, ("DELETE", "tokens"): _end_tokens,
        ("GET", "settings"): _settings, ("GET", "clock"): _time, ("POST", "clock"): _advance,
    }  # fmt: skip
    found = known.get((request.method, name))
    if found is None:
        calls = sorted(f"{method} {ROOT}/{path}" for method, path in known)
        return _json({"calls": calls}, 200 if not name and request.method == "GET" else 404)
    try:
        with org.lock:
            return found(org, request, clock)
    except (ValueError, ApiError) as problem:
        return _json({"error": str(problem)}, 400)


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def _ledger(org: Org, request: Request, _: OrgClock) -> Response:
    wanted = _object(org, request)
    names = [wanted] if wanted else org.ledger.objects()
    return _json({name: org.ledger.applied(name) for name in names})


def _object(org: Org, request: Request) -> str | None:
    """The object that is asked about, as it is asked; None for all. Raises ValueError for one that there is not."""
    wanted = request.query.get("object")
    if not wanted:
        return None
    known = [*(kind.name for kind in org.schema.objects.values()), *org.ledger.objects()]
    if wanted.lower() not in map(str.lower, known) and not org.settings.sink:
        raise ValueError(f"there is no object {wanted!r}{_meant(wanted, known)}")
    return wanted


def _meant(text: str, known: Sequence[str]) -> str:
    close = get_close_matches(text, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _entries(org: Org, request: Request, _: OrgClock) -> Response:
    """A line of JSON for each application, in order; read beside the org, so that it may be long."""
    wanted, path = _object(org, request), org.store.path

    def lines() -> Iterator[bytes]:
        db = open_database(path)
        try:
            for entry in entries(db, wanted):
                yield json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
        finally:
            db.close()

    return Response(200, MadeBody(lines), {"Content-Type": "application/x-ndjson"})


def _requests(org: Org, request: Request, _: OrgClock) -> Response:
    wanted = request.query.get("kind")
    kinds = [kind for kind in KINDS if kind != "any"]
    if wanted is not None and wanted not in kinds:
        raise ValueError(f"there is no kind {wanted!r}; kinds are {', '.join(kinds)}")
    return _json([asdict(entry) for entry in org.requests if wanted in (None, entry.kind)])


def _forget_requests(org: Org, _: Request, __: OrgClock) -> Response:
    org.requests.clear()
    return Response(204)


def _faults(org: Org, _: Request, __: OrgClock) -> Response:
    faults, met = org.faults, org.faults.met
    rules = [
        {**asdict(rule), "body": rule.body.decode("utf-8", "replace"), "met": met[rule.id]} for rule in faults.rules
    ]
    rows = [
        {"id": fault.id, "object": fault.object, "code": fault.problem[0], "message": fault.problem[1],
         "fields": list(fault.problem[2:]), "times": fault.times, "where": dict(fault.where), "share": fault.share,
         "met": met[fault.id]}
        for fault in faults.row_faults
    ]  # fmt: skip
    jobs = [{**asdict(fault), "met": met[fault.id]} for fault in faults.jobs]
    queries = [{**asdict(fault), "met": met[fault.id]} for fault in faults.queries]
    return _json({"rules": rules, "rows": rows, "jobs": jobs, "queries": queries, "aborts": sorted(faults.aborts)})


def _add_faults(org: Org, request: Request, _: OrgClock) -> Response:
    try:
        data = read_json(request.body, once=True)
    except ValueError as problem:
        raise ValueError(f"the body is not JSON: {problem}") from None
    faults = read_faults(data, "body")
    if not org.settings.sink:
        settle(faults, org.schema)
    org.faults.take(faults)
    return Response(204)


def _clear_faults(org: Org, request: Request, _: OrgClock) -> Response:
    wanted = request.query.get("id")
    if wanted is None:
        org.faults.clear()
    elif not org.faults.remove(wanted):
        return _json({"error": f"there is no fault of the id {wanted}"}, 404)
    return Response(204)


def _jobs(org: Org, _: Request, __: OrgClock) -> Response:
    return _json([{**as_dict(job), "due": job.due if isfinite(job.due) else None} for job in org.jobs])


def _new_token(org: Org, _: Request, clock: OrgClock) -> Response:
    text = issue(org, clock())
    org.store.commit()
    return _json({"access_token": text})


def _end_tokens(org: Org, _: Request, __: OrgClock) -> Response:
    org.store.drop_tokens()
    org.store.commit()
    return Response(204)


def _settings(org: Org, _: Request, __: OrgClock) -> Response:
    shown = {name: value if not isinstance(value, float) or isfinite(value) else None
             for name, value in asdict(org.settings).items()}  # fmt: skip
    return _json({**shown, "clients": [client for client, _ in org.settings.clients],
                  "users": [user for user, _ in org.settings.users]})  # fmt: skip


def _time(_: Org, __: Request, clock: OrgClock) -> Response:
    return _json({"time": clock()})


def _advance(org: Org, request: Request, clock: OrgClock) -> Response:
    """`{"advance": seconds}` puts the org's clock forward."""
    seconds = request.json().get("advance")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e9:
        raise ValueError('the body must be {"advance": seconds}')
    now = clock.advance(float(seconds))
    if org.wake is not None:
        org.wake(0.0)
    return _json({"time": now})
