"""The org itself: `handle(request, now)` is a function of its state; no socket, clock or thread lives here."""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from . import query_jobs
from .faultnotes import settle
from .faults import BESIDE, INSTEAD, Faults, Rule, answer, kind_of
from .firstrecords import add_record_types, first_records
from .jobfiles import JobFiles
from .jobs import Job, Jobs
from .ledger import Ledger
from .locks import Turns
from .process import Processor
from .records import ADMIN_ID, Records
from .routes import route
from .schemaload import load_schema
from .settings import Settings
from .sink import Sink
from .spool import Spool
from .store import Store
from .usage import Usage
from .wire import ApiError, Request, Response

_HEADERS = {  # of every recorded REST answer
    "Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "none",
    "Set-Cookie": "BrowserId=EmbeddedOrgAAAAAAAAAA; path=/; SameSite=LAX",
}
_OBJECT = re.compile(rb'"object"\s*:\s*"(\w+)"')
_SLICE = 2_000
"""Rows of one job that are worked off before others get their turn, when a worker does the rest."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as the org saw it, without its credentials. `status` 0: the connection was dropped. `fault` is the
    effect of the rule it met."""

    time: float
    method: str
    path: str
    kind: str
    status: int
    headers: dict[str, str]
    fault: str = ""


class Org:
    """An org on a data folder. Times are epoch seconds, passed in with each request."""

    admin = ADMIN_ID
    username = "admin@embedded.example"

    def __init__(
        self, data_dir: Path, settings: Settings, describe: Sequence[Path], faults: Faults, now: float
    ) -> None:
        self.settings, self.faults, self.folder = settings, faults, data_dir
        self.lock = Turns()
        self.wake: Callable[[float], None] | None = None
        self.files = JobFiles(data_dir / "files")
        self.schema = load_schema(describe, settings.hidden_fields, settings.read_only_fields)
        if not settings.sink:
            settle(faults, self.schema)
        self.store = Store(data_dir / "org.db")
        try:
            self.saver = Records(self.store, self.schema)
        except ValueError:
            self.store.close()
            raise
        self.usage = Usage(self.store)
        self.jobs = Jobs(self.store, self._first_due)
        self.ledger = Ledger(self.store, self.lock)
        self.processor = Processor(self.saver, self.jobs, self.files, self.ledger, self.usage, settings, faults)
        self.querier = query_jobs.Querier(self)
        self.sink = Sink(self.store, self.files, settings, data_dir)
        self.requests: deque[Logged] = deque(maxlen=settings.request_log)
        self.instance_url = ""
        if self.saver.tables.get(self.schema.objects["user"], ADMIN_ID) is None:
            first_records(self, now)
        add_record_types(self, now)
        self.store.forget_old(now)
        shutil.rmtree(data_dir / "cursors", ignore_errors=True)
        self.store.commit()

    # requests

    def meet(self, request: Request) -> Rule | None:
        """Count a request and answer the rule it meets. To be asked once for each request, before `handle`."""
        with self.lock:
            return self.faults.match(kind_of(request), self._object_of(request))

    def _object_of(self, request: Request) -> str:
        """The object of the job that a request is about or asks for; empty for others."""
        if "/jobs/" not in request.path:
            return ""
        job = self.jobs.get(next((part for part in request.path.split("/") if part.startswith("750")), ""))
        if job is not None:
            return job.object
        found = _OBJECT.search(request.body) if request.method == "POST" else None
        kind = self.schema.find(found[1].decode()) if found else None
        return kind.name if kind else ""

    def handle(self, request: Request, now: float, rule: Rule | None = None) -> Response:
        """Answer one request at `now`, with the trouble of the rule it met."""
        with self.lock:
            try:
                response = self._with_fault(request, now, rule)
            except Exception:
                self._forget_changes()
                raise
            lost = response.trouble is not None and response.trouble.effect in (
                "drop before",
                "drop after",
                "reset after",
            )
            self.note(request, now, 0 if lost else response.status, rule)
            return response

    def note(self, request: Request, now: float, status: int, rule: Rule | None) -> None:
        """Remember a request."""
        headers = {key: value for key, value in request.headers.items() if key != "authorization"}
        effect = rule.effect if rule else ""
        with self.lock:
            self.requests.append(Logged(now, request.method, request.path, kind_of(request), status, headers, effect))

    def _with_fault(self, request: Request, now: float, rule: Rule | None) -> Response:
        effect = rule.effect if rule else ""
        if rule is not None and effect in INSTEAD:
            return Response(0, trouble=rule) if effect in ("drop before", "reset") else answer(rule)
        if self.faults.expire or effect == "expire":
            self.faults.expire = False
            self.store.drop_tokens()
            self.store.commit()  # whatever becomes of the request that comes now
        if effect == "admin abort":
            job = self.jobs.get(next((part for part in request.path.split("/") if part.startswith("750")), ""))
            if job is not None:
                self.faults.admin_abort(job.id)
        response = self._answer(request, now)
        return response if rule is None or effect in BESIDE else replace(response, trouble=rule)

    def _answer(self, request: Request, now: float) -> Response:
        if self.wake is None:
            self._advance(now, self.settings.max_rows_per_request)
        else:
            self._advance(now, _SLICE, jobs=1)
        extra: dict[str, str] = {}
        try:
            response = route(self, request, now, extra)
        except ApiError as problem:
            self.store.rollback()
            response = problem.response()
        if self.store.db.in_transaction:
            self.usage.save()
        self.store.commit()
        due = self.jobs.next_due()
        if self.wake is not None and due is not None:
            self.wake(due)
        return replace(response, headers={**_HEADERS, **extra, **response.headers})

    # the passage of time

    def _first_due(self, job: Job) -> float:
        """When a job wants to be looked at, given only its state."""
        if job.is_running:
            return 0.0
        if job.state == "Open":
            return job.created + self.settings.open_job_lifetime
        begun = job.created if self.settings.retention_from == "creation" else job.ended
        return begun + self.settings.retention

    def save(self, job: Job, now: float) -> None:
        """Write a job whose state a request has changed."""
        self.jobs.save(job, max(now, self._first_due(job)) if job.is_running else self._first_due(job))

    def abort(self, job: Job, now: float) -> None:
        """End a job as Aborted; rows already saved stay saved."""
        job.end("Aborted", now)
        self._let_go(job)
        self.save(job, now)

    def forget(self, job: Job) -> None:
        """Remove a job with its files."""
        self._let_go(job)
        self.jobs.remove(job)
        self.files.remove(job)

    def _let_go(self, job: Job) -> None:
        self.processor.drop(job)
        self.querier.drop(job)

    def spool(self, job: Job) -> Spool:
        """The rows of a query job."""
        return query_jobs.open_spool(self.files.folder(job))

    def work(self, now: float) -> float | None:
        """What a worker does between requests: a slice of the job that is due. Answers when the next one is."""
        with self.lock:
            try:
                self._advance(now, _SLICE, jobs=1)
                return self.jobs.next_due()
            except Exception:
                self._forget_changes()
                raise

    def _advance(self, now: float, most: int, jobs: int | None = None) -> None:
        if self.faults.aborts:
            self._abort_by_hand(now)
        for job in self.jobs.take_due(now, jobs):
            self._look_at(job, now, most)

    def _look_at(self, job: Job, now: float, most: int) -> None:
        """A job's time has come: it goes on, is left open for too long, or is kept for long enough."""
        if job.has_ended:
            self.forget(job)
            self.store.commit()
            return
        due = inf
        if job.state == "Open":
            job.end(self.settings.open_job_ends_as, now)
        elif self.settings.sink and job.kind == "ingest":
            due = self.sink.advance(job, now)
        elif job.kind == "ingest":
            due = self.processor.advance(job, now, most)
        else:
            due = self.querier.advance(job, now, most)
        self.jobs.save(job, self._first_due(job) if job.has_ended else due)
        self.usage.save()
        self.store.commit()

    def _abort_by_hand(self, now: float) -> None:
        for job in list(map(self.jobs.get, self.faults.aborts)):
            if job is not None and not job.has_ended:
                self.abort(job, now)
                self.store.commit()  # whatever becomes of the request that comes now
        self.faults.aborts = {job_id for job_id in self.faults.aborts if self.jobs.get(job_id) is None}

    def _forget_changes(self) -> None:
        """After an error of this program: memory says again what the file says."""
        self.store.rollback()
        for job in list(self.jobs):
            self._let_go(job)
        self.jobs.reload()

    # for tests

    def count(self, object_name: str) -> int:
        """Number of live records of an object."""
        with self.lock:
            found = self.schema.find(object_name)
            return self.saver.tables.count(found) if found else 0

    def records(self, object_name: str) -> list[dict[str, Any]]:
        """The live records of an object, in the order in which they were made."""
        with self.lock:
            found = self.schema.find(object_name)
            return list(self.saver.tables.scan(found)) if found else []

    def has(self, object_name: str, **fields: Any) -> str | None:
        """The id of a live record with these field values, or None."""
        for record in self.records(object_name):
            if all(record.get(name) == value for name, value in fields.items()):
                return str(record["Id"])
        return None

    def close(self) -> None:
        """Write what is not yet written and close the files."""
        self.sink.close()
        with self.lock:
            for job in list(self.jobs):
                self._let_go(job)
            self.usage.save()
            self.store.commit()
            self.store.close()
