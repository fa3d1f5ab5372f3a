"""Questions to an org outside a run: who am I, which versions, which limits, what do objects look like. Reads only."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadplan.clock import Clock, SystemClock
from loadplan.durable import write_atomic
from loadplan.errors import OrgError
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.orgs import OrgProfile
from loadplan.salesforce.port import Identity

VERSION = "66.0"
OBJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
LIMITS = (
    "DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB", "DataStorageMB",
)  # fmt: skip


@dataclass(frozen=True)
class OrgCheck:
    """What `org check` shows. `limits` maps a name to (left, of)."""

    name: str
    identity: Identity
    production: bool
    api_versions: tuple[str, str]
    limits: dict[str, tuple[int, int]]


def identity(org: Bulk2Org, clock: Clock | None = None) -> Identity:
    """Who the token is, from the userinfo endpoint and the Organization record. Raises `OrgError`."""
    clock = clock or SystemClock()
    user = org.http.read_json("/services/oauth2/userinfo", clock)
    soql = "SELECT Id, Name, IsSandbox, OrganizationType FROM Organization"
    rows = org.http.read_json(f"/services/data/v{VERSION}/query", clock, params={"q": soql})
    try:
        record = rows["records"][0]
        return Identity(
            username=str(user.get("preferred_username", "")), user_id=str(user.get("user_id", "")),
            organization_id=str(record["Id"]), organization_name=str(record.get("Name", "")),
            is_sandbox=record.get("IsSandbox"), instance_url=org.instance_url,
        )  # fmt: skip
    except (KeyError, IndexError, TypeError, AttributeError):
        raise OrgError("the org does not say who it is", code="LP0402", where=org.instance_url) from None


def gather_check(org: Bulk2Org, profile: OrgProfile) -> OrgCheck:
    """Everything `org check` shows."""
    clock = SystemClock()
    versions = [str(v["version"]) for v in org.http.read_json("/services/data", clock)]
    limits = org.http.read_json(f"/services/data/v{VERSION}/limits", clock)
    left = {k: (int(limits[k]["Remaining"]), int(limits[k]["Max"])) for k in LIMITS if k in limits}
    ordered = sorted(versions, key=float)
    return OrgCheck(profile.name, identity(org, clock), profile.production, (ordered[0], ordered[-1]), left)


def describe_check(check: OrgCheck) -> str:
    """The answer of `org check` for people."""
    who = check.identity
    kind = {True: "sandbox", False: "not a sandbox", None: "unknown"}[who.is_sandbox]
    lines = [
        f"org        {check.name}: {who.organization_name} {who.organization_id} ({kind})",
        f"url        {who.instance_url}",
        f"user       {who.username} {who.user_id}",
        f"versions   {check.api_versions[0]} to {check.api_versions[1]}",
        f"guard      {'production: --confirm-org is needed' if check.production else 'no production guard'}",
    ]
    lines += [f"limit      {k}: {left:,} of {most:,} left" for k, (left, most) in check.limits.items()]
    return "\n".join(lines)


def write_describes(org: Bulk2Org, objects: Sequence[str], folder: Path) -> list[Path]:
    """`<Object>.json` for each object: sorted keys, without what changes by itself, so that git shows real changes."""
    clock = SystemClock()
    written = []
    for name in objects:
        if not OBJECT_NAME.match(name):
            raise OrgError(
                f"`{name}` is not the API name of an object", code="LP0402", hint="for example Account, Code__c"
            )
        data: Any = org.http.read_json(f"/services/data/v{VERSION}/sobjects/{name}/describe", clock)
        data.pop("urls", None)
        for info in data.get("recordTypeInfos", []):
            info.pop("urls", None)
        # The file name is made of a checked name only: never of a text that a server supplies.
        said = str(data.get("name", ""))
        path = folder / f"{said if said.lower() == name.lower() else name}.json"
        write_atomic(path, (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(), 0o644)
        written.append(path)
    return written
