"""Rows file: rows of a source put aside as they stand there, to be sent later: a level of a hierarchy, rows that wait for a
parent. It has the source's columns; its index says which record each row was."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path

from loadplan.lean import dataclass
from loadplan.plan.model import FileSource, Step
from loadplan.sources.durably import CountedFile, counted_file
from loadplan.sources.encode import row_encoder
from loadplan.sources.rowindex import index_path, read_index, write_index


@dataclass(frozen=True)
class RowsFile:
    """On disk, durable. `why` counts its rows by the reason they were put aside for."""

    path: Path
    rows: int
    delimiter: str
    why: dict[str, int] = field(default_factory=dict)

    def records(self) -> Sequence[int]:
        """The source record of each row. Raises LocalError when the index is torn."""
        return read_index(index_path(self.path))


def step_over(step: Step, rows: RowsFile) -> Step:
    """The step with these rows as its source: they have been chosen already."""
    null = step.source.null if isinstance(step.source, FileSource) else ()  # the rows stand as they did in the source
    source = FileSource(rows.path.name, rows.path, "csv", rows.delimiter, null=null)
    return replace(step, source=source, where=None, dedupe="error", limit=None)


TOGETHER = 500
"""Rows that are written at once."""


class RowsWriter:
    """Takes rows; the file appears when the block of `put_aside` ends."""

    def __init__(self, file: CountedFile) -> None:
        self._file = file
        self.records: array[int] = array("Q")
        self.why: Counter[str] = Counter()
        self._waiting: list[bytes] = []

    def put(self, record: int, raw: bytes, why: str = "") -> None:
        self._waiting.append(raw)
        self.records.append(record)
        if why:
            self.why[why] += 1
        if len(self._waiting) >= TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._file.write(b"\n".join([*self._waiting, b""]))
            self._waiting.clear()


@contextmanager
def put_aside(path: Path, header: Sequence[str], delimiter: str) -> Iterator[RowsWriter]:
    """A rows file at `path`. Raises LocalError (exit 9)."""
    with counted_file(path) as file:
        file.write(row_encoder(delimiter, "\n")(header))
        writer = RowsWriter(file)
        yield writer
        writer.flush()
        write_index(index_path(path), writer.records)
