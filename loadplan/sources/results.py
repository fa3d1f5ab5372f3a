"""Results: reads the three result files of a job as Salesforce wrote them. It judges nothing; `matching.py` does.

Data rows have every value quoted, the header is the job's own text, line breaks may stand inside values, and a file
without rows may have a header or no byte at all (Bulk API 2.0 Developer Guide, "Get Job Successful Record Results",
"Get Job Failed Record Results", "Get Job Unprocessed Record Results"). The delimiter is the job's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from loadplan.errors import InvalidInputError, LocalError
from loadplan.lean import dataclass
from loadplan.sources.problems import RecordFaultError
from loadplan.sources.records import NO_LIMITS, RecordSplitter
from loadplan.sources.stream import TextStream

ResultKind = Literal["successful", "failed", "unprocessed"]

_OWN = ("sf__Id", "sf__Created", "sf__Error")


class ResultRow(NamedTuple):
    """One row of a result file. `created` is None where the file does not say; `error` is the raw `sf__Error`, None
    outside failed results; `cells` are the echoed values in the order of `ResultFile.header`."""

    sf_id: str
    created: bool | None
    error: str | None
    cells: list[str]


class RowError(NamedTuple):
    """An `sf__Error` taken apart: status code, message, and the fields it names."""

    code: str
    message: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class ResultFile:
    """A result file on disk. `header` lists the echoed columns, `columns` all of them with Salesforce's own; iterate `rows` as often as
    needed."""

    path: Path
    header: tuple[str, ...]
    columns: tuple[str, ...]
    _delimiter: str

    def rows(self) -> Iterator[ResultRow]:
        """Raises LocalError (exit 9) when the file is damaged: a row with other cells than the header, an open
        quote."""
        columns = self.columns
        if not columns:
            return
        at = {name: columns.index(name) for name in _OWN if name in columns}
        own_id, own_created, own_error = (at.get(name) for name in _OWN)
        echoed = [i for i, name in enumerate(columns) if name not in _OWN]
        leading = echoed == list(range(len(at), len(columns)))
        for cells in _records(self.path, self._delimiter):
            yield ResultRow(
                cells[own_id] if own_id is not None else "",
                cells[own_created].lower() == "true" if own_created is not None else None,
                cells[own_error] if own_error is not None else None,
                cells[len(at) :] if leading else [cells[i] for i in echoed],
            )


def open_result(path: Path, delimiter: str = ",") -> ResultFile:
    """Read the header of a result file. A file without a byte has no header and no rows. Raises LocalError."""
    stream = _stream(path)
    try:
        first = RecordSplitter(stream.blocks(), delimiter, '"', NO_LIMITS).first()
    except (RecordFaultError, InvalidInputError) as fault:
        raise damaged(path, str(fault)) from fault
    finally:
        stream.close()
    columns = tuple(first[1]) if first is not None else ()
    return ResultFile(path, tuple(c for c in columns if c not in _OWN), columns, delimiter)


def count_rows(path: Path, delimiter: str = ",") -> int:
    """Data records in a result file or a part. Raises LocalError when it is damaged."""
    return sum(1 for _ in _records(path, delimiter))


def count_errors(path: Path, delimiter: str = ",") -> Counter[tuple[str, str]]:
    """How often each status code and message stands in a failed results file. Messages are raw: they may hold values
    of rows and must be masked before they are shown."""
    found: Counter[tuple[str, str]] = Counter()
    for row in open_result(path, delimiter).rows():
        error = parse_error(row.error or "")
        found[error.code, error.message] += 1
    return found


def parse_error(text: str) -> RowError:
    """Take `CODE:message:Field1,Field2 --` apart; the message may hold colons. A text of another form is all message,
    with the code UNKNOWN_ERROR."""
    code, colon, rest = text.partition(":")
    if not colon or not code.replace("_", "").isalnum() or not code.isupper():
        return RowError("UNKNOWN_ERROR", text, ())
    if not rest.endswith("--"):
        return RowError(code, rest, ())
    message, colon, tail = rest[:-2].rstrip(" ").rpartition(":")
    if not colon:
        return RowError(code, tail, ())
    return RowError(code, message, tuple(name.strip() for name in tail.split(",") if name.strip()))


def _records(path: Path, delimiter: str) -> Iterator[list[str]]:
    stream = _stream(path)
    try:
        splitter = RecordSplitter(stream.blocks(), delimiter, '"', NO_LIMITS)
        first = splitter.first()
        for _, cells in splitter.rest(len(first[1])) if first is not None else ():
            if isinstance(cells, RecordFaultError):
                raise cells
            yield cells
    except (RecordFaultError, InvalidInputError) as fault:
        raise damaged(path, str(fault)) from fault
    finally:
        stream.close()


def _stream(path: Path) -> TextStream:
    try:
        return TextStream(path, path.name)
    except InvalidInputError as error:
        raise damaged(path, error.summary) from error


def damaged(path: Path, why: str) -> LocalError:
    """What is raised for a result file that is not what was received."""
    return LocalError(
        f"{path.name} cannot be read as it was received: {why}",
        code="LP0335",
        where=str(path),
        hint="the file changed after it was saved, or was not saved whole",
    )
