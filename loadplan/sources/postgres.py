"""Postgres: the rows of a table or of one SELECT of a PostgreSQL database. The only module that imports psycopg.

Decisions
- One transaction, REPEATABLE READ and READ ONLY, and one server-side cursor in it: the rows are those of one moment, and
  memory stays bounded. They are taken in once a run (`intake.py`); no part is cut from a second look.
- The query goes to the server as a prepared statement first, which takes exactly one; then it stands inside a SELECT of
  ours, where only a SELECT fits.
- Each value is written as text by the server under fixed settings and spelled as `values.py` says; a column of a type
  without a spelling is refused by name before a row is read.
- The connection string comes from the environment and is never shown, nor is a message of libpq that may quote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from loadplan.diagnostics import Diagnostic, Place
from loadplan.plan.model import PostgresSource
from loadplan.plan.sql_text import without_semicolon
from loadplan.sources import values
from loadplan.sources.columns import column_problems
from loadplan.sources.extras import missing
from loadplan.sources.problems import refuse, refuse_file
from loadplan.sources.typed import FIELD, Batch, Row, fault, judged

if TYPE_CHECKING:
    from types import ModuleType

    import psycopg
    from psycopg.pq.abc import PGresult

BATCH = 1_000
SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL standard_conforming_strings = on",
    "SET LOCAL client_encoding = 'UTF8'",
    # The rows are wanted to the last one; the default plans for the first tenth.
    "SET LOCAL cursor_tuple_fraction = 1",
)
_SPELL: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("bool", "int2", "int4", "int8", "oid", "text", "varchar", "bpchar", "name", "uuid"), str),
    **dict.fromkeys(("json", "jsonb", "xml", "citext", "inet", "cidr", "macaddr"), str),
    **dict.fromkeys(("float4", "float8"), values.number),
    "numeric": values.decimal, "date": values.day, "timestamp": values.moment, "timestamptz": values.moment,
    "time": values.clock,
}  # fmt: skip
"""By the name of the type in pg_type. Enums are texts."""


class PostgresRows:
    """The rows of one source, in batches, once. Connects at once; raises InvalidInputError."""

    def __init__(self, source: PostgresSource, environ: Mapping[str, str]) -> None:
        self.name = source.path
        self._source = source
        self._psycopg = _psycopg(self.name)
        self._secret = ""
        self._connection = self._connect(environ.get(source.env, ""))
        try:
            self._query = source.query if source.query is not None else f"SELECT * FROM {_quoted(source.table or '')}"  # noqa: S608 - quoted
            for setting in SETTINGS:
                self._connection.execute(setting.encode())
            self._columns = self._described()
        except self._psycopg.Error as error:
            self.close()
            self._refuse(error)
        except BaseException:
            self.close()
            raise
        self.header = tuple(name for name, _ in self._columns)

    def batches(self) -> Iterator[Batch]:
        """Raises InvalidInputError when the connection is lost, or the query fails."""
        spell = [_SPELL.get(kind, str) for _, kind in self._columns]
        by_hand = [number for number, function in enumerate(spell) if function is not str]
        refs = [f"c{number}" for number in range(len(spell))]
        # A value is cut on the server just above the limit, so that none comes here as a whole to be refused.
        texts = ", ".join(f"left({c}::text, {FIELD + 1})" for c in refs)
        inner = without_semicolon(self._query)
        select = f"SELECT {texts} FROM ({inner}\n) AS source({', '.join(refs)})"  # noqa: S608 - one statement
        done = 0
        try:
            with self._connection.cursor("loadplan") as cursor:
                cursor.itersize = BATCH
                cursor.execute(select.encode())
                while found := cursor.fetchmany(BATCH):
                    rows = [self._row(row, record, spell, by_hand) for record, row in enumerate(found, done + 1)]
                    yield Batch(rows, clean=False)
                    done += len(found)
        except self._psycopg.Error as error:
            self._refuse(error, done)

    def close(self) -> None:
        self._connection.close()

    # -- opening ---------------------------------------------------------------------------------------------------

    def _connect(self, given: str) -> psycopg.Connection[tuple[Any, ...]]:
        variable = self._source.env
        if not given:
            hint = f"export {variable}=postgresql://user@host/database"
            refuse_file("LP0381", f"the variable {variable} is not set", self.name, hint=hint)
        try:
            settings = self._psycopg.conninfo.conninfo_to_dict(given)
        except self._psycopg.Error:
            hint = "for example postgresql://user@host/database; special characters in it are written as %XX"
            refuse_file("LP0381", f"what {variable} holds is not a connection string", self.name, hint=hint)
        self._secret = str(settings.get("password") or "")
        settings.setdefault("connect_timeout", "15")
        settings.setdefault("application_name", "loadplan")
        try:
            connection: psycopg.Connection[tuple[Any, ...]] = self._psycopg.connect(**settings)
        except self._psycopg.Error as error:
            hint = f"check that the server is up, and what {variable} says"
            refuse_file("LP0380", f"the database cannot be reached: {self._said(error)}", self.name, hint=hint)
        return connection

    def _described(self) -> list[tuple[str, str]]:
        """Names and types of the query's columns. Nothing is run; more than one statement is an error of the server."""
        low = self._connection.pgconn
        self._checked(low.prepare(b"", self._query.encode()))
        found = self._checked(low.describe_prepared(b""))
        columns = [((found.fname(i) or b"").decode(), found.ftype(i)) for i in range(found.nfields)]
        if not columns:
            hint = "write one SELECT that gives columns; nothing else is run"
            refuse_file("LP0379", "the query is not a SELECT", self.name, hint=hint)
        kinds = self._kinds([oid for _, oid in columns])
        problems = column_problems([name for name, _ in columns], self.name, 0)
        for name, oid in columns:
            kind, is_enum, shown = kinds[oid]
            if kind not in _SPELL and not is_enum:
                hint = f'leave it out, or write it as text: SELECT "{name}"::text AS "{name}"'
                what = f"column `{name}` has the type {shown}, which cannot be sent"
                problems.append(Diagnostic("LP0373", what, Place(self.name), hint=hint))
        if problems:
            refuse(*problems)
        return [(name, kinds[oid][0]) for name, oid in columns]

    def _checked(self, result: PGresult) -> PGresult:
        """Raises psycopg.Error when the server refused."""
        if result.status == self._psycopg.pq.ExecStatus.FATAL_ERROR:
            raise self._psycopg.errors.error_from_result(result)
        return result

    def _kinds(self, oids: Sequence[int]) -> dict[int, tuple[str, bool, str]]:
        """By oid: the type's name, whether it is an enum, and how it is shown."""
        found = self._connection.execute(
            "SELECT oid, typname, typtype = 'e', format_type(oid, NULL) FROM pg_catalog.pg_type WHERE oid = ANY(%s)",
            [sorted(set(oids))],
        )
        return {oid: (name, is_enum, shown) for oid, name, is_enum, shown in found}

    # -- rows ------------------------------------------------------------------------------------------------------

    def _row(
        self, row: Sequence[str | None], record: int, spell: Sequence[Callable[[str], str]], by_hand: Sequence[int]
    ) -> Row:
        cells = [cell or "" for cell in row]
        for number in by_hand:
            if cells[number]:
                try:
                    cells[number] = spell[number](cells[number])
                except values.SpellingError as error:
                    return fault("LP0375", record, f"has a value in `{self.header[number]}` that {error}")
        return judged(cells, record, self.header) if sum(map(len, cells)) > FIELD else cells

    # -- what went wrong -------------------------------------------------------------------------------------------

    def _refuse(self, error: Any, done: int = 0) -> NoReturn:
        errors = self._psycopg.errors
        where = f" after row {done:,}" if done else ""
        said = self._said(error)
        if self._connection.broken or isinstance(error, errors.OperationalError):
            summary = f"the connection was lost{where}: {said}"
            refuse_file(
                "LP0380", summary, self.name, hint="none of these rows is sent; run it again when the server is back"
            )
        if isinstance(error, errors.SyntaxError) and "multiple commands" in said:
            refuse_file("LP0379", "the query is more than one statement", self.name, hint="write one SELECT")
        if isinstance(error, errors.SyntaxError) and self._source.query is not None and hasattr(self, "_columns"):
            # The query passed by itself and does not fit into a SELECT.
            refuse_file("LP0379", "the query is not a SELECT", self.name, hint="write one SELECT; nothing else is run")
        if isinstance(error, errors.ReadOnlySqlTransaction):
            refuse_file("LP0379", f"the query does more than read: {said}", self.name, hint="write one SELECT")
        refuse_file("LP0378", f"the database refused the query{where}: {said}", self.name)

    def _said(self, error: Any) -> str:
        """The server's first line, without the password should it be quoted."""
        text = (error.diag.message_primary or str(error)).strip().partition("\n")[0]
        return text.replace(self._secret, "***") if self._secret else text


def _psycopg(name: str) -> ModuleType:
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError:
        missing("psycopg[binary]", "postgres", name, "a PostgreSQL source")
    return psycopg


def _quoted(table: str) -> str:
    """`schema.table` or `table` as identifiers."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
