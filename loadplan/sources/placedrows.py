"""Placed rows: rows to send of which it is known where their pieces stand in a text; no object is made for one before it is written.

What parts and `grouparrays` ask of rows is here. How a row becomes such pieces is `sentarrays`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from loadplan.lean import dataclass
from loadplan.sources.arrays import np
from loadplan.sources.copyarrays import Piece, joined
from loadplan.sources.grouping import ParentOrder
from loadplan.sources.sentrows import Sent

LONGEST_KEY = 1024
"""Bytes of a parent's key by which rows are put in order. An external id has at most 255 characters."""

Places = Any  # an array of offsets
Numbers = Any  # an array of unsigned 64-bit numbers
Texts = Any  # an array of texts of one width, filled up with zeros


@dataclass(frozen=True)
class PlacedRows:
    """Rows with their line ends, each made of `pieces` of `text`; `odd` rows have bytes of their own instead, by their place. `sizes`
    are their bytes; `parents` is None where nobody asks."""

    records: Numbers
    names: Numbers
    parents: Texts | None
    sizes: Places
    text: bytes
    pieces: tuple[Piece, ...]
    odd: dict[int, bytes] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.records)

    @property
    def weight(self) -> int:
        """Bytes of memory that they take once they are flat."""
        width = self.parents.dtype.itemsize if self.parents is not None else 0
        return int(self.sizes.sum()) + self.rows * (_OVERHEAD + width)

    def joined(self, order: Places) -> bytes:
        """The bytes of the rows at these places."""
        pieces = [p if isinstance(p, bytes) else (p[0][order], p[1][order]) for p in self.pieces]
        odd = {}
        if self.odd:
            places = np.fromiter(self.odd, np.int64, len(self.odd))
            for at in np.flatnonzero(np.isin(order, places)).tolist():
                odd[at] = self.odd[int(order[at])]
        return joined(self.text, pieces, self.sizes[order], odd)

    def flat(self, order: Places | None = None) -> FlatRows:
        """The same rows, or those at these places, as one text in their order."""
        if order is None:
            order = np.arange(self.rows)
        sizes = self.sizes[order]
        parents = self.parents[order] if self.parents is not None else None
        return flat_rows(self.records[order], self.names[order], parents, sizes, self.joined(order))

    def without(self, places: Sequence[int]) -> PlacedRows:
        """All but these."""
        keep = np.ones(self.rows, bool)
        keep[list(places)] = False
        now = (np.cumsum(keep) - 1).tolist()
        return PlacedRows(
            self.records[keep], self.names[keep], self.parents[keep] if self.parents is not None else None, self.sizes[keep], self.text,
            tuple(p if isinstance(p, bytes) else (p[0][keep], p[1][keep]) for p in self.pieces),
            {now[at]: row for at, row in self.odd.items() if keep[at]},
        )  # fmt: skip

    # -- what parts ask of rows ------------------------------------------------------------------------------------

    def fitting(self, at: int, room: int, most: int, ending: bytes) -> tuple[int, int]:
        """How many rows from `at` on fit into so many bytes, at most so many, and their bytes."""
        ends = np.cumsum(self.sizes[at:])
        count = min(int(np.searchsorted(ends, room, "right")), most)
        return count, int(ends[count - 1]) if count else 0

    def written(self, at: int, count: int, ending: bytes) -> bytes:
        """The bytes of some rows."""
        return self.joined(np.arange(at, at + count))

    def total(self, at: int, count: int) -> int:
        """The sum of their names' hashes."""
        return int(self.names[at : at + count].sum(dtype=np.uint64))

    def numbers(self, at: int, count: int) -> bytes:
        """The numbers of their source records, 8 bytes each as the machine writes them."""
        found: bytes = self.records[at : at + count].tobytes()
        return found

    def record(self, at: int) -> int:
        return int(self.records[at])

    def size(self, at: int, ending: bytes) -> int:
        return int(self.sizes[at])

    def seen_by(self, order: ParentOrder) -> None:
        if self.parents is not None and order.in_order:
            order.see(self.parents.tolist())


_OVERHEAD = 40
"""Bytes of memory of a flat row beside its text and its parent's key: four numbers, and the place it has in the order."""


class FlatRows(PlacedRows):
    """One text, row by row."""

    def between(self, start: int, stop: int) -> bytes:
        """The bytes of some rows, which are one stretch of the text."""
        (piece,) = self.pieces
        assert not isinstance(piece, bytes)
        return self.text[int(piece[0][start]) : int(piece[1][stop - 1])]

    def written(self, at: int, count: int, ending: bytes) -> bytes:
        return self.between(at, at + count)

    def flat(self, order: Places | None = None) -> FlatRows:
        return self if order is None else super().flat(order)


def flat_rows(records: Numbers, names: Numbers, parents: Texts | None, sizes: Places, text: bytes) -> FlatRows:
    """Rows of which `text` has all bytes, in their order."""
    ends = np.cumsum(sizes)
    return FlatRows(records, names, parents, sizes, text, ((ends - sizes, ends),))


def placed(batch: Sent | PlacedRows, ending: bytes) -> PlacedRows:
    """Rows of either kind as rows of this one."""
    if isinstance(batch, PlacedRows):
        return batch
    count = len(batch.data)
    parents = np.array([parent[:LONGEST_KEY] for parent in batch.parents], "S")
    return flat_rows(
        np.array(batch.records, np.uint64), np.array(batch.names, np.uint64), parents,
        np.fromiter(map(len, batch.data), np.int64, count) + len(ending), ending.join([*batch.data, b""]),
    )  # fmt: skip
