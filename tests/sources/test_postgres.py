"""Postgres: a real server. Conformance, every type, one moment for all rows, and a server that goes away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from loadplan.errors import InvalidInputError
from loadplan.plan.model import PostgresSource
from loadplan.sources.base import Reader
from loadplan.sources.postgres import BATCH, PostgresRows
from loadplan.sources.registry import open_source
from loadplan.sources.surroundings import Surroundings

from sources.conformance import ReaderConformance, fresh, read
from support import postgres
from support.postgres import PASSWORD, Server


@pytest.fixture
def db(server: Server) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the test's own, with nothing left of other tests in the database."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield connection


def around(server: Server, folder: Path) -> Surroundings:
    return Surroundings(folder=folder, environ={"DATABASE_URL": server.url})


def opened(server: Server, folder: Path, query: str | None = None, table: str | None = None) -> Reader:
    return open_source(PostgresSource("DATABASE_URL", table, query), around=around(server, fresh(folder)))


def rows_of(server: Server, query: str) -> PostgresRows:
    """The rows without the file they are taken into."""
    return PostgresRows(PostgresSource("DATABASE_URL", None, query), {"DATABASE_URL": server.url})


class TestPostgres(ReaderConformance):
    FIRST_LINE = 0
    HOLDS_NUL = False

    @pytest.fixture(autouse=True)
    def _connected(self, server: Server, db: psycopg.Connection[tuple[object, ...]]) -> None:
        self.server, self.db = server, db

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        names = psycopg.sql.SQL(", ").join(psycopg.sql.Identifier(name) for name in header)
        columns = psycopg.sql.SQL(", ").join(
            psycopg.sql.SQL("{} text").format(psycopg.sql.Identifier(n)) for n in header
        )
        self.db.execute("DROP TABLE IF EXISTS t")
        self.db.execute(psycopg.sql.SQL("CREATE TABLE t (nr serial, {})").format(columns))
        with self.db.cursor() as cursor:
            marks = psycopg.sql.SQL(", ").join(psycopg.sql.Placeholder() * len(header))
            cursor.executemany(psycopg.sql.SQL("INSERT INTO t ({}) VALUES ({})").format(names, marks), rows)
        query = psycopg.sql.SQL("SELECT {} FROM t ORDER BY nr -- all of them").format(names)
        return opened(self.server, folder, query.as_string(self.db))

    def files(self, folder: Path) -> list[Path]:
        return []

    def make_huge(self, folder: Path) -> Reader:
        """PostgreSQL holds at most 1 GB in a value; 200 MB show that it does not come here as a whole."""
        return opened(self.server, folder, "SELECT repeat('x', 200000000) AS big")


TYPES = [
    ("'007'::text", "007"),
    ("'ab'::char(5)", "ab"),
    ("'x'::name", "x"),
    ("(-5)::smallint", "-5"),
    ("9223372036854775807::bigint", "9223372036854775807"),
    ("1.10::numeric(10,2)", "1.10"),
    ("1e30::numeric", "1" + "0" * 30),
    ("0.1::real", "0.1"),
    ("0.1::float8", "0.1"),
    ("(1::float8/3)", "0.3333333333333333"),
    ("12345::float8", "12345"),
    ("1e20::float8", "100000000000000000000"),
    ("1e-7::float8", "0.0000001"),
    ("'-0'::float8", "0"),
    ("true", "true"),
    ("false", "false"),
    ("'2026-06-30'::date", "2026-06-30"),
    ("'2026-06-30 14:00:00+02'::timestamptz", "2026-06-30T12:00:00.000Z"),
    ("'2026-06-30 12:00:00.123999'::timestamptz", "2026-06-30T12:00:00.123Z"),
    ("'2026-06-30 12:00:00.5'::timestamp", "2026-06-30T12:00:00.500Z"),
    ("'09:30'::time", "09:30:00.000Z"),
    ("'23:59:59.999999'::time", "23:59:59.999Z"),
    ("'0E37DF36-F698-11E6-8DD4-CB9CED3DF976'::uuid", "0e37df36-f698-11e6-8dd4-cb9ced3df976"),
    ("""'{"a": 1.10}'::json""", '{"a": 1.10}'),
    ("'happy'::mood", "happy"),
    ("5::positive", "5"),
    ("NULL::text", ""),
    ("NULL::timestamptz", ""),
    ("NULL::float8", ""),
    ("''::text", ""),
]


def test_every_type_has_one_spelling(
    server: Server, db: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    """Whatever the database's own settings are."""
    db.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    for setting in ("timezone TO 'America/Lima'", "datestyle TO 'SQL, DMY'", "extra_float_digits TO -5"):
        db.execute(f"ALTER ROLE loader SET {setting}".encode())
    try:
        query = "SELECT " + ", ".join(f"{sql} AS c{n}" for n, (sql, _) in enumerate(TYPES))
        (row,) = read(opened(server, tmp_path, query))
    finally:
        db.execute("ALTER ROLE loader RESET ALL")
    assert dict(zip([sql for sql, _ in TYPES], row.cells, strict=True)) == dict(TYPES)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("'nan'::float8", "not a number"),
        ("'nan'::numeric", "not a number"),
        ("'-infinity'::real", "infinite"),
        ("'infinity'::date", "no date"),
        ("'0044-03-15 BC'::date", "no date"),
        ("'12026-01-01'::date", "no date"),
        ("'infinity'::timestamptz", "no moment"),
        ("'0044-03-15 12:00 BC'::timestamp", "no moment"),
        ("'24:00'::time", "no time of day"),
    ],
)
def test_a_value_without_a_spelling_is_told_with_row_and_column(
    server: Server, tmp_path: Path, sql: str, word: str
) -> None:
    """And nothing is taken in."""
    with pytest.raises(InvalidInputError) as caught:
        opened(server, tmp_path, f"SELECT NULL AS v UNION ALL SELECT {sql}")
    (found,) = caught.value.diagnostics
    assert found.code == "LP0375"
    assert found.summary.startswith("row 2 has a value in `v` that ")
    assert word in found.summary
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_columns_that_cannot_be_sent_are_all_named_before_a_row_is_read(server: Server, tmp_path: Path) -> None:
    """With the type as PostgreSQL calls it, and the way out."""
    query = (
        "SELECT 1 AS good, ARRAY['a'] AS tags, 'x'::bytea AS picture, '1 day'::interval AS span, '09:30+02'::timetz AS t, "
        "ROW(1, 2) AS pair, 5::money AS price, int4range(1, 2) AS r, point(1, 2) AS p FROM generate_series(1, 5)"
    )
    with pytest.raises(InvalidInputError) as caught:
        opened(server, tmp_path, query)
    assert {d.code for d in caught.value.diagnostics} == {"LP0373"}
    named = [d.summary.split("`")[1] for d in caught.value.diagnostics]
    assert named == ["tags", "picture", "span", "t", "pair", "price", "r", "p"]
    assert "text[]" in caught.value.diagnostics[0].summary
    assert '"tags"::text' in caught.value.diagnostics[0].hint


