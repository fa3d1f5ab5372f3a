"""Trouble on demand: rules that match a kind of request and its nth occurrence, and faults of rows and jobs.

Decides which trouble a request meets. How a spoiled answer is sent is in trouble.py.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

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
    """One fault. `kind` is one of KINDS, `effect` one of EFFECTS; with an `object` only requests of its jobs are meant and
    counted. `nth` counts the requests of the kind from 1; None is
    every one, and then `probability` of them. `status`, `body` and `headers` serve `status` and `html`; `seconds` serves
    `stall`, `slow` and `late`; `share` is how much of a body is sent before it is cut or stalls. `times` is how many requests
    meet it at most (None: no end), `seed` decides what `probability` means."""

    kind: str
    effect: str
    nth: int | None = 1
    status: int = 503
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    share: float = 0.5
    probability: float = 1.0
    times: int | None = None
    seed: int = 0
    id: str = ""
    object: str = ""


@dataclass(slots=True)
class RowFault:
    """Refuses rows of an object: each row that has these cells, `times` times; of these rows a `share`, by `seed` and their
    cells, so that the same rows are refused however they are cut into jobs."""

    object: str
    problem: tuple[str, ...]
    times: int
    where: Mapping[str, str]
    share: float = 1.0
    seed: int = 0
    id: str = ""
    seen: dict[tuple[str, ...], int] = field(default_factory=dict)

    def takes(self, row: Mapping[str, str]) -> bool:
        """Whether a row is one of those that are refused."""
        if any(row.get(key) != value for key, value in self.where.items()):
            return False
        return self.share >= 1.0 or _chance(self.seed, *row.values()) < self.share


@dataclass(frozen=True, slots=True)
class JobFault:
    """What befalls the next `times` ingest jobs on an object: they end in `state` with `message` after `after_rows` rows, having
    been tried again `retries` times; or (None) they only go at `rows_per_second`."""

    object: str
    after_rows: int | None = None
    state: str = "Failed"
    message: str = ""
    retries: int = 0
    rows_per_second: float = 0.0
    times: int = 1
    id: str = ""


@dataclass(frozen=True, slots=True)
class QueryFault:
    """Why the next query job on an object ends Failed."""

    object: str
    message: str = "InternalServerError : Internal Error"
    id: str = ""


def _chance(*parts: object) -> float:
    """A number from 0 to 1 that depends on nothing but its parts."""
    return random.Random("\x1f".join(map(str, parts))).random()  # noqa: S311


class Faults:
    """The faults of one org. Mutable, so that a test can add trouble while the org runs; `seed` makes chance repeatable."""

    def __init__(self, *rules: Rule, seed: int = 0) -> None:
        self.rules = list(rules)
        self.row_faults: list[RowFault] = []
        self.jobs: list[JobFault] = []
        self.queries: list[QueryFault] = []
        self.expire = False
        self.aborts: set[str] = set()
        self.seed = seed
        self.name = ""
        """Where they were read, for messages."""
        self.met: Counter[str] = Counter()
        """How many requests, rows or jobs met the fault of an id."""
        self._seen: dict[tuple[str, str], int] = {}
        self._numbers = count(1)

    def new_id(self) -> str:
        """An id for a fault that has none."""
        return f"f{next(self._numbers)}"

    def add(self, kind: str, effect: str, nth: int | None = 1, status: int = 503, body: bytes = b"",
            headers: Mapping[str, str] | None = None, *, seconds: float = 1.0, share: float = 0.5,
            probability: float = 1.0, times: int | None = None) -> None:  # fmt: skip
        """Add a rule; occurrences are counted from the start of the org."""
        more = (seconds, share, probability, times, self.seed, self.new_id())
        self.rules.append(Rule(kind, effect, nth, status, body, headers or {}, *more))

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
                    where: Mapping[str, str] | None = None, share: float = 1.0) -> None:  # fmt: skip
        """Refuse each matching row `times` times with any error."""
        fault = RowFault(
            object_name, (code, message, *fields), times, dict(where or {}), share, self.seed, self.new_id()
        )
        self.row_faults.append(fault)

    def admin_abort(self, job_id: str) -> None:
        """An administrator aborts the job at the next request."""
        self.aborts.add(job_id)

    def fail_job_midway(self, object_name: str, after_rows: int) -> None:
        """The next ingest job on the object ends Failed after that many rows."""
        self.jobs.append(JobFault(object_name, after_rows, id=self.new_id()))

    def fail_query(self, object_name: str, message: str = "InternalServerError : Internal Error") -> None:
        """The next query job on the object ends Failed."""
        self.queries.append(QueryFault(object_name, message, self.new_id()))

    def remove(self, fault_id: str) -> bool:
        """Forget one fault; whether there was one of that id."""
        if not fault_id:
            return False
        lists: tuple[list[Any], ...] = (self.rules, self.row_faults, self.jobs, self.queries)
        found = [(faults, fault) for faults in lists for fault in faults if fault.id == fault_id]
        for faults, fault in found:
            faults.remove(fault)
        return bool(found)

    def clear(self) -> None:
        """Forget every rule and fault; requests are counted on."""
        self.rules.clear()
        self.row_faults.clear()
        self.aborts.clear()
        self.jobs.clear()
        self.queries.clear()
        self.expire = False

    def take(self, other: Faults) -> None:
        """Add the rules and faults of another set."""
        self.rules += [replace(rule, id=self.new_id()) for rule in other.rules]
        self.row_faults += [replace(fault, id=self.new_id()) for fault in other.row_faults]
        self.jobs += [replace(fault, id=self.new_id()) for fault in other.jobs]
        self.queries += [replace(fault, id=self.new_id()) for fault in other.queries]
        self.aborts |= other.aborts

    def match(self, kind: str, object_name: str = "") -> Rule | None:
        """Count one request of the kind, and of the object whose job it is about; answer the rule it meets, if any."""
        for name in {"", object_name}:
            for key in ((kind, name), ("any", name)):
                self._seen[key] = self._seen.get(key, 0) + 1
        for rule in self.rules:
            if rule.object not in ("", object_name):
                continue
            number = self._seen.get((rule.kind, rule.object), 0)
            if rule.kind in (kind, "any") and rule.nth in (None, number):
                if (
                    rule.probability < 1.0
                    and _chance(rule.seed, rule.kind, rule.effect, rule.object, number) >= rule.probability
                ):
                    continue
                if rule.times is not None and self.met[rule.id] >= rule.times:
                    continue
                self.met[rule.id] += 1
                return rule
        return None

    def came(self, kind: str, object_name: str = "") -> int:
        """How many requests of a kind there were, about jobs on the object if one is named."""
        return self._seen.get((kind, object_name), 0)

    def has_row_faults(self, object_name: str) -> bool:
        """Whether rows of the object can meet a fault."""
        return any(fault.object == object_name for fault in self.row_faults)

    def row_fault(self, object_name: str, row: dict[str, str]) -> tuple[str, ...] | None:
        """Code, message and fields of the error this attempt at the row meets, if any."""
        for fault in self.row_faults:
            if fault.object == object_name and fault.takes(row):
                key = tuple(row.values())
                fault.seen[key] = fault.seen.get(key, 0) + 1
                if fault.seen[key] > fault.times:
                    return None
                self.met[fault.id] += 1
                return fault.problem
        return None

    def job_fault(self, object_name: str) -> JobFault | None:
        """What befalls the next job on the object; asked once per job."""
        for fault in self.jobs:
            if fault.object == object_name:
                self.met[fault.id] += 1
                if self.met[fault.id] >= fault.times:
                    self.jobs.remove(fault)
                return fault
        return None

    def query_failure(self, object_name: str) -> str | None:
        """Why the next query job on the object fails; asked once per job."""
        for fault in self.queries:
            if fault.object == object_name:
                self.queries.remove(fault)
                self.met[fault.id] += 1
                return fault.message
        return None


def answer(rule: Rule) -> Response:
    """The answer of a rule that stands instead of the org."""
    if rule.effect == "quota":
        return Response(403, _QUOTA, {"Content-Type": JSON_TYPE})
    if rule.effect == "html":
        # 200 with a page is what a client must not take for an answer; `status` gives every other combination.
        return Response(200, rule.body or _HTML, {"Content-Type": "text/html; charset=UTF-8", **rule.headers})
    return Response(rule.status, rule.body, {"Content-Type": "text/html; charset=UTF-8", **rule.headers})
