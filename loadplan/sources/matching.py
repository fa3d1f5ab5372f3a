"""Matching: which result row belongs to which sent row. Decides the fate of every row of a part, or says what is wrong.

Salesforce promises no order and echoes parsed values, so a row is told by its key where the key is sent and unique,
else by its whole content: first as sent, then in canonical spelling, last by the columns that were echoed at all (a
blank echo says nothing). A row that no file names is missing, never silently unprocessed. Memory: one part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, CsvDialect
from loadplan.sources.canonical import canonical
from loadplan.sources.ids import digest_of
from loadplan.sources.results import ResultFile, ResultKind, ResultRow, RowError, open_result, parse_error


class Fate(NamedTuple):
    """What became of one sent row. `sf_id` may be empty for failed rows; `created` and `error` as the file says."""

    kind: ResultKind
    sf_id: str = ""
    created: bool | None = None
    error: RowError | None = None


@dataclass(frozen=True)
class Fates:
    """`rows[i]` is the fate of data row i of the part, None when it is missing. `extra` counts result rows that fit no
    sent row (by kind); `unsure` counts rows that were told apart from others only by order, because what was echoed
    fits several: their counts hold, their identity does not. `by_key` says how rows were matched."""

    rows: tuple[Fate | None, ...]
    extra: Counter[ResultKind]
    unsure: int
    by_key: bool

    @property
    def missing(self) -> int:
        return sum(1 for fate in self.rows if fate is None)

    @property
    def agree(self) -> bool:
        return not self.missing and not self.extra

    @property
    def problem(self) -> str:
        """Why sent and results do not agree, in one line; empty when they do. Holds no row values."""
        found = []
        if self.missing:
            found.append(f"{self.missing:,} of {len(self.rows):,} sent rows are in no result file")
        for kind, count in sorted(self.extra.items()):
            what = "unknown or repeated keys" if self.by_key else "a content that was not sent, or not as often"
            found.append(f"{count:,} {kind} rows have {what}")
        return "; ".join(found)

    def count(self, kind: ResultKind) -> int:
        return sum(1 for fate in self.rows if fate is not None and fate.kind == kind)

    def indices(self, kind: ResultKind) -> list[int]:
        """Data rows of the part, counted from 0, with this fate."""
        return [i for i, fate in enumerate(self.rows) if fate is not None and fate.kind == kind]


@dataclass(frozen=True)
class ResultPaths:
    """The result files of one job; None for a file that does not exist (none was offered)."""

    successful: Path | None = None
    failed: Path | None = None
    unprocessed: Path | None = None


def match_results(part: Path, results: ResultPaths, *, dialect: CsvDialect, key: str | None) -> Fates:
    """The fate of each row of `part`. `key` is the sent column that tells rows apart (`Shape.sent_key`), or None.

    Raises LocalError (exit 9) when one of the files is damaged."""
    return _Match(part, results, DELIMITERS[dialect.delimiter], key).run()


_Name = Callable[[Sequence[str]], "str | None"]
"""What a row is called in one round of matching, from its cells in the part's column order; None: not in this one."""


