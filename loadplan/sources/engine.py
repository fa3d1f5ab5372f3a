"""Engine: DuckDB, locked down. The only module that imports duckdb, and only when a source needs it.

What a connection may do is fixed before the first statement of anybody else: it reads the files it was given and no other,
writes to its temporary folder only, loads no extension, sees no Python variable, and its configuration is locked. Memory,
threads and disk are bounded. Whether a statement may run at all is decided by `require_select`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from loadplan.sources.extras import missing
from loadplan.sources.problems import refuse_file

if TYPE_CHECKING:
    from types import ModuleType

    import duckdb

MEMORY = "400MB"


def duck(name: str) -> ModuleType:
    """The package. Raises InvalidInputError with the command that installs it, for source `name`."""
    try:
        import duckdb
    except ImportError:
        missing("duckdb", "engine", name, "a Parquet file or an `sql` source")
    return duckdb


def connect(
    name: str,
    files: Sequence[Path],
    *,
    temporary: Path | None = None,
    most_temporary: str = "0KB",
    views: Sequence[str] = (),
) -> duckdb.DuckDBPyConnection:
    """A connection that may read `files` and nothing else. `views` are statements of ours, run before the lock.
    `temporary` is the folder for what does not fit in memory, up to `most_temporary`; without it nothing spills."""
    module = duck(name)
    connection: duckdb.DuckDBPyConnection = module.connect(
        ":memory:",
        config={
            "memory_limit": MEMORY, "threads": 1, "temp_directory": str(temporary or ""),
            "max_temp_directory_size": most_temporary, "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false", "allow_community_extensions": "false",
            "allow_unsigned_extensions": "false", "python_enable_replacements": "false",
        },
    )  # fmt: skip
    try:
        connection.execute(f"SET allowed_paths = [{', '.join(literal(str(file)) for file in files)}]")
        connection.execute("SET enable_external_access = false")
        for view in views:
            connection.execute(view)
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def require_select(connection: duckdb.DuckDBPyConnection, sql: str, name: str) -> None:
    """Raises InvalidInputError unless `sql` is exactly one SELECT. Nothing of it is run."""
    module = duck(name)
    try:
        statements = connection.extract_statements(sql)
    except module.Error as error:
        refuse_file("LP0378", f"the SQL cannot be read: {first_line(error)}", name)
    if len(statements) != 1 or statements[0].type != module.StatementType.SELECT:
        kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
        hint = "write one SELECT; nothing else is run"
        refuse_file("LP0379", f"an `sql` source is one SELECT, not {kinds}", name, hint=hint)


@contextmanager
def at_most(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupts what runs on the connection when the block takes longer."""
    watch = threading.Timer(seconds, connection.interrupt)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        watch.join()


def refuse(error: Exception, name: str, code: str, what: str) -> NoReturn:
    """Say an error of DuckDB in our words. `code` and `what` are for the kinds that are not told apart here."""
    module = duck(name)
    text = first_line(error)
    if isinstance(error, module.InterruptException):
        refuse_file(
            "LP0382", "the query took too long and was stopped", name, hint="select fewer rows, or prepare them before"
        )
    if isinstance(error, module.OutOfMemoryException):
        refuse_file(
            "LP0382", f"it needs more than {MEMORY} of memory: {text}", name, hint="select fewer rows or columns"
        )
    if isinstance(error, module.PermissionException):
        hint = "name the file directly after FROM or JOIN: FROM 'data/a.csv'"
        refuse_file("LP0378", f"the query may only read the files it names: {text}", name, hint=hint)
    refuse_file(code, f"{what}: {text}", name)


def first_line(error: Exception) -> str:
    """What DuckDB says, without the statement it shows below."""
    return str(error).strip().partition("\n")[0]


def literal(text: str) -> str:
    """A string literal of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted name of DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def described(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    """Names and types of the columns that `query` gives. Raises duckdb.Error."""
    found: list[Any] = connection.execute(f"DESCRIBE {query}").fetchall()
    return [(str(row[0]), str(row[1])) for row in found]
