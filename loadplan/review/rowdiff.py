"""Rowdiff: two versions of a source compared by key: how many rows came, went, changed, stayed, and in which columns; in bounded
memory, whatever the order of the rows.

Each side is read once and remembered as 16 bytes a row: a hash of the key, a hash of the cells of the columns that both have. Only
where rows changed are both sides read once more, and those rows wait on disk in buckets. Values are kept when they are asked for.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import field
from pathlib import Path
from typing import Any

from loadplan.lean import dataclass
from loadplan.review.rowcells import changed_columns, emptied_columns, first_lines
from loadplan.review.rowtext import BITS, BUCKETS, SHIFT, Open, text_of
from loadplan.sources.base import Reader
from loadplan.sources.hashing import hash64

_MOST_TWICE = 10_000
"""Hashes of keys that are remembered to find the lines of the first of them."""
SAMPLES = 5


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
    keyed: bool = False
    """Whether rows were told apart by the key."""
    key_missing: tuple[str, ...] = ()
    """`base`, `head`: the sides whose header lacks the key."""
    reordered: bool = False
    """Every row is there as before, in another order. Looked at only when it was asked for."""
    emptied: tuple[str, ...] = ()
    """Columns that had a value in most rows which had one, and are empty or null there now."""
    duplicates: dict[str, Any] | None = None
    """Keys that stand more than once: `base` and `head` count them, `side` and `lines` say where the first ones of one side are."""

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "base": self.base, "head": self.head, "added": self.added, "removed": self.removed, "changed": self.changed,
            "unchanged": self.unchanged, "columns": dict(sorted(self.columns.items(), key=lambda c: (-c[1], c[0]))),
            "columns_added": list(self.columns_added), "columns_removed": list(self.columns_removed),
            "keyed": self.keyed, "key_missing": list(self.key_missing), "reordered": self.reordered, "emptied": list(self.emptied),
        }  # fmt: skip
        if self.duplicates is not None:
            data["duplicates"] = self.duplicates
        if self.samples:
            data["samples"] = [
                {"key": key, "columns": {n: list(v) for n, v in cells.items()}} for key, cells in self.samples
            ]
        return data


def compare_rows(
    before: Open, after: Open, key: str | None, folder: Path, *, show_values: bool = False, ordered: bool = False
) -> RowDiff:
    """Compare two sources. `key` names the column that tells rows apart; `folder` is where changed rows wait; `ordered` asks whether
    rows changed places. Raises what the readers raise, and LocalError when the disk refuses."""
    with closing(before()) as old, closing(after()) as new:
        common = [name for name in old.header if name in new.header]
        found = RowDiff(
            columns_added=tuple(n for n in new.header if n not in old.header),
            columns_removed=tuple(n for n in old.header if n not in new.header),
        )
        keyed = key if key in common else None
        if key is not None:
            found.key_missing = tuple(n for n, s in (("base", old), ("head", new)) if key not in s.header)
        one = _Side(old, common, keyed, ordered=ordered)
        other = _Side(new, common, keyed, ordered=ordered)
    found.base, found.head, found.keyed = one.rows, other.rows, keyed is not None
    seen = bytearray(BITS // 8)
    twice = (Twice(), Twice())
    _count(one, other, found, seen if keyed else None, twice)
    found.reordered = one.order != other.order and not (found.added or found.removed or found.changed)
    if keyed is None:
        return found
    if any(t.keys for t in twice):
        at = 1 if twice[1].keys else 0
        lines = first_lines((before, after)[at], keyed, twice[at].some)
        side = ("base", "head")[at]
        found.duplicates = {"base": twice[0].keys, "head": twice[1].keys, "side": side, "lines": lines}
    if found.changed:
        changes = changed_columns(before, after, common, keyed, folder, seen, samples=SAMPLES if show_values else 0)
        found.columns, found.samples = changes.columns, changes.samples
        found.emptied = emptied_columns(before, changes, found.changed + found.unchanged)
    return found


@dataclass
class Twice:
    """Keys of one side that stand more than once: how many, and the hashes of some."""

    keys: int = 0
    some: set[int] = field(default_factory=set)

    def add(self, name: int) -> None:
        self.keys += 1
        if len(self.some) < _MOST_TWICE:
            self.some.add(name)


class _Side:
    """One version: hashes of keys and of rows, bucket by bucket; and one of all rows in their order, where that was asked for."""

    def __init__(self, reader: Reader, common: Sequence[str], key: str | None, *, ordered: bool) -> None:
        self.keys: list[array[int]] = [array("Q") for _ in range(BUCKETS)]
        self.cells: list[array[int]] = [array("Q") for _ in range(BUCKETS)]
        self.rows = 0
        self.order = 0
        text = text_of(reader.header, common)
        at = reader.header.index(key) if key is not None else None
        keys, cells = self.keys, self.cells
        for row in reader:
            whole = hash64(text(row.cells).encode("utf-8", "surrogatepass"))
            name = hash64(row.cells[at].encode("utf-8", "surrogatepass")) if at is not None else whole
            bucket = name >> SHIFT
            keys[bucket].append(name)
            cells[bucket].append(whole)
            self.rows += 1
            if ordered:
                self.order = hash64((self.order << 64 | whole).to_bytes(16, "big"))


def _count(one: _Side, other: _Side, found: RowDiff, seen: bytearray | None, twice: tuple[Twice, Twice]) -> None:
    """Rows with one key are matched with their equals first; of what is left over, pairs are changes. What is held of a key is the
    hash of its row, or, where it stands more than once, how many rows have each hash."""
    for bucket in range(BUCKETS):
        left: dict[int, Any] = {}
        for name, whole in zip(one.keys[bucket], one.cells[bucket], strict=True):
            held = left.get(name)
            if held is None:
                left[name] = whole
            elif isinstance(held, Counter):
                held[whole] += 1
            else:
                left[name] = Counter((held, whole))
                twice[0].add(name)
        waiting: dict[int, int] = {}
        met: dict[int, int] = {}
        for name, whole in zip(other.keys[bucket], other.cells[bucket], strict=True):
            met[name] = met.get(name, 0) + 1
            if met[name] == 2:
                twice[1].add(name)
            held = left.get(name)
            if held == whole:
                del left[name]
                found.unchanged += 1
            elif isinstance(held, Counter) and held[whole] > 0:
                held[whole] -= 1
                found.unchanged += 1
            else:
                waiting[name] = waiting.get(name, 0) + 1
        for name, number in waiting.items():
            held = left.pop(name, None)
            there = 0 if held is None else held.total() if isinstance(held, Counter) else 1
            pairs = min(number, there)
            found.changed += pairs
            found.added += number - pairs
            found.removed += there - pairs
            if pairs and seen is not None:
                bit = name & (BITS - 1)
                seen[bit >> 3] |= 1 << (bit & 7)
        found.removed += sum(held.total() if isinstance(held, Counter) else 1 for held in left.values())
