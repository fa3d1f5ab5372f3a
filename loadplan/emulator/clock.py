"""The org's time: a clock that can be put forward, so that a test need not wait for a token or a job to grow old."""

from __future__ import annotations

from collections.abc import Callable


class OrgClock:
    """Epoch seconds of another clock, and what was added to them."""

    def __init__(self, base: Callable[[], float]) -> None:
        self._base = base
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._base() + self._ahead

    def advance(self, seconds: float) -> float:
        """Put the clock forward; answers the new time."""
        self._ahead += seconds
        return self()
