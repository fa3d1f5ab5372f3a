"""Maps: value tables that stand in a file of their own, read whole and strictly. Nothing here decides what an unknown text
becomes.

A table is a CSV or TSV file in UTF-8 with a header. Texts are taken exactly. The same text twice is an error, also when
both lines agree: which one is meant when somebody changes one of them?
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from loadplan.diagnostics import Diagnostic, Note, Place, did_you_mean
from loadplan.errors import InvalidInputError
from loadplan.plan.model import FileSource, MapFile
from loadplan.sources.delimited import DelimitedReader
from loadplan.sources.problems import refuse, refuse_file

MOST_ENTRIES = 100_000
"""A table is kept in memory. A larger one holds records, not spellings."""
SHOWN = 20


def read_table(table: MapFile) -> Mapping[str, str]:
    """The entries of a table. Raises InvalidInputError with its problems, each with its line."""
    try:
        found = table.file.stat()
    except OSError:
        return _read(table)  # which says what is wrong
    return _remembered(table, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(8)
def _remembered(table: MapFile, _state: tuple[int, int, int]) -> Mapping[str, str]:
    """A step is looked at several times in a run; its table is read again only when the file is another."""
    return _read(table)


def _read(table: MapFile) -> Mapping[str, str]:
    reader = DelimitedReader(_source(table))
    found: list[Diagnostic] = []
    reader.on_problem = found.append
    try:
        at, becomes = _columns(table, reader.header)
        entries: dict[str, str] = {}
        lines: dict[str, int] = {}
        for row in reader:
            text = row.cells[at]
            if text in entries:
                found.append(_twice(table, row.line, lines[text]))
                continue
            entries[text], lines[text] = row.cells[becomes], row.line
            if len(entries) > MOST_ENTRIES:
                summary = f"the table has more than {MOST_ENTRIES:,} entries"
                refuse_file("LP0342", summary, table.path, row.line, "load them as records, and look them up")
    except InvalidInputError as error:
        found.extend(error.diagnostics)
    finally:
        reader.close()
    if not found and not entries:
        found.append(Diagnostic("LP0342", "the table has a header and no entries", Place(table.path, 1)))
    if len(found) > SHOWN:
        found[SHOWN:] = [
            Diagnostic("LP0342", f"and {len(found) - SHOWN:,} more problems of this table", Place(table.path))
        ]
    if found:
        refuse(*found)
    return entries


def _source(table: MapFile) -> FileSource:
    bare = table.path.lower().removesuffix(".gz")
    kind, delimiter = ("tsv", "\t") if bare.endswith(".tsv") else ("csv", ",")
    compression = "gzip" if bare != table.path.lower() else None
    return FileSource(table.path, table.file, kind, delimiter, compression=compression)


def _columns(table: MapFile, header: tuple[str, ...]) -> tuple[int, int]:
    if len(header) < 2:
        summary = "a table needs two columns: a text, and what it becomes"
        refuse_file("LP0342", summary, table.path, 1, hint=f"it has `{', '.join(header)}`; is its delimiter a comma?")
    wanted = (table.from_column or header[0], table.to_column or header[1])
    for key, name in zip(("from", "to"), wanted, strict=True):
        if name not in header:
            hint = did_you_mean(name, header) or f"columns: {', '.join(header[:30])}"
            refuse_file(
                "LP0342", f"`{key}` of the map names the column `{name}`, which the table lacks", table.path, 1, hint
            )
    if wanted[0] == wanted[1]:
        refuse_file("LP0342", f"`from` and `to` of the map are one column: `{wanted[0]}`", table.path, 1, "name both")
    return header.index(wanted[0]), header.index(wanted[1])


def _twice(table: MapFile, line: int, first: int) -> Diagnostic:
    note = Note(Place(table.path, first), "first here")
    summary = f"the table has the same text twice: lines {first} and {line}"
    return Diagnostic("LP0340", summary, Place(table.path, line), hint="remove one of them", notes=(note,))