class _Match:
    def __init__(self, part: Path, results: ResultPaths, delimiter: str, key: str | None) -> None:
        self._part = open_result(part, delimiter)
        kinds: tuple[tuple[ResultKind, Path | None], ...] = (
            ("successful", results.successful),
            ("failed", results.failed),
            ("unprocessed", results.unprocessed),
        )
        self._files = [(kind, open_result(path, delimiter)) for kind, path in kinds if path is not None]
        self._key = self._part.header.index(key) if key is not None and key in self._part.header else None
        self._rows: list[Fate | None] = [None for _ in self._part.rows()]
        self._open = {(i, n) for i, (_, file) in enumerate(self._files) for n, _ in enumerate(file.rows())}
        self._strangers: Counter[ResultKind] = Counter()
        self._keys: set[bytes] = set()
        self._unsure = 0

    def run(self) -> Fates:
        by_key = self._key is not None and self._keys_are_unique()
        if by_key:
            self._round(self._name_by_key(lambda text: text), unique=True)
            # A key that was sent as it is echoed, and still has no row, is a repeat: never another key's other spelling.
            self._set_strangers_aside(self._keys)
            self._round(self._name_by_key(canonical), unique=True)
            self._set_strangers_aside()
        else:
            self._round(_whole(lambda text: text))
            self._round(_whole(canonical))
        for mask in self._masks():
            self._round(_masked(mask), only=mask)
        extra = self._strangers + Counter(self._files[i][0] for i, _ in self._open)
        return Fates(tuple(self._rows), extra, self._unsure, by_key)

    def _keys_are_unique(self) -> bool:
        seen = self._keys
        for count, row in enumerate(self._part.rows(), 1):
            assert self._key is not None
            seen.add(digest_of(row.cells[self._key]))
            if len(seen) < count or not row.cells[self._key]:
                return False
        return True

    def _name_by_key(self, spelled: Callable[[str], str]) -> _Name:
        at = self._key
        assert at is not None
        return lambda cells: spelled(cells[at]) or None

    def _round(self, name: _Name, *, unique: bool = False, only: tuple[int, ...] | None = None) -> None:
        """Give the open result rows to the sent rows without a fate that have the same name, in order. `unique`: only
        where one sent row has it. `only`: result rows whose echoed columns are these."""
        if not self._open:
            return
        waiting: dict[bytes, list[int]] = {}
        for i, row in enumerate(self._part.rows()):
            if self._rows[i] is None and (called := name(row.cells)) is not None:
                waiting.setdefault(digest_of(called), []).append(i)
        for same in waiting.values():
            same.reverse()  # taken from the end: the first sent goes first, whatever the number of equal rows
        for place, row, cells in self._results():
            if only is not None and _echoed(cells) != only:
                continue
            called = name(cells)
            candidates = waiting.get(digest_of(called)) if called is not None else None
            if not candidates or (unique and len(candidates) > 1):
                continue
            if only is not None and len(candidates) > 1:
                self._unsure += 1
            self._rows[candidates.pop()] = _fate(self._files[place[0]][0], row)
            if not candidates and not unique:
                del waiting[digest_of(called or "")]
            self._open.discard(place)

    def _results(self) -> Iterator[tuple[tuple[int, int], ResultRow, list[str]]]:
        """The result rows without a place, their cells in the part's column order."""
        for i, (_, file) in enumerate(self._files):
            arrange = _arranger(self._part.header, file)
            for n, row in enumerate(file.rows()):
                if (i, n) in self._open:
                    yield (i, n), row, arrange(row.cells)

    def _set_strangers_aside(self, keys: set[bytes] | None = None) -> None:
        """A result row with a key that fits no waiting row is unknown or repeated: its content is not asked. With
        `keys`, only rows with one of these keys are set aside."""
        at = self._key
        assert at is not None
        for place, _, cells in self._results():
            if cells[at] and (keys is None or digest_of(cells[at]) in keys):
                self._strangers[self._files[place[0]][0]] += 1
                self._open.discard(place)

    def _masks(self) -> list[tuple[int, ...]]:
        """Which sets of columns the open result rows echo, the largest first."""
        found = {_echoed(cells) for _, _, cells in self._results()}
        return sorted(found, key=lambda mask: (-len(mask), mask))


def _fate(kind: ResultKind, row: ResultRow) -> Fate:
    error = parse_error(row.error) if kind == "failed" and row.error is not None else None
    return Fate(kind, row.sf_id, row.created, error)


def _whole(spelled: Callable[[str], str]) -> _Name:
    return lambda cells: "\0".join([f"{len(cell)}:{cell}" for cell in map(spelled, cells)])


def _masked(mask: tuple[int, ...]) -> _Name:
    whole = _whole(canonical)
    return lambda cells: whole([cells[i] for i in mask])


def _echoed(cells: Sequence[str]) -> tuple[int, ...]:
    return tuple(i for i, cell in enumerate(cells) if cell)


def _arranger(header: tuple[str, ...], file: ResultFile) -> Callable[[list[str]], list[str]]:
    """Result cells in the part's column order; a column the file lacks is blank. Names compare without case: results
    spell fields as the object does."""
    if file.header == header:
        return lambda cells: cells
    exact = {name: i for i, name in enumerate(file.header)}
    folded = {name.casefold(): i for i, name in enumerate(file.header)}
    order = [exact.get(name, folded.get(name.casefold())) for name in header]
    return lambda cells: ["" if i is None else cells[i] for i in order]
