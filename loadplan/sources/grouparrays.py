"""Group arrays: what `grouping` does, with numpy: the same order, at a fraction of the cost. From the block of the source to the part
rows are stretches of bytes and arrays of numbers, which are copied to disk and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from loadplan.sources.arrays import np
from loadplan.sources.grouping import GIVEN
from loadplan.sources.placedrows import FlatRows, PlacedRows, flat_rows, placed
from loadplan.sources.sentrows import Sent
from loadplan.sources.spool import Spool

_RANGES = 64
_LEAST = 8
_MANY = 3_000
"""Rows that are dealt at once: what they are cut out of stays in the processor's cache."""
_MUCH = 4 << 20
"""Bytes of the source from which on fewer are: some texts of 100 KB would be some hundred MB."""
_SAMPLE = 500
"""Keys by which it is known where a range ends."""
_PLACE = 16
"""Bytes of memory of where a piece of a row begins and ends."""
_PIECE = 4_000
"""Rows that are given out at once, of `GIVEN` bytes at most."""

Array = Any


def _packed(rows: FlatRows, start: int, stop: int) -> bytes:
    """Some of the rows as one block."""
    parents = _parents_of(rows)
    head = np.array([stop - start, parents.dtype.itemsize], np.uint64)
    columns = (rows.records, rows.names, rows.sizes, parents)
    text = rows.between(start, stop)
    return b"".join([head.tobytes(), *(column[start:stop].tobytes() for column in columns), text])


def _unpacked(block: bytes) -> PlacedRows:
    count, width = np.frombuffer(block, np.uint64, 2).tolist()
    at = 16
    columns = []
    for kind in (np.uint64, np.uint64, np.int64):
        columns.append(np.frombuffer(block, kind, count, at))
        at += 8 * count
    records, names, sizes = columns
    return flat_rows(records, names, np.frombuffer(block, f"S{width}", count, at), sizes, block[at + width * count :])


def _joined(rows: list[PlacedRows]) -> PlacedRows:
    """All of them as one; the list is empty afterwards."""
    if len(rows) == 1:
        return rows.pop()
    flat = [some.flat() for some in rows]
    rows.clear()
    records, names, sizes = (np.concatenate([getattr(r, name) for r in flat]) for name in ("records", "names", "sizes"))
    return flat_rows(
        records, names, np.concatenate([_parents_of(r) for r in flat]), sizes, b"".join([r.text for r in flat])
    )


def grouped(
    batches: Iterable[Sent | PlacedRows], spool: Spool, memory: int, ending: bytes, size: int
) -> Iterator[PlacedRows]:
    """As `grouping.group_rows` says."""
    rows = _gathered(placed(batch, ending) for batch in batches if batch.rows)
    # The fewer ranges, the more rows of one are dealt together.
    ranges = min(_RANGES, max(_LEAST, 4 * size // memory)) if size else _RANGES
    return _grouped(rows, spool, 0, memory, ranges)


def _gathered(rows: Iterable[PlacedRows]) -> Iterator[PlacedRows]:
    """The same rows, many at a time."""
    waiting: list[PlacedRows] = []
    many = much = 0
    for some in rows:
        waiting.append(some)
        many += some.rows
        much += len(some.text)
        if many >= _MANY or much >= _MUCH:
            yield _joined(waiting)
            many = much = 0
    if waiting:
        yield _joined(waiting)


def _grouped(rows: Iterator[PlacedRows], spool: Spool, first: int, memory: int, ranges: int) -> Iterator[PlacedRows]:
    """`first` is the first number of the spool that nobody uses."""
    taken: list[PlacedRows] = []
    room = memory
    for some in rows:
        # Where little of the source is sent, what is kept of it is made small first.
        taken.append(some if len(some.text) <= 2 * int(some.sizes.sum()) else some.flat())
        room -= max(some.weight, len(some.text)) + _PLACE * some.rows * len(some.pieces)
        if room <= 0:
            break
    else:
        if taken:
            yield from _in_order(_joined(taken))
        return
    deal = _Deal(spool, first, _edges(taken, ranges))
    while taken:
        deal.take(taken.pop(0))
    for some in rows:
        deal.take(some)
    for number, weight in enumerate(deal.weights):
        if not weight:
            continue
        of_range = map(_unpacked, spool.blocks(first + number))
        if number % 2:  # one parent
            yield from of_range
        elif weight <= memory:
            yield from _in_order(_joined(list(of_range)))
        else:
            beyond = first + len(deal.weights)
            yield from _grouped(of_range, spool, beyond, memory, _RANGES)
            spool.forget(beyond)


def _parents_of(rows: PlacedRows) -> Array:
    assert rows.parents is not None
    return rows.parents


def _edges(sample: list[PlacedRows], ranges: int) -> Array:
    """Parents that cut the rows into about as many equal ranges."""
    keys = np.concatenate([_parents_of(some) for some in sample])
    keys = np.sort(keys[:: 1 + len(keys) // (_SAMPLE * ranges)])
    return np.unique(keys[len(keys) * np.arange(1, ranges) // ranges])


class _Deal:
    """Rows dealt to numbers of a spool by where their parents stand: odd numbers are for an edge itself, even ones for what is
    between two of them. So no number ever gets all rows, unless they have one parent."""

    def __init__(self, spool: Spool, first: int, edges: Array) -> None:
        self._spool, self._first, self._edges = spool, first, edges
        self.weights = [0] * (2 * len(edges) + 1)

    def take(self, rows: PlacedRows) -> None:
        parents = _parents_of(rows)
        numbers: Array = 2 * np.searchsorted(self._edges, parents)
        inside = np.flatnonzero(numbers < 2 * len(self._edges))
        numbers[inside] += self._edges[numbers[inside] // 2] == parents[inside]
        order: Array = np.argsort(numbers, kind="stable")
        bounds: list[int] = np.searchsorted(numbers[order], np.arange(len(self.weights) + 1)).tolist()
        dealt = rows.flat(order)
        for number in range(len(self.weights)):
            start, stop = bounds[number], bounds[number + 1]
            if start == stop:
                continue
            block = _packed(dealt, start, stop)
            self.weights[number] += len(block) + _OVERHEAD * (stop - start)
            self._spool.put(self._first + number, block)


_OVERHEAD = 16
"""Bytes of memory of a row beside what is on disk: where it begins, and the place it has in the order."""


def _in_order(rows: PlacedRows) -> Iterator[PlacedRows]:
    order = _order_of(_parents_of(rows))
    ends = np.cumsum(rows.sizes[order])
    start = given = 0
    while start < len(order):
        stop = int(np.searchsorted(ends, given + GIVEN, "right"))
        stop = min(max(stop, start + 1), start + _PIECE, len(order))
        yield rows.flat(order[start:stop])
        start, given = stop, int(ends[stop - 1])


def _order_of(texts: Array) -> Array:
    """What puts texts in order, equal ones in the order in which they are. Behind what all of them begin with they are compared as
    numbers, eight bytes at a time, which takes a third of the time."""
    letters = texts.view(np.uint8).reshape(len(texts), -1)
    differ = np.flatnonzero((letters != letters[0]).any(axis=0))
    if not len(differ):
        return np.arange(len(texts))
    first, width = int(differ[0]), int(differ[-1] - differ[0]) + 1
    if width > _WIDE:
        return np.argsort(texts, kind="stable")
    words = np.zeros((len(texts), -(-width // 8) * 8), np.uint8)
    words[:, :width] = letters[:, first : first + width]
    return np.lexsort(words.view(">u8").astype(np.uint64).T[::-1])


_WIDE = 32
"""Bytes of texts that differ, from which on they are compared as they are."""
