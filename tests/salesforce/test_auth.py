"""Each flow gets a token that works, or says in Salesforce's words why not and what to check."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import OrgError
from loadplan.salesforce.auth.base import AuthConfig, Token
from loadplan.salesforce.auth.jwt_bearer import audience
from loadplan.salesforce.info import identity
from loadplan.salesforce.orgs import OrgProfile, connect
from loadplan.salesforce.port import AuthRefused, IngestSpec
from loadplan.salesforce.secret import Secret

from support.client import CANARY, EXPIRED, JOB, V, Waits
from support.raw_server import RawServer, http

CLIENT = {"client_id": "id", "client_secret": "secret"}


@pytest.fixture
def org() -> Iterator[EmbeddedOrg]:
    """An org that knows one client."""
    with EmbeddedOrg(settings=Settings(clients=(("id", "secret"),))) as running:
        yield running


@pytest.fixture(scope="module")
def key() -> str:
    """A fresh RSA key in PEM form."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def profile(url: str, flow: str, secrets: Mapping[str, str], **texts: str) -> OrgProfile:
    """An org that is entered by this flow."""
    held = {name: Secret(value, {}, Path()) for name, value in secrets.items()}
    return OrgProfile("dev", url, auth=AuthConfig(flow, url, held, texts))


def works(entry: OrgProfile, server: EmbeddedOrg) -> bool:
    """Whether the org takes the token that the flow brings."""
    return identity(connect(entry, clock=Waits())).organization_id == server.org.settings.org_id


def refused(entry: OrgProfile) -> OrgError:
    """The error of a login."""
    with pytest.raises(OrgError) as caught:
        connect(entry, clock=Waits())
    return caught.value


def test_client_credentials_get_a_token(org: EmbeddedOrg) -> None:
    """Id and secret of an app are enough."""
    assert works(profile(org.instance_url, "client_credentials", CLIENT), org)


def test_a_refresh_token_gets_a_token() -> None:
    """With and without a client secret."""
    with EmbeddedOrg() as server:
        secrets = {"client_id": "id", "refresh_token": "5Aep"}
        assert works(profile(server.instance_url, "refresh_token", secrets), server)
        assert works(profile(server.instance_url, "refresh_token", secrets | {"client_secret": "s"}), server)


def test_a_signed_assertion_gets_a_token(org: EmbeddedOrg, key: str) -> None:
    """The RSA key signs a claim that names app and user."""
    secrets = {"client_id": "id", "username": "ada@example.org", "private_key": key}
    assert works(profile(org.instance_url, "jwt", secrets), org)


def test_a_key_on_one_line_signs_too(org: EmbeddedOrg, key: str) -> None:
    """Variables of CI systems hold it with `\\n` for its line breaks."""
    secrets = {"client_id": "id", "username": "ada@example.org", "private_key": key.strip().replace("\n", "\\n")}
    assert works(profile(org.instance_url, "jwt", secrets), org)


def test_a_refresh_token_that_is_replaced_is_used_from_then_on() -> None:
    """An app with rotation forgets the old one at once: a second renewal in one run needs the new one."""

    def login(token: str, following: str) -> bytes:
        return http("200 OK", json.dumps({"access_token": token, "refresh_token": following}).encode())

    with RawServer(login("first", "next1"), EXPIRED, login("second", "next2"), EXPIRED) as server:
        client = connect(
            profile(server.url, "refresh_token", {"client_id": "id", "refresh_token": "old"}), clock=Waits()
        )
        with pytest.raises(AuthRefused):
            client.job("ingest", JOB, api_version=V)
    assert [b"refresh_token=old" in server.asked[0].body, b"refresh_token=next1" in server.asked[2].body] == [
        True,
        True,
    ]


def test_an_access_token_is_used_as_it_is(org: EmbeddedOrg) -> None:
    """Nothing is asked at the token endpoint."""
    assert works(profile(org.instance_url, "access_token", {"token": org.access_token()}), org)


