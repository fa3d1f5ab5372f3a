"""The org itself: `handle(request, now)` is a function of its state; no socket, clock or thread lives here."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from . import auth, ingest, query_jobs, rest
from .csvfile import DELIMITERS, FileError, rows
from .faults import Faults, Rule, answer, kind_of
from .ledger import Ledger
from .process import Processor
from .records import ADMIN_ID, Records
from .schema import load_schema
from .settings import Settings
from .store import Record, Store
from .wire import ApiError, Request, Response, json_response, make_id, not_found

_VERSIONED = re.compile(r"/services/data/v(\d+)\.0(/.*)?")


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as the org saw it, without its credentials. `status` 0: the connection was dropped."""

    time: float
    method: str
    path: str
    kind: str
    status: int
    headers: dict[str, str]


class Org:
    """An org on a data folder. Times are epoch seconds, passed in with each request."""

    admin = ADMIN_ID
    username = "admin@embedded.example"

    def __init__(
        self, data_dir: Path, settings: Settings, describe: Sequence[Path], faults: Faults, now: float
    ) -> None:
        self.settings, self.faults = settings, faults
        self.lock = threading.RLock()
        self.files = data_dir / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.store = Store(data_dir / "org.db")
        self.schema = load_schema(describe)
        self.saver = Records(self.store, self.schema)
        self.processor = Processor(self.saver, settings, faults, self.files)
        self.ledger = Ledger(self.store, self.lock)
        self.requests: list[Logged] = []
        self.instance_url = ""
        if self.store.get(ADMIN_ID) is None:
            self._seed(now)

    def _seed(self, now: float) -> None:
        kinds = self.schema.objects
        user = {"Username": self.username, "LastName": "User", "FirstName": "Admin", "Email": self.username,
                "Alias": "admin", "IsActive": True}  # fmt: skip
        self.saver.insert(kinds["user"], user, now, ADMIN_ID)
        self.store.next("id:User")
        organization = {"Id": self.settings.org_id, "Name": "Embedded Org", "IsSandbox": self.settings.is_sandbox,
                        "InstanceName": self.settings.instance_name, "OrganizationType": "Developer Edition"}  # fmt: skip
        self.store.put(self.settings.org_id, "Organization", organization, [], [])
        book = make_id("01s", self.store.next("id:Pricebook2"))
        self.saver.insert(kinds["pricebook2"], {"Name": "Standard Price Book", "IsActive": True}, now, book)
        found = self.store.get(book)
        if found:
            self.store.put(book, "Pricebook2", {**found[2], "IsStandard": True}, [], [])
        self.store.commit()

    def handle(self, request: Request, now: float) -> Response:
        """Answer one request at `now`; faults first, then the call, then the loss of its answer."""
        with self.lock:
            kind = kind_of(request)
            rule = self.faults.match(kind)
            response = self._with_fault(request, now, rule)
            headers = {key: value for key, value in request.headers.items() if key != "authorization"}
            status = 0 if response.drop else response.status
            self.requests.append(Logged(now, request.method, request.path, kind, status, headers))
            return response

    def _with_fault(self, request: Request, now: float, rule: Rule | None) -> Response:
        if rule is not None and rule.effect == "drop before":
            return Response(0, drop=True)
        if rule is not None and rule.effect == "status":
            return answer(rule)
        if self.faults.expire or (rule is not None and rule.effect == "expire"):
            self.faults.expire = False
            self.store.drop_tokens()
        response = self._answer(request, now)
        if rule is not None and rule.effect == "drop after":
            return Response(0, drop=True)
        if rule is not None and rule.effect == "truncate":
            return Response(response.status, response.body, response.headers, cut=0.5)
        return response

    def _answer(self, request: Request, now: float) -> Response:
        try:
            self._advance(now)
            response = self._route(request, now)
        except ApiError as problem:
            self.store.rollback()
            return problem.response()
        self.store.commit()
        return response

    def _advance(self, now: float) -> None:
        for job in self.store.jobs():
            if job["id"] in self.faults.aborts and job["state"] not in ingest.TERMINAL:
                job["state"] = "Aborted"
                self.store.put_job(job)
                self.store.commit()  # whatever becomes of the request that comes now
            self.faults.aborts.discard(job["id"])
            if job["state"] in ("UploadComplete", "InProgress"):
                if job["kind"] == "query":
                    query_jobs.advance(self, job, now)
                else:
                    self.processor.advance(job, now)

    def _route(self, request: Request, now: float) -> Response:
        path = request.path.rstrip("/")
        if path == "/services/oauth2/token":
            return auth.token(self, request, now)
        if path == "/services/data":
            return rest.versions(self)
        if path == "/services/oauth2/userinfo" or path.startswith("/id/"):
            auth.check(self, request, now)
            return auth.userinfo(self)
        match = _VERSIONED.fullmatch(path)
        low, high = self.settings.versions
        if match is None or int(match[1]) > high:
            raise not_found()
        version = int(match[1])
        if version < low:
            raise ApiError(410, "GONE", "The requested API version is retired")
        auth.check(self, request, now)
        if "//" in request.path:
            raise not_found()
        parts = (match[2] or "").strip("/").split("/")
        if parts[0] == "jobs" and len(parts) > 1:
            return self._jobs(request, parts[1:], version, now)
        return rest.route(self, request, parts, version, now)

    def _jobs(self, request: Request, parts: list[str], version: int, now: float) -> Response:
        kind, method = parts[0], request.method
        if kind not in ("ingest", "query") or version < (41 if kind == "ingest" else 47):
            raise not_found()
        if len(parts) == 1:
            if method == "POST":
                make = ingest.create if kind == "ingest" else query_jobs.create
                return make(self, request, version, now)
            return ingest.listing(self, request, version)
        job = ingest.find(self, parts[1], kind)
        if len(parts) == 2:
            if method == "PATCH":
                return ingest.patch(self, job, request, now)
            if method == "DELETE":
                return ingest.delete(self, job)
            return json_response(ingest.body(self, job, "info"))
        which = parts[2].lower()
        if kind == "ingest" and which == "batches" and method == "PUT":
            return ingest.upload(self, job, request)
        if kind == "ingest" and which in ("successfulresults", "failedresults", "unprocessedrecords"):
            return ingest.results(self, job, which)
        if kind == "query" and which == "results":
            return query_jobs.results(self, job, request, version)
        if kind == "query" and which == "resultpages":
            return query_jobs.pages(self, job, request, version)
        raise not_found()

    def remaining(self, job: Record) -> Iterator[list[str]]:
        """Cells of the rows of a job that were never processed."""
        path = self.files / job["id"]
        if not path.exists():
            return
        try:
            yield from islice(rows(path, DELIMITERS[job["columnDelimiter"]]), 1 + job["done"], None)
        except FileError:
            return

    def count(self, object_name: str) -> int:
        """Number of live records of an object."""
        with self.lock:
            return self.store.count(self._name(object_name))

    def records(self, object_name: str) -> list[dict[str, Any]]:
        """The live records of an object, in id order."""
        with self.lock:
            return list(self.store.scan(self._name(object_name), deleted=False))

    def has(self, object_name: str, **fields: Any) -> str | None:
        """The id of a live record with these field values, or None."""
        for record in self.records(object_name):
            if all(record.get(name) == value for name, value in fields.items()):
                return str(record["Id"])
        return None

    def _name(self, object_name: str) -> str:
        found = self.schema.find(object_name)
        return found.name if found else object_name
