"""Id map build arrays: what `idmap_build` does with a pair at a time, with numpy for many: the same blocks, the same files."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from loadplan.sources.arrays import np
from loadplan.sources.hasharrays import hash_all
from loadplan.sources.idmap import ID_LENGTH, head_of
from loadplan.sources.spool import Spool, pack, unpack

Array = Any


def file_pairs(spool: Spool, keys: Sequence[bytes], ids: Sequence[bytes], *, buckets: int, below: int) -> None:
    """File the pairs by the leading bits of their hash, with the `below` bits behind them, in the order in which they came."""
    sizes = np.fromiter(map(len, keys), np.int64, len(keys))
    ends = np.cumsum(sizes)
    hashes = hash_all(b"".join(keys), ends - sizes, ends)
    bits = buckets.bit_length() - 1
    numbers = (hashes >> np.uint64(64 - bits)).astype(np.int64)
    places = ((hashes >> np.uint64(64 - bits - below)) & np.uint64((1 << below) - 1)).astype(np.uint32)
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(buckets + 1)).tolist()
    places = places[order]
    for bucket, (start, stop) in enumerate(pairwise(bounds)):
        if start < stop:
            which = order[start:stop].tolist()
            column = array("I", places[start:stop].tobytes())
            spool.put(bucket, pack([column], [[keys[i] for i in which], [ids[i] for i in which]]))


class Bucket:
    """The keys of one bucket in order of their hashes, then of themselves, one entry each."""

    def __init__(self, blocks: Iterable[bytes], one_of: Callable[[bytes, bytes], bytes]) -> None:
        columns: list[Array] = []
        keys: list[bytes] = []
        ids: list[bytes] = []
        for block in blocks:
            (column,), (some, theirs) = unpack(block, "I", 2)
            columns.append(np.frombuffer(column, np.uint32))
            keys += some
            ids += theirs
        all_places = np.concatenate([np.zeros(0, np.uint32), *columns])
        order = np.argsort(all_places, kind="stable")
        places = all_places[order]
        which: list[int] = order.tolist()
        gone: list[int] = []
        # Keys with one hash are few, most often one key that stands twice.
        for first, stop in _runs(places):
            entries = sorted((keys[i], ids[i], i) for i in which[first:stop])
            at = first
            for number, (key, value, i) in enumerate(entries):
                if number and key == keys[which[at - 1]]:
                    if value != ids[which[at - 1]]:
                        ids[which[at - 1]] = one_of(ids[which[at - 1]], value)
                    continue
                which[at] = i
                at += 1
            gone += range(at, stop)
        if gone:
            keep = np.ones(len(which), bool)
            keep[gone] = False
            places = places[keep]
            which = [i for i, kept in zip(which, keep.tolist(), strict=True) if kept]
        self.places: Array = places
        self.keys = [keys[i] for i in which]
        self.ids = [ids[i] for i in which]

    def records(self) -> tuple[bytes, Array]:
        """The bytes of all entries, and where each begins in them and the last ends."""
        sizes = list(map(len, self.keys))
        pieces: list[bytes] = [b""] * (3 * len(sizes))
        heads = pieces[0::3] = list(map(head_of, sizes))
        pieces[1::3], pieces[2::3] = self.keys, self.ids
        each = map(sum, zip(map(len, heads), sizes, strict=True))
        return b"".join(pieces), np.array(list(accumulate((size + ID_LENGTH for size in each), initial=0)), np.int64)

    def starts(self, begins: Array, first: int, above: int, shift: int) -> tuple[bytes, int]:
        """Where the entries of each slot from `first` on begin, 8 bytes each, up to the last slot that has one; the slot behind it."""
        if not len(self.places):
            return b"", first
        slots = (self.places.astype(np.int64) | above) >> shift
        behind = int(slots[-1]) + 1
        found: bytes = begins[np.searchsorted(slots, np.arange(first, behind))].astype(np.uint64).tobytes()
        return found, max(first, behind)


def _runs(places: Array) -> list[tuple[int, int]]:
    """First and behind the last of equal ones that stand side by side."""
    same = np.flatnonzero(places[1:] == places[:-1])
    if not len(same):
        return []
    breaks = np.flatnonzero(np.diff(same) > 1)
    firsts = same[np.concatenate([[0], breaks + 1])]
    lasts = same[np.concatenate([breaks, [len(same) - 1]])]
    return list(zip(firsts.tolist(), (lasts + 2).tolist(), strict=True))
