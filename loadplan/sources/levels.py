"""Levels: rows that name other rows of the same source as their parents, put in an order in which every parent is sent first.

Decisions
- A row whose parent is not among the rows, or that names none, is on level 1; every other is one below its parent.
- A parent's key is compared exactly; where that finds nothing, without regard to case, as Salesforce compares external
  ids unless the field is declared case sensitive. At worst a row then waits for another one that it did not need.
- Rows that are each other's ancestors, rows deeper than allowed, and rows whose parent is two rows at once have no level:
  they are found, never guessed at, and nothing may be sent then.

Never: which rows are sent, nor what happens to those whose parent is elsewhere.

Keys wait on disk, filed by their hash; memory holds 6 bytes a row and a 256th of the keys.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from loadplan.lean import dataclass
from loadplan.sources.hashing import hash64
from loadplan.sources.spool import Spool, pack, unpack

SHOWN = 20
SHOWN_IN_CIRCLE = 10
NO_PARENT = b"#N/A"
"""What clears a field (Bulk API 2.0 Developer Guide, "Prepare CSV Files"): a row that says so names no parent."""

_BUCKETS = 256
_BUFFERED = 1 << 17
_TOP = 0xFFFFFFFF
_OUTSIDE = 0xFFFFFFFE
_ON_PATH = 0xFFFF
_IN_CIRCLE = 0xFFFE
_DEEPEST = 0xFFF0


class Linked(NamedTuple):
    """A row as this module sees it: the line of the source it begins on (0 where lines mean nothing), its own key as it
    is sent and its parent's key as it is sent. Empty texts are "no key" and "no parent"."""

    line: int
    key: bytes
    parent: bytes


class Member(NamedTuple):
    """A row that is part of a problem. `row` counts the rows given, from 0."""

    row: int
    line: int
    key: bytes


@dataclass(frozen=True)
class Circle:
    """Rows each of which names the next as its parent, and the last the first; one row names itself. `rows` counts
    them all, `members` are the first of them."""

    members: tuple[Member, ...]
    rows: int


@dataclass(frozen=True)
class Levels:
    """`of[i]` is the level of the i-th row, from 1; 0 where it has none. `rows[n]` counts those of level n + 1.
    `outside` are the rows (numbers, ascending) whose parent is not among the rows: who has it must be asked elsewhere.

    Problems, the first 20 of each: `circles` and `circle_count`; `lost` counts rows in a circle or below one; `too_deep`
    counts rows below the depth asked for, `deepest` is one of the lowest; `doubles` are rows whose parent's key two
    rows carry, with those two, and `double_count`. With `ok` False nothing may be sent."""

    of: array[int]
    rows: tuple[int, ...]
    outside: array[int]
    circles: tuple[Circle, ...] = ()
    circle_count: int = 0
    lost: int = 0
    too_deep: int = 0
    deepest: Member | None = None
    doubles: tuple[tuple[Member, Member, Member], ...] = ()
    double_count: int = 0

    @property
    def ok(self) -> bool:
        return not (self.circle_count or self.too_deep or self.double_count)

    @property
    def depth(self) -> int:
        return len(self.rows)


def find_levels(
    rows: Iterable[Linked | tuple[int, bytes, bytes]], folder: Path, *, max_depth: int = 50, any_case: bool = True
) -> Levels:
    """The level of each of `rows`. They may come in any order; the same rows in the same order give the same answer.

    `any_case` False compares keys exactly: for a field that is declared case sensitive, and for rows that are found by ids.
    `folder` is where keys wait; nothing stays there. Raises LocalError (exit 9) when the disk refuses, and whatever
    `rows` raises."""
    with Spool(folder) as spool:
        filed = _Filed(spool)
        parents = filed.take(rows)
        doubles = _Doubles()
        for bucket in range(_BUCKETS):
            _resolve(spool, bucket, parents, doubles, any_case=any_case)
        return _Climb(parents, max_depth).levels(filed, doubles)


def folded(key: bytes) -> bytes:
    """The key without regard to case."""
    if key.isascii():
        return key.lower()
    return key.decode("utf-8", "surrogatepass").casefold().encode("utf-8", "surrogatepass")


# -- keys to row numbers -------------------------------------------------------------------------------------------


