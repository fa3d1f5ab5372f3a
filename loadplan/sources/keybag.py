"""KeyBag: which keys may stand twice, for any number of keys in 8 bytes each.

It keeps hashes, so what it calls repeated is a suspicion: whoever asks looks at the keys themselves in a second pass.
What it does not call repeated is not.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from types import ModuleType

from loadplan.sources.hashing import hash64

MANY = 200_000
"""Keys from which on it pays to load numpy for their sake."""
_BUCKETS = 64
_SHIFT = 58


class KeyBag:
    """Counts nothing, remembers hashes. Where they are looked through without numpy it is a bucket at a time, which keeps
    the memory of the answer small."""

    def __init__(self) -> None:
        self._hashes: array[int] = array("Q")

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, key: bytes) -> None:
        self._hashes.append(hash64(key))

    def update(self, keys: Iterable[bytes]) -> None:
        self._hashes.extend(map(hash64, keys))

    @property
    def has_repeats(self) -> bool:
        """True when two keys have the same hash."""
        arrays = self._arrays()
        if arrays is not None:
            return bool(arrays.has_repeats(self._hashes))
        return any(len(set(bucket)) < len(bucket) for bucket in self._buckets())

    def repeated(self) -> set[int]:
        """The hashes that came more than once."""
        arrays = self._arrays()
        if arrays is not None:
            return set(arrays.repeated(self._hashes))
        found: set[int] = set()
        for bucket in self._buckets():
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
        arrays = self._arrays()
        if arrays is not None:
            return int(arrays.distinct(self._hashes))
        return sum(len(set(bucket)) for bucket in self._buckets())

    def _arrays(self) -> ModuleType | None:
        if len(self._hashes) < MANY:
            return None
        try:
            from loadplan.sources import arrays
        except ImportError:
            return None
        return arrays

    def _buckets(self) -> Iterator[array[int]]:
        buckets: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
        put = [bucket.append for bucket in buckets]
        for value in self._hashes:
            put[value >> _SHIFT](value)
        while buckets:
            yield buckets.pop()
