"""How much of the rolling 24-hour allocations was used: API requests, batches, records, query jobs, query bytes."""

from __future__ import annotations

from .store import Store

_HOUR = 3600
_NAME = "usage"


class Usage:
    """Counters in hourly buckets. Kept in memory and written with the transactions of others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = store.fact(_NAME) or {}
        self._buckets: dict[str, dict[int, int]] = {
            name: {int(hour): count for hour, count in buckets.items()} for name, buckets in kept.items()
        }
        self._changed = False

    def add(self, name: str, count: int, now: float) -> None:
        """Count `count` uses at `now`."""
        hour = int(now // _HOUR)
        buckets = self._buckets.setdefault(name, {})
        if hour not in buckets:
            for old in [key for key in buckets if key <= hour - 24]:
                del buckets[old]
        buckets[hour] = buckets.get(hour, 0) + count
        self._changed = True

    def used(self, name: str, now: float) -> int:
        """Uses in the 24 hours before `now`."""
        oldest = int(now // _HOUR) - 24
        return sum(count for hour, count in self._buckets.get(name, {}).items() if hour > oldest)

    def save(self) -> None:
        """Write the counters into the open transaction, when they have changed."""
        if self._changed:
            self._store.put_fact(_NAME, self._buckets)
            self._changed = False
