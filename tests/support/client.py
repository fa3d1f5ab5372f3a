"""A real client for tests that speak to a server of raw bytes, and a clock that notes its waits instead of waiting."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.http import Http, Timeouts

from support.raw_server import http

V = "66.0"
JOB = "750000000000001AAA"
JSON = "Content-Type: application/json;charset=UTF-8"
CANARY = "00D000000000001!canary.token"
OPEN = http("200 OK", json.dumps({"id": JOB, "state": "Open"}).encode(), JSON)
EXPIRED = http("401 Unauthorized", b'[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]', JSON)


class Waits:
    """A clock that notes how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def monotonic(self) -> float:
        return sum(self.waited)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def wake(self) -> None:
        """Nobody sleeps."""


def org_at(url: str, *tokens: str, read: float = 5.0) -> Bulk2Org:
    """A client whose tokens are taken one by one, the next at each refresh."""
    supply = iter(tokens or (CANARY, "second", "third"))
    current = [next(supply)]

    def token(refresh: bool) -> str:
        if refresh:
            current[0] = next(supply)
        return current[0]

    return Bulk2Org(Http(url, token, timeouts=Timeouts(5.0, read)))


def error(status: str, code: str, message: str = "words", *headers: str) -> bytes:
    """The API's error array as an answer."""
    return http(status, json.dumps([{"errorCode": code, "message": message}]).encode(), JSON, *headers)
