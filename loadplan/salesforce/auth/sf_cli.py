"""The sf CLI's login: the token of an org it knows. No secret is ever an argument."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from loadplan.errors import OrgError
from loadplan.salesforce.auth.base import AuthConfig, Post, Token
from loadplan.salesforce.faults import NotJson, clean, read_json
from loadplan.salesforce.secret import Secret


def fetch(config: AuthConfig, post: Post) -> Token:
    alias = config.texts["alias"]
    unlisted = config.texts.get("unlisted")
    shown = run_sf(["org", "display", "--target-org", alias, "--json"], alias, unlisted)
    token = str(shown.get("accessToken", ""))
    if not token or token.startswith("[REDACTED]"):
        # Since plugin-org 5.11.1 `org display` hides the token behind a command of its own.
        asked = run_sf(
            ["org", "auth", "show-access-token", "--target-org", alias, "--no-prompt", "--json"], alias, unlisted
        )
        token = str(asked.get("accessToken", ""))
    if not token or token.startswith("[REDACTED]"):
        raise OrgError(
            f"the sf CLI shows no access token of `{alias}`", code="LP0408",
            next_commands=[f"sf org login web --alias {alias}", "sf org list"],
        )  # fmt: skip
    instance_url = str(shown.get("instanceUrl") or "")
    if not instance_url and not config.instance_url:
        raise OrgError(
            f"the sf CLI does not say where `{alias}` is", code="LP0408",
            hint=f"add instance_url to the entry of `{alias}` in orgs.yaml", next_commands=["sf org list"],
        )  # fmt: skip
    return Token(Secret(token, {}, Path()), instance_url)


def run_sf(arguments: list[str], alias: str, unlisted: str | None = None) -> dict[str, Any]:
    """The `result` of an sf command. `unlisted` is None for an entry of orgs.yaml, else what its name may have meant.
    Raises `OrgError` in sf's own words."""
    try:
        done = subprocess.run(
            ["sf", *arguments], capture_output=True, text=True, errors="replace", timeout=120, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, "SF_DISABLE_TELEMETRY": "true"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OrgError(
            "the sf CLI did not answer within two minutes", code="LP0408", next_commands=["sf org list"]
        ) from None
    except OSError as error:
        why = "not installed" if isinstance(error, FileNotFoundError) else f"not to be started ({error.strerror})"
        if unlisted is None:
            raise OrgError(
                f"org `{alias}` is reached through the sf CLI, which is {why}", code="LP0408",
                hint="install it and log in, or give the entry in orgs.yaml another flow",
            ) from None  # fmt: skip
        raise OrgError(
            f"org `{alias}` is not in orgs.yaml, and the sf CLI is {why}",
            code="LP0408",
            hint=unlisted or "add the org to orgs.yaml, use `-o embedded`, or install the sf CLI and log in",
        ) from None
    try:
        answer = read_json(done.stdout)
    except NotJson:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    result = answer.get("result")
    if done.returncode != 0 or not isinstance(result, dict):
        words = clean(answer.get("message") or "no answer in JSON", 500)
        raise OrgError(
            f"the sf CLI does not give access to `{alias}`: {words}", code="LP0408", hint=unlisted or None,
            next_commands=[f"sf org login web --alias {alias}", "sf org list"],
        )  # fmt: skip
    return result
