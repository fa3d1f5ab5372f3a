"""Sql: the rows of one SELECT over files of the project, run once by DuckDB in a locked room.

Decisions
- It runs only where orgs.yaml says so; the plan cannot.
- The SELECT sees copies: each file it names is read by its own reader, with all the checks of that, and written as a plain
  CSV (Parquet: copied) into a private folder, read-only. Under the name it has in the SELECT stands a view of the copy,
  and no other file can be opened. Cells of text files are VARCHAR, an empty one is NULL.
- Memory, disk, time and rows are bounded; the result is taken in once (`intake.py`), and the copies are removed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from loadplan.durable import make_private
from loadplan.errors import OrgError
from loadplan.plan.model import FileSource, SqlSource
from loadplan.plan.sql_text import without_semicolon
from loadplan.sources import engine
from loadplan.sources.base import Reader
from loadplan.sources.columns import column_problems
from loadplan.sources.duckrows import duck_rows, require_types
from loadplan.sources.encode import row_encoder
from loadplan.sources.problems import refuse, refuse_file
from loadplan.sources.surroundings import Surroundings
from loadplan.sources.typed import Batch
from loadplan.sources.unchanged import require_same, signature

SECONDS = 600.0
MOST_ROWS = 150_000_000
"""What an org takes in a day (Salesforce Developer Limits, "Bulk API and Bulk API 2.0")."""
MOST_TEMPORARY = "20GB"


class SqlRows:
    """The rows of the SELECT. Use it in a `with`: leaving removes the copies. `open_file` opens a source of one of the
    formats. Raises OrgError (exit 3) where SQL is not allowed, InvalidInputError for everything that is wrong with it."""

    def __init__(
        self,
        source: SqlSource,
        around: Surroundings,
        open_file: Any,
        *,
        seconds: float = SECONDS,
        most_rows: int = MOST_ROWS,
    ) -> None:
        if not around.allow_sql():
            raise OrgError(
                "the plan has an `sql` source, and orgs.yaml does not allow it", code="LP0450", where=source.path,
                hint="`sql_sources: true` in orgs.yaml, at its top or in the org's entry, lets plans run SQL over files",
            )  # fmt: skip
        if around.folder is None:
            raise RuntimeError("an sql source needs the folder of a run")
        self._source = source
        self._folder = around.folder
        self._open_file = open_file
        self._seconds = seconds
        self._most_rows = most_rows
        self._room = ExitStack()
        self._duck = engine.duck(source.path)
        self.header: tuple[str, ...] = ()

    def __enter__(self) -> SqlRows:
        try:
            self._prepare()
        except BaseException:
            self._room.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.close()

    def batches(self) -> Iterator[Batch]:
        rows = 0
        try:
            with engine.at_most(self._connection, self._seconds):
                for batch in duck_rows(self._connection, f"({without_semicolon(self._source.sql)}\n)", self._columns):
                    rows += len(batch.rows)
                    if rows > self._most_rows:
                        what = f"it gives over {self._most_rows:,} rows, more than an org takes in a day"
                        refuse_file("LP0382", what, self._source.path, hint="select fewer rows")
                    yield batch
        except self._duck.Error as error:
            engine.refuse(error, self._source.path, "LP0378", "the SELECT failed")

    def _prepare(self) -> None:
        """Everything up to the first row: the copies, the lock, the check of the statement."""
        name, sql = self._source.path, self._source.sql
        # The statement is judged before anything is copied for it.
        with engine.connect(name, []) as empty:
            engine.require_select(empty, sql, name)
        make_private(self._folder)
        room = Path(tempfile.mkdtemp(dir=self._folder, prefix="sql-"))
        self._room.callback(shutil.rmtree, room, ignore_errors=True)
        copies = [self._copy(file, room, number) for number, file in enumerate(self._source.files)]
        views = [view for _, view in copies]
        try:
            self._connection = engine.connect(
                name, [path for path, _ in copies], temporary=room / "tmp", most_temporary=MOST_TEMPORARY, views=views
            )
            self._room.callback(self._connection.close)
            with engine.at_most(self._connection, self._seconds):
                self._columns = engine.described(self._connection, f"({without_semicolon(sql)}\n)")
        except self._duck.Error as error:
            engine.refuse(error, name, "LP0378", "the SELECT cannot be run")
        problems = column_problems([column for column, _ in self._columns], name, 0)
        if problems:
            refuse(*problems)
        require_types(self._columns, name)
        self.header = tuple(column for column, _ in self._columns)

    def _copy(self, file: FileSource, room: Path, number: int) -> tuple[Path, str]:
        """A copy of `file`, and the view that stands for it."""
        view = f"CREATE VIEW {engine.identifier(file.path)} AS SELECT * FROM"
        if file.format == "parquet":
            path = room / f"{number}.parquet"
            before = signature(file.file, file.path)
            shutil.copyfile(file.file, path)
            require_same(file.file, file.path, before)
            path.chmod(0o400)
            return path, f"{view} read_parquet({engine.literal(str(path))}, hive_partitioning = false)"
        path = room / f"{number}.csv"
        reader = self._open_file(file)
        try:
            _write_plain(reader, path)
            columns = ", ".join(f"{engine.literal(column)}: 'VARCHAR'" for column in reader.header)
        finally:
            reader.close()
        path.chmod(0o400)
        # data-plane: never sniff, never name the line end; everything else is said.
        return path, (
            f"{view} read_csv({engine.literal(str(path))}, auto_detect = false, header = true, columns = {{{columns}}}, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = true, max_line_size = 4194304)"
        )


def _write_plain(reader: Reader, path: Path) -> None:
    encode = row_encoder(",", "\n")
    with path.open("wb", buffering=1 << 20) as file:
        file.write(encode(reader.header))
        for row in reader:
            file.write(encode(row.cells))
