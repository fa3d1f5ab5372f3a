"""Sqlite: conformance, what is refused before a row is read, and files that somebody else writes to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.errors import InvalidInputError
from loadplan.plan.model import SqliteSource
from loadplan.sources.base import Reader
from loadplan.sources.registry import open_source
from loadplan.sources.sqlite import quoted

from sources.conformance import EngineConformance, read


def write(path: Path, *statements: str) -> Path:
    """A database made of these statements."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def sqlite(path: Path, query: str | None = None, table: str | None = None, **options: object) -> Reader:
    if query is None and table is None:
        table = "t"
    return open_source(SqliteSource(path.name, path, table, query, **options))  # type: ignore[arg-type]


class TestSqlite(EngineConformance):
    FIRST_LINE = 0

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        path = folder / "rows.sqlite"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"CREATE TABLE t ({', '.join(quoted(name) for name in header)})")
            connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(header))})", rows)
            connection.commit()
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        return sqlite(folder / "rows.sqlite")

    def make_huge(self, folder: Path) -> Reader:
        """SQLite stores at most 1 GB in a value; it can make one of that size out of nothing."""
        return sqlite(write(folder / "a.sqlite"), "SELECT hex(zeroblob(400000000)) AS big")


class TestQuery(TestSqlite):
    """The same rows by a query."""

    def open_again(self, folder: Path) -> Reader:
        return sqlite(folder / "rows.sqlite", "SELECT * FROM t ORDER BY rowid; -- all of them")


def test_stored_types_have_one_spelling(tmp_path: Path) -> None:
    """Also in a column that mixes them."""
    path = write(
        tmp_path / "a.sqlite",
        "CREATE TABLE t (a INTEGER, b REAL, c, d TEXT)",
        "INSERT INTO t VALUES (9223372036854775807, 0.1, NULL, '007')",
        "INSERT INTO t VALUES (-1, 1e20, 'x', NULL)",
        "INSERT INTO t VALUES (0, -0.0, 1e-7, '2026-06-30')",
        "INSERT INTO t VALUES (NULL, 12345.0, 5, '')",
    )
    assert [row.cells for row in read(sqlite(path))] == [
        ["9223372036854775807", "0.1", "", "007"],
        ["-1", "100000000000000000000", "x", ""],
        ["0", "0", "0.0000001", "2026-06-30"],
        ["", "12345", "5", ""],
    ]


def test_null_texts_become_empty(tmp_path: Path) -> None:
    """As in a file of text."""
    path = write(tmp_path / "a.sqlite", "CREATE TABLE t (a, b)", "INSERT INTO t VALUES ('N/A', 'x')")
    assert [row.cells for row in read(sqlite(path, null=("N/A",)))] == [["", "x"]]