def test_a_table_is_named_with_or_without_its_schema(
    server: Server, db: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    """Names are taken as they are written."""
    db.execute('CREATE SCHEMA crm; CREATE TABLE crm."Odd ""Table" (id int); INSERT INTO crm."Odd ""Table" VALUES (7)')
    db.execute("CREATE TABLE plain AS SELECT 1 AS id")
    try:
        assert [row.cells for row in read(opened(server, tmp_path, table='crm.Odd "Table'))] == [["7"]]
        assert [row.cells for row in read(opened(server, tmp_path, table="plain"))] == [["1"]]
        with pytest.raises(InvalidInputError) as caught:
            opened(server, tmp_path, table="plane")
        assert caught.value.code == "LP0378"
    finally:
        db.execute("DROP SCHEMA crm CASCADE")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM t",
        "DELETE FROM t RETURNING id",
        "UPDATE t SET id = 9 RETURNING id",
        "WITH gone AS (DELETE FROM t RETURNING id) SELECT id FROM gone",
        "SELECT 1 AS id; DELETE FROM t",
        "SELECT 1 AS id; COMMIT; DELETE FROM t; SELECT 1 AS id",
        "SELECT 1 AS id) AS q; COMMIT; DELETE FROM t; --",
        "COMMIT",
        "COPY t TO STDOUT",
        "COPY t TO PROGRAM 'touch /tmp/loadplan-canary'",
        "SELECT id INTO u FROM t",
        "CREATE TABLE u (id int)",
        "SET TRANSACTION READ WRITE",
        "EXPLAIN ANALYZE DELETE FROM t",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "SHOW server_version",
        "VACUUM",
        "SELECT nextval('s') AS id",
        "SELECT id FROM t FOR UPDATE",
        "",
        ";",
    ],
)
def test_anything_but_one_select_is_refused(
    server: Server, db: psycopg.Connection[tuple[object, ...]], tmp_path: Path, query: str
) -> None:
    """And changes nothing, although the user may."""
    db.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE SEQUENCE s")
    with pytest.raises(InvalidInputError) as caught:
        opened(server, tmp_path, query)
    assert caught.value.code in {"LP0378", "LP0379"}
    assert db.execute("SELECT array_agg(id) FROM t").fetchone() == ([1],)
    assert db.execute("SELECT to_regclass('u')").fetchone() == (None,)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "query",
    [
        "VALUES (1), (2)",
        "TABLE t ORDER BY 1",
        "WITH x AS (SELECT id FROM t) SELECT id FROM x ORDER BY id",
        "SELECT id FROM t ORDER BY id; -- done",
        "  SELECT id FROM t /* ; */ ORDER BY id ;  ",
        "SELECT id FROM t UNION SELECT id FROM t ORDER BY id",
    ],
)
def test_every_form_of_a_select_is_taken(
    server: Server, db: psycopg.Connection[tuple[object, ...]], tmp_path: Path, query: str
) -> None:
    """A semicolon at the end and comments do no harm."""
    db.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)")
    assert [row.cells for row in read(opened(server, tmp_path, query))] == [["1"], ["2"]]


