"""Suspectblocks: where the records stand whose keys may stand twice, a block at a time, with numpy.

The keys of a block are hashed in one go and held against the suspects; only of a record that is one of them the key is cut out, and
only to it lines are counted. Most blocks hold none, and are over then. It decides nothing about what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import compress

from loadplan.sources.arrays import np
from loadplan.sources.evenlines import Batch, Lines, PlacedBatch
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
            taken = self._lines.taken
            breaks = int(np.count_nonzero(np.frombuffer(taken, np.uint8) == _LF))
            if places := self._places(batch):
                lines = _lines_before([place for place, _ in places], batch, taken, breaks)
                for (place, key), line in zip(places, lines, strict=True):
                    yield records + place, before + line, key
            records += batch.count
            before += breaks

    def _batches(self, blocks: Iterable[bytes]) -> Iterator[Batch]:
        for block in blocks:
            yield self._lines.feed(block)
        yield self._lines.end()

    def _places(self, batch: Batch) -> list[tuple[int, bytes]]:
        """The places in the batch of the records that are suspect, in order, and their keys."""
        if not isinstance(batch, PlacedBatch):
            return []  # it is empty
        keys = batch.keys(self._cell)
        hashes = np.frombuffer(keys.exact() if self._ids else keys.without_case(), np.uint64)
        maybe = np.flatnonzero(self._maybe[hashes >> np.uint64(_SHIFT)])
        found = [i for i, value in zip(maybe.tolist(), hashes[maybe].tolist(), strict=True) if value in self._suspects]
        others = any(self._are_suspect([self._key_of(record) for record in batch.others]))
        if not found and not others:
            return []
        places = batch.places()
        if len(places) != len(hashes):
            # There are even records of both kinds: nothing says which hash is whose.
            return self._looked_at(batch)
        of_even = [(places[i], self._key_of(batch.record(places[i]))) for i in found]
        return sorted(of_even + self._among(batch.stretches([], [])[3])) if others else of_even

    def _looked_at(self, batch: PlacedBatch) -> list[tuple[int, bytes]]:
        """The same by the texts of the keys."""
        _, _, (keys,), rest = batch.stretches([], [self._cell])
        of_even = compress(zip(batch.places(), keys, strict=True), self._are_suspect(keys))
        return sorted([*of_even, *self._among(rest)])

    def _among(self, records: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        keys = [self._key_of(record) for _, record in records]
        return list(compress(zip([place for place, _ in records], keys, strict=True), self._are_suspect(keys)))

    def _are_suspect(self, keys: list[bytes]) -> list[bool]:
        return [hash64(name) in self._suspects for name in (keys if self._ids else folded(keys))]


def _lines_before(places: list[int], batch: Batch, taken: bytes, breaks: int) -> list[int]:
    """How many of the lines of `taken`, which has so many `breaks`, stand before each of some records."""
    if breaks <= batch.count:
        return places  # each record ends its line
    ends = [0, *batch.ends()]
    at = np.flatnonzero(np.frombuffer(taken, np.uint8) == _LF)
    found: list[int] = np.searchsorted(at, np.array([ends[place] for place in places])).tolist()
    return found
