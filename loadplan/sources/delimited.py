"""Delimited: CSV and TSV files, any one-character delimiter and quote, any encoding, plain, gzip or zstd.

It gives cells exactly as the file has them, each record with the line it begins on, and the digest of the file's
bytes. What counts as a record is decided in `records.py`. Texts in `null` become empty cells, quoted or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loadplan.diagnostics import Diagnostic, Place
from loadplan.plan.model import FileSource
from loadplan.sources.base import InputDigest, ProblemSink, SourceRow
from loadplan.sources.columns import column_problems
from loadplan.sources.problems import RecordFaultError, refuse, refuse_file
from loadplan.sources.records import SALESFORCE_LIMITS, Limits, RecordSplitter
from loadplan.sources.stream import TextStream


class DelimitedReader:
    """A Reader over one delimited file. Opening reads the header; raises InvalidInputError when there is none, or it
    names a column twice or not at all."""

    def __init__(self, source: FileSource, limits: Limits = SALESFORCE_LIMITS) -> None:
        self.on_problem: ProblemSink | None = None
        self._source = source
        self._limits = limits
        self._nulls = frozenset(source.null)
        self._stream = TextStream(source.file, source.path, encoding=source.encoding, compression=source.compression)
        self._splitter = RecordSplitter(self._stream.blocks(), source.delimiter, source.quote, limits)
        self._ended = False
        self._rows = 0
        try:
            self._header = read_header(self._splitter, source.path)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        return self._source.path

    @property
    def header(self) -> tuple[str, ...]:
        return self._header

    def __iter__(self) -> Iterator[SourceRow]:
        nulls = self._nulls
        record = 0
        try:
            for line, cells in self._splitter.rest(len(self._header)):
                if isinstance(cells, RecordFaultError):
                    if cells.code != "LP0312":  # a blank line is no record
                        record += 1
                    self._report(cells)
                    continue
                record += 1
                if nulls:
                    cells = ["" if cell in nulls else cell for cell in cells]
                yield SourceRow(record, line, cells)
        except RecordFaultError as fault:
            refuse(fault.diagnostic(self.name))
        self._rows = record
        self._ended = True

    def digest(self) -> InputDigest:
        if not self._ended:
            raise RuntimeError("the digest is known only after the last row was read")
        return InputDigest(self._stream.sha256(), self._stream.byte_count, self._rows)

    def reopen(self) -> DelimitedReader:
        return DelimitedReader(self._source, self._limits)

    def close(self) -> None:
        self._stream.close()

    def _report(self, fault: RecordFaultError) -> None:
        diagnostic = fault.diagnostic(self.name)
        if self.on_problem is None or fault.fatal:
            refuse(diagnostic)
        self.on_problem(diagnostic)


def open_delimited(source: FileSource) -> DelimitedReader:
    """The opener the registry knows: `csv` and `tsv` differ only in the delimiter, which the plan has resolved."""
    return DelimitedReader(source)


def read_header(splitter: RecordSplitter, name: str) -> tuple[str, ...]:
    """The header record, checked. Raises InvalidInputError with every problem of it."""
    try:
        first = splitter.first()
    except RecordFaultError as fault:
        refuse(fault.diagnostic(name))
    if first is None:
        refuse_file("LP0306", "the file is empty: not even a header", name, hint="the first row must name the columns")
    line, cells = first
    problems = _header_problems(cells, name, line)
    if problems:
        refuse(*problems)
    return tuple(cells)


def _header_problems(cells: Sequence[str], name: str, line: int) -> list[Diagnostic]:
    place = Place(name, line)
    if any("\r" in cell for cell in cells):
        hint = "the file seems to end its lines with CR alone; write LF or CRLF"
        return [Diagnostic("LP0317", "a column name holds a carriage return", place, hint=hint)]
    return column_problems(cells, name, line)
