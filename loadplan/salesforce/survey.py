"""Survey: what a review asks of an org: descriptions, counts, which keys are there, which jobs run. Reads only; what the org
refuses is unknown, and said so.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from loadplan.clock import Clock
from loadplan.errors import OrgError
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.faults import as_org_error
from loadplan.salesforce.info import OBJECT_NAME
from loadplan.salesforce.port import OrgFault, QuerySpec, Refused

OPEN_STATES = frozenset({"Open", "UploadComplete", "InProgress"})
LONGEST_QUERY = 6_000
"""Characters of a query that goes in a URL; servers on the way refuse longer ones."""
MOST_JOB_PAGES = 10
MOST_DIGITS = 18
"""Before the point; a number field holds no more."""
BULK_WAIT = 600.0
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")
_SELECT = re.compile(r"\s*SELECT\b.*?\bFROM\b\s+(.*)\Z", re.IGNORECASE | re.DOTALL)
_TAIL = re.compile(r"\s+ORDER\s+BY\s+.*?(?=\s+LIMIT\b|\s+OFFSET\b|\s+FOR\b|\Z)", re.IGNORECASE | re.DOTALL)
_GROUPED = re.compile(r"\bGROUP\s+BY\b|\bHAVING\b|\b(?:COUNT|SUM|AVG|MIN|MAX)\s*\(", re.IGNORECASE)


class Survey:
    """Questions to one org, in one API version."""

    def __init__(self, org: Bulk2Org, clock: Clock, version: str) -> None:
        self._org, self._clock, self._version = org, clock, version
        self.calls = 0

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        self.calls += 1
        return self._org.http.read(f"/services/data/v{self._version}{path}", self._clock, params=params)

    def describe(self, names: Sequence[str]) -> list[Mapping[str, Any]]:
        """The descriptions of the objects that the org has. REST API Developer Guide, "sObject Describe"."""
        found: list[Mapping[str, Any]] = []
        for name in names:
            if not OBJECT_NAME.match(name):
                continue
            data = self._or_none(f"/sobjects/{name}/describe")
            if isinstance(data, dict) and isinstance(data.get("fields"), list):
                found.append(data)
        return found

    def count(self, soql: str) -> int | None:
        """How many rows a query has now; None for one that cannot be counted."""
        if _GROUPED.search(soql):
            return None
        match = _SELECT.match(soql)
        if match is None:
            return None
        asked = f"SELECT COUNT() FROM {_TAIL.sub('', match[1])}"  # noqa: S608 - the plan's own query, counted
        if len(asked) > LONGEST_QUERY:
            return None
        data = self._or_none("/query", {"q": asked})
        total = data.get("totalSize") if isinstance(data, dict) else None
        return total if isinstance(total, int) else None

    def known(self, object_name: str, field: str, keys: Sequence[str], *, numbers: bool = False) -> set[str] | None:
        """Those of `keys` that records have, in lower case, asked a few hundred at a time; None when the org refuses. `numbers`: the
        field holds numbers, which stand in a query without quotes and come back in another spelling. SOQL and SOSL Reference,
        "Condition Expression Syntax"."""
        if numbers:
            spelled = spellings(keys)
            there = self._known(object_name, field, [*spelled])
            return None if there is None else {k.lower() for n in spellings(there) for k in spelled.get(n, ())}
        return self._known(object_name, field, list(map(soql_text, keys)))

    def _known(self, object_name: str, field: str, literals: Sequence[str]) -> set[str] | None:
        found: set[str] = set()
        for group in _groups(literals):
            listed = ", ".join(group)
            soql = f"SELECT {field} FROM {object_name} WHERE {field} IN ({listed})"  # noqa: S608 - names are checked, texts quoted
            data = self._or_none("/query", {"q": soql})
            while isinstance(data, dict):
                for record in data.get("records") or ():
                    value = record.get(field) if isinstance(record, dict) else None
                    if value is not None:
                        found.add(str(value).lower())
                following = data.get("nextRecordsUrl")
                data = self._or_none(_path(following)) if following else {"records": ()}
                if not following:
                    break
            else:
                return None
        return found

    def all_keys(self, object_name: str, field: str) -> Iterator[str] | None:
        """Every key of an object, by a bulk query whose pages are read one at a time; None when the org refuses or takes
        longer than ten minutes. Bulk API 2.0 Developer Guide, "Create a Query Job"."""
        soql = f"SELECT {field} FROM {object_name} WHERE {field} != null"  # noqa: S608 - names are checked
        try:
            job = self._org.create_query(QuerySpec("query", soql), api_version=self._version)
            self.calls += 1
            started, wait = self._clock.monotonic(), 0.5
            while not job.is_terminal:
                if self._clock.monotonic() - started > BULK_WAIT:
                    self._org.abort("query", job.id, api_version=self._version)
                    return None
                self._clock.wait(wait)
                wait = min(wait * 1.5, 10.0)
                job = self._org.job("query", job.id, api_version=self._version)
                self.calls += 1
        except OrgFault:
            return None
        return self._pages(job.id) if job.state == "JobComplete" else None

    def _pages(self, job: str) -> Iterator[str]:
        from loadplan.plan.model import FileSource
        from loadplan.sources.delimited import DelimitedReader
        from loadplan.sources.records import NO_LIMITS

        locator: str | None = None
        with tempfile.TemporaryDirectory(prefix="loadplan-") as name:
            path = Path(name) / "page.csv"
            while True:
                try:
                    page = self._org.fetch_page(
                        job, locator, 100_000, path, delimiter="COMMA", api_version=self._version
                    )
                except OrgFault as fault:
                    raise as_org_error(fault, self._org.http.origin) from fault
                self.calls += 1
                if page.received.bytes:
                    reader = DelimitedReader(FileSource("page", path, "csv"), NO_LIMITS)
                    try:
                        for row in reader:
                            yield row.cells[-1]
                    finally:
                        reader.close()
                if page.locator == "null":
                    return
                locator = page.locator

    def open_jobs(self, objects: Sequence[str]) -> list[dict[str, str]]:
        """Ingest jobs on these objects that have not ended. "Get Information About All Jobs"."""
        wanted = {name.lower() for name in objects}
        found: list[dict[str, str]] = []
        path: str | None = "/jobs/ingest"
        for _ in range(MOST_JOB_PAGES):
            data = self._or_none(path) if path else None
            if not isinstance(data, dict):
                break
            for job in data.get("records") or ():
                if (
                    isinstance(job, dict)
                    and job.get("state") in OPEN_STATES
                    and str(job.get("object")).lower() in wanted
                ):
                    found.append({key: str(job.get(key, "")) for key in ("id", "object", "operation", "state")})
            path = _path(data.get("nextRecordsUrl"))
        return sorted(found, key=lambda job: (job["object"], job["id"]))

    def _or_none(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The answer, None when the org says no to this question. Raises `OrgError` when no usable answer comes."""
        try:
            return self._read(path, params)
        except OrgError as error:
            if isinstance(error.__cause__, Refused) and error.__cause__.status != 401:
                return None
            raise


