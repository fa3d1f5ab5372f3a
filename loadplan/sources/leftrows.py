"""Left rows: which rows of a part did not land, and why, found by name without holding the part in memory.

Only the failed and the unprocessed result file are read, and the part once. Rows with the same name are told apart by
order: where a key names rows there are none, and rows with the same content are interchangeable. When a result row's name
is not found in the part (the org spelled its values another way) nothing is guessed: the careful matching decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from loadplan.plan.model import DELIMITERS, CsvDialect
from loadplan.sources.matching import Fate
from loadplan.sources.names import content
from loadplan.sources.partdata import PartData
from loadplan.sources.results import ResultKind, open_result, parse_error
from loadplan.sources.tally import namer

_BARE: dict[ResultKind, Fate] = {"failed": Fate("failed"), "unprocessed": Fate("unprocessed")}


def find_left(
    part: PartData, header: tuple[str, ...], key: str | None, dialect: CsvDialect, failed: Path | None, unprocessed: Path | None
) -> dict[int, Fate] | None:  # fmt: skip
    """The fates of the part's rows that are in one of the two files, by position; None when they cannot all be found.

    Raises LocalError when a file is damaged, StaleError when the source under the part is gone."""
    delimiter = DELIMITERS[dialect.delimiter]
    wanted: dict[bytes, Fate] = {}
    more: dict[bytes, list[Fate]] = {}
    left = 0
    kinds: tuple[tuple[ResultKind, Path | None], ...] = (("failed", failed), ("unprocessed", unprocessed))
    for kind, path in kinds:
        for name, fate in _fates(path, kind, header, key, delimiter):
            left += 1
            if name in wanted:
                more.setdefault(name, []).append(fate)
            else:
                wanted[name] = fate
    if more and key is not None:
        return None  # a key names one row: these echoes are blank, or spelled in another way
    name_of = namer(header, key, delimiter)
    found: dict[int, Fate] = {}
    position = 0
    for batch in part.records() if wanted else ():
        for record in batch:
            called = name_of(record)
            if called is None:
                return None
            if (is_left := wanted.get(called)) is not None:
                found[position] = is_left
                if rest := more.get(called):
                    wanted[called] = rest.pop()
                else:
                    del wanted[called]
            position += 1
    return found if len(found) == left else None


def _fates(
    path: Path | None, kind: ResultKind, header: tuple[str, ...], key: str | None, delimiter: str
) -> Iterator[tuple[bytes, Fate]]:
    if path is None:
        return
    file = open_result(path, delimiter)
    if file.header != header:
        folded = {name.casefold(): i for i, name in enumerate(file.header)}
        order = [folded.get(name.casefold(), -1) for name in header]
    else:
        order = list(range(len(header)))
    at = header.index(key) if key is not None else None
    for row in file.rows():
        cells = [row.cells[i] if i >= 0 else "" for i in order]
        name = cells[at].encode() if at is not None else content([c.encode() for c in cells])
        error = parse_error(row.error) if kind == "failed" and row.error is not None else None
        yield name, Fate(kind, row.sf_id, row.created, error) if error or row.sf_id else _BARE[kind]