class _Filed:
    """Keys and parents' keys, filed by the hash of the folded text: a key and who names it meet in one bucket."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._keys: list[list[bytes]] = [[] for _ in range(_BUCKETS)]
        self._key_rows: list[array[int]] = [array("I") for _ in range(_BUCKETS)]
        self._key_lines: list[array[int]] = [array("Q") for _ in range(_BUCKETS)]
        self._parents: list[list[bytes]] = [[] for _ in range(_BUCKETS)]
        self._parent_rows: list[array[int]] = [array("I") for _ in range(_BUCKETS)]

    def take(self, rows: Iterable[Linked | tuple[int, bytes, bytes]]) -> array[int]:
        """File all rows; per row `_TOP` when it names no parent, else `_OUTSIDE` until somebody is found."""
        keys, key_rows, key_lines = self._keys, self._key_rows, self._key_lines
        wanted, wanted_rows = self._parents, self._parent_rows
        parents: array[int] = array("I")
        add = parents.append
        room = _BUFFERED
        for number, (line, key, parent) in enumerate(rows):
            at = hash64(key.lower() if key.isascii() else folded(key)) & 255
            keys[at].append(key)
            key_rows[at].append(number)
            key_lines[at].append(line)
            if parent and parent != NO_PARENT:
                at = hash64(parent.lower() if parent.isascii() else folded(parent)) & 255
                wanted[at].append(parent)
                wanted_rows[at].append(number)
                add(_OUTSIDE)
            else:
                add(_TOP)
            room -= 1
            if not room:
                self._flush()
                room = _BUFFERED
        self._flush()
        return parents

    def _flush(self) -> None:
        for at in range(_BUCKETS):
            if self._keys[at]:
                self._spool.put(at, pack([self._key_rows[at], self._key_lines[at]], [self._keys[at]]))
                self._keys[at].clear()
                self._key_rows[at], self._key_lines[at] = array("I"), array("Q")
            if self._parents[at]:
                self._spool.put(_BUCKETS + at, pack([self._parent_rows[at]], [self._parents[at]]))
                self._parents[at].clear()
                self._parent_rows[at] = array("I")

    def members(self, rows: set[int]) -> dict[int, Member]:
        """These rows with their lines and keys: a walk over all that was filed, for messages only."""
        found = {}
        for at in range(_BUCKETS) if rows else ():
            for block in self._spool.blocks(at):
                (numbers, lines), (keys,) = unpack(block, "IQ", 1)
                for number, line, key in zip(numbers, lines, keys, strict=True):
                    if number in rows:
                        found[number] = Member(number, line, key)
        return found


class _Doubles:
    """(child, first row with the parent's key, another row with it), the children first in the source."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, int]] = []
        self.count = 0

    def add(self, child: int, first: int, second: int) -> None:
        self.count += 1
        self.found.append((child, first, second))
        if len(self.found) > 50 * SHOWN:
            self.found = sorted(self.found)[:SHOWN]


def _resolve(spool: Spool, bucket: int, parents: array[int], doubles: _Doubles, *, any_case: bool) -> None:
    """Put the row number of its parent beside each row whose parent is in this bucket."""
    if not spool.count(_BUCKETS + bucket):
        return
    at: dict[bytes, int] = {}
    twice: dict[bytes, int] = {}
    for block in spool.blocks(bucket):
        (numbers, _), (keys,) = unpack(block, "IQ", 1)
        for number, key in zip(numbers, keys, strict=True):
            if at.setdefault(key, number) != number:
                twice.setdefault(key, number)
    at.pop(b"", None)
    alike: dict[bytes, int] | None = None if any_case else {}
    for block in spool.blocks(_BUCKETS + bucket):
        (numbers,), (keys,) = unpack(block, "I", 1)
        for number, key in zip(numbers, keys, strict=True):
            parent = at.get(key)
            if parent is None:
                if alike is None:
                    alike = {folded(k): n for k, n in reversed(at.items())}
                parent = alike.get(folded(key))
                if parent is None:
                    continue
            elif key in twice:
                doubles.add(number, parent, twice[key])
            parents[number] = parent


# -- row numbers to levels -----------------------------------------------------------------------------------------


class _Climb:
    """From each row up to one whose level is known, and down again: every row is passed once."""

    def __init__(self, parents: array[int], max_depth: int) -> None:
        self._parents = parents
        self._max_depth = max_depth
        self._of: array[int] = array("H", bytes(2 * len(parents)))
        self._circles: list[list[int]] = []
        self._circle_count = 0

    def levels(self, filed: _Filed, doubles: _Doubles) -> Levels:
        parents, of = self._parents, self._of
        for start in range(len(parents)):
            if not of[start]:
                if parents[start] >= _OUTSIDE:
                    of[start] = 1
                else:
                    self._climb(start)
        return self._report(filed, doubles)

    def _climb(self, row: int) -> None:
        parents, of = self._parents, self._of
        path = []
        while not (level := of[row]):
            up = parents[row]
            if up >= _OUTSIDE:
                level = of[row] = 1
                break
            of[row] = _ON_PATH
            path.append(row)
            row = up
        if level == _ON_PATH:
            self._note_circle(path[path.index(row) :])
            level = _IN_CIRCLE
        if level == _IN_CIRCLE:
            for row in path:
                of[row] = _IN_CIRCLE
            return
        for row in reversed(path):
            level = of[row] = min(level + 1, _DEEPEST)

    def _note_circle(self, rows: list[int]) -> None:
        self._circle_count += 1
        if len(self._circles) < SHOWN:
            first = rows.index(min(rows))
            self._circles.append([len(rows), *(rows[first:] + rows[:first])[:SHOWN_IN_CIRCLE]])

    def _report(self, filed: _Filed, doubles: _Doubles) -> Levels:
        counts = [0] * (self._max_depth + 1)
        lost = too_deep = lowest = 0
        deepest: int | None = None
        of, depth = self._of, self._max_depth
        for row, level in enumerate(of):
            if level <= depth:
                counts[level] += 1
            elif level == _IN_CIRCLE:
                lost += 1
                of[row] = 0
            else:
                too_deep += 1
                if level > lowest:
                    lowest, deepest = level, row
                of[row] = 0
        outside: array[int] = array("I", (i for i, parent in enumerate(self._parents) if parent == _OUTSIDE))
        twice = sorted(doubles.found)[:SHOWN]
        wanted = {row for _, *rows in self._circles for row in rows} | {row for three in twice for row in three}
        known = filed.members(wanted | ({deepest} if deepest is not None else set()))
        while len(counts) > 1 and not counts[-1]:
            counts.pop()
        return Levels(
            of, tuple(counts[1:]), outside,
            circles=tuple(Circle(tuple(known[r] for r in rows), size) for size, *rows in self._circles),
            circle_count=self._circle_count, lost=lost, too_deep=too_deep,
            deepest=known[deepest] if deepest is not None else None,
            doubles=tuple((known[a], known[b], known[c]) for a, b, c in twice), double_count=doubles.count,
        )  # fmt: skip
