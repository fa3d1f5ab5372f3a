"""Intake: rows that can be read once, or would be others the next time, written to a private file of the run.

Standard input, a database on a server, an `sql` source and the results of a step are taken in when they are first opened in a
run; every later pass, also after a crash, reads the file. It is there whole or not at all, and its digest is the source's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from loadplan.diagnostics import Diagnostic
from loadplan.durable import open_atomic
from loadplan.plan.model import FileSource, Source
from loadplan.sources.base import InputDigest, ProblemSink, Reader, SourceRow
from loadplan.sources.delimited import DelimitedReader
from loadplan.sources.encode import row_encoder
from loadplan.sources.problems import RecordFaultError, refuse
from loadplan.sources.records import NO_LIMITS
from loadplan.sources.surroundings import Surroundings
from loadplan.sources.typed import Batch

SHOWN = 20


class Rows(Protocol):
    """What is taken in: a header, and batches of rows that can be walked once."""

    @property
    def header(self) -> Sequence[str]: ...

    def batches(self) -> Iterator[Batch]: ...


def place_of(source: Source, around: Surroundings, ending: str = "csv") -> Path:
    """The file of this run that holds the rows of `source`. Equal sources share one."""
    if around.folder is None:
        raise RuntimeError("a source that is taken in needs the folder of a run")
    name = hashlib.sha256(repr(source).encode()).hexdigest()[:16]
    return around.folder / f"{name}.{ending}"


def taken_in(
    source: Source, name: str, around: Surroundings, opened: Callable[[], AbstractContextManager[Rows]]
) -> IntakeReader:
    """A reader over the rows of `source`, which `opened` gives when the run does not have them yet. Raises InvalidInputError
    for rows that cannot be read, with the first faults, and LocalError when the disk refuses: then nothing is kept."""
    path = place_of(source, around)
    if not path.exists():
        with opened() as rows:
            _write(rows, name, path)
    return IntakeReader(name, path)


def _write(rows: Rows, name: str, path: Path) -> None:
    encode = row_encoder(",", "\n")
    with open_atomic(path) as file:
        if rows.header:
            file.write(encode(rows.header))
        faults: list[Diagnostic] = []
        for batch in rows.batches():
            cells, wrong = _apart(batch)
            faults += [fault.diagnostic(name) for fault in wrong]
            if len(faults) >= SHOWN:
                break
            file.write(b"".join(map(encode, cells)))
        if faults:
            refuse(*faults[:SHOWN])


def _apart(batch: Batch) -> tuple[Iterable[list[str]], list[RecordFaultError]]:
    wrong = [row for row in batch.rows if not isinstance(row, list)]
    return (row for row in batch.rows if isinstance(row, list)), wrong


class IntakeReader:
    """A Reader over a file of rows that were taken in. Its rows have numbers, not lines. A file without a byte has no columns
    and no rows: no result file of a step had a header."""

    def __init__(self, name: str, path: Path) -> None:
        self.on_problem: ProblemSink | None = None
        self._path = path
        source = FileSource(name, path, "csv")
        self._inner: Reader = DelimitedReader(source, NO_LIMITS) if path.stat().st_size else Nothing(name)

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def header(self) -> tuple[str, ...]:
        return self._inner.header

    def __iter__(self) -> Iterator[SourceRow]:
        for row in self._inner:
            yield SourceRow(row.record, 0, row.cells)

    def digest(self) -> InputDigest:
        return self._inner.digest()

    def reopen(self) -> IntakeReader:
        return IntakeReader(self.name, self._path)

    def close(self) -> None:
        self._inner.close()


class Nothing:
    """A Reader without columns and rows."""

    on_problem: ProblemSink | None = None
    header: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def __iter__(self) -> Iterator[SourceRow]:
        return iter(())

    def digest(self) -> InputDigest:
        return InputDigest(hashlib.sha256().hexdigest(), 0, 0)

    def reopen(self) -> Nothing:
        return self

    def close(self) -> None:
        """Nothing is open."""
