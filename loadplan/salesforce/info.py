"""Questions to an org outside a run: who am I, which versions, which limits, what do objects look like. Reads only.

An org says no to some of them for good reasons (a token without an identity scope, a user without View Setup): what is not
needed to be sure of the org is left out then, and shown as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from loadplan.clock import Clock, SystemClock
from loadplan.diagnostics import did_you_mean
from loadplan.errors import OrgError
from loadplan.lean import dataclass
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.faults import clean
from loadplan.salesforce.orgs import OrgProfile
from loadplan.salesforce.port import Identity, OrgFault, Refused

PREFERRED = "66.0"
"""The version that questions are asked in where the org has it: the default of plans."""
OBJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
VERSION = re.compile(r"[1-9][0-9]{1,3}\.0\Z")
IDENTITY_URL = re.compile(r"https://[^/]+/id/(00D[A-Za-z0-9]{12,15})/(005[A-Za-z0-9]{12,15})\Z")
LIMITS = (
    "DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB", "DataStorageMB",
    "FileStorageMB",
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
    """What `org check` shows. `api_versions` ascend; `limits` maps a name to (left, of), `permissions` a label of Setup to
    yes or no. Both are empty where the org does not say."""

    name: str
    identity: Identity
    api_versions: tuple[str, ...]
    limits: dict[str, tuple[int, int]]
    permissions: dict[str, bool]


# -- versions ------------------------------------------------------------------------------------------------------


def versions(org: Bulk2Org, clock: Clock | None = None) -> tuple[str, ...]:
    """The API versions of the org, the oldest first. REST API Developer Guide, "Versions". Raises `OrgError`."""
    data = org.http.read("/services/data", clock or SystemClock())
    try:
        found = {str(entry["version"]) for entry in data}
    except (KeyError, TypeError):
        found = set()
    known = sorted((v for v in found if VERSION.match(v)), key=float)
    if not known:
        raise OrgError("the org does not say which API versions it has", code="LP0405", where=org.instance_url)
    return tuple(known)


def working_version(supported: Sequence[str]) -> str:
    """The version to ask questions in: the default of plans, else the newest before it, else the oldest there is."""
    fitting = [v for v in supported if float(v) <= float(PREFERRED)]
    return fitting[-1] if fitting else supported[0]


def check_api_version(name: str, supported: Sequence[str], wanted: str) -> None:
    """Every job of a run speaks one version: the org must have it. Raises `OrgError` before anything is sent."""
    if wanted in supported:
        return
    raise OrgError(
        f"the plan asks for API {wanted}, which `{name}` does not have",
        code="LP0412",
        details=[f"the org has {supported[0]} to {supported[-1]}"],
        hint=f'write `api_version: "{working_version(supported)}"` at the top of the plan',
        next_commands=[f"loadplan org check -o {name}"],
    )


# -- who and what --------------------------------------------------------------------------------------------------


def identity(org: Bulk2Org, clock: Clock | None = None, version: str = PREFERRED) -> Identity:
    """Who the token is, and which org it belongs to. Raises `OrgError` when the org does not tell its id.

    The userinfo endpoint wants a token with an identity scope; without one, the root of the API names user and org. The
    Organization record is not every user's to read: without it name and kind of the org are unknown."""
    clock = clock or SystemClock()
    org_id, user_id, username = _who(org, clock, version)
    record = _first(org, clock, version, "SELECT Id, Name, IsSandbox, OrganizationType FROM Organization")
    sandbox = record.get("IsSandbox")
    org_id = clean(record.get("Id") or org_id, 18)
    if not org_id:
        raise OrgError(
            "the org does not say which org it is", code="LP0402", where=org.instance_url,
            hint="give the app the scope `openid` or `id`, or the user the right to read Organization",
        )  # fmt: skip
    return Identity(
        username=username, user_id=user_id, organization_id=org_id, organization_name=clean(record.get("Name") or "", 200),
        is_sandbox=sandbox if isinstance(sandbox, bool) else None, instance_url=org.instance_url,
        organization_type=clean(record.get("OrganizationType") or "", 80),
    )  # fmt: skip


def _who(org: Bulk2Org, clock: Clock, version: str) -> tuple[str, str, str]:
    """(org id, user id, user name); what the org does not say is empty."""
    try:
        user = org.http.read("/services/oauth2/userinfo", clock)
    except OrgError as error:
        if not (isinstance(error.__cause__, OrgFault) and error.__cause__.status in {403, 404}):
            raise
        return _who_by_root(org, clock, version)
    if not isinstance(user, dict):
        return "", "", ""
    told = (clean(user.get(key) or "", 100) for key in ("organization_id", "user_id", "preferred_username"))
    org_id, user_id, username = told
    return org_id, user_id, username


