"""OAuth 2.0 JWT bearer. Signing needs PyJWT, which comes with the extra `loadplan[jwt]`."""

from __future__ import annotations

import time

from loadplan.errors import OrgError
from loadplan.salesforce.auth.base import AuthConfig, Post, Token, ask

LIFETIME = 180
"""Seconds: what Salesforce's help allows at most for `exp`."""


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
        "aud": base.rstrip("/"),
        "exp": int(time.time()) + LIFETIME,
    }
    try:
        assertion = jwt.encode(claims, config.secret("private_key"), algorithm="RS256")
    except Exception as error:
        # PyJWT and cryptography raise many kinds, some of which quote the key: say only what it was.
        raise OrgError(
            f"the private key cannot sign ({type(error).__name__})", code="LP0407",
            hint="it must be an RSA key in PEM form, whole, with its BEGIN and END lines",
        ) from None  # fmt: skip
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return ask(config, post, base, form)
