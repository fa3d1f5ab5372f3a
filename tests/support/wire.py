"""A bare HTTP client for the embedded org: what is on the wire, without the manners of a library."""

from __future__ import annotations

import csv
import http.client
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

START = 1_795_428_900.0
"""2026-11-23T10:15:00Z"""


class StillClock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Answer:
    """One answer, its body as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def rows(self) -> list[list[str]]:
        """The body as CSV with commas."""
        return list(csv.reader(io.StringIO(self.text, newline="")))

    @property
    def error(self) -> tuple[int, str, str]:
        """(status, errorCode, message) of an error array."""
        [entry] = self.json
        return self.status, entry["errorCode"], entry["message"]


class Org:
    """An org whose clock stands still: jobs go on with the requests, and with nothing else."""

    def __init__(self, **settings: Any) -> None:
        describe = settings.pop("describe", ())
        faults = settings.pop("faults", None)
        self.clock = StillClock()
        chosen = Settings(**{"latency": 0.0, "rows_per_second": float("inf"), **settings})
        self.server = EmbeddedOrg(settings=chosen, describe=describe, faults=faults, clock=self.clock)
        self.version = "66.0"

    def __enter__(self) -> Org:
        self.server.start()
        self.token = self.server.access_token()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def raw(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own, with nothing added."""
        connection = http.client.HTTPConnection(urlsplit(self.server.instance_url).netloc, timeout=20)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(method, path, data, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request under /services/data/vXX.X, with the token; a dict is sent as JSON."""
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if isinstance(body, dict):
            given.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        return self.raw(method, f"/services/data/v{self.version}{path}", body, given)

    def create(self, name: str = "Account", operation: str = "insert", **more: str) -> Any:
        """The answer to a create."""
        return self.call("POST", "/jobs/ingest", {"object": name, "operation": operation, **more}).json

    def put(self, job: str, text: str | bytes, **headers: str) -> Answer:
        """Upload."""
        return self.call("PUT", f"/jobs/ingest/{job}/batches", text, {"Content-Type": "text/csv", **headers})

    def close(self, job: str) -> Answer:
        """PATCH UploadComplete."""
        return self.call("PATCH", f"/jobs/ingest/{job}", {"state": "UploadComplete"})

    def info(self, job: str, kind: str = "ingest") -> Any:
        """The job as it is."""
        return self.call("GET", f"/jobs/{kind}/{job}").json

    def load(self, text: str | bytes, name: str = "Account", operation: str = "insert", **more: str) -> Any:
        """A whole ingest job, as it ended."""
        job = self.create(name, operation, **more)["id"]
        assert self.put(job, text).status == 201
        assert self.close(job).status == 200
        return self.info(job)

    def results(self, job: Any, which: str = "successfulResults") -> Answer:
        """One of the result files of a job."""
        return self.call("GET", f"/jobs/ingest/{job['id']}/{which}")

    def failures(self, text: str, name: str = "Account", operation: str = "insert", **more: str) -> list[str]:
        """The `sf__Error` of every failed row of a job that completed."""
        job = self.load(text, name, operation, **more)
        assert job["state"] == "JobComplete", job
        return [row[1] for row in self.results(job, "failedResults").rows[1:]]

    def query(self, soql: str, operation: str = "query", **more: str) -> Any:
        """A whole query job, as it ended."""
        made = self.call("POST", "/jobs/query", {"operation": operation, "query": soql, **more})
        assert made.status == 200, made.body
        return self.info(made.json["id"], "query")

    def page(self, job: Any, **parameters: str) -> Answer:
        """One page of results."""
        asked = "&".join(f"{key}={value}" for key, value in parameters.items())
        return self.call("GET", f"/jobs/query/{job['id']}/results?{asked}")

    def select(self, soql: str, operation: str = "query") -> list[list[str]]:
        """The data rows of a query."""
        return self.page(self.query(soql, operation)).rows[1:]

    def add(self, name: str = "Account", **fields: Any) -> str:
        """The id of a record made over REST."""
        made = self.call("POST", f"/sobjects/{name}", fields)
        assert made.status == 201, made.body
        return str(made.json["id"])
