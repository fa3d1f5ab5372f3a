"""Rowcells: what became of the cells of changed rows, and where keys stand more than once. Sides are read once more; what has to wait
waits on disk.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import field
from itertools import islice
from pathlib import Path

from loadplan.lean import dataclass
from loadplan.review.rowtext import BITS, BUCKETS, SHIFT, Open, cells_of, text_of
from loadplan.sources.base import Reader, SourceRow
from loadplan.sources.hashing import hash64
from loadplan.sources.spool import Spool, pack, unpack

_BATCH = 4_000
NULL = "#N/A"
"""What sets a field to null (Bulk API 2.0 Developer Guide, "Prepare CSV Files"). An empty cell leaves what a record has."""
_NOTHING = frozenset({"", NULL})
_EXAMPLES = 3
_MOST_ALIKE = 1_000
"""Rows of one key that are looked at: keys that stand more than once are matched by guess, and memory is bounded."""


@dataclass
class Cells:
    """Of changed rows: differing cells by column; those that lost their value, and those that became null; and samples, which are
    (key, {column: (before, after)})."""

    columns: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=dict)
    nulled: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[str, dict[str, tuple[str, str]]]] = field(default_factory=list)


def changed_columns(
    before: Open, after: Open, common: Sequence[str], key: str, folder: Path, seen: bytearray, *, samples: int
) -> Cells:
    """Both sides once more: rows whose key may be that of a changed one (`seen`) wait in buckets below `folder`, and meet there."""
    counts: Counter[int] = Counter()
    emptied: Counter[int] = Counter()
    nulled: Counter[int] = Counter()
    found = Cells()
    at = common.index(key)
    with Spool(folder) as old, Spool(folder) as new:
        for opened, spool in ((before, old), (after, new)):
            with closing(opened()) as reader:
                _file(reader, common, key, seen, spool)
        for one, other in _pairs(old, new):
            differing = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
            counts.update(differing)
            for i in differing:
                if other[i] in _NOTHING:
                    emptied[i] += one[i] not in _NOTHING
                    nulled[i] += other[i] == NULL
            if len(found.samples) < samples:
                found.samples.append((one[at], {common[i]: (one[i], other[i]) for i in differing}))
    found.columns = {common[i]: number for i, number in counts.items()}
    found.emptied = {common[i]: number for i, number in emptied.items() if number}
    found.nulled = {common[i]: number for i, number in nulled.items() if number}
    return found


def emptied_columns(before: Open, cells: Cells, matched: int) -> tuple[str, ...]:
    """The columns in which more than half of the values are gone, or more than half of the `matched` rows became null. The base is
    read again only where that cannot be said without."""
    sure = {name for name, number in (*cells.emptied.items(), *cells.nulled.items()) if number * 2 > matched}
    open_ = [name for name in cells.emptied if name not in sure]
    if open_:
        values = dict.fromkeys(open_, 0)
        with closing(before()) as reader:
            places = [(name, reader.header.index(name)) for name in open_]
            for row in reader:
                for name, at in places:
                    if row.cells[at] not in _NOTHING:
                        values[name] += 1
        sure |= {name for name in open_ if cells.emptied[name] * 2 > values[name]}
    return tuple(name for name in cells.columns if name in sure)


def first_lines(opened: Open, key: str, wanted: Collection[int]) -> list[list[int]]:
    """The lines (records, where lines mean nothing) of the first two rows of a few keys, of which `wanted` has the hashes."""
    first: dict[int, int] = {}
    found: list[list[int]] = []
    with closing(opened()) as reader:
        at = reader.header.index(key)
        for row in reader:
            name = hash64(row.cells[at].encode("utf-8", "surrogatepass"))
            if name not in wanted:
                continue
            line = row.line or row.record
            if name not in first:
                first[name] = line
            elif first[name]:
                found.append([first[name], line])
                first[name] = 0
                if len(found) == _EXAMPLES:
                    break
    return sorted(found)


def _pairs(old: Spool, new: Spool) -> Iterator[tuple[list[str], list[str]]]:
    """The cells of rows that have one key and are not equal; rows that have their equal on the other side are matched with it."""
    for bucket in range(BUCKETS):
        held: dict[bytes, dict[bytes, int]] = {}
        for name, text in _filed(old, bucket):
            texts = held.setdefault(name, {})
            if text in texts or len(texts) < _MOST_ALIKE:
                texts[text] = texts.get(text, 0) + 1
        late: list[tuple[bytes, bytes]] = []
        waiting: Counter[bytes] = Counter()
        for name, text in _filed(new, bucket):
            mine = held.get(name)
            if mine is None:
                continue
            if text in mine:
                _take(mine, text)
            elif waiting[name] < _MOST_ALIKE:
                waiting[name] += 1
                late.append((name, text))
        for name, text in late:
            mine = held[name]
            if mine:
                one = next(iter(mine))
                _take(mine, one)
                yield cells_of(one.decode("utf-8", "surrogatepass")), cells_of(text.decode("utf-8", "surrogatepass"))


def _take(texts: dict[bytes, int], text: bytes) -> None:
    texts[text] -= 1
    if not texts[text]:
        del texts[text]


def _file(reader: Reader, common: Sequence[str], key: str, seen: bytearray, spool: Spool) -> None:
    text = text_of(reader.header, common)
    at = reader.header.index(key)
    rows = iter(reader)
    while batch := list(islice(rows, _BATCH)):
        waiting: dict[int, tuple[list[bytes], list[bytes]]] = {}
        for row in _suspects(batch, at, seen):
            name = row.cells[at].encode("utf-8", "surrogatepass")
            names, texts = waiting.setdefault(hash64(name) >> SHIFT, ([], []))
            names.append(name)
            texts.append(text(row.cells).encode("utf-8", "surrogatepass"))
        for bucket, (names, texts) in waiting.items():
            spool.put(bucket, pack([array("Q", [0] * len(names))], [names, texts]))


def _suspects(batch: Sequence[SourceRow], at: int, seen: bytearray) -> Iterator[SourceRow]:
    for row in batch:
        bit = hash64(row.cells[at].encode("utf-8", "surrogatepass")) & (BITS - 1)
        if seen[bit >> 3] >> (bit & 7) & 1:
            yield row


def _filed(spool: Spool, bucket: int) -> Iterator[tuple[bytes, bytes]]:
    for block in spool.blocks(bucket):
        _, (names, texts) = unpack(block, "Q", 2)
        yield from zip(names, texts, strict=True)
