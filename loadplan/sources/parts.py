"""Parts: the rows of a step cut into the files that are sent, one file a job.

A part holds whole records under both caps, its header included (one PUT a job: Bulk API 2.0 Developer Guide, "Upload
Job Data"). The same step and the same source give the same parts, byte for byte. Beside `0001.csv` stands
`0001.index`: per data row the number of its source record, little-endian, 8 bytes. The index is durable before the
part. Nothing here knows of jobs.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Union

from loadplan.behind import Behind
from loadplan.diagnostics import has_errors
from loadplan.errors import StaleError
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, CsvDialect, PartCaps, Step
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.check import step_shape
from loadplan.sources.chosen import Chooser
from loadplan.sources.durably import CountedFile, counted_file
from loadplan.sources.encode import row_encoder
from loadplan.sources.grouping import ParentOrder, group_rows
from loadplan.sources.names import written
from loadplan.sources.problems import refuse, refuse_file
from loadplan.sources.rowindex import index_path, write_index
from loadplan.sources.rowsfile import RowsWriter
from loadplan.sources.sentrows import Family, Sender, Sent
from loadplan.sources.shape import Shape
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.sources.placedrows import PlacedRows


@dataclass(frozen=True)
class PartFile:
    """A part on disk. `rows` are data records, `bytes` and `sha256` (hex) of the whole file. `digest` proves which rows it
    holds (`names.py`)."""

    number: int
    path: Path
    index: Path
    rows: int
    bytes: int
    sha256: str
    digest: str = ""


def cut_parts(
    step: Step,
    reader: Reader,
    folder: Path,
    *,
    first_part: int = 1,
    expected: InputDigest | None = None,
    plain: bool = False,
    family: Family | None = None,
    held: RowsWriter | None = None,
    records: Sequence[int] | None = None,
) -> tuple[list[PartFile], InputDigest]:
    """Write the parts of `step` into `folder`, durable; with the digest of what was read. `first_part` numbers the first.
    `plain` says that the source is a
    file beyond doubt (`expected` may say so too). With a `family`, rows that must wait for a parent go to `held`. `records` are
    the source records of the reader's rows, where those are a choice of their own.

    Rows that name parents are sent in order of the first of them, when they are many and do not stand so already. With
    `expected`, raises StaleError (exit 6) when the source that was read differs. Raises InvalidInputError for a row that
    cannot be sent (a row above the byte cap included), LocalError when the disk refuses."""
    shape = step_shape(step, reader)
    if has_errors(shape.diagnostics):
        refuse(*shape.diagnostics)
    if not shape.header:
        for _ in reader:
            pass
        return [], reader.digest()
    plain = plain or (expected is not None and expected.plain)
    sender = Sender(step, shape, parent_field(step, shape), family, held, records)
    cut = _Cut(step, shape, folder, first_part, lambda record: _line_of(reader, record))
    chooser = Chooser(step, shape, reader, plain=plain)
    try:
        parts = cut.parts(_in_order(sender.batches(chooser)) if sender.parent is not None else sender.batches(chooser))
    except _OutOfOrderError:
        again, size = reader.reopen(), expected.bytes if expected is not None else 0
        try:
            chooser = Chooser(step, shape, again, plain=plain)
            parts = cut.parts(group_rows(sender.batches(chooser), folder, ending=cut.ending, size=size))
        finally:
            again.close()
    digest = chooser.rows.digest()
    require_unchanged(digest, expected, reader.name)
    return parts, digest


def _line_of(reader: Reader, record: int) -> int:
    """The line of the source on which a record begins: only messages need it."""
    again = reader.reopen()
    try:
        return next((row.line for row in again if row.record == record), 0)
    finally:
        again.close()


def encoder_of(dialect: CsvDialect) -> Callable[[Sequence[str]], bytes]:
    """The row encoder of what a step sends."""
    return row_encoder(DELIMITERS[dialect.delimiter], LINE_ENDINGS[dialect.line_ending])


def require_unchanged(found: InputDigest, expected: InputDigest | None, name: str) -> None:
    """Compare a source that was read to its end with what it was. Raises StaleError (exit 6)."""
    if expected is None or found == expected:
        return
    raise StaleError(
        "the source changed since it was checked",
        code="LP0331",
        where=name,
        details=(
            f"then: {count(expected.rows, 'row')}, {expected.bytes:,} bytes, sha256 {expected.sha256[:12]}…",
            f"now: {count(found.rows, 'row')}, {found.bytes:,} bytes, sha256 {found.sha256[:12]}…",
        ),
        hint="put the file back as it was, or start a new run",
    )


Batch = Union[Sent, "PlacedRows"]
FEW = 10_000
"""Rows. Salesforce works on batches of so many at the same time; rows of one parent in one batch do not meet."""


class _OutOfOrderError(Exception):
    """Rows of one parent do not stand together: cut again, in order of parents."""


def parent_field(step: Step, shape: Shape) -> int | None:
    """The sent field that names the parent whose rows stay together: the first, save a record type, which nobody locks."""
    named = [r.header for r in step.references if not r.header.startswith("RecordType.")]
    return shape.header.index(named[0]) if named else None


def _in_order(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches, as long as they are in order of their parents. Raises _OutOfOrderError when many rows are not."""
    order, rows = ParentOrder(), 0
    for batch in batches:
        batch.seen_by(order)
        rows += batch.rows
        if rows > FEW and not order.in_order:
            raise _OutOfOrderError
        yield batch


