"""Time that moves only when somebody waits, or sends something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


class VirtualClock:
    """One clock for loadplan and for the org. `waited` is the sum of all waits, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waited = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.waited += max(0.0, seconds)
        self.seconds += max(0.0, seconds) + 0.001

    def wake(self) -> None:
        """Nobody sleeps."""

    def epoch(self) -> float:
        """Epoch seconds, as the org counts them."""
        return self.now().timestamp()
