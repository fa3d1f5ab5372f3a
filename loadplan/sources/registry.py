"""Registry: which sources there are, and how each is opened. A new format or kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadplan.plan import model as m
from loadplan.sources.base import Reader
from loadplan.sources.delimited import open_delimited
from loadplan.sources.intake import taken_in
from loadplan.sources.jsonl import open_jsonl
from loadplan.sources.outcomes import OutcomeRows
from loadplan.sources.pages import PagesReader
from loadplan.sources.parquet import open_parquet
from loadplan.sources.postgres import PostgresRows
from loadplan.sources.problems import refuse_file
from loadplan.sources.sql import SqlRows
from loadplan.sources.sqlite import open_sqlite
from loadplan.sources.stdin import as_file
from loadplan.sources.surroundings import NOWHERE, Surroundings

Opener = Callable[[m.FileSource], Reader]

SOURCES: dict[str, Opener] = {
    "csv": open_delimited,
    "tsv": open_delimited,
    "jsonl": open_jsonl,
    "parquet": open_parquet,
}
"""Formats of one file."""


def _open_file(source: m.FileSource, around: Surroundings = NOWHERE) -> Reader:
    opener = SOURCES.get(source.format)
    if opener is None:
        known = ", ".join(SOURCES)
        refuse_file("LP0333", f"`{source.format}` is not a source format", source.path, hint=f"known formats: {known}")
    return opener(source)


def _open_outcomes(source: m.ResultsSource, around: Surroundings) -> Reader:
    def rows() -> nullcontext[OutcomeRows]:
        return nullcontext(OutcomeRows(source.path, around.outcomes(source.step, source.kind)))

    return taken_in(source, source.path, around, rows)


KINDS: dict[type[m.Source], Callable[[Any, Surroundings], Reader]] = {
    m.FileSource: _open_file,
    m.SqliteSource: lambda source, _: open_sqlite(source),
    m.StepSource: lambda source, around: PagesReader(source.step, around.pages(source.step)),
    m.ResultsSource: _open_outcomes,
    m.StdinSource: lambda source, around: _open_file(as_file(source, around)),
    m.PostgresSource: lambda source, around: taken_in(
        source, source.path, around, lambda: closing(PostgresRows(source, around.environ))
    ),
    m.SqlSource: lambda source, around: taken_in(
        source, source.path, around, lambda: SqlRows(source, around, _open_file)
    ),
}
"""Sources by their class in the model."""


def open_source(
    source: m.Source, *, resolve_step: Callable[[str], Sequence[Path]] | None = None, around: Surroundings = NOWHERE
) -> Reader:
    """Open `source` at its beginning. `around` is what the run gives to it; `resolve_step` gives the page files of a query
    step, in order, and stands for `around.pages`.

    Raises InvalidInputError when it cannot be opened or its header is not usable, OrgError where orgs.yaml does not allow
    it, LocalError when its rows have to be taken in and the disk refuses. The caller closes the reader."""
    if resolve_step is not None:
        around = replace(around, pages=resolve_step)
    return KINDS[type(source)](source, around)
