"""KeyBag: which keys may stand twice, for any number of keys, in flat memory.

It keeps hashes, 8 bytes a key; beyond a million of them in a file of the machine's temporary folder, in buckets, so that equal ones lie
together and one bucket at a time is looked through. What it calls repeated is a suspicion: whoever asks looks at the keys themselves
in a second pass. What it does not call repeated is not.
"""

from __future__ import annotations

import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from loadplan.sources.hashing import hash64
from loadplan.sources.spool import Spool

MANY = 200_000
"""Keys from which on it pays to load numpy for their sake."""
MOST = 1 << 20
"""Hashes that are kept in memory."""
_BUCKETS = 64
_SHIFT = 58


class KeyBag:
    """Counts nothing, remembers hashes. Where they are looked through without numpy it is a bucket at a time, which keeps
    the memory of the answer small. Raises LocalError (exit 9) when the disk refuses."""

    def __init__(self) -> None:
        self._hashes: array[int] = array("Q")
        self._spool: Spool | None = None
        self._aside = 0

    def __len__(self) -> int:
        return self._aside + len(self._hashes)

    def add(self, key: bytes) -> None:
        self._hashes.append(hash64(key))
        if len(self._hashes) >= MOST:
            self._put_aside()

    def update(self, keys: Iterable[bytes]) -> None:
        self._hashes.extend(map(hash64, keys))
        if len(self._hashes) >= MOST:
            self._put_aside()

    def update_hashes(self, hashes: bytes) -> None:
        """The same for hashes, 8 bytes each as the machine writes them."""
        self._hashes.frombytes(hashes)
        if len(self._hashes) >= MOST:
            self._put_aside()

    @property
    def has_repeats(self) -> bool:
        """True when two keys have the same hash."""
        arrays = self._arrays()
        if arrays is not None:
            return any(map(arrays.has_repeats, self._groups()))
        return any(len(set(bucket)) < len(bucket) for bucket in self._buckets())

    def repeated(self) -> set[int]:
        """The hashes that came more than once."""
        arrays = self._arrays()
        found: set[int] = set()
        if arrays is not None:
            return found.union(*map(arrays.repeated, self._groups()))
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
            return sum(map(arrays.distinct, self._groups()))
        return sum(len(set(bucket)) for bucket in self._buckets())

    def _arrays(self) -> ModuleType | None:
        if len(self) < MANY:
            return None
        try:
            from loadplan.sources import arrays
        except ImportError:
            return None
        return arrays

    def _put_aside(self) -> None:
        """Empty the memory into the file. Nobody else sees it: it has no name."""
        if self._spool is None:
            self._spool = Spool(Path(tempfile.gettempdir()))
            weakref.finalize(self, self._spool.close)
        arrays = self._arrays()
        buckets = arrays.by_highest_bits(self._hashes, _SHIFT) if arrays is not None else _parted(self._hashes)
        for number, bucket in buckets:
            self._spool.put(number, bucket)
        self._aside += len(self._hashes)
        self._hashes = array("Q")

    def _groups(self) -> Iterator[array[int]]:
        """The hashes in groups; equal ones are in one of them."""
        if self._spool is None:
            yield self._hashes
            return
        if self._hashes:
            self._put_aside()
        for number in range(_BUCKETS):
            bucket = array("Q")
            for block in self._spool.blocks(number):
                bucket.frombytes(block)
            yield bucket

    def _buckets(self) -> Iterator[array[int]]:
        """The same in small groups."""
        if self._spool is not None:
            yield from self._groups()
            return
        for _, bucket in _parted(self._hashes):
            yield array("Q", bucket)


def _parted(hashes: array[int]) -> Iterator[tuple[int, bytes]]:
    """(number of the bucket, its hashes as bytes) of all that have one."""
    buckets: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
    put = [bucket.append for bucket in buckets]
    for value in hashes:
        put[value >> _SHIFT](value)
    for number in range(_BUCKETS):
        if bucket := buckets[number]:
            yield number, bucket.tobytes()
            buckets[number] = array("Q")
