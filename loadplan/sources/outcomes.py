"""Outcomes: the rows of an ingest step with one fate, from its result files, as the source of another step.

The columns are those of the result files, `sf__Id`, `sf__Created` and `sf__Error` included, under these names (Bulk API 2.0
Developer Guide, "Get Job Successful Record Results" and the two beside it). Rows that failed and were sent again since
are left out: what became of them stands in a later file. The count must be the one the run has on record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from loadplan.errors import InvalidInputError
from loadplan.sources.problems import RecordFaultError, refuse_file
from loadplan.sources.records import NO_LIMITS, RecordSplitter
from loadplan.sources.results import parse_error
from loadplan.sources.stream import TextStream
from loadplan.sources.surroundings import Outcome
from loadplan.sources.typed import Batch

BATCH = 1_000
_DAMAGED = "the file is kept as it was received under steps/; compare it with the runbook"


class OutcomeRows:
    """The rows of `outcomes`, one file after the other. Without a row there are no columns either: nobody can say which
    they would be. Raises InvalidInputError for files whose columns differ, or that hold other rows than on record."""

    def __init__(self, name: str, outcomes: Sequence[Outcome]) -> None:
        self._name = name
        self._outcomes = outcomes
        headers = [header for outcome in outcomes if (header := self._header_of(outcome))]
        self.header: tuple[str, ...] = headers[0] if headers else ()
        for header in headers:
            if sorted(header) != sorted(self.header):
                refuse_file("LP0386", "two of the result files have different columns", name, hint=_DAMAGED)

    def batches(self) -> Iterator[Batch]:
        for outcome in self._outcomes:
            found = 0
            batch: list[list[str]] = []
            for cells in self._rows(outcome):
                found += 1
                batch.append(cells)
                if len(batch) == BATCH:
                    yield Batch(batch, clean=True)
                    batch = []
            if batch:
                yield Batch(batch, clean=True)
            if found != outcome.rows:
                summary = f"{outcome.path.name} holds {found:,} such rows, and {outcome.rows:,} are on record"
                refuse_file("LP0386", summary, self._name, hint=_DAMAGED)

    def _header_of(self, outcome: Outcome) -> tuple[str, ...]:
        return next((tuple(cells) for cells in self._records(outcome)), ())

    def _rows(self, outcome: Outcome) -> Iterator[list[str]]:
        records = self._records(outcome)
        columns = next(records, None)
        if columns is None:
            return
        arrange = _arrangement(columns, self.header)
        error = columns.index("sf__Error") if outcome.resent else -1
        for cells in records:
            if error < 0 or parse_error(cells[error]).code not in outcome.resent:
                yield arrange(cells)

    def _records(self, outcome: Outcome) -> Iterator[list[str]]:
        """All records of a file, its header first."""
        try:
            stream = TextStream(outcome.path, outcome.path.name)
        except InvalidInputError as error:
            refuse_file("LP0386", f"{outcome.path.name} cannot be read: {error.summary}", self._name, hint=_DAMAGED)
        try:
            splitter = RecordSplitter(stream.blocks(), outcome.delimiter, '"', NO_LIMITS)
            first = splitter.first()
            if first is None:
                return
            yield first[1]
            for _, cells in splitter.rest(len(first[1])):
                if isinstance(cells, RecordFaultError):
                    raise cells
                yield cells
        except RecordFaultError as error:
            refuse_file("LP0386", f"{outcome.path.name} is damaged: {error.summary}", self._name, hint=_DAMAGED)
        finally:
            stream.close()


def _arrangement(columns: Sequence[str], wanted: Sequence[str]) -> Callable[[list[str]], list[str]]:
    if tuple(columns) == tuple(wanted):
        return lambda cells: cells
    order = [columns.index(name) for name in wanted]
    return lambda cells: [cells[i] for i in order]
