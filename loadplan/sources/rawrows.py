"""Raw rows: the records of any source as raw CSV records, so that one path shapes and sends them all.

A file that the fast pass found to be beyond doubt gives its own bytes. Any other source is read with care and its cells are
written as CSV records again. Which of the two it is was decided when the source was checked, and is on record with its digest: the
same source always gives the same records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path

from loadplan.lean import dataclass
from loadplan.plan.model import FileSource, Step
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.encode import row_encoder
from loadplan.sources.partdata import changed
from loadplan.sources.rawrecords import RawRecords, TooLongError, field_splitter

BLOCK = 1 << 20
BATCH = 2000
Batch = tuple[Sequence[int], list[bytes]]
"""Numbers of source records, and the records without their line endings."""


@dataclass
class RawRows:
    """Iterate once; then `digest` is what was read. `header` are the source's columns; records have `delimiter` and hold as
    many fields as the header names. Iteration raises what the reader raises; StaleError when a plain file is no longer
    what was checked."""

    header: tuple[str, ...]
    delimiter: str
    _reader: Reader
    _plain: Path | None
    _digest: InputDigest | None = field(default=None)

    def __iter__(self) -> Iterator[Batch]:
        return self._of_file(self._plain) if self._plain is not None else self._of_reader()

    def digest(self) -> InputDigest:
        return self._digest if self._digest is not None else self._reader.digest()

    @property
    def plain_file(self) -> Path | None:
        """The file whose own bytes the records are."""
        return self._plain

    def note(self, digest: InputDigest) -> None:
        """What somebody found who read the file to its end in another way."""
        self._digest = digest

    def split(self, record: bytes) -> list[bytes]:
        """The raw fields of one record."""
        fields = self._fields(record)
        if fields is None:
            raise changed(self._plain or Path(self._reader.name))
        return fields

    def __post_init__(self) -> None:
        self._fields = field_splitter(self.delimiter.encode(), len(self.header))

    def _of_reader(self) -> Iterator[Batch]:
        encode = row_encoder(self.delimiter, "")
        numbers: list[int] = []
        records: list[bytes] = []
        for row in self._reader:
            numbers.append(row.record)
            records.append(encode(row.cells))
            if len(records) >= BATCH:
                yield numbers, records
                numbers, records = [], []
        yield numbers, records

    def _of_file(self, path: Path) -> Iterator[Batch]:
        splitter, hasher, size, first = RawRecords(), hashlib.sha256(), 0, 0
        try:
            with path.open("rb", buffering=0) as file:
                for block in iter(lambda: file.read(BLOCK), b""):
                    hasher.update(block)
                    size += len(block)
                    yield self._numbered(splitter.feed(block), first)
                    first += self._count
                yield self._numbered(splitter.end(), first)
                first += self._count
        except (OSError, TooLongError) as error:
            raise changed(path) from error
        self._digest = InputDigest(hasher.hexdigest(), size, max(0, first - 1), plain=True)

    def _numbered(self, records: list[bytes], first: int) -> Batch:
        """The header is record 0 and left out."""
        self._count = len(records)
        if first == 0 and records:
            records, first = records[1:], 1
        if records and records[0].endswith(b"\r"):
            records = [record.removesuffix(b"\r") for record in records]
        return range(first, first + len(records)), records


def raw_delimiter(step: Step, *, plain: bool) -> str:
    """The delimiter of the records that `raw_rows` gives."""
    return step.source.delimiter if plain and isinstance(step.source, FileSource) else ","


def raw_rows(step: Step, reader: Reader, *, plain: bool) -> RawRows:
    """The records of `reader`, which is the step's source at its beginning. `plain` is what its check said."""
    source = step.source
    if plain and isinstance(source, FileSource):
        return RawRows(reader.header, source.delimiter, reader, source.file)
    return RawRows(reader.header, ",", reader, None)
