"""Trouble on demand: rules that match a kind of request and its nth occurrence, and faults of rows and jobs.

Decides which trouble a request meets. How a spoiled answer is sent is in trouble.py.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .wire import JSON_TYPE, Request, Response

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
    ("result pages", "GET", _JOB + r"query/\w+/resultpages/?"),
    ("list", "GET", _JOB + r"(ingest|query)/?"),
    ("delete", "DELETE", _JOB + r"(ingest|query)/\w+/?"),
    ("token", "POST", r"/services/oauth2/token/?"),
)
KINDS = (*(kind for kind, _, _ in _KINDS), "close", "abort", "other", "any")

INSTEAD = ("drop before", "reset", "status", "quota", "html")
"""The request never reaches the org."""
BESIDE = ("expire", "admin abort")
"""Something happens to the org first, then the request is handled."""
ANSWER = (
    "drop after", "reset after", "truncate", "short", "chunked cut", "close cut", "gzip cut", "gzip cut length",
    "gzip cut chunked", "gzip crc", "stall", "slow", "late",
)  # fmt: skip
"""The request has its effect, and its answer is lost or spoiled."""
EFFECTS = (*INSTEAD, *BESIDE, *ANSWER)

_HTML = b"<html><head><title>Maintenance</title></head><body>We are down for maintenance. Sorry.</body></html>"
_QUOTA = b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]'
LOCKED = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")


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
    """One fault. `kind` is one of KINDS, `effect` one of EFFECTS. `nth` counts the requests of the kind from 1; None is
    every one, and then `probability` of them. `status`, `body` and `headers` serve `status` and `html`; `seconds` serves
    `stall`, `slow` and `late`; `share` is how much of a body is sent before it is cut or stalls."""

    kind: str
    effect: str
    nth: int | None = 1
    status: int = 503
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    share: float = 0.5
    probability: float = 1.0


@dataclass(slots=True)
class RowFault:
    """Refuses rows of an object: each row that has these cells, `times` times."""

    object: str
    problem: tuple[str, ...]
    times: int
    where: Mapping[str, str]
    seen: dict[tuple[str, ...], int] = field(default_factory=dict)


class Faults:
    """The faults of one org. Mutable, so that a test can add trouble while the org runs; `seed` makes chance repeatable."""

    def __init__(self, *rules: Rule, seed: int = 0) -> None:
        self.rules = list(rules)
        self.row_faults: list[RowFault] = []
        self.expire = False
        self.aborts: set[str] = set()
        self._seen: dict[str, int] = {}
        self._midway: dict[str, int] = {}
        self._queries: dict[str, str] = {}
        self._chance = random.Random(seed)  # noqa: S311

    def add(self, kind: str, effect: str, nth: int | None = 1, status: int = 503, body: bytes = b"",
            headers: Mapping[str, str] | None = None, *, seconds: float = 1.0, share: float = 0.5,
            probability: float = 1.0) -> None:  # fmt: skip
        """Add a rule; occurrences are counted from the start of the org."""
        self.rules.append(Rule(kind, effect, nth, status, body, headers or {}, seconds, share, probability))

    def quota(self, kind: str = "any", nth: int | None = None) -> None:
        """Answer 403 REQUEST_LIMIT_EXCEEDED."""
        self.add(kind, "quota", nth)

    def expire_tokens(self) -> None:
        """End every access token at the next request."""
        self.expire = True

    def lock_rows(self, object_name: str, times: int = 1, where: Mapping[str, str] | None = None) -> None:
        """Refuse each matching row `times` times with UNABLE_TO_LOCK_ROW; `where` is header -> cell text."""
        self.refuse_rows(object_name, *LOCKED, times=times, where=where)

    def refuse_rows(self, object_name: str, code: str, message: str, fields: Sequence[str] = (), *, times: int = 1,
                    where: Mapping[str, str] | None = None) -> None:  # fmt: skip
        """Refuse each matching row `times` times with any error."""
        self.row_faults.append(RowFault(object_name, (code, message, *fields), times, dict(where or {})))

    def admin_abort(self, job_id: str) -> None:
        """An administrator aborts the job at the next request."""
        self.aborts.add(job_id)

    def fail_job_midway(self, object_name: str, after_rows: int) -> None:
        """The next ingest job on the object ends Failed after that many rows."""
        self._midway[object_name] = after_rows

    def fail_query(self, object_name: str, message: str = "InternalServerError : Internal Error") -> None:
        """The next query job on the object ends Failed."""
        self._queries[object_name] = message

    def clear(self) -> None:
        """Forget every rule and fault; requests are counted on."""
        self.rules.clear()
        self.row_faults.clear()
        self.aborts.clear()
        self._midway.clear()
        self._queries.clear()
        self.expire = False

    def take(self, other: Faults) -> None:
        """Add the rules and faults of another set."""
        self.rules += other.rules
        self.row_faults += other.row_faults
        self.aborts |= other.aborts
        self._midway.update(other._midway)
        self._queries.update(other._queries)

    def match(self, kind: str) -> Rule | None:
        """Count one request of the kind and answer the rule it meets, if any."""
        for name in (kind, "any"):
            self._seen[name] = self._seen.get(name, 0) + 1
        for rule in self.rules:
            if rule.kind in (kind, "any") and rule.nth in (None, self._seen[rule.kind]):
                if rule.probability < 1.0 and self._chance.random() >= rule.probability:
                    continue
                return rule
        return None

    def has_row_faults(self, object_name: str) -> bool:
        """Whether rows of the object can meet a fault."""
        return any(fault.object == object_name for fault in self.row_faults)

    def row_fault(self, object_name: str, row: dict[str, str]) -> tuple[str, ...] | None:
        """Code, message and fields of the error this attempt at the row meets, if any."""
        for fault in self.row_faults:
            if fault.object == object_name and all(row.get(key) == value for key, value in fault.where.items()):
                key = tuple(row.values())
                fault.seen[key] = fault.seen.get(key, 0) + 1
                return fault.problem if fault.seen[key] <= fault.times else None
        return None

    def midway(self, object_name: str) -> int | None:
        """After how many rows the next job on the object fails; asked once per job."""
        return self._midway.pop(object_name, None)

    def query_failure(self, object_name: str) -> str | None:
        """Why the next query job on the object fails; asked once per job."""
        return self._queries.pop(object_name, None)


def answer(rule: Rule) -> Response:
    """The answer of a rule that stands instead of the org."""
    if rule.effect == "quota":
        return Response(403, _QUOTA, {"Content-Type": JSON_TYPE})
    if rule.effect == "html":
        # 200 with a page is what a client must not take for an answer; `status` gives every other combination.
        return Response(200, rule.body or _HTML, {"Content-Type": "text/html; charset=UTF-8", **rule.headers})
    return Response(rule.status, rule.body, {"Content-Type": "text/html; charset=UTF-8", **rule.headers})
