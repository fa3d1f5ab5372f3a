"""The token endpoint: four grants, tokens with an end, errors as OAuth objects (page section 11).

Signatures of assertions are not verified: the embedded org has no certificates.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from . import identity
from .wire import ApiError, Request, Response, json_response, read_json, wrong_method

if TYPE_CHECKING:
    from .org import Org

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FOREVER = 4e9


def issue(org: Org, now: float, kind: str = "access") -> str:
    """A new token, remembered until its end."""
    text = f"{org.settings.org_id[:15]}!AQ{secrets.token_urlsafe(48)}"
    org.store.add_token(text, now + org.settings.token_lifetime if kind == "access" else _FOREVER, kind)
    return text


def check(org: Org, request: Request, now: float) -> None:
    """Raise 401 INVALID_SESSION_ID unless the request bears a live token."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme not in ("Bearer", "OAuth") or not is_live(org, text, now):
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def is_live(org: Org, text: str, now: float) -> bool:
    """Whether the text is an access token that has not ended."""
    found = org.store.token(text)
    return found is not None and found[1] == "access" and found[0] > now


def who(org: Org, request: Request, now: float) -> Response:
    """userinfo and the identity address: the token as a header or a parameter, 403 with two words when it is none."""
    if request.method not in ("GET", "HEAD", "POST"):
        raise wrong_method(request.method, "GET", "POST")
    _, _, text = request.headers.get("authorization", "").partition(" ")
    text = text or request.query.get("oauth_token", "") or request.query.get("access_token", "")
    if not is_live(org, text, now):
        word = b"Bad_OAuth_Token" if text else b"Missing_OAuth_Token"
        return Response(403, word, {"Content-Type": "text/html;charset=UTF-8"})
    return identity.userinfo(org) if request.path.startswith("/services/") else identity.by_address(org, request.path)


def token(org: Org, request: Request, now: float) -> Response:
    """`POST /services/oauth2/token`."""
    if request.method != "POST":
        raise wrong_method(request.method, "POST")
    form = {key: values[0] for key, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    scheme, _, basic = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        form.update(_credentials(basic))
    problem = _refusal(org, form, now, request.headers.get("content-type", "").lower())
    if problem is not None:
        return json_response({"error": problem[0], "error_description": problem[1]}, 400, _NO_STORE)
    answer: dict[str, Any] = {"access_token": issue(org, now)}
    common = {"scope": "api", "instance_url": org.instance_url, "id": identity.address(org), "token_type": "Bearer"}
    if form["grant_type"] == _JWT:
        answer.update(common)
    else:
        answer.update(signature=secrets.token_urlsafe(32), token_format="opaque", **common)  # noqa: S106
        answer.update(issued_at=str(int(now * 1000)), api_instance_url=org.instance_url)
    return json_response(answer, headers=_NO_STORE)


def _credentials(basic: str) -> dict[str, str]:
    """Client id and secret from HTTP Basic."""
    try:
        client, _, secret = base64.b64decode(basic).decode().partition(":")
    except ValueError:
        return {"client_id": ""}
    return {"client_id": unquote(client), "client_secret": unquote(secret)}


def _refusal(org: Org, form: dict[str, str], now: float, kind: str) -> tuple[str, str] | None:
    grant, clients = form.get("grant_type"), dict(org.settings.clients)
    if grant is None and "json" in kind:
        return "unsupported_grant_type", "grant type not supported"  # only forms are read
    if grant is None:
        return "invalid_request", "missing required code challenge or grant_type"
    if grant == _JWT:
        return _assertion(org, form.get("assertion", ""), clients, now)
    if grant not in ("client_credentials", "refresh_token", "password"):
        return "unsupported_grant_type", "grant type not supported"
    client = form.get("client_id", "")
    if not client or (clients and client not in clients):
        return "invalid_client_id", "client identifier invalid"
    secret = form.get("client_secret")
    if clients and clients[client] and secret != clients[client] and not (grant == "refresh_token" and secret is None):
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


def _assertion(org: Org, text: str, clients: dict[str, str], now: float) -> tuple[str, str] | None:
    try:
        head, claims, signature = text.split(".")
        read_json(base64.urlsafe_b64decode(head + "=="))
        values = read_json(base64.urlsafe_b64decode(claims + "=="))
        expires, issuer = float(values["exp"]), str(values["iss"])
        subject, audience = str(values["sub"]), str(values["aud"]).rstrip("/")
    except (ValueError, KeyError, TypeError, OverflowError, binascii.Error):
        return "invalid_grant", "invalid assertion"
    if not signature or expires <= now:
        return "invalid_grant", "expired authorization code"  # yes, this text
    if clients and issuer not in clients:
        return "invalid_client_id", "client identifier invalid"
    if audience not in (*_AUDIENCES, org.instance_url):
        return "invalid_grant", "Audience validation failed"
    if org.settings.users and subject not in dict(org.settings.users):
        return "invalid_grant", "user hasn't approved this consumer"
    return None


def revoke(org: Org, request: Request) -> Response:
    """`/services/oauth2/revoke`: 200, empty; 400 for a token that is none. The access token of a program, or its refresh token."""
    if request.method not in ("GET", "POST"):
        raise wrong_method(request.method, "GET", "POST")
    form = {key: values[0] for key, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    text = form.get("token") or request.query.get("token", "")
    if org.store.token(text) is None:
        return json_response({"error": "invalid_token", "error_description": "invalid token: " + text}, 400, _NO_STORE)
    org.store.drop_token(text)
    return Response(200, b"", _NO_STORE)