def _who_by_root(org: Bulk2Org, clock: Clock, version: str) -> tuple[str, str, str]:
    root = org.http.read(f"/services/data/v{version}/", clock)
    found = IDENTITY_URL.match(str(root.get("identity", ""))) if isinstance(root, dict) else None
    if found is None:
        return "", "", ""
    user = _first(org, clock, version, f"SELECT Username FROM User WHERE Id = '{found[2]}'")  # noqa: S608 - an id
    return found[1], found[2], clean(user.get("Username") or "", 100)


def _first(org: Bulk2Org, clock: Clock, version: str, soql: str) -> dict[str, Any]:
    """The first record of a query, {} when the user may not see it. Raises `OrgError` when nothing usable answers."""
    try:
        data = org.http.read(f"/services/data/v{version}/query", clock, params={"q": soql})
    except OrgError as error:
        if isinstance(error.__cause__, Refused) and error.__cause__.status != 401:
            return {}
        raise
    try:
        record = data["records"][0]
    except (KeyError, IndexError, TypeError):
        return {}
    return record if isinstance(record, dict) else {}


def gather_check(
    org: Bulk2Org, profile: OrgProfile, who: Identity | None = None, supported: Sequence[str] | None = None
) -> OrgCheck:
    """Everything `org check` shows. Raises `OrgError`, also when the answers are not an org's."""
    clock = SystemClock()
    supported = tuple(supported or versions(org, clock))
    version = working_version(supported)
    who = who or identity(org, clock, version)
    return OrgCheck(profile.name, who, supported, _limits(org, clock, version), _permissions(org, clock, version))


def limits_now(org: Bulk2Org, clock: Clock, version: str) -> dict[str, tuple[int, int]]:
    """What is left of the daily limits, during a run: {} also when nothing usable answers. A run does not stop for that."""
    try:
        return _limits(org, clock, version)
    except OrgError:
        return {}


def _limits(org: Bulk2Org, clock: Clock, version: str) -> dict[str, tuple[int, int]]:
    """What is left of the daily limits; {} for a user without View Setup and Configuration. REST API Developer Guide,
    "Limits"."""
    try:
        data = org.http.read(f"/services/data/v{version}/limits", clock)
    except OrgError as error:
        if isinstance(error.__cause__, Refused):
            return {}
        raise
    found: dict[str, tuple[int, int]] = {}
    for name in LIMITS:
        entry = data.get(name) if isinstance(data, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("Remaining"), int) and isinstance(entry.get("Max"), int):
            found[name] = (entry["Remaining"], entry["Max"])
    return found


def _permissions(org: Bulk2Org, clock: Clock, version: str) -> dict[str, bool]:
    """What the user may do, by the labels of Setup; {} where the org does not say (an old version, the embedded org)."""
    soql = f"SELECT {', '.join(PERMISSIONS)} FROM UserPermissionAccess"  # noqa: S608 - names of the table above
    record = _first(org, clock, version, soql)
    return {label: bool(record[field]) for field, label in PERMISSIONS.items() if field in record}


# -- objects -------------------------------------------------------------------------------------------------------


def maps_in(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The maps in a list of an answer."""
    value = data.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def describe_object(org: Bulk2Org, name: str, clock: Clock, version: str) -> dict[str, Any]:
    """The description of one object. REST API Developer Guide, "sObject Describe". Raises `OrgError`."""
    if not OBJECT_NAME.match(name):
        raise OrgError(
            f"`{clean(name, 80)}` is not the API name of an object", code="LP0402", hint="for example Account, Code__c"
        )
    try:
        data = org.http.read(f"/services/data/v{version}/sobjects/{name}/describe", clock)
    except OrgError as error:
        if isinstance(error.__cause__, OrgFault) and error.__cause__.status == 404:
            raise _no_such_object(org, name, clock, version) from None
        raise
    if not isinstance(data, dict):
        raise OrgError(f"the description of `{name}` cannot be read", code="LP0405", where=org.instance_url)
    return data


def describe_or_none(org: Bulk2Org, name: str, clock: Clock, version: str) -> dict[str, Any] | None:
    """The same; None for an object that the org does not have or does not show. Raises `OrgError`."""
    try:
        return describe_object(org, name, clock, version)
    except OrgError as error:
        if error.code == "LP0402":
            return None
        raise


def _no_such_object(org: Bulk2Org, name: str, clock: Clock, version: str) -> OrgError:
    known = org.http.read(f"/services/data/v{version}/sobjects", clock)
    names = [str(entry.get("name")) for entry in maps_in(known if isinstance(known, dict) else {}, "sobjects")]
    meant = did_you_mean(name, names)
    return OrgError(
        f"the org has no object `{name}`, or this user may not see it", code="LP0402", where=org.instance_url,
        hint=meant or "custom objects end in __c; the user needs at least Read on the object",
    )  # fmt: skip
