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
from loadplan.salesforce.auth.base import FLOWS, AuthConfig
from loadplan.salesforce.auth.jwt_bearer import audience
from loadplan.salesforce.orgs import OrgProfile, connect, resolve_profile
from loadplan.salesforce.port import AuthRefused, Identity
from loadplan.salesforce.secret import Secret

from support.raw_server import RawServer, http

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


def test_a_secret_is_read_from_a_file_or_a_file_named_by_a_variable(tmp_path: Path) -> None:
    """The three spellings; a missing one is named, without any value."""
    (tmp_path / "key").write_text("hidden\n")
    assert Secret({"file": "key"}, {}, tmp_path).reveal() == "hidden"
    assert Secret({"file_env": "KEY"}, {"KEY": "key"}, tmp_path).reveal() == "hidden"
    for spec, word in (({"env": "NOPE"}, "NOPE"), ({"file_env": "NOPE"}, "NOPE")):
        with pytest.raises(OrgError, match=word) as stop:
            Secret(spec, {}, tmp_path).reveal()
        assert stop.value.code == "LP0406"


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


def test_a_secret_written_into_orgs_yaml_is_an_error(tmp_path: Path) -> None:
    """The file holds where a secret is, never the secret."""
    write_orgs(
        tmp_path,
        f"  x: {{instance_url: 'https://a.my.salesforce.com', auth: {{flow: access_token, token: {CANARY}}}}}\n",
    )
    with pytest.raises(InvalidInputError):
        resolve_profile("x", tmp_path, {})


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


@pytest.mark.parametrize(
    ("instance", "login", "expected"),
    [
        ("https://acme.my.salesforce.com", "", "https://login.salesforce.com"),
        ("https://acme--ci.sandbox.my.salesforce.com", "", "https://test.salesforce.com"),
        ("https://acme.scratch.my.salesforce.com", "", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
    ],
)
def test_the_audience_is_the_login_host_of_the_kind_of_org(instance: str, login: str, expected: str) -> None:
    """A My Domain is an audience only when somebody asks for it."""
    assert audience(AuthConfig("jwt", instance, {}, {"login_url": login} if login else {})) == expected


def test_every_flow_has_a_module() -> None:
    """The registry names what exists."""
    import importlib

    assert all(callable(importlib.import_module(module).fetch) for module in FLOWS.values())


SF = """#!/bin/sh
case "$*" in
  *display*) echo '{"status":0,"result":{"accessToken":"[REDACTED] Use it","instanceUrl":"https://a.my.salesforce.com"}}' ;;
  *show-access-token*) echo '{"status":0,"result":{"accessToken":"00D000000000001!cli"}}' ;;
esac
"""


def test_a_token_that_the_sf_cli_redacts_is_asked_for_by_its_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since plugin-org 5.11.1 the display does not hold it."""
    (tmp_path / "sf").write_text(SF)
    (tmp_path / "sf").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    org = connect(resolve_profile("uat", tmp_path, {}), clock=SystemClock())
    assert org.instance_url == "https://a.my.salesforce.com"


def test_without_the_sf_cli_an_unknown_name_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out names orgs.yaml and the embedded org."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OrgError, match="sf CLI is not installed") as stop:
        connect(resolve_profile("uat", tmp_path, {}), clock=SystemClock())
    assert stop.value.code == "LP0408"


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
