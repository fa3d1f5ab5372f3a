"""Which org is meant, how a token is got, and what an entry forbids. Logins go to a server of raw bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from loadplan.clock import SystemClock
from loadplan.errors import InvalidInputError, OrgError, UsageError
from loadplan.salesforce import orgs
from loadplan.salesforce.auth.base import FLOWS
from loadplan.salesforce.orgs import OrgProfile, connect, resolve_profile
from loadplan.salesforce.port import AuthRefused, Identity

from support.raw_server import RawServer, http
from support.story import FakeClock

JOB = "750000000000001AAA"
WHO = Identity("ada@acme.example", "005000000000001AAA", "00D5g000004XyZAEA0", "Acme", False, "https://acme")
CANARY = "canary-secret-value"


def token_answer(instance_url: str, token: str = "00D000000000001!abc") -> bytes:
    """What the token endpoint answers to a good login."""
    return http("200 OK", json.dumps({"access_token": token, "instance_url": instance_url}).encode())


def write_orgs(root: Path, text: str) -> None:
    """An orgs.yaml with these entries."""
    (root / "orgs.yaml").write_text("version: 1\norgs:\n" + text)


def ci_profile(url: str, root: Path, environ: Mapping[str, str]) -> OrgProfile:
    """An org reached by client credentials."""
    write_orgs(
        root,
        f"  ci: {{instance_url: '{url}', auth: {{flow: client_credentials, client_id: {{env: ID}}, "
        "client_secret: {env: SECRET}}}\n",
    )
    return resolve_profile("ci", root, environ)


ENVIRON = {"ID": "app", "SECRET": CANARY}


def test_an_entry_is_read_whole_and_its_secrets_stay_hidden(tmp_path: Path) -> None:
    """Every key lands in the profile; no repr shows a secret."""
    write_orgs(
        tmp_path,
        "  prod:\n    instance_url: https://acme.my.salesforce.com\n    organization_id: 00D5g000004XyZAEA0\n"
        "    production: true\n    auth: {flow: access_token, token: {env: TOKEN}}\n"
        "    allow: [insert, query]\n    limits: {max_delete_rows: 5}\n",
    )
    profile = resolve_profile("prod", tmp_path, {"TOKEN": CANARY})
    assert profile.instance_url == "https://acme.my.salesforce.com"
    assert profile.production
    assert profile.allow == {"insert", "query"}
    assert profile.limits["max_delete_rows"] == 5
    assert profile.auth is not None
    assert profile.auth.secret("token") == CANARY
    assert CANARY not in repr(profile)
    assert CANARY not in f"{profile.auth.secrets['token']}"


def test_reserved_names_and_unknown_names(tmp_path: Path) -> None:
    """`embedded` and `env` need no file, another name is asked of the sf CLI, and no name is a usage error."""
    environ = {"SF_ACCESS_TOKEN": CANARY, "SF_ORG_INSTANCE_URL": "https://acme.my.salesforce.com"}
    assert resolve_profile("embedded", tmp_path, {}).embedded == {}
    assert resolve_profile("env", tmp_path, environ).instance_url == "https://acme.my.salesforce.com"
    asked = resolve_profile("scratch", tmp_path, {}).auth
    assert asked is not None
    assert (asked.flow, asked.texts["alias"]) == ("sf-cli", "scratch")
    with pytest.raises(UsageError):
        resolve_profile(None, tmp_path, {})
    with pytest.raises(OrgError, match="SF_ACCESS_TOKEN and SF_ORG_INSTANCE_URL"):
        resolve_profile("env", tmp_path, {})


@pytest.mark.parametrize(
    ("description", "hint"),
    [("expired access/refresh token", "authorise again"), ("inactive user", "frozen"), ("new words", "check the app")],
)
def test_a_refused_login_is_asked_once_and_says_what_to_check(tmp_path: Path, description: str, hint: str) -> None:
    """invalid_grant locks users out when it is repeated."""
    body = json.dumps({"error": "invalid_grant", "error_description": description}).encode()
    with RawServer(http("400 Bad Request", body)) as server, pytest.raises(OrgError) as stop:
        connect(ci_profile(server.url, tmp_path, ENVIRON), clock=SystemClock())
    assert len(server.asked) == 1
    assert stop.value.exit_code == 3
    assert description in stop.value.summary
    assert hint in (stop.value.hint or "")
    assert CANARY not in f"{stop.value!r} {stop.value.details}"


@pytest.mark.parametrize(("wish", "waits"), [("7", 7.0), ("900", 30.0), ("soon", 1.0)])
def test_a_login_host_that_asks_for_patience_gets_it(tmp_path: Path, wish: str, waits: float) -> None:
    """429 with Retry-After: the second login leaves that many seconds later, at most 30; then the run goes on."""
    busy = http("429 Too Many Requests", b"", f"Retry-After: {wish}")
    clock = FakeClock()
    with RawServer(busy, token_answer("")) as server:
        connect(ci_profile(server.url, tmp_path, ENVIRON), clock=clock)
    assert len(server.asked) == 2
    assert round(clock.seconds, 1) == waits


def test_a_login_for_another_org_is_refused(tmp_path: Path) -> None:
    """The answer's instance_url must be the pinned one."""
    with RawServer(token_answer("https://other.my.salesforce.com")) as server, pytest.raises(OrgError) as stop:
        connect(ci_profile(server.url, tmp_path, ENVIRON), clock=SystemClock())
    assert stop.value.code == "LP0403"


