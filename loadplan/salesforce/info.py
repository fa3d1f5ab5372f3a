"""Questions to an org outside a run: who am I, which versions, which limits, what do objects look like. Reads only."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.clock import Clock, SystemClock
from loadplan.durable import write_atomic
from loadplan.errors import OrgError
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.orgs import OrgProfile
from loadplan.salesforce.port import Identity, OrgFault

if TYPE_CHECKING:
    from loadplan.plan.model import Plan

VERSION = "66.0"
OBJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
LIMITS = (
    "DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB", "DataStorageMB",
)  # fmt: skip
PERMISSIONS: dict[str, str] = {
    "PermissionsApiEnabled": "API Enabled",
    "PermissionsBulkApiHardDelete": "Bulk API Hard Delete",
    "PermissionsViewAllData": "View All Data",
    "PermissionsModifyAllData": "Modify All Data",
}
"""Fields of UserPermissionAccess (Object Reference), which holds what the asking user may do, with their labels in Setup."""


@dataclass(frozen=True)
class OrgCheck:
    """What `org check` shows. `limits` maps a name to (left, of); `permissions` a label of Setup to yes or no, and is empty
    where the org does not say."""

    name: str
    identity: Identity
    production: bool
    api_versions: tuple[str, str]
    limits: dict[str, tuple[int, int]]
    permissions: dict[str, bool]


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
            is_sandbox=sandbox if isinstance(sandbox := record.get("IsSandbox"), bool) else None,
            instance_url=org.instance_url,
        )  # fmt: skip
    except (KeyError, IndexError, TypeError, AttributeError):
        raise OrgError("the org does not say who it is", code="LP0402", where=org.instance_url) from None


def gather_check(org: Bulk2Org, profile: OrgProfile) -> OrgCheck:
    """Everything `org check` shows. Raises `OrgError`, also when the answers are not an org's."""
    clock = SystemClock()
    versions = org.http.read_json("/services/data", clock)
    limits = org.http.read_json(f"/services/data/v{VERSION}/limits", clock)
    try:
        ordered = sorted((str(v["version"]) for v in versions), key=float)
        left = {k: (int(limits[k]["Remaining"]), int(limits[k]["Max"])) for k in LIMITS if k in limits}
        span = (ordered[0], ordered[-1])
    except (KeyError, IndexError, TypeError, ValueError):
        raise OrgError("versions or limits of the org cannot be read", code="LP0405", where=org.instance_url) from None
    return OrgCheck(profile.name, identity(org, clock), profile.production, span, left, permissions(org))


def permissions(org: Bulk2Org) -> dict[str, bool]:
    """What the user may do, by the labels of Setup; {} where the org does not say (an old version, the embedded org)."""
    soql = f"SELECT {', '.join(PERMISSIONS)} FROM UserPermissionAccess"  # noqa: S608 - names of the table above
    try:
        _, data = org.http.json("GET", f"/services/data/v{VERSION}/query", params={"q": soql})
        record = data["records"][0]
    except (OrgFault, KeyError, IndexError, TypeError):
        return {}
    return {label: bool(record[field]) for field, label in PERMISSIONS.items() if field in record}


def describe_check(check: OrgCheck) -> str:
    """The answer of `org check` for people."""
    who = check.identity
    kind = {True: "sandbox", False: "not a sandbox", None: "unknown"}[who.is_sandbox]
    lines = [
        f"org        {check.name}: {who.organization_name} {who.organization_id} ({kind})",
        f"url        {who.instance_url}",
        f"user       {who.username} {who.user_id}",
        f"versions   {check.api_versions[0]} to {check.api_versions[1]}",
        f"guard      {_guard(check)}",
    ]
    lines += [f"permission {label}: {'yes' if held else 'no'}" for label, held in check.permissions.items()]
    lines += [f"limit      {k}: {left:,} of {most:,} left" for k, (left, most) in check.limits.items()]
    return "\n".join(lines)


def _guard(check: OrgCheck) -> str:
    if check.production:
        return "production: --confirm-org is needed"
    if check.identity.is_sandbox is False:
        return (
            f"none, although the org is not a sandbox: say `production: true` for `{check.name}` in orgs.yaml if it is"
        )
    return "no production guard"


def objects_needed_by(org: Bulk2Org, plan: Plan) -> list[str]:
    """Objects of the plan's steps and of the parents their lookups name, sorted. A relationship is followed through the
    description of the step's object; what the org does not know is left to `write_describes` to complain about."""
    clock = SystemClock()
    found = {step.object for step in plan.steps.values() if step.object}
    parents: dict[str, set[str]] = {}
    for step in plan.steps.values():
        for lookup in step.lookups if step.object else ():
            if lookup.object_type:
                found.add(lookup.object_type)
            else:
                parents.setdefault(str(step.object), set()).add(lookup.relationship.lower())
    for name, relationships in parents.items():
        for field in _describe(org, name, clock).get("fields", []):
            if str(field.get("relationshipName", "")).lower() in relationships:
                found.update(field.get("referenceTo", []))
    return sorted(found)


def _describe(org: Bulk2Org, name: str, clock: Clock) -> dict[str, Any]:
    """The description of one object. REST API Developer Guide, "sObject Describe". Raises `OrgError`."""
    if not OBJECT_NAME.match(name):
        raise OrgError(f"`{name}` is not the API name of an object", code="LP0402", hint="for example Account, Code__c")
    data = org.http.read_json(f"/services/data/v{VERSION}/sobjects/{name}/describe", clock)
    if not isinstance(data, dict):
        raise OrgError(f"the description of `{name}` cannot be read", code="LP0405", where=org.instance_url)
    return data


def write_describes(org: Bulk2Org, objects: Sequence[str], folder: Path) -> list[Path]:
    """`<Object>.json` for each object: sorted keys, without what changes by itself, so that git shows real changes."""
    clock = SystemClock()
    written = []
    for name in objects:
        data = _describe(org, name, clock)
        data.pop("urls", None)
        for info in data.get("recordTypeInfos", []):
            info.pop("urls", None)
        # The file name is made of a checked name only: never of a text that a server supplies.
        said = str(data.get("name", ""))
        path = folder / f"{said if said.lower() == name.lower() else name}.json"
        write_atomic(path, (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(), 0o644)
        written.append(path)
    return written
