"""OAuth 2.0 JWT bearer. Signing needs PyJWT, which comes with the extra `loadplan[jwt]`."""

from __future__ import annotations

import time

from loadplan.errors import OrgError
from loadplan.salesforce.auth.base import AuthConfig, Post, Token, ask

LIFETIME = 180
"""Seconds: what Salesforce's help allows at most for `exp`."""


def audience(config: AuthConfig) -> str:
    """`aud`: the configured login URL, else the login host of this kind of org. A loopback org is its own audience.

    Salesforce help, "OAuth 2.0 JWT Bearer Flow": https://login.salesforce.com, or https://test.salesforce.com for a
    sandbox; a My Domain is where the request goes, not an audience."""
    chosen = config.texts.get("login_url")
    if chosen:
        return chosen.rstrip("/")
    host = config.instance_url.split("://", 1)[-1]
    if ".salesforce." not in host:
        return config.instance_url
    test = ".sandbox.my." in host or ".scratch.my." in host
    return f"https://{'test' if test else 'login'}.salesforce.com"


def fetch(config: AuthConfig, post: Post) -> Token:
    try:
        import jwt
    except ImportError:
        raise OrgError(
            "the jwt flow needs PyJWT",
            code="LP0407",
            hint="install the extra",
            next_commands=["pip install 'loadplan[jwt]'"],
        ) from None
    base = config.texts.get("login_url") or config.instance_url
    claims = {
        "iss": config.secret("client_id"),
        "sub": config.secret("username"),
        "aud": audience(config),
        "exp": int(time.time()) + LIFETIME,
    }
    key = config.secret("private_key")
    if "\n" not in key:
        key = key.replace("\\n", "\n")  # as a variable of many CI systems holds a key: on one line
    try:
        assertion = jwt.encode(claims, key, algorithm="RS256")
    except Exception as error:
        # PyJWT and cryptography raise many kinds, some of which quote the key: say only what it was.
        raise OrgError(
            f"the private key cannot sign ({type(error).__name__})", code="LP0407",
            hint="it must be an RSA key in PEM form, whole, with its BEGIN and END lines",
        ) from None  # fmt: skip
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return ask(config, post, base, form)
