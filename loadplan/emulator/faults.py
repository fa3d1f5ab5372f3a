"""Trouble on demand: rules that match a kind of request and its nth occurrence, and faults of rows and jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .wire import Request, Response

_JOB = r"/services/data/v[\d.]+/jobs/"
_KINDS: tuple[tuple[str, str, str], ...] = (
    ("create ingest", "POST", _JOB + r"ingest/?"),
    ("upload", "PUT", _JOB + r"ingest/\w+/batches/?"),
    ("job info", "GET", _JOB + r"ingest/\w+/?"),
    ("successful", "GET", _JOB + r"ingest/\w+/successfulresults/?"),
    ("failed", "GET", _JOB + r"ingest/\w+/failedresults/?"),
    ("unprocessed", "GET", _JOB + r"ingest/\w+/unprocessedrecords/?"),
    ("create query", "POST", _JOB + r"query/?"),
    ("query info", "GET", _JOB + r"query/\w+/?"),
    ("page", "GET", _JOB + r"query/\w+/results/?"),
    ("token", "POST", r"/services/oauth2/token/?"),
)


def kind_of(request: Request) -> str:
    """The kind of a request as rules name it; `other` when no rule can name it."""
    if request.method == "PATCH" and "/jobs/" in request.path:
        return "abort" if b"Aborted" in request.body else "close"
    for kind, method, pattern in _KINDS:
        if request.method == method and re.fullmatch(pattern, request.path, re.IGNORECASE):
            return kind
    return "other"


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault. `effect`: drop before | drop after | status | truncate | expire. `nth` counts from 1; None is every."""

    kind: str
    effect: str
    nth: int | None = 1
    status: int = 503
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Faults:
    """The faults of one org. Mutable, so that a test can add trouble while the org runs."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = list(rules)
        self._seen: dict[str, int] = {}
        self._locks: list[tuple[str, int, dict[str, str], dict[tuple[str, ...], int]]] = []
        self._midway: dict[str, int] = {}
        self.expire = False
        self.aborts: set[str] = set()

    def add(self, kind: str, effect: str, nth: int | None = 1, status: int = 503, body: bytes = b"",
            headers: Mapping[str, str] | None = None) -> None:  # fmt: skip
        """Add a rule; occurrences are counted from the start of the org."""
        self.rules.append(Rule(kind, effect, nth, status, body, headers or {}))

    def quota(self, kind: str = "any", nth: int | None = None) -> None:
        """Answer 403 REQUEST_LIMIT_EXCEEDED."""
        body = b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]'
        self.add(kind, "status", nth, 403, body, {"Content-Type": "application/json;charset=UTF-8"})

    def expire_tokens(self) -> None:
        """End every access token at the next request."""
        self.expire = True

    def lock_rows(self, object_name: str, times: int = 1, where: Mapping[str, str] | None = None) -> None:
        """Refuse each matching row `times` times with UNABLE_TO_LOCK_ROW; `where` is header -> cell text."""
        self._locks.append((object_name, times, dict(where or {}), {}))

    def admin_abort(self, job_id: str) -> None:
        """An administrator aborts the job at the next request."""
        self.aborts.add(job_id)

    def fail_job_midway(self, object_name: str, after_rows: int) -> None:
        """The next job on the object ends Failed after that many rows."""
        self._midway[object_name] = after_rows

    def match(self, kind: str) -> Rule | None:
        """Count one request of the kind and answer the rule it meets, if any."""
        for name in (kind, "any"):
            self._seen[name] = self._seen.get(name, 0) + 1
        for rule in self.rules:
            if rule.kind in (kind, "any") and rule.nth in (None, self._seen[rule.kind]):
                return rule
        return None

    def locked(self, object_name: str, row: dict[str, str]) -> bool:
        """Whether this attempt at the row meets a lock."""
        for name, times, where, seen in self._locks:
            if name == object_name and all(row.get(key) == value for key, value in where.items()):
                key = tuple(row.values())
                seen[key] = seen.get(key, 0) + 1
                return seen[key] <= times
        return False

    def midway(self, object_name: str) -> int | None:
        """After how many rows the next job on the object fails; asked once per job."""
        return self._midway.pop(object_name, None)


def answer(rule: Rule) -> Response:
    """The answer of a `status` rule."""
    return Response(rule.status, rule.body, {"Content-Type": "text/html; charset=UTF-8", **rule.headers})
