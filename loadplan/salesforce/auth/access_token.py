"""A token that somebody else got: used as it is, never refreshed."""

from __future__ import annotations

from pathlib import Path

from loadplan.salesforce.auth.base import AuthConfig, Post, Token
from loadplan.salesforce.secret import Secret


def fetch(config: AuthConfig, post: Post) -> Token:
    return Token(Secret(config.secret("token"), {}, Path()))
