"""Canonical: one spelling for values that Salesforce may echo in another one than they were sent in.

Results hold parsed values: 912260031 comes back as 9.12260031E8, a date-time with milliseconds (Bulk API 2.0 Developer
Guide, "Prepare CSV Files"). Only ever used after an exact comparison has failed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from loadplan.sources.ids import short_id

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)", re.ASCII)


def canonical(text: str) -> str:
    """`text` in its one spelling. Two texts with the same one may stand for the same value."""
    text = text.strip()
    if not text:
        return text
    if _NUMBER.fullmatch(text):
        return _number(text)
    if text[0].isdigit() and (match := _MOMENT.fullmatch(text)):
        return _moment(match)
    lowered = text.lower()
    if lowered in {"true", "false"}:
        return lowered
    return short_id(text)


def _number(text: str) -> str:
    value = Decimal(text)
    return str(value.normalize()) if value else "0"


def _moment(match: re.Match[str]) -> str:
    """To the millisecond, in UTC. A date that no calendar has stays as it is."""
    zone = "+00:00" if match[3] == "Z" else match[3]
    try:
        at = datetime.fromisoformat(match[1] + zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return match[0]
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + (match[2] or "").ljust(3, "0")[:3]
