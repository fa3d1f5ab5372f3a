"""Clock: the only way loadplan learns the time or waits. Tests pass one that never sleeps for real."""

from __future__ import annotations

import contextlib
import os
import select
import time
import weakref
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """`now` is wall time for records (UTC); `monotonic` counts seconds for waiting and timeouts; `wait` returns early
    when `wake` was called."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...
    def wake(self) -> None: ...


class SystemClock:
    """The real clock. `wake` may be called from a signal handler: it writes into a pipe and takes no lock. (An Event would
    dead-lock when the signal arrives while `wait` holds the Event's own lock.)"""

    def __init__(self) -> None:
        self._ear, self._mouth = os.pipe()
        for end in (self._ear, self._mouth):
            os.set_blocking(end, False)
            weakref.finalize(self, os.close, end)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        select.select([self._ear], [], [], max(0.0, seconds))

    def wake(self) -> None:
        # A full pipe has been heard already.
        with contextlib.suppress(BlockingIOError):
            os.write(self._mouth, b"!")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as every file of the run folder spells times: `2026-11-23T10:15:00.250Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """The inverse of `timestamp`. Raises ValueError on anything else."""
    return datetime.fromisoformat(text)
