"""What an answer proves: a status, a few headers and a body become a fault of `port`, and a fault becomes exit 3.

Pure, and distrustful: whatever an org or somebody in between wrote is cut, freed of tokens and control characters before it
is shown. (Bulk API 2.0 Developer Guide, "HTTP Status Codes"; REST API Developer Guide, "Status Codes and Error Responses".)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from loadplan.errors import OrgError
from loadplan.masking import mask, printable, redact
from loadplan.salesforce.port import AuthRefused, NotFound, OrgFault, QuotaExceeded, Refused, Unavailable

PASSING_STATUS = frozenset({406, 408, 420, 429})
PASSING_CODES = frozenset({"SERVER_UNAVAILABLE", "TXN_SECURITY_METERING_ERROR", "UNKNOWN_EXCEPTION"})
QUOTA_CODES = frozenset({"REQUEST_LIMIT_EXCEEDED", "LIMIT_EXCEEDED"})
QUOTA_WORDS = re.compile(r"Limit exceeded|per 24 hrs has been (reached|exceeded)")
CROWDED = re.compile(r"^Concurrent")
"""Too many requests at this moment, not in this day: it passes."""
REFUSED_BY_STATUS = frozenset({413, 414, 415})
"""Whoever answers these, the API or a gateway before it, has not let the request through."""
NUMBER = re.compile(r"[0-9]{1,18}\Z")


class NotJson(ValueError):  # noqa: N818 - an observation about an answer
    """The text is not JSON, or nests deeper than anybody reads."""


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text. Raises `NotJson`: damaged, a number of thousands of digits, or thousands of brackets."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotJson from None


def digits(text: str | None) -> int | None:
    """A header that is a plain number, else None. (`"²".isdigit()` is true, and int() refuses it.)"""
    return int(text) if text is not None and NUMBER.match(text) else None


def clean(words: object, most: int = 2000) -> str:
    """Salesforce's words, fit to be shown and written: no token, no control character, no novel."""
    return printable(redact(str(words)))[:most]


def error_of(text: bytes) -> tuple[str, str]:
    """(errorCode, message) of the API's error array; empty for anything else.

    An object with `error` is what gateways and proxies write: it does not prove that the API refused the request."""
    try:
        data = read_json(text)
    except NotJson:
        return "", ""
    if isinstance(data, list) and data and isinstance(data[0], dict) and data[0].get("errorCode"):
        return clean(data[0]["errorCode"], 100), clean(data[0].get("message", ""))
    return "", ""


def title(text: bytes) -> str:
    """How a page of HTML introduces itself, as the end of a sentence; empty for anything else."""
    found = re.search(rb"<title[^>]*>(.{1,120}?)</title>", text, re.DOTALL | re.IGNORECASE)
    if found:
        return f" but an HTML page: {mask(found.group(1).decode('utf-8', 'replace').strip())}"
    return " but an HTML page" if b"<html" in text[:2000].lower() else ""


def wish_to_wait(header: str | None, date: str | None) -> float | None:
    """Retry-After in seconds: a number, or a date that is measured against the answer's own Date. None when there is none."""
    if (seconds := digits(header)) is not None:
        return float(seconds)
    if not header:
        return None
    try:
        until = parsedate_to_datetime(header)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def fault_of(name: str, status: int, phrase: str, headers: Mapping[str, str], text: bytes) -> OrgFault:
    """The fault that an answer other than 2xx stands for. `name` is the request, `phrase` the status line's words."""
    if 300 <= status < 400:
        return Unavailable(name, f"{status} redirect, which is never followed with a token", status=status)
    after = wish_to_wait(headers.get("Retry-After"), headers.get("Date"))
    code, message = error_of(text)
    if status >= 500 or status in PASSING_STATUS or code in PASSING_CODES:
        what = f"{code}: {mask(message)}" if code else f"no JSON{title(text)}"
        return Unavailable(name, f"{status} {what}", status=status, retry_after=after)
    if not code and status in REFUSED_BY_STATUS:
        return Refused(name, status, f"HTTP_{status}", clean(phrase, 100) or "the request was not let through")
    if not code:
        # Whoever spoke here was not the API: it proves nothing about the request.
        return Unavailable(name, f"{status} without a JSON error{title(text)}", status=status, retry_after=after)
    if status == 404:
        return NotFound(name, status, code, message)
    if code in QUOTA_CODES and CROWDED.search(message):
        return Unavailable(name, f"{status} {code}: {message}", status=status, retry_after=after)
    if code in QUOTA_CODES or QUOTA_WORDS.search(message):
        return QuotaExceeded(name, status, code, message)
    return Refused(name, status, code, message)


def as_org_error(fault: OrgFault, origin: str) -> OrgError:
    """A fault met outside a run, as exit 3 with what to check."""
    if isinstance(fault, AuthRefused):
        return OrgError(
            f"the org does not accept the credentials: {fault.detail}", code="LP0401", where=origin,
            hint="check that the token or the app's user is still active and belongs to this org",
        )  # fmt: skip
    if isinstance(fault, QuotaExceeded):
        return OrgError(
            f"a limit of the org is used up: {fault.detail}", code="LP0402", where=origin,
            hint="daily limits count the last 24 hours: wait, or ask for more in Setup, Company Information",
        )  # fmt: skip
    if isinstance(fault, Refused):
        return OrgError(
            f"the org refused {fault.request}: {fault.detail}", code="LP0402", where=origin,
            hint="check the permissions of the user: API Enabled, and access to the objects of the plan",
        )  # fmt: skip
    return OrgError(
        f"the org cannot be reached: {fault.detail}", code="LP0405", where=origin,
        hint="check the network, the proxy settings, instance_url, and the org's status page",
    )  # fmt: skip