@dataclass
class _Cut:
    """One step being cut."""

    step: Step
    shape: Shape
    folder: Path
    first: int
    line_of: Callable[[int], int]

    @property
    def ending(self) -> bytes:
        """Of each row."""
        return LINE_ENDINGS[self.step.csv.line_ending].encode()

    def parts(self, batches: Iterator[Batch]) -> list[PartFile]:
        """A part at a time; the row that would overflow one begins the next."""
        header, ending = encoder_of(self.step.csv)(self.shape.header), self.ending
        kind = "key" if self.shape.sent_key is not None else "row"
        parts: list[PartFile] = []
        with ExitStack() as stack:
            now: _Filling | None = None
            for batch in batches:
                at, total = 0, batch.rows
                while at < total:
                    if now is None:
                        path = self.folder / f"{self.first + len(parts):04d}.csv"
                        file = stack.enter_context(counted_file(path))
                        write = stack.enter_context(Behind(file.write)).put
                        now = _Filling(file, write, header, ending, self.step.parts)
                    taken = now.take(batch, at)
                    if not taken and not now.index:
                        self._must_fit(batch.record(at), len(header) + batch.size(at, ending))
                    at += taken
                    if at < total:
                        parts.append(now.finished(self.first + len(parts), kind, stack))
                        now = None
            if now is not None:
                parts.append(now.finished(self.first + len(parts), kind, stack))
        return parts

    def _must_fit(self, record: int, size: int) -> None:
        if size > self.step.parts.max_bytes:
            refuse_file(
                "LP0330",
                f"row {record:,} and the header need {size:,} bytes, a part may have {self.step.parts.max_bytes:,}",
                getattr(self.step.source, "path", f"step {self.step.id}"),
                self.line_of(record),
                hint="raise `parts.max_bytes`, at most 100MB",
            )


class _Filling:
    """A part that is being written."""

    def __init__(
        self, file: CountedFile, write: Callable[[bytes], None], header: bytes, ending: bytes, caps: PartCaps
    ) -> None:
        self._file, self._write = file, write
        self._ending = ending
        self._room, self._left = caps.max_bytes - len(header), caps.max_rows
        self._names = 0
        self.index: array[int] = array("Q")
        write(header)

    def take(self, batch: Batch, at: int) -> int:
        """As many of its rows from `at` on as fit."""
        count, size = batch.fitting(at, self._room, self._left, self._ending)
        if not count:
            return 0
        self._write(batch.written(at, count, self._ending))
        self._room -= size
        self._left -= count
        self._names += batch.total(at, count)
        self.index.frombytes(batch.numbers(at, count))
        return count

    def finished(self, number: int, kind: str, stack: ExitStack) -> PartFile:
        """The part, durable: its index is before it is."""
        path = self._file.path
        write_index(index_path(path), self.index)
        stack.close()
        digest = written(kind, self._names)
        return PartFile(number, path, index_path(path), len(self.index), self._file.bytes, self._file.sha256(), digest)
