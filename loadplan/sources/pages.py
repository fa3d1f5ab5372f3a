"""Pages: the rows of a query step, read from its page files as another step's source.

Every page has its own header, all equal (Bulk API 2.0 Developer Guide, "Get Results for a Query Job"); the pages are
UTF-8, comma, as received. Record numbers run through all pages; line numbers mean nothing here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from loadplan.sources.base import InputDigest, ProblemSink, SourceRow
from loadplan.sources.delimited import read_header
from loadplan.sources.problems import RecordFaultError, refuse, refuse_file
from loadplan.sources.records import Limits, RecordSplitter
from loadplan.sources.stream import TextStream

PAGE_LIMITS = Limits(None, None)


class PagesReader:
    """A Reader over the pages of query step `step`, in order. A first page without a byte is an empty result: the
    header is then empty and there are no rows. Raises InvalidInputError when there is no page, or headers differ."""

    def __init__(self, step: str, pages: Sequence[Path], *, delimiter: str = ",") -> None:
        self.on_problem: ProblemSink | None = None
        self._step = step
        self._pages = tuple(pages)
        self._delimiter = delimiter
        self._ended = False
        self._rows = 0
        self._bytes = 0
        self._hasher = hashlib.sha256()
        if not pages:
            refuse_file("LP0332", "the query step has no pages to read", self.name, hint="run that step first")
        self._header = self._first_header()

    @property
    def name(self) -> str:
        return f"step {self._step}"

    @property
    def header(self) -> tuple[str, ...]:
        return self._header

    def __iter__(self) -> Iterator[SourceRow]:
        record = 0
        for page in self._pages:
            stream = TextStream(page, self._page_name(page), hasher=self._hasher)
            try:
                for cells in self._page_rows(stream, self._page_name(page)):
                    record += 1
                    yield SourceRow(record, 0, cells)
                self._bytes += stream.byte_count
            finally:
                stream.close()
        self._rows = record
        self._ended = True

    def digest(self) -> InputDigest:
        """The sha256 is of the pages' bytes one after the other."""
        if not self._ended:
            raise RuntimeError("the digest is known only after the last row was read")
        return InputDigest(self._hasher.hexdigest(), self._bytes, self._rows)

    def reopen(self) -> PagesReader:
        return PagesReader(self._step, self._pages, delimiter=self._delimiter)

    def close(self) -> None:
        """Nothing stays open between rows of two pages."""

    def _page_name(self, page: Path) -> str:
        return f"{self.name} ({page.name})"

    def _first_header(self) -> tuple[str, ...]:
        page = self._pages[0]
        stream = TextStream(page, self._page_name(page))
        try:
            if page.stat().st_size == 0:
                return ()
            splitter = RecordSplitter(stream.blocks(), self._delimiter, '"', PAGE_LIMITS)
            return read_header(splitter, self._page_name(page))
        finally:
            stream.close()

    def _page_rows(self, stream: TextStream, name: str) -> Iterator[list[str]]:
        splitter = RecordSplitter(stream.blocks(), self._delimiter, '"', PAGE_LIMITS)
        try:
            first = splitter.first()
            if first is None:
                return
            if tuple(first[1]) != self._header:
                refuse_file("LP0332", "the header of this page differs from the first page's", name, 1)
            for _, cells in splitter.rest(len(self._header)):
                if isinstance(cells, RecordFaultError):
                    raise cells
                yield cells
        except RecordFaultError as fault:
            refuse(fault.diagnostic(name))
