"""Flow: a way to get an access token, and the registry of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

from loadplan.errors import OrgError
from loadplan.lean import dataclass
from loadplan.salesforce.faults import NotJson, clean, read_json
from loadplan.salesforce.secret import Secret

FLOWS: dict[str, str] = {
    "access_token": "loadplan.salesforce.auth.access_token",
    "client_credentials": "loadplan.salesforce.auth.client_credentials",
    "jwt": "loadplan.salesforce.auth.jwt_bearer",
    "refresh_token": "loadplan.salesforce.auth.refresh_token",
    "sf-cli": "loadplan.salesforce.auth.sf_cli",
}
FLOW_KEYS: dict[str, tuple[str, ...]] = {
    "access_token": ("token",),
    "client_credentials": ("client_id", "client_secret"),
    "jwt": ("client_id", "username", "private_key", "login_url"),
    "refresh_token": ("client_id", "client_secret", "refresh_token"),
    "sf-cli": ("alias",),
}
"""What each flow reads of its `auth:` entry."""
SENT_SECRETS = {"client_secret", "refresh_token", "assertion"}
"""Form fields of a login that nobody may see."""


@dataclass(frozen=True)
class Token:
    """An access token, the instance it is for, and a refresh token that takes the place of the one used. `repr` hides both."""

    value: Secret
    instance_url: str = ""
    next_refresh: Secret | None = None


@dataclass(frozen=True)
class AuthConfig:
    """The `auth:` of an org: its flow, plain texts by name, secrets by name, and the instance it must be for."""

    flow: str
    instance_url: str
    secrets: dict[str, Secret]
    texts: Mapping[str, str]

    def secret(self, name: str) -> str:
        return self.secrets[name].reveal()


Post = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
"""(url, form fields) -> (status, body). Sends no token and follows no redirect."""


def fetch_token(config: AuthConfig, post: Post) -> Token:
    """Ask once for a token. Raises `OrgError` (exit 3) with Salesforce's words and what to check; never asks twice, since
    refused logins lock users out."""
    flow: Callable[[AuthConfig, Post], Token] = importlib.import_module(FLOWS[config.flow]).fetch
    return flow(config, post)


HINTS = {
    "request not supported on this domain": "client_credentials works at the org's My Domain only: check instance_url",
    "no client credentials user enabled": "set a run-as user in the app's client credentials policy",
    "client identifier invalid": "check the client id (consumer key) of the app",
    "invalid client credentials": "check the client secret of the app",
    "Audience validation failed": "check login_url: https://login.salesforce.com, https://test.salesforce.com or the My Domain",
    "user hasn't approved this consumer": "pre-authorise the user for the app (permission set or profile)",
    "user is not admin approved to access this app": "pre-authorise the user for the app (permission set or profile)",
    "expired authorization code": "the clock of this machine may be wrong, or the assertion expired",
    "expired access/refresh token": "the refresh token was revoked, or replaced by an app that rotates them: authorise again, "
    "with an app that does not",
    "ip restricted": "the user's profile or the app restricts IP addresses",
    "inactive user": "the user is inactive or frozen",
}


def ask(config: AuthConfig, post: Post, base: str, form: Mapping[str, str]) -> Token:
    """One POST to the token endpoint at `base`. Salesforce help, "OAuth 2.0 Authorization Errors"."""
    status, body = post(f"{base.rstrip('/')}/services/oauth2/token", form)
    try:
        data = read_json(body)
    except NotJson:
        data = None
    token = data.get("access_token") if isinstance(data, dict) else None
    if status == 200 and isinstance(token, str) and token:
        following = data.get("refresh_token")
        kept = Secret(following, {}, Path()) if isinstance(following, str) and following else None
        return Token(Secret(token, {}, Path()), str(data.get("instance_url") or ""), kept)
    if status >= 500 or status == 200 or not isinstance(data, dict):
        # Not a word of Salesforce's about the credentials: the endpoint is down, or something else answered.
        raise OrgError(
            f"the login host gives no usable answer ({status})", code="LP0405", where=base,
            hint="check instance_url or login_url, the network and the org's status page",
        )  # fmt: skip
    error, words = clean(data.get("error", ""), 100), clean(data.get("error_description", ""), 500)
    for name in SENT_SECRETS & set(form):
        # An answer that repeats what was sent must not show it.
        error, words = error.replace(form[name], "***"), words.replace(form[name], "***")
    hint = next((h for text, h in HINTS.items() if text in words), "check the app's id, secret and policies in Setup")
    raise OrgError(
        f"Salesforce refused to give a token ({config.flow}): {status} {error}: {words}".rstrip(": "), code="LP0401",
        where=base, hint=hint,
    )  # fmt: skip
