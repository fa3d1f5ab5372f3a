"""Grouping: rows of one parent together, parents in order, however the source has them; in bounded memory.

Why: Salesforce locks the parent of a row that it saves. It works on batches of 10,000 rows of a job at the same time, and on
several jobs; rows of one parent in two of them wait for each other and fail with UNABLE_TO_LOCK_ROW. Its advice is to
sort by parent (Bulk API 2.0 Developer Guide, "General Guidelines for Data Loads").

Decisions
- Order: the parent's key, as bytes; within one parent the order in which the rows came. The same rows in the same order
  give the same order.
- Rows that are in order of their parents already, by bytes or as whole numbers are (shorter keys first), need nothing:
  `ParentOrder` tells, at the cost of a comparison, in a pass that is made anyway.

Never: what is in a row, where a part ends.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path

from loadplan.sources.spool import Spool, pack, unpack

Row = tuple[bytes, int, bytes]
"""The parent's key (b"" for none), the number of the source record, the encoded row."""

MEMORY = 40_000_000
"""Bytes of memory that rows may take before they go to disk, Python's own share counted."""

_CHUNK = 2048
_BLOCK = 1 << 16
_OVERHEAD = 200
"""What a row costs in memory beyond its bytes: a tuple, two texts, a number."""

_key = itemgetter(0)


class ParentOrder:
    """Told the parent's key of each row in turn, says whether rows of one parent stand together in order."""

    def __init__(self) -> None:
        self._last = b""
        self._by_bytes = True
        self._by_length = True

    def see(self, key: bytes) -> None:
        last = self._last
        if key != last:
            if key < last:
                self._by_bytes = False
            if len(key) < len(last) or (len(key) == len(last) and key < last):
                self._by_length = False
            self._last = key

    @property
    def in_order(self) -> bool:
        """True so far: such rows may be sent as they come."""
        return self._by_bytes or self._by_length


def in_parent_order(keys: Iterable[bytes]) -> bool:
    """Whether rows with these parents' keys, in this order, need no grouping. Reads no further than it must."""
    order = ParentOrder()
    for key in keys:
        order.see(key)
        if not order.in_order:
            return False
    return True


def group_rows(rows: Iterable[Row], folder: Path, *, memory: int = MEMORY) -> Iterator[Row]:
    """`rows` with those of one parent together, parents in order of their keys.

    Nothing is given out before the last row was taken. Few rows are sorted in memory; more wait on disk in `folder`, in
    a file that is gone when the iteration ends, is closed or the process dies: as many bytes as the rows have, and 16 a
    row. Raises LocalError (exit 9) when the disk refuses, and whatever `rows` raises."""
    taken = iter(rows)
    run, done = _take(taken, memory)
    if done:
        run.sort(key=_key)
        yield from run
        return
    with Spool(folder) as spool:
        runs = 0
        while run:
            run.sort(key=_key)
            _write(spool, runs, run)
            run.clear()  # before the next is read: one run at a time
            runs += 1
            run, done = ([], True) if done else _take(taken, memory)
        yield from chain.from_iterable(_merge([_Run(spool, number) for number in range(runs)]))


def _take(rows: Iterator[Row], memory: int) -> tuple[list[Row], bool]:
    """Rows up to the bound, and whether they were the last."""
    taken: list[Row] = []
    while chunk := list(islice(rows, _CHUNK)):
        taken += chunk
        memory -= _bytes(chunk, 2) + _bytes(chunk, 0) + _OVERHEAD * len(chunk)
        if memory <= 0:
            return taken, False
    return taken, True


def _bytes(rows: list[Row], at: int) -> int:
    return sum(map(len, map(itemgetter(at), rows)))


def _write(spool: Spool, number: int, run: list[Row]) -> None:
    """File a sorted run as blocks of about 64 KB."""
    size = max(1, _BLOCK * len(run) // max(1, _bytes(run, 2)))
    for at in range(0, len(run), size):
        keys, records, data = zip(*run[at : at + size], strict=True)
        spool.put(number, pack([array("Q", records)], [keys, data]))


class _Run:
    """A sorted run on its way back: one block of it in memory, `rows` from `at` on still to be given out."""

    def __init__(self, spool: Spool, number: int) -> None:
        self._blocks = spool.blocks(number)
        self._left = spool.count(number)
        self.rows: list[Row] = []
        self.at = 0
        self._load()

    @property
    def more(self) -> bool:
        """Whether there is more on disk than in memory."""
        return self._left > 0

    def _load(self) -> None:
        (records,), (keys, data) = unpack(next(self._blocks), "Q", 2)
        self.rows = list(zip(keys, records, data, strict=True))
        self.at = 0
        self._left -= 1

    def take(self, end: int) -> list[Row]:
        """The rows up to `end`; loads on when none is left in memory."""
        taken = self.rows[self.at : end]
        self.at = end
        if end == len(self.rows) and self._left:
            self._load()
        return taken


def _merge(runs: list[_Run]) -> Iterator[list[Row]]:
    """The rows of all runs in order, a list at a time.

    Of the runs that go on, the one whose block ends first sets the bound: what is up to it, nothing still on disk can
    come before. Rows with the very key of the bound are taken from that run and those before it only, so that rows of
    one parent keep the order in which they came."""
    while True:
        bound, last = b"", -1
        for number, run in enumerate(runs):
            if run.more and (last < 0 or run.rows[-1][0] < bound):
                bound, last = run.rows[-1][0], number
        if last < 0:
            yield sorted(chain.from_iterable(run.rows[run.at :] for run in runs), key=_key)
            return
        ready: list[Row] = []
        for number, run in enumerate(runs):
            cut = bisect_right if number <= last else bisect_left
            end = cut(run.rows, bound, lo=run.at, key=_key)
            if end > run.at:
                ready += run.take(end)
        ready.sort(key=_key)
        yield ready
