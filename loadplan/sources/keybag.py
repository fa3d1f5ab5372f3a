"""KeyBag: which keys may stand twice, for any number of keys in 8 bytes each.

It keeps hashes, so what it calls repeated is a suspicion: whoever asks looks at the keys themselves in a second pass.
What it does not call repeated is not.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from loadplan.sources.hashing import hash64

_BUCKETS = 64
_SHIFT = 58


class KeyBag:
    """Counts nothing, remembers hashes. Iterating over one bucket at a time keeps the memory of the answer small."""

    def __init__(self) -> None:
        self._buckets: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
        self._put = [bucket.append for bucket in self._buckets]

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def add(self, key: bytes) -> None:
        value = hash64(key)
        self._put[value >> _SHIFT](value)

    def update(self, keys: Iterable[bytes]) -> None:
        put = self._put
        for value in map(hash64, keys):
            put[value >> _SHIFT](value)

    @property
    def has_repeats(self) -> bool:
        """True when two keys have the same hash."""
        return any(len(set(bucket)) < len(bucket) for bucket in self._buckets)

    def repeated(self) -> set[int]:
        """The hashes that came more than once."""
        found: set[int] = set()
        for bucket in self._buckets:
            once: set[int] = set()
            if len(set(bucket)) == len(bucket):
                continue
            for value in bucket:
                if value in once:
                    found.add(value)
                once.add(value)
        return found

    def distinct(self) -> int:
        """How many different hashes there are."""
        return sum(len(set(bucket)) for bucket in self._buckets)
