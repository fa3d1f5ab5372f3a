"""Org: what the engine may ask of Salesforce, what comes back, and what may be raised. No HTTP here.

The error types answer the only question the engine asks of a failure: does it prove that nothing was applied?
`Refused` does (a well-formed 4xx answer of the API); `Unavailable` proves nothing (reset, timeout, 5xx, HTML, cut
body).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, Protocol

from loadplan.lean import dataclass

JobKind = Literal["ingest", "query"]
ResultKind = Literal["successful", "failed", "unprocessed"]
RESULT_KINDS: tuple[ResultKind, ...] = ("successful", "failed", "unprocessed")
TERMINAL_STATES = frozenset({"JobComplete", "Failed", "Aborted"})


class OrgFault(Exception):  # noqa: N818 - a family of outcomes, caught by the engine; users see errors.py
    """Base of what an `Org` raises. `request` names it (`POST /jobs/ingest`); `detail` is safe to show and log."""

    def __init__(self, request: str, detail: str, *, status: int | None = None) -> None:
        super().__init__(f"{request}: {detail}")
        self.request = request
        self.detail = detail
        self.status = status


class Refused(OrgFault):
    """The API answered and said no: nothing was applied. `error_code` and `message` are Salesforce's words."""

    def __init__(self, request: str, status: int, error_code: str, message: str) -> None:
        super().__init__(request, f"{status} {error_code}: {message}", status=status)
        self.error_code = error_code
        self.message = message


class NotFound(Refused):
    """404: the job is gone (deleted, or older than seven days)."""


class QuotaExceeded(Refused):
    """403 REQUEST_LIMIT_EXCEEDED, or a daily bulk allocation is used up: nothing was applied, and asking again soon is
    no use."""


class AuthRefused(OrgFault):
    """The token endpoint refused, or a refreshed token was refused again: a person must look at the credentials."""


class Unavailable(OrgFault):
    """No usable answer: the request may or may not have been applied. `retry_after` is the server's wish in seconds."""

    def __init__(
        self, request: str, detail: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(request, detail, status=status)
        self.retry_after = retry_after


class Truncated(Unavailable):
    """The body was cut, does not end on a record, or holds another number of rows than its header says."""


@dataclass(frozen=True)
class IngestSpec:
    """What `POST /jobs/ingest` is given. Bulk API 2.0 Developer Guide, "Create a Job"."""

    object: str
    operation: str
    external_id: str | None = None
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    assignment_rule_id: str | None = None


@dataclass(frozen=True)
class QuerySpec:
    """What `POST /jobs/query` is given. "Create a Query Job"."""

    operation: str
    soql: str
    delimiter: str = "COMMA"
    line_ending: str = "LF"


@dataclass(frozen=True)
class JobInfo:
    """A job in the org's own words. Counters are None where the answer has none. `processed` includes the failed rows.
    `http` is the status of the answer; `raw` the whole answer."""

    id: str
    state: str
    processed: int | None = None
    failed: int | None = None
    error: str | None = None
    http: int = 200
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL_STATES


@dataclass(frozen=True)
class Received:
    """A result file that is whole and on disk at `path` (plain CSV, decompressed, fsynced, renamed into place).
    `rows` are data records; `bytes` and `sha256` are of the file. An answer without a body is a file of 0 bytes. `header` is
    its first record as sent, with the line end."""

    path: Path
    rows: int
    bytes: int
    sha256: str
    http: int = 200
    header: builtins.bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True)
class Page:
    """One page of query results on disk. `locator` is `Sforce-Locator` as sent (the literal "null" on the last page);
    `header_rows` is `Sforce-NumberOfRecords`."""

    received: Received
    locator: str
    header_rows: int


@dataclass(frozen=True)
class PageLinks:
    """What `resultPages` answers: locators of pages in the order of the results, and the one that asks for the links after
    them (None: these are the last)."""

    locators: tuple[str, ...]
    following: str | None
    http: int = 200


@dataclass(frozen=True)
class Identity:
    """Who the token is: user, org id (18 characters), whether the org is a sandbox (None: unknown), and its edition. Texts
    are empty where the org does not say."""

    username: str
    user_id: str
    organization_id: str
    organization_name: str
    is_sandbox: bool | None
    instance_url: str
    organization_type: str = ""


class Content(Protocol):
    """A body that is sent: it has a length and can be read again from its beginning after `seek(0)`."""

    def __len__(self) -> int: ...
    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


Tap = Callable[[bytes], None]


class Reader(Protocol):
    """Reads the plain bytes of an answer as they arrive, and knows records from line breaks in them."""

    def feed(self, block: bytes) -> None: ...
    def counted(self) -> tuple[int, bytes] | None:
        """After the last block: how many records there were, the header among them, and the header's bytes. None when that is not
        beyond doubt, or when the text does not end with the end of a record."""
        ...


class Org(Protocol):
    """Bulk API 2.0 as the engine uses it: one method per endpoint, none of them repeats a write.

    Every method raises `Refused` (and its kinds), `AuthRefused` or `Unavailable`. `api_version` ("66.0") is passed with
    each call because it belongs to the job: results asked with another version answer 409. `fetch_page` and `result_pages`
    may be called from several threads at once.
    """

    @property
    def instance_url(self) -> str: ...

    def create_ingest(self, spec: IngestSpec, *, api_version: str) -> JobInfo: ...
    def create_multipart(self, spec: IngestSpec, content: bytes, *, api_version: str) -> JobInfo: ...
    def upload(self, job: str, content: Content, *, api_version: str) -> int:
        """PUT the content once; the HTTP status of the answer (201)."""
        ...

    def close_upload(self, job: str, *, api_version: str) -> JobInfo: ...
    def create_query(self, spec: QuerySpec, *, api_version: str) -> JobInfo: ...
    def abort(self, kind: JobKind, job: str, *, api_version: str) -> JobInfo: ...
    def job(self, kind: JobKind, job: str, *, api_version: str) -> JobInfo: ...
    def fetch_result(
        self, job: str, kind: ResultKind, to: Path, *, delimiter: str, api_version: str, reader: Reader | None = None
    ) -> Received:
        """One result file, whole and durable at `to`; `reader` sees its plain bytes as they arrive."""
        ...

    def fetch_page(
        self,
        job: str,
        locator: str | None,
        max_records: int | None,
        to: Path,
        *,
        delimiter: str,
        api_version: str,
        tap: Tap | None = None,
        received: Callable[[str], None] | None = None,
    ) -> Page:
        """One page of results, whole and durable at `to`. `received` is told the locator that the page names as soon as the last of
        its bytes has come, while they are still worked on: the page may yet turn out to be none."""
        ...

    def result_pages(self, job: str, locator: str | None, *, api_version: str) -> PageLinks: ...
