"""The sf CLI's login: the token of an org it knows. No secret is ever an argument."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from loadplan.errors import OrgError
from loadplan.salesforce.auth.base import AuthConfig, Post, Token
from loadplan.salesforce.secret import Secret


def fetch(config: AuthConfig, post: Post) -> Token:
    alias = config.texts["alias"]
    shown = run_sf(["org", "display", "--target-org", alias, "--json"], alias)
    token = str(shown.get("accessToken", ""))
    if not token or token.startswith("[REDACTED]"):
        # Since plugin-org 5.11.1 `org display` hides the token behind a command of its own.
        asked = run_sf(["org", "auth", "show-access-token", "--target-org", alias, "--no-prompt", "--json"], alias)
        token = str(asked.get("accessToken", ""))
    if not token or token.startswith("[REDACTED]"):
        raise OrgError(
            f"the sf CLI shows no access token of `{alias}`", code="LP0408",
            next_commands=[f"sf org login web --alias {alias}", "sf org list"],
        )  # fmt: skip
    return Token(Secret(token, {}, Path()), str(shown.get("instanceUrl", "")))


def run_sf(arguments: list[str], alias: str) -> dict[str, Any]:
    """The `result` of an sf command. Raises `OrgError` in sf's own words."""
    try:
        done = subprocess.run(
            ["sf", *arguments], capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "SF_DISABLE_TELEMETRY": "true"},
        )  # fmt: skip
    except FileNotFoundError:
        raise OrgError(
            f"org `{alias}` is not in orgs.yaml, and the sf CLI is not installed to ask", code="LP0408",
            hint="add the org to orgs.yaml, use `-o embedded`, or install the sf CLI and log in",
        ) from None  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OrgError("the sf CLI did not answer within two minutes", code="LP0408") from None
    try:
        answer: Any = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    result = answer.get("result")
    if done.returncode != 0 or not isinstance(result, dict):
        words = str(answer.get("message", "")) or "no answer in JSON"
        raise OrgError(
            f"the sf CLI does not give access to `{alias}`: {words}", code="LP0408",
            next_commands=[f"sf org login web --alias {alias}", "sf org list"],
        )  # fmt: skip
    return result
