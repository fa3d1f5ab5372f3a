"""Keysets: which keys there are, for any number of them in 8 bytes each. Answers by hash, so it counts and points; where a
wrong answer would lose a row, the keys themselves are compared elsewhere.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from loadplan.sources.hashing import hash64

_BUCKETS = 64
_SHIFT = 58


def key_hash(text: str, *, case_sensitive: bool = False) -> int:
    """The hash of a key as Salesforce compares it: without case, unless the field is declared case sensitive."""
    return hash64((text if case_sensitive else text.casefold()).encode("utf-8", "surrogatepass"))


class KeySet:
    """Add all keys, then ask."""

    def __init__(self) -> None:
        self._buckets: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
        self._sorted = True

    def add(self, value: int) -> None:
        self._buckets[value >> _SHIFT].append(value)
        self._sorted = False

    def update(self, values: Iterable[int]) -> None:
        buckets = self._buckets
        for value in values:
            buckets[value >> _SHIFT].append(value)
        self._sorted = False

    def __contains__(self, value: int) -> bool:
        if not self._sorted:
            self._sort()
        bucket = self._buckets[value >> _SHIFT]
        at = bisect_left(bucket, value)
        return at < len(bucket) and bucket[at] == value

    def _sort(self) -> None:
        for number, bucket in enumerate(self._buckets):
            self._buckets[number] = array("Q", sorted(bucket))
        self._sorted = True

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._buckets)

    def __len__(self) -> int:
        return sum(map(len, self._buckets))


class Pointers:
    """Keys with the lines they stand in: 16 bytes each."""

    def __init__(self) -> None:
        self.keys: array[int] = array("Q")
        self.lines: array[int] = array("Q")

    def add(self, key: int, line: int) -> None:
        self.keys.append(key)
        self.lines.append(line)

    def outside(self, known: KeySet) -> Pointers:
        """Those whose key is not in `known`."""
        found = Pointers()
        for key, line in zip(self.keys, self.lines, strict=True):
            if key not in known:
                found.add(key, line)
        return found

    def repeated(self) -> list[int]:
        """The lines of keys that come more than once, in order."""
        at = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        places = {p for a, b in pairwise(at) if self.keys[a] == self.keys[b] for p in (a, b)}
        return [self.lines[place] for place in sorted(places)]

    def __len__(self) -> int:
        return len(self.keys)
