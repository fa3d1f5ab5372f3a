"""Suspectblocks: where the records stand whose keys may stand twice, a block at a time, with numpy.

The keys of a block are hashed in one go and held against the suspects; only of a record that is one of them the key is cut out, and
only to it lines are counted. Most blocks hold none, and are over then. It decides nothing about what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set

from loadplan.sources.arrays import np
from loadplan.sources.evenarrays import PlacedBatch, PlacedKeys, cut
from loadplan.sources.evenlines import Batch, Lines
from loadplan.sources.hashing import folded, hash64

Found = tuple[int, int, bytes]
"""How many records and how many lines stand before a record, and its key."""

_SHIFT = 48
_LF = ord("\n")


class SuspectBlocks:
    """`cell` is where a record has its key, `key_of` cuts it out of one; `ids` says that keys are compared exactly, else without
    case; `suspects` are hashes of compared keys. `lines` is an `ArrayLines`."""

    def __init__(
        self, lines: Lines, cell: int, suspects: Set[int], key_of: Callable[[bytes], bytes], *, ids: bool
    ) -> None:
        self._lines, self._cell, self._suspects, self._key_of, self._ids = lines, cell, suspects, key_of, ids
        # A first look by the highest bits: hardly any of the keys passes it.
        self._maybe = np.zeros(1 << (64 - _SHIFT), bool)
        self._maybe[np.fromiter(suspects, np.uint64, len(suspects)) >> np.uint64(_SHIFT)] = True

    def find(self, blocks: Iterable[bytes]) -> Iterator[Found]:
        """In order. Raises what `key_of` and `Lines.feed` raise."""
        records = before = 0
        for batch in self._batches(blocks):
            breaks = np.frombuffer(self._lines.taken, np.uint8) == _LF
            if isinstance(batch, PlacedBatch) and (found := self._found(batch)):
                at, line = 0, before
                for (place, key), start in zip(
                    found, batch.starts[[place for place, _ in found]].tolist(), strict=True
                ):
                    line += int(np.count_nonzero(breaks[at:start]))
                    at = start
                    yield records + place, line, key
            records += batch.count
            before += int(np.count_nonzero(breaks))

    def _batches(self, blocks: Iterable[bytes]) -> Iterator[Batch]:
        for block in blocks:
            yield self._lines.feed(block)
        yield self._lines.end()

    def _found(self, batch: PlacedBatch) -> list[tuple[int, bytes]]:
        """The places in the batch of the records that are suspect, in order, and their keys."""
        found: list[tuple[int, bytes]] = []
        for kind in batch.kinds:
            left, right = kind.edges(self._cell)
            keys = PlacedKeys(batch.text, left, right)
            hashes = np.frombuffer(keys.exact() if self._ids else keys.without_case(), np.uint64)
            maybe = np.flatnonzero(self._maybe[hashes >> np.uint64(_SHIFT)])
            at = [i for i, n in zip(maybe.tolist(), hashes[maybe].tolist(), strict=True) if n in self._suspects]
            if at:
                found += zip(np.flatnonzero(kind.mask)[at].tolist(), cut(batch.text, left[at], right[at]), strict=True)
        if batch.others:
            found += self._found_among(batch)
        return sorted(found)

    def _found_among(self, batch: PlacedBatch) -> Iterator[tuple[int, bytes]]:
        """The same of the records that are not even."""
        keys = [self._key_of(record) for record in batch.others]
        names = keys if self._ids else folded(keys)
        at = [i for i, name in enumerate(names) if hash64(name) in self._suspects]
        if not at:
            return iter(())
        even = np.zeros(batch.count, bool)
        for kind in batch.kinds:
            even |= kind.mask
        places = np.flatnonzero(~even)[at].tolist()
        return zip(places, [keys[i] for i in at], strict=True)
