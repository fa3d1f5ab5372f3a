"""Parts: the rows of a step cut into the files that are sent, one file a job.

A part holds whole records under both caps, its header included (one PUT a job: Bulk API 2.0 Developer Guide, "Upload
Job Data"). The same step and the same source give the same parts, byte for byte. Beside `0001.csv` stands
`0001.index`: per data row the number of its source record, little-endian, 8 bytes. The index is durable before the
part. Nothing here knows of jobs.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loadplan.diagnostics import has_errors
from loadplan.errors import StaleError
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, CsvDialect, Step
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.check import step_shape
from loadplan.sources.chosen import Chooser
from loadplan.sources.durably import CountedFile, counted_file
from loadplan.sources.encode import row_encoder
from loadplan.sources.grouping import ParentOrder, group_rows
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content, written
from loadplan.sources.problems import refuse, refuse_file
from loadplan.sources.rawrecords import unquoted
from loadplan.sources.rowindex import index_path, write_index
from loadplan.sources.rowsfile import RowsWriter
from loadplan.sources.shape import Shape
from loadplan.words import count


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


class Family(Protocol):
    """What is known of the parents of rows when they are cut."""

    def place(self, fields: list[bytes]) -> str:
        """Put the ids of parents into the fields to send; the reason when the row must wait for a parent, else ""."""
        ...


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
    cut = _Cut(step, shape, folder, first_part, family, held, records, lambda record: _line_of(reader, record))
    chooser = Chooser(step, shape, reader, plain=plain)
    parts = cut.in_order_of_source(chooser)
    digest = chooser.rows.digest()
    require_unchanged(digest, expected, reader.name)
    if parts is None:
        again = reader.reopen()
        try:
            parts = cut.in_order_of_parents(Chooser(step, shape, again, plain=plain))
        finally:
            again.close()
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


FEW = 10_000
"""Rows. Salesforce works on batches of so many at the same time; rows of one parent in one batch do not meet."""

_Row = tuple[int, int, bytes]
"""Source record, the hash of the row's name, and the row as it is sent."""


class _OutOfOrderError(Exception):
    """Rows of one parent do not stand together: cut again, in order of parents."""


@dataclass
class _Cut:
    """One step being cut. `aside` is the last row that was put aside: a second pass does not do it again."""

    step: Step
    shape: Shape
    folder: Path
    number: int
    family: Family | None
    held: RowsWriter | None
    records: Sequence[int] | None
    line_of: Callable[[int], int]
    aside: int = 0

    @property
    def parent(self) -> int | None:
        """The sent field that names the parent whose rows stay together: the first, save a record type, which nobody locks."""
        named = [r.header for r in self.step.references if not r.header.startswith("RecordType.")]
        return self.shape.header.index(named[0]) if named else None

    def in_order_of_source(self, chooser: Chooser) -> list[PartFile] | None:
        """The parts; None when the rows have to be put in order of their parents first."""
        order = ParentOrder() if self.parent is not None else None
        try:
            return list(self._parts(self._rows(chooser, order)))
        except _OutOfOrderError:
            for _ in chooser.rest():
                pass  # the digest is of the whole source
            return None

    def in_order_of_parents(self, chooser: Chooser) -> list[PartFile]:
        assert self.parent is not None
        at = self.parent
        rows = (
            (parent, record, name.to_bytes(8, "little") + data)
            for parent, (record, name, data) in self._placed(chooser, at)
        )
        grouped = group_rows(rows, self.folder)
        return list(self._parts((record, int.from_bytes(data[:8], "little"), data[8:]) for _, record, data in grouped))

    def _rows(self, chooser: Chooser, order: ParentOrder | None) -> Iterator[_Row]:
        for rows, (parent, row) in enumerate(self._placed(chooser, self.parent if order is not None else None), 1):
            if order is not None:
                order.see(parent)
                if rows > FEW and not order.in_order:
                    raise _OutOfOrderError
            yield row

    def _placed(self, chooser: Chooser, parent: int | None) -> Iterator[tuple[bytes, _Row]]:
        """Rows with the key of their parent, as they are sent. Rows that must wait go aside."""
        join = DELIMITERS[self.step.csv.delimiter].encode().join
        ending = LINE_ENDINGS[self.step.csv.line_ending].encode()
        key = self.shape.header.index(self.shape.sent_key) if self.shape.sent_key is not None else None
        family, records = self.family, self.records
        for batch in chooser:
            for number, raw, fields in batch:
                record = number if records is None else records[number - 1]
                if family is not None and (why := family.place(fields)):
                    if self.held is not None and number > self.aside:
                        self.held.put(record, raw, why)
                        self.aside = number
                    continue
                name = hash64(unquoted(fields[key]) if key is not None else content([unquoted(f) for f in fields]))
                yield unquoted(fields[parent]) if parent is not None else b"", (record, name, join(fields) + ending)

    def _parts(self, rows: Iterator[_Row]) -> Iterator[PartFile]:
        """A part at a time; the row that would overflow one begins the next."""
        header = encoder_of(self.step.csv)(self.shape.header)
        kind = "key" if self.shape.sent_key is not None else "row"
        number = self.number
        waiting = next(rows, None)
        while waiting is not None:
            with counted_file(self.folder / f"{number:04d}.csv") as file:
                file.write(header)
                index: array[int] = array("Q")
                names, waiting = self._fill(file, index, len(header), waiting, rows)
                write_index(index_path(file.path), index)
            digest = written(kind, names)
            yield PartFile(number, file.path, index_path(file.path), len(index), file.bytes, file.sha256(), digest)
            number += 1

    def _fill(
        self, file: CountedFile, index: array[int], header: int, row: _Row, rows: Iterator[_Row]
    ) -> tuple[int, _Row | None]:
        room, left = self.step.parts.max_bytes - header, self.step.parts.max_rows
        names = 0
        waiting: _Row | None = row
        blocks: list[bytes] = []
        while waiting is not None:
            record, name, data = waiting
            if len(data) > room or not left:
                self._must_fit(record, len(data) + header)
                break
            blocks.append(data)
            if len(blocks) >= 1000:
                file.write(b"".join(blocks))
                blocks.clear()
            names += name
            index.append(record)
            room -= len(data)
            left -= 1
            waiting = next(rows, None)
        file.write(b"".join(blocks))
        return names, waiting

    def _must_fit(self, record: int, size: int) -> None:
        if size > self.step.parts.max_bytes:
            refuse_file(
                "LP0330",
                f"row {record:,} and the header need {size:,} bytes, a part may have {self.step.parts.max_bytes:,}",
                getattr(self.step.source, "path", f"step {self.step.id}"),
                self.line_of(record),
                hint="raise `parts.max_bytes`, at most 100MB",
            )
