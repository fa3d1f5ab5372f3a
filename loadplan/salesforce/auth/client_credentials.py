"""OAuth 2.0 client credentials, at the org's My Domain."""

from __future__ import annotations

from loadplan.salesforce.auth.base import AuthConfig, Post, Token, ask


def fetch(config: AuthConfig, post: Post) -> Token:
    form = {
        "grant_type": "client_credentials",
        "client_id": config.secret("client_id"),
        "client_secret": config.secret("client_secret"),
    }
    return ask(config, post, config.instance_url, form)
