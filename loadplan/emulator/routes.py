"""Which part of the org answers which path, method and version (page sections 1.1, 8.1, 10 and 13)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import auth, ingest, jobview, query_jobs, rest, resultfiles, soap
from .wire import ApiError, Request, Response, json_response, not_found, wrong_method

if TYPE_CHECKING:
    from .org import Org

_VERSION = re.compile(r"v([0-9]{1,3})\.0")
_RESULTS = ("successfulresults", "failedresults", "unprocessedrecords")


def route(org: Org, request: Request, now: float, extra: dict[str, str]) -> Response:
    """Answer a request, or raise ApiError. `extra` takes headers that its answer has whatever becomes of it."""
    path = request.path.rstrip("/")
    if path == "/services/oauth2/token":
        return auth.token(org, request, now)
    if path == "/services/data":
        if request.method not in ("GET", "HEAD"):
            raise wrong_method(request.method, "GET")
        return rest.versions(org)
    if path == "/services/oauth2/revoke":
        return auth.revoke(org, request)
    if path == "/services/oauth2/userinfo" or path.startswith("/id/"):
        return auth.who(org, request, now)
    if path.startswith("/services/Soap/u/"):
        return soap.answer(org, request, now)
    _, *steps = request.steps
    match = _VERSION.fullmatch(steps[2]) if steps[:2] == ["services", "data"] and len(steps) > 2 else None
    low, high = org.settings.versions
    if match is None or int(match[1]) > high:
        raise not_found()
    version = int(match[1])
    if version < low:
        raise ApiError(410, "GONE", "The requested API version is retired")
    auth.check(org, request, now)
    _count(org, now, extra)
    if version < org.settings.deprecated_below:
        extra["Warning"] = '299 - "This API is deprecated and will be retired"'
    parts = steps[3:] or [""]
    if "" in parts and parts != [""]:
        raise not_found()
    if parts[0] == "jobs" and len(parts) > 1:
        return _jobs(org, request, parts[1:], version, now)
    return rest.route(org, request, parts, version, now)


def _count(org: Org, now: float, extra: dict[str, str]) -> None:
    """Every request is one of the daily API requests; the answer says how many were used."""
    used, most = org.usage.used("requests", now), org.settings.api_requests_max
    if used >= most:
        extra["Sforce-Limit-Info"] = f"api-usage={used}/{most}"
        raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    org.usage.add("requests", 1, now)
    extra["Sforce-Limit-Info"] = f"api-usage={used + 1}/{most}"


def _jobs(org: Org, request: Request, parts: list[str], version: int, now: float) -> Response:
    kind, method = parts[0], "GET" if request.method == "HEAD" else request.method
    if kind not in ("ingest", "query") or version < (41 if kind == "ingest" else 47) or len(parts) > 3:
        raise not_found()
    if method in ("POST", "PATCH"):
        _check_type(request, multipart=kind == "ingest" and method == "POST")
    if len(parts) == 1:
        if method == "POST":
            make = ingest.create if kind == "ingest" else query_jobs.create
            return make(org, request, version, now)
        if method != "GET":
            raise wrong_method(request.method, "GET", "POST")
        return jobview.listing(org, request, version)
    if len(parts) == 2:
        job = jobview.find(org, parts[1], kind)
        if method == "PATCH":
            return ingest.patch(org, job, request, now)
        if method == "DELETE":
            return ingest.delete(org, job)
        if method != "GET":
            raise wrong_method(request.method, "GET", "PATCH", "DELETE")
        return json_response(jobview.body(org, job, "info"))
    return _resource(org, request, kind, parts[1], parts[2].lower(), version, now)


def _resource(org: Org, request: Request, kind: str, job_id: str, which: str, version: int, now: float) -> Response:
    """What lies below a job."""
    known = {"ingest": ("batches", *_RESULTS), "query": ("results", "resultpages")}[kind]
    allowed = "PUT" if which == "batches" else "GET"
    if which not in known:
        raise not_found()
    if request.method != allowed and not (request.method == "HEAD" and allowed == "GET"):
        raise wrong_method(request.method, allowed)
    if which in _RESULTS:
        other = org.jobs.get(job_id)
        if other is not None and other.kind == "query":
            return resultfiles.header_of_query(org, other, which)
    job = jobview.find(org, job_id, kind)
    if which == "batches":
        return ingest.upload(org, job, request, now)
    if which == "results":
        return query_jobs.results(org, job, request, version)
    if which == "resultpages":
        return query_jobs.pages(org, job, request, version)
    return resultfiles.results(org, job, which, gzip=request.takes_gzip)


def _check_type(request: Request, *, multipart: bool) -> None:
    given = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if given != "application/json" and not (multipart and given == "multipart/form-data"):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type {given} is not supported")