def _path(url: object) -> str:
    """The path below `/services/data/vNN.0` of a URL that the org wrote; "" for anything else."""
    match = re.match(
        r"(?:https?://[^/]+)?/services/data/v\d+\.\d(/[A-Za-z0-9/_-]+(?:\?[A-Za-z0-9=&%_.-]*)?)\Z", str(url or "")
    )
    return match[1] if match else ""


def spellings(keys: Iterable[str]) -> dict[str, list[str]]:
    """By the number as a query spells it, the texts that mean it; a text that is no number means none."""
    found: dict[str, list[str]] = {}
    for key in keys:
        if (number := number_text(key)) is not None:
            found.setdefault(number, []).append(key)
    return found


def number_text(text: str) -> str | None:
    """A number in its shortest spelling without exponent: `7` for `7`, `07`, `7.0` and `7e0`; None for what is none, or is beyond all
    fields."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = Decimal(text.strip())
    if abs(number.adjusted()) > MOST_DIGITS:
        return None
    short = format(number, "f")
    short = short.rstrip("0").rstrip(".") if "." in short else short
    return "0" if short in {"-0", ""} else short


def _groups(literals: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for quoted in literals:
        if group and (size + len(quoted) + 2 > LONGEST_QUERY - 500 or len(group) >= 200):
            yield group
            group, size = [], 0
        group.append(quoted)
        size += len(quoted) + 2
    if group:
        yield group


def soql_text(text: str) -> str:
    """A text as a SOQL literal. SOQL and SOSL Reference, "Quoted String Escape Sequences"."""
    escaped = (
        text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f"'{escaped}'"
