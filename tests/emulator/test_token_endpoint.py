"""The token endpoint: four grants, what they answer, and how they refuse (page 11)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from support.facts import fact
from support.wire import START, Answer, Org

APP = {"client_id": "app", "client_secret": "s3cret"}
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def closed() -> Iterator[Org]:
    """An org that knows one app and one user."""
    with Org(clients=(("app", "s3cret"),), users=(("ada@example.org", "pw+TOKEN"),)) as running:
        yield running


def ask(org: Org, *, basic: str = "", **form: str) -> Answer:
    """POST a form, perhaps with HTTP Basic."""
    given = {"Content-Type": "application/x-www-form-urlencoded"}
    if basic:
        given["Authorization"] = f"Basic {basic}"
    return org.raw("POST", "/services/oauth2/token", urlencode(form), given)


def refusal(answer: Answer) -> tuple[str, str]:
    """An OAuth error is an object."""
    assert answer.status == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(answer.json) == ["error", "error_description"]
    return answer.json["error"], answer.json["error_description"]


def assertion(**claims: Any) -> str:
    """A signed claim; the signature is not looked at."""
    whole = {
        "iss": "app",
        "sub": "ada@example.org",
        "aud": "https://login.salesforce.com",
        "exp": START + 180,
        **claims,
    }
    parts = (json.dumps({"alg": "RS256"}), json.dumps(whole), "signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@fact("client-credentials", "client-credentials-fields", "no-expires-in", "token-form", "no-refresh-token")
def test_client_credentials(closed: Org) -> None:
    """In the form or as HTTP Basic; which keys there are and how the token looks."""
    basic = base64.b64encode(b"app:s3cret").decode()
    for answer in (
        ask(closed, grant_type="client_credentials", **APP),
        ask(closed, basic=basic, grant_type="client_credentials"),
    ):
        found = answer.json
        assert set(found) == {"access_token", "signature", "token_format", "scope", "instance_url", "id", "token_type",
                              "issued_at", "api_instance_url"}  # fmt: skip
        assert (found["token_type"], found["token_format"]) == ("Bearer", "opaque")
        assert found["issued_at"] == str(int(START * 1000))
        assert re.fullmatch(r"00D\w{12}!AQ.+", found["access_token"])
        assert re.search(r"/id/00D\w{15}/005\w{15}$", found["id"])
        closed.token = found["access_token"]
        assert closed.call("GET", "/limits").status == 200


@fact("jwt-bearer", "jwt-fields", "no-refresh-token")
@pytest.mark.parametrize("audience", ["https://login.salesforce.com", "https://test.salesforce.com", "own"])
def test_jwt_bearer(closed: Org, audience: str) -> None:
    """The audience is a login host, or the org itself."""
    aud = closed.server.instance_url if audience == "own" else audience
    found = ask(closed, grant_type=JWT, assertion=assertion(aud=aud)).json
    assert set(found) == {"access_token", "scope", "instance_url", "id", "token_type"}
    closed.token = found["access_token"]
    assert closed.call("GET", "/limits").status == 200


@fact("refresh-token-flow", "password-flow")
def test_refresh_and_password(closed: Org) -> None:
    """A refresh token gives an access token and no new refresh token; the password has the security token behind it."""
    with closed.server.org.lock:
        from loadplan.emulator.auth import issue

        refresh = issue(closed.server.org, START, "refresh")
        closed.server.org.store.commit()
    for more in ({"client_id": "app"}, APP):
        found = ask(closed, grant_type="refresh_token", refresh_token=refresh, **more).json
        assert "refresh_token" not in found
        assert found["access_token"].startswith("00D")
    user = {"username": "ada@example.org", "password": "pw+TOKEN"}
    assert "access_token" in ask(closed, grant_type="password", **APP, **user).json


REFUSED: list[tuple[str, dict[str, str], tuple[str, str]]] = [
    ("invalid-client-id", {"grant_type": "client_credentials", "client_id": "x"}, ("invalid_client_id", "client identifier invalid")),
    ("invalid-client", {"grant_type": "client_credentials", "client_id": "app", "client_secret": "x"},
     ("invalid_client", "invalid client credentials")),
    ("authentication-failure", {"grant_type": "password", **APP, "username": "ada@example.org", "password": "x"},
     ("invalid_grant", "authentication failure")),
    ("audience", {"grant_type": JWT, "assertion": assertion(aud="https://example.com")},
     ("invalid_grant", "Audience validation failed")),
    ("not-approved", {"grant_type": JWT, "assertion": assertion(sub="bob@example.org")},
     ("invalid_grant", "user hasn't approved this consumer")),
    ("jwt-expired", {"grant_type": JWT, "assertion": assertion(exp=START - 1)}, ("invalid_grant", "expired authorization code")),
    ("refresh-revoked", {"grant_type": "refresh_token", **APP, "refresh_token": "x"},
     ("invalid_grant", "expired access/refresh token")),
    ("unsupported-grant", {"grant_type": "magic"}, ("unsupported_grant_type", "grant type not supported")),
]  # fmt: skip


@fact("oauth-error-shape", *[name for name, _, _ in REFUSED])
@pytest.mark.parametrize(("name", "form", "error"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_how_a_token_is_refused(closed: Org, name: str, form: dict[str, str], error: tuple[str, str]) -> None:
    """An object, with Salesforce's code and words; 400, and not to be stored."""
    assert refusal(ask(closed, **form)) == error


@fact("invalid-request")
def test_a_request_without_grant_or_with_a_broken_claim(closed: Org) -> None:
    """invalid_request; and an assertion that is none is an invalid grant."""
    assert refusal(ask(closed))[0] == "invalid_request"
    for text in ("", "a.b", "a.b.c", assertion(iss=None)[:-3]):
        assert refusal(ask(closed, grant_type=JWT, assertion=text))[0] in ("invalid_grant", "invalid_client_id")
    assert closed.raw("GET", "/services/oauth2/token").status == 405


def test_an_open_org_takes_any_client(org: Org) -> None:
    """Unless told otherwise."""
    assert ask(org, grant_type="client_credentials", client_id="anything", client_secret="x").status == 200
    assert refusal(ask(org, grant_type="client_credentials"))[0] == "invalid_client_id"


def test_a_body_that_is_no_form_has_no_grant(org: Org) -> None:
    """JSON is not read."""
    body = '{"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}'
    answer = org.raw("POST", "/services/oauth2/token", body, {"Content-Type": "application/json"})
    assert refusal(answer) == ("unsupported_grant_type", "grant type not supported")