def test_the_secret_travels_in_the_body_of_the_login_only(tmp_path: Path) -> None:
    """Not in the URL, not in a header."""
    with RawServer(token_answer("")) as server:
        connect(ci_profile(server.url, tmp_path, ENVIRON), clock=SystemClock())
    asked = server.asked[0]
    assert (asked.method, asked.target) == ("POST", "/services/oauth2/token")
    assert CANARY.encode() in asked.body
    assert CANARY not in asked.target + repr(asked.headers)


@pytest.mark.parametrize("refusal", ["invalid_grant", "another org"])
def test_a_refresh_that_fails_in_a_run_is_a_fault_of_the_port(tmp_path: Path, refusal: str) -> None:
    """The engine understands AuthRefused, and the first token is asked for only once."""
    expired = http("401 Unauthorized", b'[{"errorCode":"INVALID_SESSION_ID","message":"x"}]')
    no = http("400 Bad Request", b'{"error":"invalid_grant","error_description":"inactive user"}')
    other = token_answer("https://other.my.salesforce.com")
    answers = (token_answer(""), expired, no if refusal == "invalid_grant" else other)
    with RawServer(*answers) as server:
        org = connect(ci_profile(server.url, tmp_path, ENVIRON), clock=SystemClock())
        with pytest.raises(AuthRefused):
            org.job("ingest", JOB, api_version="66.0")
    assert [a.method for a in server.asked] == ["POST", "GET", "POST"]


