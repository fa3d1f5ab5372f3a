"""Leftover: rows of a part that did not land, as a part to send again and as the retry file a person mends.

A rewritten part keeps the bytes of the rows it takes. The retry file has the source's own columns and rows in source
order, UTF-8, comma, LF; its values are as the reader gave them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loadplan.errors import LocalError
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.durably import counted_file
from loadplan.sources.encode import row_encoder
from loadplan.sources.parts import PartFile, index_path, read_index, require_unchanged, write_index


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


def rewrite_part(part: Path, rows: Iterable[int], target: Path, *, number: int) -> PartFile:
    """Write data rows `rows` (counted from 0) of `part` to `target`, in their order there, bytes unchanged, with an
    index beside it. Source lines are not known here: they are 0. Raises LocalError when the part and its index do not
    hold these rows."""
    wanted = sorted(set(rows))
    index = read_index(index_path(part))
    if wanted and wanted[-1] >= len(index):
        raise _torn(part)
    kept: array[int] = array("Q", [index[i] for i in wanted])
    with counted_file(target) as file:
        records = _raw_records(part)
        header = next(records, None)
        if header is None:
            raise _torn(part)
        file.write(header)
        found = 0
        for i, record in enumerate(records):
            if found < len(wanted) and wanted[found] == i:
                file.write(record)
                found += 1
        if found != len(wanted):
            raise _torn(part)
        write_index(index_path(target), kept)
    return PartFile(number, target, index_path(target), found, file.bytes, file.sha256(), 0, 0)


def write_retry_file(
    reader: Reader, records: Iterable[int], target: Path, *, expected: InputDigest | None = None
) -> RetryFile:
    """Write the source rows with these record numbers to `target`. The reader is read to its end; with `expected`,
    raises StaleError (exit 6) when it is no longer what was sent, and leaves no file."""
    wanted = set(records)
    encode = row_encoder(",", "\n")
    taken: array[int] = array("Q")
    lines: array[int] = array("Q")
    with counted_file(target) as file:
        file.write(encode(reader.header))
        for row in reader:
            if row.record in wanted:
                file.write(encode(row.cells))
                taken.append(row.record)
                lines.append(row.line)
        require_unchanged(reader, expected)
        if len(taken) != len(wanted):
            raise LocalError(
                f"{len(wanted) - len(taken):,} of {len(wanted):,} rows left over are not in the source",
                code="LP0335",
                where=reader.name,
            )
    return RetryFile(target, reader.header, len(taken), file.bytes, file.sha256(), tuple(taken), tuple(lines))


def _raw_records(part: Path) -> Iterator[bytes]:
    """The records of a part as bytes, line ending included. A part is written by `encode.py`, where quotes are always
    paired, so a record ends at the first LF with an even number of quotes before it."""
    pending: list[bytes] = []
    odd = False
    try:
        with part.open("rb") as file:
            for line in file:
                odd ^= bool(line.count(b'"') & 1)
                if odd or pending:
                    pending.append(line)
                    if odd:
                        continue
                    line = b"".join(pending)
                    pending.clear()
                yield line
    except OSError as error:
        raise LocalError(f"a part cannot be read: {error.strerror or error}", where=str(part)) from error
    if pending:
        raise _torn(part)


def _torn(part: Path) -> LocalError:
    return LocalError(
        "a part and its index do not fit",
        code="LP0335",
        where=str(part),
        hint="a file of the run folder was changed or cut; start a new run from the retry file",
    )
