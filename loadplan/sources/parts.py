"""Parts: the rows of a step cut into the files that are sent, one file a job.

A part holds whole records under both caps, its header included (one PUT a job: Bulk API 2.0 Developer Guide, "Upload
Job Data"). The same step and the same source give the same parts, byte for byte. Beside `0001.csv` stands
`0001.index`: per data row the number of its source record, little-endian, 8 bytes. The index is durable before the
part. Nothing here knows of jobs.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadplan.diagnostics import has_errors
from loadplan.errors import LocalError, StaleError
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, CsvDialect, Step
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.check import step_shape
from loadplan.sources.durably import CountedFile, counted_file
from loadplan.sources.encode import row_encoder
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content, written
from loadplan.sources.problems import refuse, refuse_file
from loadplan.sources.selection import SelectedRow, selected_rows


@dataclass(frozen=True)
class PartFile:
    """A part on disk. `rows` are data records, `bytes` and `sha256` (hex) of the whole file. `first_line` and
    `last_line` are the source lines of its first and last row (0 where lines mean nothing). `digest` proves which rows it
    holds (`names.py`)."""

    number: int
    path: Path
    index: Path
    rows: int
    bytes: int
    sha256: str
    first_line: int
    last_line: int
    digest: str = ""


def cut_parts(
    step: Step, reader: Reader, folder: Path, *, first_part: int = 1, expected: InputDigest | None = None
) -> Iterator[PartFile]:
    """Write the parts of `step` into `folder` and yield each once it is durable. `first_part` numbers the first.

    With `expected`, raises StaleError (exit 6) after the last part when the source that was read differs: the caller
    must not send anything before the iteration has ended. Raises InvalidInputError for a row that cannot be sent
    (a row above the byte cap included), LocalError when the disk refuses."""
    shape = step_shape(step, reader)
    if has_errors(shape.diagnostics):
        refuse(*shape.diagnostics)
    encode = encoder_of(step.csv)
    header = encode(shape.header)
    key = shape.header.index(shape.sent_key) if shape.sent_key is not None else None
    cutter = _Cutter(step, header, encode, reader.name, key)
    yield from cutter.cut(selected_rows(step, shape, reader), folder, first_part)
    require_unchanged(reader, expected)


def encoder_of(dialect: CsvDialect) -> Callable[[Sequence[str]], bytes]:
    """The row encoder of what a step sends."""
    return row_encoder(DELIMITERS[dialect.delimiter], LINE_ENDINGS[dialect.line_ending])


def require_unchanged(reader: Reader, expected: InputDigest | None) -> None:
    """Compare a source that was read to its end with what it was. Raises StaleError (exit 6)."""
    if expected is None or reader.digest() == expected:
        return
    found = reader.digest()
    raise StaleError(
        "the source changed since it was checked",
        code="LP0331",
        where=reader.name,
        details=(
            f"then: {expected.rows:,} rows, {expected.bytes:,} bytes, sha256 {expected.sha256[:12]}…",
            f"now: {found.rows:,} rows, {found.bytes:,} bytes, sha256 {found.sha256[:12]}…",
        ),
        hint="put the file back as it was, or start a new run",
    )


@dataclass(frozen=True)
class _Cutter:
    step: Step
    header: bytes
    encode: Callable[[Sequence[str]], bytes]
    source: str
    key: int | None

    def cut(self, rows: Iterator[SelectedRow], folder: Path, number: int) -> Iterator[PartFile]:
        """A part at a time; the row that would overflow one begins the next."""
        waiting = next(rows, None)
        while waiting is not None:
            with counted_file(folder / f"{number:04d}.csv") as file:
                file.write(self.header)
                index: array[int] = array("Q")
                names: list[int] = []
                first, last, waiting = self._fill(file, index, names, waiting, rows)
                write_index(index_path(file.path), index)
            digest = written("key" if self.key is not None else "row", sum(names))
            yield PartFile(
                number, file.path, index_path(file.path), len(index), file.bytes, file.sha256(), first.line, last.line,
                digest,
            )  # fmt: skip
            number += 1

    def _fill(
        self, file: CountedFile, index: array[int], names: list[int], row: SelectedRow, rows: Iterator[SelectedRow]
    ) -> tuple[SelectedRow, SelectedRow, SelectedRow | None]:
        caps, encode = self.step.parts, self.encode
        room, left = caps.max_bytes - len(self.header), caps.max_rows
        first = last = row
        waiting: SelectedRow | None = row
        while waiting is not None:
            data = encode(waiting.cells)
            if len(data) > room or not left:
                self._must_fit(waiting, len(data))
                break
            file.write(data)
            cells, key = waiting.cells, self.key
            names.append(hash64(cells[key].encode() if key is not None else content([c.encode() for c in cells])))
            index.append(waiting.record)
            room -= len(data)
            left -= 1
            last = waiting
            waiting = next(rows, None)
        return first, last, waiting

    def _must_fit(self, row: SelectedRow, size: int) -> None:
        whole = len(self.header) + size
        if whole > self.step.parts.max_bytes:
            refuse_file(
                "LP0330",
                f"the row and the header need {whole:,} bytes, a part may have {self.step.parts.max_bytes:,}",
                self.source,
                row.line,
                hint="raise `parts.max_bytes`, at most 100MB",
            )


# -- the index beside a part ---------------------------------------------------------------------------------------


def index_path(part: Path) -> Path:
    """Where the index of a part stands."""
    return part.with_suffix(".index")


def write_index(path: Path, records: array[int]) -> None:
    """Write source record numbers durably, 8 bytes each, little-endian."""
    data = array("Q", records)
    if sys.byteorder == "big":
        data.byteswap()
    with counted_file(path) as file:
        file.write(data.tobytes())


def read_index(path: Path) -> array[int]:
    """The source record of each row of a part. Raises LocalError (exit 9) when the file is missing or torn."""
    records: array[int] = array("Q")
    try:
        records.frombytes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LocalError(f"the index of a part cannot be read: {error}", code="LP0335", where=str(path)) from error
    if sys.byteorder == "big":
        records.byteswap()
    return records
