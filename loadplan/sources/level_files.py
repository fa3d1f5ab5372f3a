"""Level files: the rows of a hierarchy found their levels and put aside, a file a level. `levels.py` knows what a level is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

from loadplan.durable import make_private
from loadplan.errors import StaleError
from loadplan.plan.model import Step
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.chosen import Chooser
from loadplan.sources.columnvalues import column_values
from loadplan.sources.levels import Levels, find_levels
from loadplan.sources.rowsfile import RowsFile, put_aside
from loadplan.sources.shape import Shape


def find_step_levels(step: Step, reader: Reader, shape: Shape, folder: Path, *, plain: bool) -> Levels:
    """The levels of the rows that `step` sends of `reader`. `folder` is where keys wait. Raises as `find_levels` does."""
    assert step.hierarchy is not None
    make_private(folder)
    return find_levels(
        _linked(step, reader, shape, plain=plain), folder, max_depth=step.hierarchy.max_depth,
        any_case=step.hierarchy.lookup is not None,
    )  # fmt: skip


def _linked(step: Step, reader: Reader, shape: Shape, *, plain: bool) -> Iterator[tuple[int, bytes, bytes]]:
    """(0, key, parent's key) of each row, as they are sent."""
    hierarchy = step.hierarchy
    assert hierarchy is not None
    parent = shape.header.index(hierarchy.header)
    chooser = Chooser(step, shape, reader, plain=plain)
    key = chooser.raw.key_index
    if hierarchy.lookup is not None:
        key = next(i for i, name in enumerate(shape.header) if name.lower() == hierarchy.lookup.field.lower())
    for keys, parents in column_values(chooser, [key, parent]):
        yield from zip(repeat(0), keys, parents)


def write_levels(
    step: Step, reader: Reader, shape: Shape, levels: Levels, folder: Path, *, plain: bool
) -> tuple[list[RowsFile], InputDigest]:
    """Put the rows aside, a file a level in `folder`, and say what was read. Raises LocalError (exit 9)."""
    make_private(folder)
    chooser = Chooser(step, shape, reader, plain=plain)
    paths = [folder / f"{level:04d}.csv" for level in range(1, levels.depth + 1)]
    with ExitStack() as stack:
        writers = [stack.enter_context(put_aside(p, reader.header, chooser.rows.delimiter)) for p in paths]
        put = [writer.put for writer in writers]
        of = _placed(levels.of, reader.name)
        if chooser.picked_file is not None:
            for numbers, records in chooser.rows:  # every row is sent, and nobody needs its fields
                for record, raw in zip(numbers, records, strict=True):
                    put[next(of) - 1](record, raw)
        else:
            for batch in chooser:
                for record, raw, _ in batch:
                    put[next(of) - 1](record, raw)
    files = [RowsFile(p, rows, chooser.rows.delimiter) for p, rows in zip(paths, levels.rows, strict=True)]
    return files, chooser.rows.digest()


def _placed(levels: Iterable[int], name: str) -> Iterator[int]:
    """The level of each row. Raises StaleError (exit 6) for a row more than were found; fewer rows, or others, the digest tells."""
    yield from levels
    raise StaleError(
        "the source changed while it was read: it has more rows than before", code="LP0331", where=name,
        hint="put the file back as it was, or start a new run",
    )  # fmt: skip