@pytest.mark.parametrize(
    ("value", "code", "word"),
    [("x'00ff'", "LP0373", "binary"), ("1e999", "LP0375", "infinite"), ("-1e999", "LP0375", "infinite")],
)
def test_a_value_without_a_spelling_is_told_with_row_and_column(
    tmp_path: Path, value: str, code: str, word: str
) -> None:
    """A check reads on behind it; a reader that sends stops."""
    path = write(
        tmp_path / "a.sqlite", "CREATE TABLE t (a, b)", f"INSERT INTO t VALUES (1, 2), (3, {value}), (NULL, 5)"
    )
    reader = sqlite(path)
    found: list[Diagnostic] = []
    reader.on_problem = found.append
    assert [row.record for row in read(reader)] == [1, 3]
    (problem,) = found
    assert (problem.code, problem.place.file) == (code, "a.sqlite")
    assert problem.summary.startswith("row 2 ")
    assert "`b`" in problem.summary
    assert word in problem.summary
    with pytest.raises(InvalidInputError):
        read(sqlite(path))


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM t",
        "UPDATE t SET a = 2",
        "INSERT INTO t VALUES (7)",
        "DROP TABLE t",
        "CREATE TABLE u (a)",
        "CREATE TEMP TABLE u AS SELECT 1",
        "ATTACH '/tmp/other.sqlite' AS o",
        "PRAGMA journal_mode = WAL",
        "PRAGMA table_info(t)",
        "VACUUM INTO '/tmp/loadplan-canary.sqlite'",
        "BEGIN EXCLUSIVE",
        "SELECT 1 AS a; SELECT 2 AS a",
        "SELECT 1 AS a; DELETE FROM t",
        "SELECT load_extension('/tmp/evil.so') AS a",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "",
    ],
)
def test_anything_but_one_select_is_refused(tmp_path: Path, query: str) -> None:
    """Nothing of it is run: the file stays as it is."""
    path = write(tmp_path / "a.sqlite", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    before = path.read_bytes()
    with pytest.raises(InvalidInputError) as caught:
        read(sqlite(path, query))
    assert caught.value.code == "LP0379"
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.sqlite"]


def test_a_wrong_table_or_column_names_what_there_is(tmp_path: Path) -> None:
    """A typo is answered with the nearest name."""
    path = write(tmp_path / "a.sqlite", 'CREATE TABLE "odd ""name" (a)', "CREATE TABLE accounts (a)")
    assert read(sqlite(path, table='odd "name')) == []
    with pytest.raises(InvalidInputError) as caught:
        sqlite(path, table="acounts")
    assert caught.value.code == "LP0378"
    assert "`accounts`" in (caught.value.hint or "")
    with pytest.raises(InvalidInputError, match="no such column: b"):
        sqlite(path, "SELECT b FROM accounts")


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """A join of two tables with an id each."""
    with pytest.raises(InvalidInputError) as caught:
        sqlite(write(tmp_path / "a.sqlite"), "SELECT 1 AS id, 2 AS id, 3 AS x")
    assert caught.value.code == "LP0308"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Whatever its ending says."""
    path = tmp_path / "a.sqlite"
    path.write_text("Id,Name\n1,x\n" * 100, encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        sqlite(path)
    assert caught.value.code == "LP0377"
    with pytest.raises(InvalidInputError) as caught:
        sqlite(tmp_path / "none.sqlite")
    assert caught.value.code == "LP0301"


def test_a_text_that_is_not_utf8_is_told_without_its_value(tmp_path: Path) -> None:
    """SQLite stores any bytes as text."""
    path = write(tmp_path / "a.sqlite", "CREATE TABLE t (n)", "INSERT INTO t VALUES (CAST(x'63616665e9' AS TEXT))")
    with pytest.raises(InvalidInputError) as caught:
        read(sqlite(path))
    assert caught.value.code == "LP0303"
    assert "`n`" in caught.value.summary
    assert "cafe" not in caught.value.summary


def test_changes_that_stand_beside_the_file_are_not_overlooked(tmp_path: Path) -> None:
    """In WAL mode the newest rows are in another file."""
    path = write(tmp_path / "a.sqlite", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    assert [row.cells for row in read(sqlite(path))] == [["1"]]
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO t VALUES (2)")
        writer.commit()
        with pytest.raises(InvalidInputError) as caught:
            sqlite(path)
    assert caught.value.code == "LP0385"
    assert "a.sqlite-wal" in caught.value.summary
    assert [row.cells for row in read(sqlite(path))] == [["1"], ["2"]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.sqlite"]


def test_a_crash_of_the_writer_is_not_overlooked(tmp_path: Path) -> None:
    """A hot journal says that the file holds half of a change."""
    path = write(tmp_path / "a.sqlite", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    journal = tmp_path / "a.sqlite-journal"
    journal.write_bytes(b"\0" * 512)
    assert [row.cells for row in read(sqlite(path))] == [["1"]]
    journal.write_bytes(bytes.fromhex("d9d505f920a163d7") + b"\0" * 504)
    with pytest.raises(InvalidInputError) as caught:
        sqlite(path)
    assert caught.value.code == "LP0385"


def test_a_change_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    """A file in WAL mode is read without a lock."""
    rows = ", ".join(f"({n})" for n in range(1_000))
    path = write(
        tmp_path / "a.sqlite", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", f"INSERT INTO t VALUES {rows}"
    )
    reader = sqlite(path)
    walk = iter(reader)
    next(walk)
    write(path, "UPDATE t SET a = a + 1")  # the last connection that closes moves the changes into the file
    with pytest.raises(InvalidInputError) as caught:
        list(walk)
    reader.close()
    assert caught.value.code == "LP0331"


def test_rows_that_are_others_every_time_have_another_digest(tmp_path: Path) -> None:
    """The file is the same, and still two readings must not pass for one."""
    path = write(tmp_path / "a.sqlite", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    digests = set()
    for _ in range(2):
        reader = sqlite(path, "SELECT hex(randomblob(16)) AS r FROM t")
        list(reader)
        digests.add(reader.digest())
        reader.close()
    assert len(digests) == 2


def test_a_large_value_in_a_column_that_is_not_read_does_no_harm(tmp_path: Path) -> None:
    """Pictures beside the columns that are sent."""
    path = write(tmp_path / "a.sqlite", "CREATE TABLE t (p, a)", "INSERT INTO t VALUES (zeroblob(9000000), 'x')")
    assert [row.cells for row in read(sqlite(path, "SELECT a FROM t"))] == [["x"]]
