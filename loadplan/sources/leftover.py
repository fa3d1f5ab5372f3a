"""Leftover: rows of a part that did not land, as a part to send again and as the retry file a person mends.

A rewritten part keeps the bytes of the rows it takes. The retry file has the source's own columns and rows in source
order, UTF-8, comma, LF; its values are as the reader gave them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from loadplan.errors import LocalError
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, CsvDialect
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.durably import counted_file
from loadplan.sources.encode import row_encoder
from loadplan.sources.hashing import hash64
from loadplan.sources.names import written
from loadplan.sources.partdata import PartData, torn
from loadplan.sources.parts import PartFile, encoder_of, require_unchanged
from loadplan.sources.results import open_result
from loadplan.sources.rowindex import index_path, write_index
from loadplan.sources.tally import namer


@dataclass(frozen=True)
class RetryFile:
    """A retry file on disk. `lines` are the lines of the source file the rows begin on, in file order (0 where
    lines mean nothing); `records` their source record numbers."""

    path: Path
    columns: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str
    records: tuple[int, ...]
    lines: tuple[int, ...]


Naming = tuple[Sequence[str], str | None, str]
"""Sent columns, the one of them that names a row (None: all of them), and the delimiter."""


Piece = tuple[PartData, Iterable[int]]
"""Some data rows (counted from 0) of a part."""


def rewrite_part(pieces: Sequence[Piece], target: Path, *, number: int, naming: Naming | None = None) -> PartFile:
    """Write the rows of `pieces` to `target`, piece by piece in their order there, bytes unchanged, with an index beside it.
    Source lines are not known here: they are 0; the digest is only made with a `naming`. Raises LocalError when a part and
    its index do not hold these rows, StaleError when the source under one is gone."""
    name = namer(tuple(naming[0]), naming[1], naming[2]) if naming else None
    kept: array[int] = array("Q")
    names = 0
    with counted_file(target) as file:
        file.write(pieces[0][0].header())
        for part, rows in pieces:
            ending = part.line_ending.encode()
            for record, origin in _picked(part, set(rows)):
                file.write(record + ending)
                kept.append(origin)
                called = name(record) if name else b""
                if called is None:
                    raise torn(part.path)
                names += hash64(called)
        write_index(index_path(target), kept)
    digest = written("key" if naming[1] is not None else "row", names) if naming else ""
    return PartFile(number, target, index_path(target), len(kept), file.bytes, file.sha256(), digest)


def _picked(part: PartData, wanted: set[int]) -> Iterator[tuple[bytes, int]]:
    """The wanted rows with their source records."""
    index = part.source_records()
    if wanted and max(wanted) >= len(index):
        raise torn(part.path)
    position = found = 0
    for batch in part.records():
        for record in batch:
            if position in wanted:
                found += 1
                yield record, index[position]
            position += 1
    if found != len(wanted):
        raise torn(part.path)


def write_echo(files: Sequence[Path], header: tuple[str, ...], dialect: CsvDialect, target: Path) -> None:
    """Write the rows of some result files to `target` as a part with the columns `header`, as the org echoed them, with an
    index that says that their source records are not known (0). Raises LocalError."""
    encode = encoder_of(dialect)
    rows = 0
    with counted_file(target) as file:
        file.write(encode(header))
        for path in files:
            echoed = open_result(path, DELIMITERS[dialect.delimiter])
            folded = {name.casefold(): i for i, name in enumerate(echoed.header)}
            order = [folded.get(name.casefold()) for name in header]
            for row in echoed.rows():
                file.write(encode(["" if i is None else row.cells[i] for i in order]))
                rows += 1
        write_index(index_path(target), array("Q", bytes(8 * rows)))


def write_retry_file(
    reader: Reader, records: Iterable[int], target: Path, *, expected: InputDigest | None = None,
    mended: Mapping[int, list[str]] = MappingProxyType({}),
) -> RetryFile:  # fmt: skip
    """Write the source rows with these record numbers to `target`; those in `mended` with the cells they have there. The
    reader is read to its end; with `expected`, raises StaleError (exit 6) when it is no longer what was sent, and leaves no
    file."""
    wanted = set(records)
    encode = row_encoder(",", "\n")
    taken: array[int] = array("Q")
    lines: array[int] = array("Q")
    with counted_file(target) as file:
        file.write(encode(reader.header))
        for row in reader:
            if row.record in wanted:
                file.write(encode(mended.get(row.record, row.cells)))
                taken.append(row.record)
                lines.append(row.line)
        require_unchanged(reader.digest(), expected, reader.name)
        if len(taken) != len(wanted):
            raise LocalError(
                f"{len(wanted) - len(taken):,} of {len(wanted):,} rows left over are not in the source",
                code="LP0335",
                where=reader.name,
            )
    return RetryFile(target, reader.header, len(taken), file.bytes, file.sha256(), tuple(taken), tuple(lines))