def test_a_jwt_is_signed_for_three_minutes(tmp_path: Path) -> None:
    """Claims as Salesforce's help asks for them; the key itself is not sent."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    with RawServer(token_answer("")) as server:
        write_orgs(
            tmp_path,
            f"  j: {{instance_url: '{server.url}', auth: {{flow: jwt, client_id: app, username: ada@acme.example, "
            "private_key: {file: key.pem}}}\n",
        )
        connect(resolve_profile("j", tmp_path, {}), clock=SystemClock())
    assertion = server.asked[0].body.decode().split("assertion=")[1].split("&")[0]
    claims = jwt.decode(assertion, key.public_key(), algorithms=["RS256"], audience=server.url)
    assert (claims["iss"], claims["sub"]) == ("app", "ada@acme.example")
    assert 150 < claims["exp"] - time.time() <= 180
    assert b"PRIVATE" not in server.asked[0].body


def test_every_flow_has_a_module() -> None:
    """The registry names what exists."""
    import importlib

    assert all(callable(importlib.import_module(module).fetch) for module in FLOWS.values())


def test_the_org_that_answers_must_be_the_one_that_is_named() -> None:
    """15 and 18 characters are one id; another id stops the run."""
    orgs.check_identity(OrgProfile("p"), WHO)
    orgs.check_identity(OrgProfile("p", organization_id="00D5g000004XyZA"), WHO)
    with pytest.raises(OrgError, match="wrong org"):
        orgs.check_identity(OrgProfile("p", organization_id="00D5g000004XyZB"), WHO)


def test_hard_delete_must_be_allowed_by_name_and_query_covers_query_all() -> None:
    """The default allows everything else; every refused step is listed."""
    orgs.check_allowed(OrgProfile("p"), [("a", "delete"), ("b", "queryAll")])
    orgs.check_allowed(OrgProfile("p", allow=frozenset({"query"})), [("b", "queryAll")])
    with pytest.raises(OrgError) as stop:
        orgs.check_allowed(OrgProfile("p"), [("a", "hardDelete"), ("b", "insert"), ("c", "hardDelete")])
    assert stop.value.details == ("step a: hardDelete", "step c: hardDelete")


def test_a_cap_on_deleted_rows_is_inclusive() -> None:
    """5 of 5 pass, 6 do not; no cap, no limit; a cap of 0 forbids."""
    profile = OrgProfile("p", limits={"max_delete_rows": 5})
    orgs.check_delete_rows(profile, "purge", 5)
    orgs.check_delete_rows(OrgProfile("p"), "purge", 10**9)
    for capped, rows in ((profile, 6), (OrgProfile("p", limits={"max_delete_rows": 0}), 1)):
        with pytest.raises(OrgError, match="purge"):
            orgs.check_delete_rows(capped, "purge", rows)


@pytest.mark.parametrize("confirmed", [None, "", "yes", "00D5g", "00D5g000004XyZB", "00d5g000004xyza"])
def test_production_is_confirmed_by_the_whole_id_only(confirmed: str | None) -> None:
    """Nothing, part of the id and another id do not pass."""
    with pytest.raises(OrgError, match="PRODUCTION"):
        orgs.check_production(OrgProfile("p", production=True), WHO, confirmed)


@pytest.mark.parametrize("confirmed", ["00D5g000004XyZA", "00D5g000004XyZAEA0"])
def test_production_passes_with_its_id(confirmed: str) -> None:
    """15 or 18 characters."""
    orgs.check_production(OrgProfile("p", production=True), WHO, confirmed)


def test_production_is_never_confirmed_by_nothing_when_the_org_has_no_id() -> None:
    """An org that does not say who it is passes no guard."""
    nobody = Identity("", "", "", "", None, "")
    with pytest.raises(OrgError):
        orgs.check_production(OrgProfile("p", production=True), nobody, None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("00D000000000001EAA", "00D000000000001EAA", True),
        ("00D000000000001", "00D000000000001EAA", True),
        ("00D000000000001EAA", "00D000000000001", True),
        ("00D000000000001EAB", "00D000000000001EAA", False),
        ("00D000000000001 and more", "00D000000000001EAA", False),
        ("00D00000000000a", "00D00000000000AEAA", False),
        ("", "", True),
    ],
)
def test_org_ids_of_15_and_18_characters_are_compared_with_case(one: str, other: str, same: bool) -> None:
    """The last three characters only repeat the case of the others."""
    assert orgs.same_org(one, other) is same


def test_a_pinned_id_of_the_wrong_length_is_pointed_out() -> None:
    """It can match no org at all."""
    with pytest.raises(OrgError) as caught:
        orgs.check_identity(OrgProfile("p", organization_id="00D5g000004XyZ"), WHO)
    assert "has 14" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("typed", "hint"), [("prdo", "did you mean `prod`?"), ("embeded", "did you mean `embedded`?"), ("x", "add the org")]
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(
    typed: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the sf CLI says about it; here there is none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    write_orgs(tmp_path, "  prod: {auth: {flow: sf-cli, alias: p}}\n")
    with pytest.raises(OrgError, match=f"`{typed}` is not in orgs.yaml") as caught:
        connect(resolve_profile(typed, tmp_path, {}), clock=SystemClock())
    assert hint in (caught.value.hint or "")


def test_an_embedded_org_without_its_folder_says_so(tmp_path: Path) -> None:
    """Only when it is used: others may not need it."""
    write_orgs(tmp_path, "  twin: {embedded: {describe: describe/}}\n")
    twin = resolve_profile("twin", tmp_path, {})
    with pytest.raises(InvalidInputError, match="no such folder") as caught:
        twin.embedded_describe(tmp_path)
    assert caught.value.next_commands
    (tmp_path / "describe").mkdir()
    assert twin.embedded_describe(tmp_path) == [tmp_path / "describe"]
