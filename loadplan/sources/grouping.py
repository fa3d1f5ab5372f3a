"""Grouping: rows of one parent together, parents in order, however the source has them; in bounded memory.

Why: Salesforce locks the parent of a row that it saves. It works on batches of 10,000 rows of a job at the same time, and on
several jobs; rows of one parent in two of them wait for each other and fail with UNABLE_TO_LOCK_ROW. Its advice is to
sort by parent (Bulk API 2.0 Developer Guide, "General Guidelines for Data Loads").

Decisions
- Order: the parent's key, as bytes; within one parent the order in which the rows came. The same rows in the same order
  give the same order.
- Rows that are in order of their parents already, by bytes or as whole numbers are (shorter keys first), need nothing:
  `ParentOrder` tells, at the cost of a comparison, in a pass that is made anyway.
- More rows than memory holds are dealt to files by ranges of keys, which the first of them suggest; then one range after the
  other is put in order. A range that is still too large is dealt again; one that holds a single parent needs no order.

Never: what is in a row, where a part ends.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, islice, pairwise, takewhile
from operator import itemgetter, le
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.sources.sentrows import Sent
from loadplan.sources.spool import Spool, pack, unpack

if TYPE_CHECKING:
    from loadplan.sources.placedrows import PlacedRows

MEMORY = 40_000_000
"""Bytes of memory that rows may take before they go to disk, Python's own share counted."""

GIVEN = 1 << 20
"""Bytes of rows that are given out at once, or one row: who writes them lets some such pieces wait."""

_RANGES = 64
_BLOCK = 1 << 16
_OVERHEAD = 250
"""What a row costs in memory beyond its bytes: a tuple, two texts, two numbers."""

_Row = tuple[bytes, int, int, bytes]
"""Parent, record, name, data."""
_parent = itemgetter(0)


class ParentOrder:
    """Told the parents' keys of rows in turn, says whether rows of one parent stand together in order."""

    def __init__(self) -> None:
        self._last = b""
        self._by_bytes = True
        self._by_length = True

    def see(self, keys: Sequence[bytes]) -> None:
        if not keys:
            return
        keys = [self._last, *keys]
        self._last = keys[-1]
        if self._by_bytes:
            self._by_bytes = all(map(le, keys, keys[1:]))
        if self._by_length:
            by_length = [(len(key), key) for key in keys]
            self._by_length = all(map(le, by_length, by_length[1:]))

    @property
    def in_order(self) -> bool:
        """True so far: such rows may be sent as they come."""
        return self._by_bytes or self._by_length


def group_rows(
    batches: Iterable[Sent | PlacedRows], folder: Path, *, ending: bytes = b"\n", size: int = 0, memory: int = MEMORY
) -> Iterator[Sent | PlacedRows]:
    """The rows with those of one parent together, parents in order of their keys. `ending` is the line end that each is sent with;
    `size` about how many bytes there are, 0 when nobody knows.

    Nothing is given out before the last row was taken. Few rows are sorted in memory; more wait on disk in `folder`, in
    a file that is gone when the iteration ends, is closed or the process dies: as many bytes as the rows have, and 24 a
    row. Raises LocalError (exit 9) when the disk refuses, and whatever `batches` raises."""
    with Spool(folder) as spool:
        try:
            from loadplan.sources.grouparrays import grouped
        except ImportError:
            # Without numpy there are no rows of the other kind.
            yield from _grouped((batch for batch in batches if isinstance(batch, Sent)), spool, 0, memory)
        else:
            yield from grouped(batches, spool, memory, ending, size)


def _grouped(batches: Iterator[Sent], spool: Spool, first: int, memory: int) -> Iterator[Sent]:
    """`first` is the first number of the spool that nobody uses."""
    taken: list[Sent] = []
    room = memory
    for batch in batches:
        taken.append(batch)
        room -= _weight(batch)
        if room <= 0:
            break
    else:
        rows = list(chain.from_iterable(map(_rows, taken)))
        taken.clear()
        rows.sort(key=_parent)
        yield from _given(rows)
        return
    deal = _Deal(spool, first, _edges(taken))
    while taken:
        deal.take(taken.pop(0))
    for batch in batches:
        deal.take(batch)
    deal.close()
    for number in range(first, first + deal.ranges):
        weight = deal.weights[number - first]
        if not weight:
            continue
        rows_of = _blocks(spool, number)
        if deal.holds_one_parent(number - first):
            yield from rows_of
        elif weight <= memory or deal.ranges == 1:
            rows = list(chain.from_iterable(map(_rows, rows_of)))
            rows.sort(key=_parent)
            yield from _given(rows)
        else:
            yield from _grouped(rows_of, spool, first + deal.ranges, memory)
            spool.forget(first + deal.ranges)


class _Deal:
    """Rows dealt to numbers of a spool by where their parents stand between `edges`."""

    def __init__(self, spool: Spool, first: int, edges: list[bytes]) -> None:
        self._spool, self._first, self._edges = spool, first, edges
        self.ranges = len(edges) + 1
        self.weights = [0] * self.ranges
        self._waiting: list[list[_Row]] = [[] for _ in range(self.ranges)]
        self._room = _BLOCK * self.ranges

    def holds_one_parent(self, number: int) -> bool:
        return 0 < number < self.ranges - 1 and self._edges[number] == self._edges[number - 1] + b"\0"

    def take(self, batch: Sent) -> None:
        put = [waiting.append for waiting in self._waiting]
        for number, row in zip(map(partial(bisect_right, self._edges), batch.parents), _rows(batch), strict=True):
            put[number](row)
        self._room -= sum(map(len, batch.data))
        if self._room <= 0:
            self.close()
            self._room = _BLOCK * self.ranges

    def close(self) -> None:
        """File what waits."""
        for number, rows in enumerate(self._waiting):
            if rows:
                parents, records, names, data = zip(*rows, strict=True)
                self.weights[number] += _weight(Sent(records, names, data, parents))
                self._spool.put(self._first + number, pack([array("Q", records), array("Q", names)], [parents, data]))
                rows.clear()


def _edges(sample: Sequence[Sent]) -> list[bytes]:
    """Keys that cut the rows into about equal ranges. A parent with more rows than that has a range of its own."""
    keys = sorted(chain.from_iterable(batch.parents for batch in sample))
    picked = [keys[len(keys) * n // _RANGES] for n in range(1, _RANGES)]
    often = {key for key, following in pairwise(picked) if key == following}
    often.add(picked[0])  # so that no range ever holds all rows again
    return sorted({*picked, *(key + b"\0" for key in often)})


def _rows(batch: Sent) -> Iterator[_Row]:
    return zip(batch.parents, batch.records, batch.names, batch.data, strict=True)


def _weight(batch: Sent) -> int:
    return sum(map(len, batch.data)) + sum(map(len, batch.parents)) + _OVERHEAD * len(batch.data)


def _blocks(spool: Spool, number: int) -> Iterator[Sent]:
    for block in spool.blocks(number):
        (records, names), (parents, data) = unpack(block, "QQ", 2)
        yield Sent(records, names, data, parents)


def _given(rows: list[_Row]) -> Iterator[Sent]:
    """A list of rows in pieces; it is empty afterwards."""
    rows.reverse()
    while rows:
        ends = accumulate(len(row[3]) for row in islice(reversed(rows), 2000))
        many = max(1, sum(1 for _ in takewhile(GIVEN.__ge__, ends)))
        piece = rows[-many:]
        del rows[-many:]
        parents, records, names, data = zip(*reversed(piece), strict=True)
        yield Sent(records, names, data, parents)
