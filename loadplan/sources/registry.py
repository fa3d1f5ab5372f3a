"""Registry: which formats a source may have, and how each is opened. A new format is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from loadplan.plan.model import FileSource, Source
from loadplan.sources.base import Reader
from loadplan.sources.delimited import open_delimited
from loadplan.sources.pages import PagesReader
from loadplan.sources.problems import refuse_file

Opener = Callable[[FileSource], Reader]

SOURCES: dict[str, Opener] = {
    "csv": open_delimited,
    "tsv": open_delimited,
}


def open_source(source: Source, *, resolve_step: Callable[[str], Sequence[Path]]) -> Reader:
    """Open `source` at its beginning. `resolve_step` gives the page files of a query step, in order.

    Raises InvalidInputError when it cannot be opened or its header is not usable. The caller closes the reader."""
    if not isinstance(source, FileSource):
        return PagesReader(source.step, resolve_step(source.step))
    opener = SOURCES.get(source.format)
    if opener is None:
        known = ", ".join(SOURCES)
        refuse_file("LP0333", f"`{source.format}` is not a source format", source.path, hint=f"known formats: {known}")
    return opener(source)