def test_an_expired_token_is_replaced_in_the_middle(org: EmbeddedOrg) -> None:
    """The flow is asked once more, and the request goes through."""
    client = connect(profile(org.instance_url, "client_credentials", CLIENT), clock=Waits())
    org.faults.expire_tokens()
    assert client.create_ingest(IngestSpec("Account", "insert"), api_version="66.0").state == "Open"


def test_an_access_token_that_has_ended_is_not_sent_a_second_time() -> None:
    """This flow has no way to another one: the run stops and says so."""
    with RawServer(EXPIRED) as server:
        client = connect(profile(server.url, "access_token", {"token": CANARY}), clock=Waits())
        with pytest.raises(AuthRefused, match="has ended") as caught:
            client.job("ingest", JOB, api_version=V)
    assert len(server.asked) == 1
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("answer", [b"[" * 100_000, b'{"access_token":7}', b'{"access_token":""}', b"[]"])
def test_an_odd_answer_to_a_login_is_told(answer: bytes) -> None:
    """Not a bug of ours, and not a token."""
    with RawServer(http("200 OK", answer)) as server:
        assert refused(profile(server.url, "client_credentials", CLIENT)).code == "LP0405"


REFUSALS = {
    "unknown client": ("client_credentials", {"client_id": "x", "client_secret": "y"}, "client identifier invalid", "client id"),
    "wrong secret": ("client_credentials", CLIENT | {"client_secret": "y"}, "invalid client credentials", "client secret"),
    "revoked refresh token": (
        "refresh_token", CLIENT | {"refresh_token": "gone"}, "expired access/refresh token", "authorise again",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("flow", "secrets", "words", "hint"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refused_credentials_say_why_and_what_to_check(
    org: EmbeddedOrg, flow: str, secrets: dict[str, str], words: str, hint: str
) -> None:
    """Salesforce's words in the summary, a way out in the hint, no secret in either."""
    error = refused(profile(org.instance_url, flow, secrets))
    assert error.code == "LP0401"
    assert words in error.summary
    assert error.hint is not None
    assert hint in error.hint


def test_an_assertion_of_an_unknown_app_is_refused(org: EmbeddedOrg, key: str) -> None:
    """The app's id is wrong."""
    secrets = {"client_id": "x", "username": "ada@example.org", "private_key": key}
    assert "client identifier invalid" in refused(profile(org.instance_url, "jwt", secrets)).summary


def test_a_private_key_that_cannot_sign_is_told_without_its_text(org: EmbeddedOrg) -> None:
    """Not a word of the key reaches the message, nor the chain of exceptions."""
    secrets = {"client_id": "id", "username": "ada@example.org", "private_key": "-----BEGIN canary-----"}
    error = refused(profile(org.instance_url, "jwt", secrets))
    assert error.code == "LP0407"
    assert "canary" not in f"{error.summary}{error.hint}"
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_audience_is_the_login_host_of_the_kind_of_org(url: str, expected: str) -> None:
    """Unless login_url says another."""
    assert audience(AuthConfig("jwt", url, {}, {})) == expected
    chosen = AuthConfig("jwt", url, {}, {"login_url": "https://acme.my.salesforce.com/"})
    assert audience(chosen) == "https://acme.my.salesforce.com"


def test_a_token_for_another_instance_is_refused() -> None:
    """The token would be sent to an org that it is not for."""
    body = json.dumps({"access_token": "canary", "instance_url": "https://other.my.salesforce.com"}).encode()
    with RawServer(http("200 OK", body)) as server:
        error = refused(profile(server.url, "client_credentials", CLIENT))
    assert error.code == "LP0403"
    assert "canary" not in f"{error.summary}{error.hint}"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_credentials_never_follow_a_redirect(status: str) -> None:
    """The second server is not asked."""
    with RawServer(http("200 OK", b"{}")) as other:
        with RawServer(http(status, b"", f"Location: {other.url}/services/oauth2/token")) as server:
            error = refused(profile(server.url, "client_credentials", CLIENT))
        assert other.asked == []
    assert error.code == "LP0405"
    assert {asked.target for asked in server.asked} == {"/services/oauth2/token"}


def test_a_login_host_that_is_down_is_not_a_refusal() -> None:
    """An HTML page says nothing about the credentials."""
    with RawServer(http("503 Service Unavailable", b"<html>")) as server:
        assert refused(profile(server.url, "client_credentials", CLIENT)).code == "LP0405"


def test_the_repr_of_a_token_hides_it() -> None:
    """A token in a traceback or a log is stars."""
    assert "canary" not in repr(Token(Secret("canary", {}, Path()), "https://acme.my.salesforce.com"))


# -- sf CLI --------------------------------------------------------------------------------------------------------


def fake_sf(
    folder: Path, monkeypatch: pytest.MonkeyPatch, display: object, shown: object = None, code: int = 0
) -> Path:
    """An `sf` on PATH that answers `org display` and `org auth show-access-token`; the file that logs its arguments."""
    (folder / "display.json").write_text(json.dumps(display), encoding="utf-8")
    (folder / "shown.json").write_text(json.dumps(shown), encoding="utf-8")
    script = folder / "sf"
    script.write_text(
        f'#!/bin/sh\nexec 3>>"{folder}/argv"\necho "$@" >&3\n'
        f'case "$2" in display) file=display;; *) file=shown;; esac\n'
        f'while IFS= read -r line || [ -n "$line" ]; do printf "%s" "$line"; done <"{folder}/$file.json"\nexit {code}\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder / "argv"


def by_sf() -> OrgProfile:
    """An org that only sf knows."""
    return OrgProfile("uat", auth=AuthConfig("sf-cli", "", {}, {"alias": "uat"}))


def test_the_token_of_sf_is_used(org: EmbeddedOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old versions show it in `org display`."""
    result = {"accessToken": org.access_token(), "instanceUrl": org.instance_url}
    log = fake_sf(tmp_path, monkeypatch, {"status": 0, "result": result})
    assert works(by_sf(), org)
    assert log.read_text() == "org display --target-org uat --json\n"


def test_a_redacted_token_is_asked_for(org: EmbeddedOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New versions hide it behind a command of its own."""
    hidden = {"accessToken": "[REDACTED] use show-access-token", "instanceUrl": org.instance_url}
    shown = {"status": 0, "result": {"accessToken": org.access_token()}}
    log = fake_sf(tmp_path, monkeypatch, {"status": 0, "result": hidden}, shown)
    assert works(by_sf(), org)
    assert "show-access-token --target-org uat --no-prompt --json" in log.read_text()


def test_a_redacted_token_that_is_not_given_is_an_org_error(
    org: EmbeddedOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without the token is no crash."""
    hidden = {"accessToken": "[REDACTED]", "instanceUrl": org.instance_url}
    fake_sf(tmp_path, monkeypatch, {"status": 0, "result": hidden}, {"status": 0, "result": {}})
    assert refused(by_sf()).code == "LP0408"


@pytest.mark.parametrize("answer", [{"status": 1, "message": "No authorization found for uat"}, [], "text", None])
def test_an_alias_that_sf_refuses_is_told_with_the_next_command(
    answer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In sf's words where there are any, whatever shape its answer has."""
    fake_sf(tmp_path, monkeypatch, answer, code=1)
    error = refused(by_sf())
    assert error.code == "LP0408"
    assert not isinstance(answer, dict) or "No authorization found" in error.summary
    assert "sf org login web --alias uat" in error.next_commands


def test_an_answer_of_sf_without_an_address_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry can name it."""
    fake_sf(tmp_path, monkeypatch, {"status": 0, "result": {"accessToken": "00D!x"}})
    error = refused(by_sf())
    assert (error.code, "instance_url" in (error.hint or "")) == ("LP0408", True)


def test_an_sf_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there, and not to be run: not a bug of ours."""
    fake_sf(tmp_path, monkeypatch, {})
    (tmp_path / "sf").chmod(0o755)
    (tmp_path / "sf").write_bytes(b"\x7fELF")
    assert refused(by_sf()).code == "LP0408"


def test_without_sf_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name may simply be missing from orgs.yaml."""
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(by_sf())
    assert error.code == "LP0408"
    assert error.hint is not None
    assert "orgs.yaml" in error.hint
