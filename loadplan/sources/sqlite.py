"""Sqlite: a table of a SQLite file, or one SELECT over it. It only reads, and only what the file alone holds.

Decisions
- The file is opened read-only, and an authorizer lets nothing but reading through: no ATTACH, no PRAGMA, no extension.
- A file with changes beside it (a filled `-wal`, a hot `-journal`) is refused: its bytes are not the database.
- A file in WAL mode without such changes is opened as immutable, because reading it otherwise writes files beside it; any
  other is read under SQLite's shared lock, which keeps writers out. Either way it must be unchanged after the last row.
- The digest is of the file, the query and the rows it gave, so that `random()` does not pass for a repeatable source.
- Values have the type they were stored with (https://sqlite.org/datatype3.html): numbers are spelled by `values.py`,
  texts pass as they are, also dates; BLOBs are refused.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from loadplan.diagnostics import did_you_mean
from loadplan.plan.model import SqliteSource
from loadplan.sources import values
from loadplan.sources.problems import refuse_file
from loadplan.sources.typed import FIELD, Batch, Row, TypedReader, fault, judged
from loadplan.sources.unchanged import digest_of_file, require_same, signature

BATCH = 200
LONGEST = 32_000_000
"""Bytes of a row or a value that SQLite may build in memory."""
_HOT = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}


class SqliteReader(TypedReader):
    """A Reader over one SQLite file. Opening runs the query to its first row; raises InvalidInputError."""

    def __init__(self, source: SqliteSource) -> None:
        super().__init__(source.path, source.null)
        self._source = source
        self._before = signature(source.file, source.path)
        self._query = source.query if source.query is not None else f"SELECT * FROM {quoted(source.table or '')}"  # noqa: S608 - quoted
        self._hasher = hashlib.sha256()
        _refuse_in_use(source)
        self._connection = _open(source)
        try:
            self._cursor = self._run()
            self._start([column[0] for column in self._cursor.description])
        except BaseException:
            self.close()
            raise

    def reopen(self) -> SqliteReader:
        return SqliteReader(self._source)

    def close(self) -> None:
        self._connection.close()

    def _run(self) -> sqlite3.Cursor:
        try:
            cursor = self._connection.execute(self._query)
        except sqlite3.Warning:  # Python 3.11 and 3.12 tell a second statement so
            self._refuse_statement()
        except sqlite3.Error as error:
            self._refuse(error)
        if cursor.description is None:
            self._refuse_statement()
        return cursor

    def _batches(self) -> Iterator[Batch]:
        done = 0
        while found := self._fetch(done):
            rows, clean = self._rows_of(found, done)
            # One text of the batch, NUL between cells: for the digest, and to see that nothing in it needs a closer look.
            lines = ["\0".join(cells) for cells in rows if isinstance(cells, list)]
            text = "\0".join([*lines, ""])
            if max(map(len, lines), default=0) > FIELD or text.count("\0") != len(lines) * len(self._header):
                rows = [judged(r, n, self._header) if isinstance(r, list) else r for n, r in enumerate(rows, done + 1)]
                clean = False
            self._hasher.update(text.encode())
            done += len(found)
            yield Batch(rows, clean)

    def _rows_of(self, found: Sequence[tuple[object, ...]], done: int) -> tuple[list[Row], bool]:
        """The rows as cells, spelled a column at a time, because most columns hold one type."""
        try:
            return [list(row) for row in zip(*map(_spelled, zip(*found, strict=True)), strict=True)], True
        except (KeyError, values.SpellingError):
            return [self._row(row, record) for record, row in enumerate(found, done + 1)], False

    def _fetch(self, done: int) -> list[tuple[object, ...]]:
        try:
            return self._cursor.fetchmany(BATCH)
        except sqlite3.Error as error:
            self._refuse(error, done)

    def _row(self, row: tuple[object, ...], record: int) -> Row:
        """A row cell by cell, for the name of the column that is wrong."""
        cells = []
        for name, value in zip(self._header, row, strict=True):
            if isinstance(value, bytes):
                hint = f"leave the column out, or write hex({quoted(name)}) in a query"
                return fault("LP0373", record, f"has a binary value in `{name}`", hint)
            try:
                cells.append(SPELL[type(value)](value))
            except values.SpellingError as error:
                return fault("LP0375", record, f"has a value in `{name}` that {error}")
        return cells

    def _whole(self) -> tuple[str, int]:
        source = self._source
        digest = digest_of_file(source.file, source.path, b"\0", self._query.encode(), self._hasher.digest())
        require_same(source.file, source.path, self._before)
        return digest, self._before.size

    def _refuse(self, error: sqlite3.Error, after: int = 0) -> NoReturn:
        """`after` is the number of rows that were read before."""
        name, text = self._source.path, str(error)
        where = f" after row {after:,}" if after else ""
        if (
            "one statement" in text
            or getattr(error, "sqlite_errorname", "") == "SQLITE_AUTH"
            or "not authorized" in text
        ):
            self._refuse_statement()
        if text.startswith("Could not decode to UTF-8"):
            # The message of sqlite3 shows the value.
            column = text.partition("column '")[2].partition("'")[0]
            refuse_file("LP0303", f"a text of column `{column}`{where} is not UTF-8", name)
        if "too big" in text:
            refuse_file(
                "LP0315", f"a value{where} has over {LONGEST:,} bytes; Salesforce takes {FIELD:,} characters", name
            )
        if "no such table" in text and self._source.table is not None:
            refuse_file("LP0378", f"there is no table `{self._source.table}`", name, hint=self._tables())
        if "locked" in text:
            refuse_file(
                "LP0385", "another program is writing to it", name, hint="wait until it is done, then run again"
            )
        if _is_damage(error):
            refuse_file("LP0377", f"it cannot be read as a SQLite file{where}: {text}", name)
        refuse_file("LP0378", f"SQLite refused the query{where}: {text}", name)

    def _refuse_statement(self) -> NoReturn:
        hint = "write one SELECT; nothing else is run"
        refuse_file("LP0379", "the query is not one SELECT that only reads this file", self._source.path, hint=hint)

    def _tables(self) -> str:
        found = self._connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")
        names = [row[0] for row in found]
        return did_you_mean(self._source.table or "", names) or f"tables: {', '.join(names[:20]) or 'none'}"


def open_sqlite(source: SqliteSource) -> SqliteReader:
    """The opener the registry knows."""
    return SqliteReader(source)


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _nothing(_: object) -> str:
    return ""


SPELL: dict[type, Callable[[Any], str]] = {str: str, int: str, float: values.floating, type(None): _nothing}
"""The types of SQLite as Python gives them. BLOBs are not among them."""


def _spelled(column: tuple[Any, ...]) -> Iterable[str]:
    kinds = set(map(type, column))
    if kinds == {str}:
        return column
    if kinds == {float}:
        return values.floatings(column)
    if len(kinds) == 1:
        return map(SPELL[kinds.pop()], column)
    return [value if type(value) is str else SPELL[type(value)](value) for value in column]


def _open(source: SqliteSource) -> sqlite3.Connection:
    uri = f"file:{quote(str(source.file))}?mode=ro" + ("&immutable=1" if _is_wal(source.file) else "")
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    except sqlite3.Error as error:
        refuse_file("LP0377", f"it cannot be opened as a SQLite file: {error}", source.path)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.set_authorizer(_only_reading)
    return connection


def _only_reading(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action in _READING or (action == sqlite3.SQLITE_FUNCTION and second != "load_extension"):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _is_wal(file: Path) -> bool:
    """Bytes 18 and 19 of the header say which journal the file is used with (https://sqlite.org/fileformat2.html)."""
    with file.open("rb") as opened:
        return opened.read(20)[18:] == b"\2\2"


def _refuse_in_use(source: SqliteSource) -> None:
    wal, journal = (Path(f"{source.file}-{ending}") for ending in ("wal", "journal"))
    hot = False
    if journal.exists():
        with journal.open("rb") as opened:
            hot = opened.read(8) == _HOT
    if hot or (wal.exists() and wal.stat().st_size):
        beside = journal if hot else wal
        refuse_file(
            "LP0385", f"{beside.name} beside it holds changes that are not in the file", source.path,
            hint=f"close the program that uses it, or make a copy: sqlite3 {source.file.name} \"VACUUM INTO 'copy.sqlite'\"",
        )  # fmt: skip


def _is_damage(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(
        ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_IOERR", "SQLITE_CANTOPEN")
    )
