"""The org's list of ingest jobs (Bulk API 2.0 Developer Guide, "Get Information About All Jobs"). Reads only.

The list comes in no order and holds jobs of others. `nextRecordsUrl` is the org's word: only the locator in it is taken, the path is
rebuilt, so that no token follows it to another host.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loadplan.clock import Clock, parse_timestamp
from loadplan.errors import OrgError
from loadplan.lean import dataclass
from loadplan.salesforce.bulk2 import JOB_ID, STATE, Bulk2Org
from loadplan.salesforce.faults import clean

LOCATOR = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
MOST_PAGES = 100
"""Of up to 1,000 jobs each."""


@dataclass(frozen=True)
class Listed:
    """One job of the list."""

    id: str
    object: str
    operation: str
    external_id: str
    state: str
    created_by: str
    created: datetime


def list_ingest_jobs(org: Bulk2Org, clock: Clock, version: str) -> list[Listed]:
    """Every ingest job the org lists, the newest first. Raises `OrgError` when an answer is not a list of jobs."""
    path = f"/services/data/v{version}/jobs/ingest"
    found: list[Listed] = []
    locator = None
    for _ in range(MOST_PAGES):
        params = {"jobType": "V2Ingest", **({"queryLocator": locator} if locator else {})}
        data = org.http.read(path, clock, params=params)
        records = data.get("records") if isinstance(data, dict) else None
        if not isinstance(records, list):
            raise OrgError("the org's list of jobs cannot be read", code="LP0405", where=org.instance_url)
        found += [job for record in records if (job := _job(record)) is not None]
        locator = _locator(data.get("nextRecordsUrl"), org)
        if locator is None:
            return sorted(found, key=lambda job: (job.created, job.id), reverse=True)
    raise OrgError(
        f"the org lists more than {MOST_PAGES * 1000:,} jobs", code="LP0405", where=org.instance_url,
        hint="terminal jobs are deleted after seven days; older ones can be deleted in Setup, Bulk Data Load Jobs",
    )  # fmt: skip


def _job(record: Any) -> Listed | None:
    """A record of the list; None for one that is no ingest job of ours to read."""
    if not isinstance(record, dict):
        return None
    texts = {key: clean(record.get(key) or "", 120) for key in ("id", "object", "operation", "state", "createdById")}
    try:
        created = parse_timestamp(str(record.get("createdDate")).replace("+0000", "+00:00"))
    except ValueError:
        return None
    if not JOB_ID.match(texts["id"]) or not STATE.match(texts["state"]):
        return None
    return Listed(
        texts["id"], texts["object"], texts["operation"], clean(record.get("externalIdFieldName") or "", 120), texts["state"],
        texts["createdById"], created,
    )  # fmt: skip


def _locator(url: object, org: Bulk2Org) -> str | None:
    if not url:
        return None
    try:
        found = parse_qs(urlsplit(str(url)).query, max_num_fields=20).get("queryLocator", [])
    except ValueError:
        found = []
    if len(found) != 1 or not LOCATOR.match(found[0]):
        raise OrgError(
            "the org's list of jobs goes on at a link without a locator", code="LP0405", where=org.instance_url
        )
    return found[0]
