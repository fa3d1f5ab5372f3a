"""Result cells: some columns of a result file, a batch of rows at a time, without the rows. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from loadplan.sources.evenlines import Batch, lines_of
from loadplan.sources.rawrecords import TooLongError, field_splitter, first_record_end, unquoted
from loadplan.sources.results import damaged

_BLOCK = 1 << 18


def result_cells(path: Path, delimiter: str, cells: Sequence[int], width: int) -> Iterator[list[list[bytes]]]:
    """The values of cells (by place among the `width` columns of the file, Salesforce's own included) of all data rows, a list for each
    cell; in no promised order, the same in all lists. Raises LocalError (exit 9) when the file is damaged."""
    split = field_splitter(delimiter.encode(), width)

    def values(batch: Batch) -> list[list[bytes]]:
        found = [batch.values(at) for at in cells]
        for record in batch.others:
            if not crlf:
                record = record.removesuffix(
                    b"\r"
                )  # the header is the job's own text: it may end in another way than the rows
            if not record:
                continue
            own = split(record)
            if own is None:
                raise damaged(path, f"a row does not have the {width} cells of the header")
            for column, at in zip(found, cells, strict=True):
                column.append(unquoted(own[at]))
        return found

    lines, began, crlf = None, b"", False
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                if lines is None:
                    began += block
                    if not (end := first_record_end(began)):
                        continue
                    crlf = began[:end].endswith(b"\r\n")
                    lines = lines_of(delimiter.encode(), width, size=path.stat().st_size, crlf=crlf)
                    block = began[end:]
                yield values(lines.feed(block))
        if lines is not None:
            yield values(lines.end())
            if lines.ends_open:
                raise damaged(path, "it ends inside quotes")
    except TooLongError as error:
        raise damaged(path, "a record goes on for longer than any can be") from error
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error
