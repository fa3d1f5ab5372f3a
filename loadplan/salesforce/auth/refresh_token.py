"""OAuth 2.0 refresh token."""

from __future__ import annotations

from loadplan.salesforce.auth.base import AuthConfig, Post, Token, ask


def fetch(config: AuthConfig, post: Post) -> Token:
    form = {
        "grant_type": "refresh_token",
        "client_id": config.secret("client_id"),
        "refresh_token": config.secret("refresh_token"),
    }
    if "client_secret" in config.secrets:
        form["client_secret"] = config.secret("client_secret")
    return ask(config, post, config.instance_url, form)