def test_all_rows_are_of_one_moment(server: Server, db: psycopg.Connection[tuple[object, ...]]) -> None:
    """Somebody deletes and adds while the rows are read."""
    db.execute(f"CREATE TABLE t AS SELECT n AS id FROM generate_series(1, {3 * BATCH}) n")
    with closing(rows_of(server, "SELECT id FROM t ORDER BY id")) as rows:
        walk = rows.batches()
        count = len(next(walk).rows)
        db.execute("DELETE FROM t; INSERT INTO t VALUES (0)")
        count += sum(len(batch.rows) for batch in walk)
    assert count == 3 * BATCH


def test_rows_are_taken_in_once(server: Server, db: psycopg.Connection[tuple[object, ...]], tmp_path: Path) -> None:
    """What was checked is what is cut, whatever happens in the database between, and without the database."""
    db.execute("CREATE TABLE t AS SELECT 1 AS id")
    source = PostgresSource("DATABASE_URL", "t")
    first = open_source(source, around=around(server, tmp_path))
    db.execute("UPDATE t SET id = 2")
    again = open_source(source, around=Surroundings(folder=tmp_path, environ={}))
    assert [row.cells for row in read(first)] == [row.cells for row in read(again)] == [["1"]]
    assert first.digest() == again.digest()
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_connection_lost_in_the_middle_leaves_nothing(
    server: Server, db: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    """The session is ended between two batches: rows were read, and none of them is kept."""
    with closing(rows_of(server, "SELECT n AS id FROM generate_series(1, 100000) n")) as rows:
        walk = rows.batches()
        next(walk)
        db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'loadplan'")
        with pytest.raises(InvalidInputError) as caught:
            for _ in walk:
                pass
    assert caught.value.code == "LP0380"
    assert f"after row {BATCH:,}" in caught.value.summary
    kill = (
        "SELECT n AS id, CASE WHEN n = 50000 THEN pg_terminate_backend(pg_backend_pid()) END AS gone "
        "FROM generate_series(1, 100000) n"
    )
    with pytest.raises(InvalidInputError) as caught:
        opened(server, tmp_path, kill)
    assert caught.value.code == "LP0380"
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_server_that_goes_away_is_told(tmp_path: Path) -> None:
    """First in the middle of the rows, then before a connection."""
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.running() as server, closing(rows_of(server, "SELECT n FROM generate_series(1, 99999) n")) as rows:
        walk = rows.batches()
        next(walk)
        server.stop()
        with pytest.raises(InvalidInputError) as caught:
            list(walk)
        assert caught.value.code == "LP0380"
        with pytest.raises(InvalidInputError) as caught:
            opened(server, tmp_path, "SELECT 1")
        assert caught.value.code == "LP0380"
        assert "DATABASE_URL" in (caught.value.hint or "")


def test_a_query_that_fails_in_the_middle_leaves_nothing(server: Server, tmp_path: Path) -> None:
    """A division by zero in a late row."""
    with pytest.raises(InvalidInputError, match="division by zero") as caught:
        opened(server, tmp_path, "SELECT 1 / (5000 - n) AS v FROM generate_series(1, 9000) n")
    assert caught.value.code == "LP0378"
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"postgresql://loader:{PASSWORD}@@@:bad/x?y",
        f"host=localhost password={PASSWORD} nonsense=1",
        f"password='{PASSWORD}",
        f"{PASSWORD}",
        f"postgresql://loader:{PASSWORD}@/postgres?host=/nowhere",
        f"postgresql://nobody:{PASSWORD}@/postgres?host=SOCKET",
        f"postgresql://loader:wrong{PASSWORD}@/postgres?host=SOCKET",
        f"postgresql://loader:{PASSWORD}@/{PASSWORD}?host=SOCKET",
    ],
)
def test_the_password_is_never_shown(server: Server, tmp_path: Path, url: str) -> None:
    """Whatever is wrong with the connection string or the login."""
    url = url.replace("SOCKET", server.url.rpartition("host=")[2])
    with pytest.raises(InvalidInputError) as caught:
        open_source(PostgresSource("DB", "t"), around=Surroundings(folder=tmp_path, environ={"DB": url}))
    said = caught.value
    assert said.code in {"LP0380", "LP0381"}
    assert PASSWORD not in repr((said.summary, said.hint, said.where, said.details, said.diagnostics, said.args))
    assert "DB" in f"{said.where}{said.hint}"


def test_memory_does_not_grow_with_the_rows(server: Server) -> None:
    """Fifty batches are walked in the memory of a batch."""
    import tracemalloc

    with closing(rows_of(server, "SELECT n, repeat('x', 90) AS t FROM generate_series(1, 50000) n")) as rows:
        walk = rows.batches()
        next(walk)
        tracemalloc.start()
        try:
            assert sum(len(batch.rows) for batch in walk) == 50_000 - BATCH
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()


def test_without_the_package_the_message_says_what_to_install() -> None:
    """In a Python that cannot import it."""
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path; from loadplan.errors import InvalidInputError\n"
        "from loadplan.plan.model import PostgresSource; from loadplan.sources.registry import open_source\n"
        "from loadplan.sources.surroundings import Surroundings\n"
        "try: open_source(PostgresSource('DB', 't'), around=Surroundings(folder=Path('/nowhere')))\n"
        "except InvalidInputError as error: print(error.code, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "LP0376 pip install 'loadplan[postgres]'\n"
