"""Parquet: the rows of one Parquet file, in the order of the file, read by DuckDB.

Types are spelled as `values.py` says; a column that is nested or binary is refused by name before a row is read. The digest
is of the file's bytes, and the file must be unchanged after its last row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loadplan.plan.model import FileSource
from loadplan.sources import engine
from loadplan.sources.duckrows import duck_rows, require_types
from loadplan.sources.problems import refuse_file
from loadplan.sources.typed import Batch, TypedReader
from loadplan.sources.unchanged import digest_of_file, require_same, signature

_PATTERN = re.compile(r"[*?\[]")


class ParquetReader(TypedReader):
    """A Reader over one Parquet file. Opening reads its schema; raises InvalidInputError."""

    def __init__(self, source: FileSource) -> None:
        super().__init__(source.path, source.null)
        self._source = source
        self._before = signature(source.file, source.path)
        if _PATTERN.search(str(source.file)):
            summary = "DuckDB takes `*`, `?` and `[` in a path for a pattern, and this is one file"
            refuse_file("LP0302", summary, source.path, hint="rename the file or its folder")
        path = engine.literal(str(source.file))
        # A folder named `a=b` is no column.
        self._origin = f"read_parquet({path}, hive_partitioning = false, filename = false)"
        self._duck = engine.duck(source.path)
        self._connection = engine.connect(source.path, [source.file])
        try:
            self._columns = self._described(path)
            require_types(self._columns, source.path)
            self._start([name for name, _ in self._columns])
        except BaseException:
            self.close()
            raise

    def reopen(self) -> ParquetReader:
        return ParquetReader(self._source)

    def close(self) -> None:
        self._connection.close()

    def _described(self, path: str) -> list[tuple[str, str]]:
        """Names and types. DuckDB renames a column whose name comes twice: the names are those of the file's schema."""
        try:
            columns = engine.described(self._connection, f"SELECT * FROM {self._origin}")  # noqa: S608 - quoted
            schema = self._connection.execute(f"SELECT name FROM parquet_schema({path})").fetchall()  # noqa: S608 - quoted
        except self._duck.Error as error:
            engine.refuse(error, self._source.path, "LP0377", "it cannot be read as a Parquet file")
        names = [str(row[0]) for row in schema[1:]]
        if len(names) != len(columns):
            return columns  # a nested column, which is refused
        return [(name, kind) for name, (_, kind) in zip(names, columns, strict=True)]

    def _batches(self) -> Iterator[Batch]:
        try:
            yield from duck_rows(self._connection, self._origin, self._columns)
        except self._duck.Error as error:
            engine.refuse(error, self._source.path, "LP0377", "reading it failed")

    def _whole(self) -> tuple[str, int]:
        digest = digest_of_file(self._source.file, self._source.path)
        require_same(self._source.file, self._source.path, self._before)
        return digest, self._before.size


def open_parquet(source: FileSource) -> ParquetReader:
    """The opener the registry knows."""
    return ParquetReader(source)
