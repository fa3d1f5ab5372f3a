"""Clock: the only way loadplan learns the time or waits. Tests pass one that never sleeps for real."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """`now` is wall time for records (UTC); `monotonic` counts seconds for waiting and timeouts; `wait` returns early
    when `wake` was called."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...
    def wake(self) -> None: ...


class SystemClock:
    """The real clock. `wake` may be called from a signal handler."""

    def __init__(self) -> None:
        self._woken = Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        self._woken.wait(max(0.0, seconds))

    def wake(self) -> None:
        self._woken.set()


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as every file of the run folder spells times: `2026-11-23T10:15:00.250Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """The inverse of `timestamp`. Raises ValueError on anything else."""
    return datetime.fromisoformat(text)
