"""Questions outside a run: who am I, which versions, what is left. An org that says no to one of them is still an org."""

from __future__ import annotations

import json

import pytest
from loadplan.cli.org import as_document, as_lines, remarks
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import OrgError
from loadplan.salesforce import info
from loadplan.salesforce.orgs import OrgProfile, connect_with_token
from loadplan.salesforce.port import Identity

from support.client import CANARY, JSON, Waits, error, org_at
from support.raw_server import RawServer, http

WHO = Identity(
    "ada@acme.example", "005000000000001AAA", "00D000000000001EAA", "Acme", False, "https://acme.my.salesforce.com",
    "Enterprise Edition",
)  # fmt: skip
VERSIONS = http("200 OK", b'[{"version":"31.0"},{"version":"66.0"},{"version":"9.9"},{"version":"\\u001b[2J"}]', JSON)
USER = http(
    "200 OK",
    b'{"organization_id":"00D000000000001EAA","user_id":"005000000000001AAA","preferred_username":"ada@acme.example"}',
    JSON,
)
ROOT = http("200 OK", b'{"identity":"https://login.salesforce.com/id/00D000000000002EAA/005000000000002AAA"}', JSON)
NO_SCOPE = http("403 Forbidden", b"Bad_OAuth_Token", "Content-Type: text/html;charset=UTF-8")
NOT_YOURS = error("403 Forbidden", "INSUFFICIENT_ACCESS", "User is not allowed to get Organization information")


def found(*records: object) -> bytes:
    """The answer of a query."""
    return http("200 OK", json.dumps({"totalSize": len(records), "done": True, "records": records}).encode(), JSON)


ORGANIZATION = found({"Id": "00D000000000001EAA", "Name": "Acme", "IsSandbox": True, "OrganizationType": "X"})


# -- versions ------------------------------------------------------------------------------------------------------


def test_versions_ascend_and_nonsense_among_them_is_left_out() -> None:
    """They come as texts, and go onto the terminal."""
    with RawServer(VERSIONS) as server:
        assert info.versions(org_at(server.url), Waits()) == ("31.0", "66.0")


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'[{"label":"x"}]', b'[{"version":"new"}]', b"7", b'[["version"]]'])
def test_something_that_is_no_org_is_told(answer: bytes) -> None:
    """Odd answers end as exit 3, not as a bug."""
    with RawServer(http("200 OK", answer, JSON)) as server, pytest.raises(OrgError) as caught:
        info.versions(org_at(server.url), Waits())
    assert caught.value.code == "LP0405"


@pytest.mark.parametrize(
    ("supported", "version"),
    [
        (("31.0", "66.0", "67.0"), "66.0"),
        (("31.0", "64.0", "65.0"), "65.0"),
        (("67.0", "68.0"), "67.0"),
        (("9.0", "31.0"), "31.0"),
    ],
)
def test_questions_are_asked_in_a_version_that_the_org_has(supported: tuple[str, ...], version: str) -> None:
    """The default of plans, else the nearest there is."""
    assert info.working_version(supported) == version


def test_an_old_org_is_asked_in_its_own_version_only() -> None:
    """Not one request in a version that it does not know."""
    with EmbeddedOrg(settings=Settings(versions=(31, 60))) as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        check = info.gather_check(org, OrgProfile("old"))
        assert check.api_versions[-1] == "60.0"
        assert check.limits
        asked = {r.path.split("/")[3] for r in server.org.requests if r.path.startswith("/services/data/")}
        assert asked == {"v60.0"}


def test_a_plan_in_a_version_that_the_org_lacks_is_refused() -> None:
    """With the versions that there are and the line to write."""
    info.check_api_version("uat", ("31.0", "65.0"), "65.0")
    with pytest.raises(OrgError) as caught:
        info.check_api_version("uat", ("31.0", "65.0"), "66.0")
    assert caught.value.code == "LP0412"
    assert caught.value.details == ("the org has 31.0 to 65.0",)
    assert 'api_version: "65.0"' in (caught.value.hint or "")


# -- who am I ------------------------------------------------------------------------------------------------------


def test_a_token_without_an_identity_scope_is_known_by_the_root_of_the_api() -> None:
    """`api` alone is a usual scope; the userinfo endpoint then answers 403 with two words, once."""
    answers = (NO_SCOPE, ROOT, found({"Username": "bot@acme.example"}), ORGANIZATION)
    with RawServer(*answers) as server:
        who = info.identity(org_at(server.url), Waits(), "60.0")
    assert (who.username, who.user_id) == ("bot@acme.example", "005000000000002AAA")
    assert who.organization_id == "00D000000000001EAA"
    assert [asked.target.partition("?")[0] for asked in server.asked] == [
        "/services/oauth2/userinfo", "/services/data/v60.0/", "/services/data/v60.0/query", "/services/data/v60.0/query",
    ]  # fmt: skip


def test_an_identity_url_of_somebody_else_is_not_followed() -> None:
    """Only the two ids are taken from it."""
    root = http("200 OK", b'{"identity":"https://evil.example/id/00D000000000002EAA/005000000000002AAA"}', JSON)
    with RawServer(NO_SCOPE, root, found(), NOT_YOURS) as server:
        who = info.identity(org_at(server.url), Waits())
    assert (who.organization_id, who.user_id, who.username) == ("00D000000000002EAA", "005000000000002AAA", "")
    assert CANARY not in server.asked[2].target


