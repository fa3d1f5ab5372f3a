"""The token endpoint: four grants, tokens with an end, errors as OAuth objects (page section 11)."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .wire import ApiError, Request, Response, json_response

if TYPE_CHECKING:
    from .org import Org

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def issue(org: Org, now: float, kind: str = "access") -> str:
    """A new token, remembered until its end."""
    text = f"{org.settings.org_id[:15]}!AQ{secrets.token_urlsafe(48)}"
    org.store.add_token(text, now + org.settings.token_lifetime if kind == "access" else 4e9, kind)
    return text


def check(org: Org, request: Request, now: float) -> None:
    """Raise 401 INVALID_SESSION_ID unless the request bears a live token."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    found = org.store.token(text) if scheme in ("Bearer", "OAuth") else None
    if found is None or found[1] != "access" or found[0] <= now:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def token(org: Org, request: Request, now: float) -> Response:
    """`POST /services/oauth2/token`."""
    form = {key: values[0] for key, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    problem = _refusal(org, form, now)
    if problem is not None:
        return json_response({"error": problem[0], "error_description": problem[1]}, 400)
    answer = {"access_token": issue(org, now), "signature": secrets.token_urlsafe(32), "token_format": "opaque"}
    answer.update(scope="api", instance_url=org.instance_url, id=_identity(org), token_type="Bearer")  # noqa: S106
    answer.update(issued_at=str(int(now * 1000)), api_instance_url=org.instance_url)
    return json_response(answer)


def _identity(org: Org) -> str:
    return f"{org.instance_url}/id/{org.settings.org_id}/{org.admin}"


def _refusal(org: Org, form: dict[str, str], now: float) -> tuple[str, str] | None:
    grant, clients = form.get("grant_type"), dict(org.settings.clients)
    if grant == _JWT:
        return _assertion(form.get("assertion", ""), clients, now)
    if grant not in ("client_credentials", "refresh_token", "password"):
        return "unsupported_grant_type", "grant type not supported"
    client = form.get("client_id", "")
    if not client or (clients and client not in clients):
        return "invalid_client_id", "client identifier invalid"
    if clients and clients[client] and form.get("client_secret") != clients[client]:
        return "invalid_client", "invalid client credentials"
    if grant == "refresh_token":
        found = org.store.token(form.get("refresh_token", ""))
        known = found is not None and found[1] == "refresh"
        return None if known or not clients else ("invalid_grant", "expired access/refresh token")
    if grant == "password":
        users = org.settings.users
        pair = (form.get("username", ""), form.get("password", ""))
        return None if pair in users or (not users and all(pair)) else ("invalid_grant", "authentication failure")
    return None


def _assertion(text: str, clients: dict[str, str], now: float) -> tuple[str, str] | None:
    try:
        head, claims, signature = text.split(".")
        json.loads(base64.urlsafe_b64decode(head + "=="))
        values = json.loads(base64.urlsafe_b64decode(claims + "=="))
        expires, issuer = float(values["exp"]), str(values["iss"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return "invalid_grant", "invalid assertion"
    if not signature or expires <= now:
        return "invalid_grant", "expired authorization code"
    if clients and issuer not in clients:
        return "invalid_client_id", "client identifier invalid"
    return None


def userinfo(org: Org) -> Response:
    """`/services/oauth2/userinfo` and the identity address."""
    return json_response({
        "sub": _identity(org), "id": _identity(org), "user_id": org.admin, "organization_id": org.settings.org_id,
        "preferred_username": org.username, "username": org.username, "name": "Admin User", "active": True,
        "urls": {"rest": f"{org.instance_url}/services/data/v{{version}}/"},
    })  # fmt: skip
