"""Rowdiff: two versions of a source compared by key: how many rows came, went, changed, stayed, and in which columns; in bounded
memory, whatever the order of the rows.

Each side is read once and remembered as 16 bytes a row: a hash of the key, a hash of the cells of the columns that both have. Only
where rows changed are both sides read once more, and those rows wait on disk in buckets. Values are kept when they are asked for.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from loadplan.sources.base import Reader, SourceRow
from loadplan.sources.hashing import hash64
from loadplan.sources.spool import Spool, pack, unpack

_BUCKETS = 64
_SHIFT = 58
_BITS = 1 << 24
_BATCH = 4_000
_MARK = "\x1f"
SAMPLES = 5

Open = Callable[[], Reader]


@dataclass
class RowDiff:
    """Counts of rows. Without a key, rows are compared whole: then none is `changed`. `columns` counts the differing cells of changed
    rows; `samples` are (key, {column: (before, after)}) of the first of them, where values were asked for."""

    base: int = 0
    head: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    samples: list[tuple[str, dict[str, tuple[str, str]]]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "base": self.base, "head": self.head, "added": self.added, "removed": self.removed, "changed": self.changed,
            "unchanged": self.unchanged, "columns": dict(sorted(self.columns.items(), key=lambda c: (-c[1], c[0]))),
            "columns_added": list(self.columns_added), "columns_removed": list(self.columns_removed),
        }  # fmt: skip
        if self.samples:
            data["samples"] = [
                {"key": key, "columns": {n: list(v) for n, v in cells.items()}} for key, cells in self.samples
            ]
        return data


def compare_rows(before: Open, after: Open, key: str | None, folder: Path, *, show_values: bool = False) -> RowDiff:
    """Compare two sources. `key` names the column that tells rows apart; `folder` is where changed rows wait. Raises what the
    readers raise, and LocalError when the disk refuses."""
    with closing(before()) as old, closing(after()) as new:
        common = [name for name in old.header if name in new.header]
        found = RowDiff(
            columns_added=tuple(n for n in new.header if n not in old.header),
            columns_removed=tuple(n for n in old.header if n not in new.header),
        )
        keyed = key if key in common else None
        one = _Side(old, common, keyed)
        other = _Side(new, common, keyed)
    found.base, found.head = one.rows, other.rows
    seen = bytearray(_BITS // 8)
    _count(one, other, found, seen if keyed else None)
    if keyed is not None and found.changed:
        _columns(before, after, common, keyed, folder, seen, found, show_values=show_values)
    return found


class _Side:
    """One version: hashes of keys and of rows, bucket by bucket."""

    def __init__(self, reader: Reader, common: Sequence[str], key: str | None) -> None:
        self.keys: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
        self.cells: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
        self.rows = 0
        text = _text_of(reader.header, common)
        at = reader.header.index(key) if key is not None else None
        keys, cells = self.keys, self.cells
        for row in reader:
            whole = hash64(text(row.cells).encode("utf-8", "surrogatepass"))
            name = hash64(row.cells[at].encode("utf-8", "surrogatepass")) if at is not None else whole
            bucket = name >> _SHIFT
            keys[bucket].append(name)
            cells[bucket].append(whole)
            self.rows += 1


def _text_of(header: Sequence[str], common: Sequence[str]) -> Callable[[list[str]], str]:
    if list(header) == list(common):
        return _MARK.join
    places = [list(header).index(name) for name in common]
    return lambda cells: _MARK.join([cells[at] for at in places])


def _count(one: _Side, other: _Side, found: RowDiff, seen: bytearray | None) -> None:
    """Rows with one key are matched with their equals first; of what is left over, pairs are changes."""
    for bucket in range(_BUCKETS):
        left: dict[int, Any] = {}
        for name, whole in zip(one.keys[bucket], one.cells[bucket], strict=True):
            held = left.get(name)
            if held is None:
                left[name] = whole
            elif isinstance(held, list):
                held.append(whole)
            else:
                left[name] = [held, whole]
        waiting: dict[int, int] = {}
        for name, whole in zip(other.keys[bucket], other.cells[bucket], strict=True):
            held = left.get(name)
            if held == whole:
                del left[name]
                found.unchanged += 1
            elif isinstance(held, list) and whole in held:
                held.remove(whole)
                found.unchanged += 1
            else:
                waiting[name] = waiting.get(name, 0) + 1
        for name, number in waiting.items():
            held = left.get(name)
            there = 0 if held is None else len(held) if isinstance(held, list) else 1
            pairs = min(number, there)
            found.changed += pairs
            found.added += number - pairs
            if pairs and seen is not None:
                bit = name & (_BITS - 1)
                seen[bit >> 3] |= 1 << (bit & 7)
            if isinstance(held, list):
                del held[:pairs]
            elif pairs:
                del left[name]
        found.removed += sum(len(held) if isinstance(held, list) else 1 for held in left.values())


# -- which columns -------------------------------------------------------------------------------------------------


def _columns(
    before: Open,
    after: Open,
    common: Sequence[str],
    key: str,
    folder: Path,
    seen: bytearray,
    found: RowDiff,
    *,
    show_values: bool,
) -> None:
    """Both sides once more: rows whose key may be that of a changed one wait in buckets, and meet there."""
    counts: Counter[int] = Counter()
    at = common.index(key)
    with Spool(folder) as old, Spool(folder) as new:
        for opened, spool in ((before, old), (after, new)):
            with closing(opened()) as reader:
                _file(reader, common, key, seen, spool)
        for bucket in range(_BUCKETS):
            held: dict[bytes, list[bytes]] = {}
            for name, text in _filed(old, bucket):
                held.setdefault(name, []).append(text)
            for name, text in _filed(new, bucket):
                pair = held.get(name)
                if not pair:
                    continue
                if text in pair:
                    pair.remove(text)
                    continue
                one, other = _cells(pair.pop(0)), _cells(text)
                differing = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
                counts.update(differing)
                if show_values and len(found.samples) < SAMPLES:
                    found.samples.append((one[at], {common[i]: (one[i], other[i]) for i in differing}))
    found.columns = {common[i]: number for i, number in counts.items()}


def _cells(text: bytes) -> list[str]:
    return text.decode("utf-8", "surrogatepass").split(_MARK)


def _file(reader: Reader, common: Sequence[str], key: str, seen: bytearray, spool: Spool) -> None:
    text = _text_of(reader.header, common)
    at = reader.header.index(key)
    rows = iter(reader)
    while batch := list(islice(rows, _BATCH)):
        waiting: dict[int, tuple[list[bytes], list[bytes]]] = {}
        for row in _suspects(batch, at, seen):
            name = row.cells[at].encode("utf-8", "surrogatepass")
            names, texts = waiting.setdefault(hash64(name) >> _SHIFT, ([], []))
            names.append(name)
            texts.append(text(row.cells).encode("utf-8", "surrogatepass"))
        for bucket, (names, texts) in waiting.items():
            spool.put(bucket, pack([array("Q", [0] * len(names))], [names, texts]))


def _suspects(batch: Sequence[SourceRow], at: int, seen: bytearray) -> Iterator[SourceRow]:
    for row in batch:
        bit = hash64(row.cells[at].encode("utf-8", "surrogatepass")) & (_BITS - 1)
        if seen[bit >> 3] >> (bit & 7) & 1:
            yield row


def _filed(spool: Spool, bucket: int) -> Iterator[tuple[bytes, bytes]]:
    for block in spool.blocks(bucket):
        _, (names, texts) = unpack(block, "Q", 2)
        yield from zip(names, texts, strict=True)
