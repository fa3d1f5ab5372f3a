"""Column values: some columns of the rows a step sends, batch by batch, without the rows. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loadplan.sources.chosen import Chooser
from loadplan.sources.evenlines import lines_of
from loadplan.sources.partdata import changed
from loadplan.sources.rawrecords import unquoted
from loadplan.sources.sentrows import Reading


def column_values(chooser: Chooser, fields: Sequence[int | None]) -> Iterator[list[list[bytes]]]:
    """The values of some sent fields, a list for each, all rows of a batch in order; None stands for the key of a row whose key
    is not sent. Raises what the chooser raises."""
    cells = _cells(chooser, fields)
    path = chooser.picked_file
    if path is not None and cells is not None:
        try:
            size = path.stat().st_size
        except OSError as error:
            raise changed(path) from error
        lines = lines_of(chooser.rows.delimiter.encode(), len(chooser.rows.header), size=size)
        if lines.has_places:
            yield from _of_places(chooser, Reading(path, lines), cells)
            return
    for batch in chooser:
        yield [[chooser.key_of(r) if at is None else unquoted(r.fields[at]) for r in batch] for at in fields]


def _cells(chooser: Chooser, fields: Sequence[int | None]) -> list[int] | None:
    """The source columns of sent fields of which nothing is changed; None when there is another."""
    picks = chooser.raw.picks
    found = [chooser.raw.key_column if at is None else picks[at] if picks is not None else None for at in fields]
    cells = [at for at in found if isinstance(at, int)]
    return cells if len(cells) == len(fields) else None


def _of_places(chooser: Chooser, reading: Reading, cells: list[int]) -> Iterator[list[list[bytes]]]:
    from loadplan.sources.evenarrays import PlacedBatch, cut

    for batch in reading:
        if not batch.count:
            continue
        assert isinstance(batch, PlacedBatch)
        kind = batch.main()
        values: list[list[bytes]] = [cut(batch.text, *kind.edges(at)) if kind is not None else [] for at in cells]
        for at, record in batch.split(kind)[1]:
            own = chooser.rows.split(record)
            for column, cell in zip(values, cells, strict=True):
                column.insert(at, unquoted(own[cell]))
        yield values
