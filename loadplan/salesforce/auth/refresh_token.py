"""OAuth 2.0 refresh token. An app that rotates its refresh tokens gives a new one with each answer and forgets the old: it is
kept for the length of the process. No file holds it, so the next command starts from the configured one again."""

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
    token = ask(config, post, config.instance_url, form)
    if token.next_refresh is not None:
        config.secrets["refresh_token"] = token.next_refresh
    return token