def test_a_user_who_may_not_read_organization_has_an_org_all_the_same() -> None:
    """Its id is known from userinfo; name and kind are not."""
    with RawServer(USER, NOT_YOURS) as server:
        who = info.identity(org_at(server.url), Waits())
    assert (who.organization_id, who.organization_name, who.is_sandbox) == ("00D000000000001EAA", "", None)


@pytest.mark.parametrize("user", [b"[]", b"{}", b'{"organization_id":null}', b'"x"'])
@pytest.mark.parametrize("organization", [NOT_YOURS, found(), found("x"), http("200 OK", b"[]", JSON)])
def test_an_org_that_names_no_id_is_refused(user: bytes, organization: bytes) -> None:
    """Without its id the org cannot be compared with the one that was meant."""
    with RawServer(http("200 OK", user, JSON), organization) as server, pytest.raises(OrgError) as caught:
        info.identity(org_at(server.url), Waits())
    assert caught.value.code == "LP0402"
    assert caught.value.hint


def test_an_org_that_is_down_is_not_taken_for_one_that_says_no() -> None:
    """503 is tried again and then exit 3."""
    clock = Waits()
    with RawServer(http("503 Service Unavailable")) as server, pytest.raises(OrgError) as caught:
        info.identity(org_at(server.url), clock)
    assert (caught.value.code, len(clock.waited)) == ("LP0405", 3)


# -- what a check shows --------------------------------------------------------------------------------------------


def test_a_user_without_view_setup_sees_the_rest_of_the_check() -> None:
    """The limits are refused; that is no reason to fail."""
    with RawServer(NOT_YOURS, NOT_YOURS) as server:
        check = info.gather_check(org_at(server.url), OrgProfile("uat"), WHO, ("31.0", "66.0"))
    assert (check.limits, check.permissions) == ({}, {})
    assert any("the user needs View Setup and Configuration" in line for line in as_lines(check, OrgProfile("uat")))
    assert as_document(check, OrgProfile("uat"))["limits"] is None


@pytest.mark.parametrize("limits", [b"[]", b'{"DailyApiRequests":7,"DataStorageMB":{"Max":"x","Remaining":1}}'])
def test_limits_in_another_shape_are_left_out(limits: bytes) -> None:
    """No crash and no invented number."""
    permitted = found({"PermissionsApiEnabled": True, "PermissionsBulkApiHardDelete": False})
    with RawServer(http("200 OK", limits, JSON), permitted) as server:
        check = info.gather_check(org_at(server.url), OrgProfile("uat"), WHO, ("66.0",))
    assert check.limits == {}
    assert check.permissions == {"API Enabled": True, "Bulk API Hard Delete": False}


CHECK = info.OrgCheck(
    "prod", WHO, ("31.0", "65.0"),
    {"DailyApiRequests": (900, 15_000), "DataStorageMB": (5_000, 10_240)},
    {"API Enabled": True, "Bulk API Hard Delete": False},
)  # fmt: skip
GUARDED = OrgProfile(
    "prod", "https://acme.my.salesforce.com", "00D000000000001", production=True,
    allow=frozenset({"insert", "query", "hardDelete"}), limits={"max_delete_rows": 5_000},
)  # fmt: skip


def test_a_check_for_people() -> None:
    """One thing a line: the org and its kind, the user, what the entry guards and allows, what is left."""
    assert list(as_lines(CHECK, GUARDED)) == [
        "org          prod, Acme, 00D000000000001EAA, PRODUCTION",
        "url          https://acme.my.salesforce.com",
        "user         ada@acme.example 005000000000001AAA",
        "API          31.0 to 65.0",
        "guard        production: apply asks for 00D000000000001EAA (--confirm-org in CI)",
        "allows       insert, hardDelete, query; not update, upsert, delete",
        "             at most 5,000 rows in one delete step",
        "permissions  API Enabled: yes, Bulk API Hard Delete: no",
        "limits left  API requests (24 h)    900 of 15,000",
        "             data storage, MB     5,000 of 10,240",
    ]


def test_a_check_points_out_what_does_not_fit() -> None:
    """A permission that is missing, a version that is missing, a limit that is nearly used up, a guard that is missing."""
    notes = remarks(CHECK, GUARDED)
    assert len(notes) == 3
    assert "lacks the permission Bulk API Hard Delete" in notes[0]
    assert 'write `api_version: "65.0"`' in notes[1]
    assert notes[2] == "API requests (24 h): only 900 of 15,000 left"
    assert remarks(CHECK, OrgProfile("prod"))[0].endswith("say `production: true` for `prod` in orgs.yaml")


def test_a_check_for_programs() -> None:
    """Every fact under a name of its own, numbers as numbers."""
    document = as_document(CHECK, GUARDED)
    assert document["kind"] == "production"
    assert document["api_versions"] == ["31.0", "65.0"]
    assert document["entry"] == {
        "organization_id": "00D000000000001", "production": True, "allow": ["hardDelete", "insert", "query"],
        "limits": {"max_delete_rows": 5_000},
    }  # fmt: skip
    assert document["limits"]["DataStorageMB"] == {"left": 5_000, "of": 10_240}
    assert json.loads(json.dumps(document)) == document


# -- the embedded org -----------------------------------------------------------------------------------------------


def test_the_check_of_the_embedded_org_says_who_and_how_much_is_left() -> None:
    """Identity, versions and limits of one org."""
    with EmbeddedOrg() as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        check = info.gather_check(org, OrgProfile("embedded"))
    assert check.identity.organization_id == server.org.settings.org_id
    assert check.identity.is_sandbox is True
    assert check.api_versions[-1] == "67.0"
    assert all(0 <= left <= most for left, most in check.limits.values())
