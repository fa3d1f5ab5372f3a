"""Entry: what orgs.yaml allows and limits in an org, as part of an approval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def bounds_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry allows and limits. How one logs in is another matter: CI plans with one login and applies with another, and the id
    of the org tells that it is the same."""
    return {key: value for key, value in sorted(entry.items()) if key not in {"auth", "instance_url"}}


def changes_of(org: str, approved: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """What the entry says otherwise than when it was approved, a line each."""
    now = bounds_of(entry)
    return [
        f"`{key}` of org `{org}` in orgs.yaml changed: {_brief(approved.get(key))} then, {_brief(now.get(key))} now"
        for key in sorted({*approved, *now})
        if approved.get(key) != now.get(key)
    ]


def _brief(value: object) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
