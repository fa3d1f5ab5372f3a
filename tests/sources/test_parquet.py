"""Parquet: conformance, the spelling of every type, and what is refused before a row is read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.errors import InvalidInputError
from loadplan.plan.model import FileSource
from loadplan.sources.base import Reader
from loadplan.sources.engine import identifier
from loadplan.sources.registry import open_source

from sources.conformance import EngineConformance, read


def write(path: Path, select: str) -> Path:
    """A Parquet file with the rows of `select`."""
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'America/Lima'")
        target = str(path).replace("'", "''")
        connection.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet)")
    return path


def parquet(path: Path, **options: object) -> Reader:
    return open_source(FileSource(path.name, path, "parquet", **options))  # type: ignore[arg-type]


class TestParquet(EngineConformance):
    FIRST_LINE = 0

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        with closing(duckdb.connect()) as connection:
            connection.execute(f"CREATE TABLE t ({', '.join(f'{identifier(name)} VARCHAR' for name in header)})")
            if rows:
                connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(header))})", rows)
            connection.execute(f"COPY t TO '{folder / 'rows.parquet'}' (FORMAT parquet)")
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        return parquet(folder / "rows.parquet")

    def make_huge(self, folder: Path) -> Reader:
        """As large as the writer makes it; the reader's memory is that of the engine, which is bounded."""
        path = folder / "huge.parquet"
        with closing(duckdb.connect()) as connection:
            connection.execute(f"COPY (SELECT repeat('x', 100000000) AS big) TO '{path}' (FORMAT parquet)")
        return parquet(path)


TYPES = [
    ("'007'", "007"),
    ("CAST(-5 AS TINYINT)", "-5"),
    ("CAST(18446744073709551615 AS UBIGINT)", "18446744073709551615"),
    ("CAST(1.10 AS DECIMAL(10, 2))", "1.10"),
    ("CAST(-0.05 AS DECIMAL(4, 2))", "-0.05"),
    ("CAST(12345678901234567890.1234567890 AS DECIMAL(38, 10))", "12345678901234567890.1234567890"),
    ("CAST(0.1 AS DOUBLE)", "0.1"),
    ("CAST(0.1 AS FLOAT)", "0.1"),
    ("CAST(12345 AS DOUBLE)", "12345"),
    ("CAST(1e20 AS DOUBLE)", "100000000000000000000"),
    ("CAST(1e-7 AS DOUBLE)", "0.0000001"),
    ("CAST('-0.0' AS DOUBLE)", "0"),
    ("CAST(1.7976931348623157e308 AS DOUBLE)", "17976931348623157" + "0" * 292),
    ("true", "true"),
    ("false", "false"),
    ("DATE '2026-06-30'", "2026-06-30"),
    ("DATE '0001-01-01'", "0001-01-01"),
    ("TIMESTAMPTZ '2026-06-30 14:00:00+02'", "2026-06-30T12:00:00.000Z"),
    ("TIMESTAMPTZ '2026-06-30 23:59:59.999999+00'", "2026-06-30T23:59:59.999Z"),
    ("TIMESTAMP '2026-06-30 12:00:00'", "2026-06-30T12:00:00.000Z"),
    ("TIMESTAMP '1969-12-31 23:59:59.9999'", "1969-12-31T23:59:59.999Z"),
    ("TIMESTAMP_S '2026-06-30 12:00:00'", "2026-06-30T12:00:00.000Z"),
    ("TIMESTAMP_MS '2026-06-30 12:00:00.120'", "2026-06-30T12:00:00.120Z"),
    ("TIMESTAMP_NS '2026-06-30 12:00:00.123456789'", "2026-06-30T12:00:00.123Z"),
    ("TIME '09:30:00'", "09:30:00.000Z"),
    ("TIME '09:30:00.5'", "09:30:00.500Z"),
    ("TIME '23:59:59.999999'", "23:59:59.999Z"),
    ("UUID '0E37DF36-F698-11E6-8DD4-CB9CED3DF976'", "0e37df36-f698-11e6-8dd4-cb9ced3df976"),
    ("CAST('b' AS ENUM ('a', 'b'))", "b"),
    ("CAST(NULL AS VARCHAR)", ""),
    ("CAST(NULL AS DOUBLE)", ""),
    ("CAST(NULL AS TIMESTAMPTZ)", ""),
    ("CAST(NULL AS DATE)", ""),
    ("''", ""),
]


@pytest.mark.parametrize(("sql", "text"), TYPES, ids=[sql for sql, _ in TYPES])
def test_every_type_has_one_spelling(tmp_path: Path, sql: str, text: str) -> None:
    """Whatever the time zone of the machine, in a common row and in one that needs a closer look."""
    path = write(tmp_path / "a.parquet", f"SELECT {sql} AS v, 'x' AS w UNION ALL SELECT {sql}, 'a' || chr(31)")
    assert [row.cells for row in read(parquet(path))] == [[text, "x"], [text, "a\x1f"]]


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("CAST('nan' AS DOUBLE)", "not a number"),
        ("CAST('-inf' AS FLOAT)", "infinite"),
        ("DATE '12026-01-01'", "no date"),
        ("DATE '0044-03-15 (BC)'", "no date"),
        ("CAST('infinity' AS DATE)", "no date"),
        ("CAST('infinity' AS TIMESTAMP)", "no moment"),
        ("CAST('-infinity' AS TIMESTAMPTZ)", "no moment"),
        ("TIMESTAMP '0044-03-15 (BC) 12:00:00'", "no moment"),
        ("TIME '24:00:00'", "no time of day"),
    ],
)
def test_a_value_without_a_spelling_is_told_with_row_and_column(tmp_path: Path, sql: str, word: str) -> None:
    """A check reads on behind it."""
    path = write(tmp_path / "a.parquet", f"SELECT 1 AS id, {sql} AS v UNION ALL SELECT 2, NULL")
    reader = parquet(path)
    found: list[Diagnostic] = []
    reader.on_problem = found.append
    assert [row.cells for row in read(reader)] == [["2", ""]]
    (problem,) = found
    assert problem.code == "LP0375"
    assert problem.summary.startswith("row 1 has a value in `v` that ")
    assert word in problem.summary


def test_nested_and_binary_columns_are_all_named_before_a_row_is_read(tmp_path: Path) -> None:
    """One message each; the good columns are not mentioned."""
    columns = (
        "1 AS good, [1] AS tags, {'a': 1} AS address, map {'k': 1} AS bag, CAST('x' AS BLOB) AS picture, "
        "INTERVAL 1 DAY AS span, TIMETZ '09:30:00+02' AS opens"
    )
    with pytest.raises(InvalidInputError) as caught:
        parquet(write(tmp_path / "a.parquet", f"SELECT {columns}"))
    assert {d.code for d in caught.value.diagnostics} == {"LP0373"}
    named = [d.summary.split("`")[1] for d in caught.value.diagnostics]
    assert named == ["tags", "address", "bag", "picture", "span", "opens"]


def test_rows_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Over many row groups."""
    path = tmp_path / "a.parquet"
    with closing(duckdb.connect()) as connection:
        connection.execute(
            f"COPY (SELECT (n * 7919) % 1000003 AS v FROM range(200000) t(n)) TO '{path}' "
            "(FORMAT parquet, ROW_GROUP_SIZE 10000)"
        )
    assert [row.cells[0] for row in read(parquet(path))] == [str((n * 7919) % 1000003) for n in range(200_000)]


@pytest.mark.parametrize("name", ["a[1].parquet", "a*.parquet", "a?.parquet"])
def test_a_name_that_the_engine_would_take_for_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    """It would read other files, or none."""
    path = write(tmp_path / "right.parquet", "SELECT 'right' AS v").rename(tmp_path / name)
    with pytest.raises(InvalidInputError) as caught:
        parquet(path)
    assert caught.value.code == "LP0302"


@pytest.mark.parametrize("name", ["it's.parquet", 'a "b" \\.parquet', "year=2026/a.parquet"])
def test_a_name_is_a_name(tmp_path: Path, name: str) -> None:
    """Quotes, or a folder that looks like a column."""
    (tmp_path / "year=2026").mkdir()
    path = write(tmp_path / "right.parquet", "SELECT 'right' AS v").rename(tmp_path / name)
    reader = parquet(path)
    assert reader.header == ("v",)
    assert [row.cells for row in read(reader)] == [["right"]]


def test_names_that_differ_in_case_are_two_columns(tmp_path: Path) -> None:
    """DuckDB takes them for one and would rename the second."""
    path = tmp_path / "a.parquet"
    write_pairs(path, "Id", "id")
    reader = parquet(path)
    assert reader.header == ("Id", "id")
    assert [row.cells for row in read(reader)] == [["1", "2"]]


def write_pairs(path: Path, first: str, second: str) -> None:
    """A file with two columns of these names: DuckDB does not write them, so a stand-in of the same length is replaced."""
    stand_in = "q" * len(second)
    write(path, f'SELECT 1 AS "{first}", 2 AS "{stand_in}"')
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), second.encode()))


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """Two columns of one name cannot be told apart."""
    write_pairs(tmp_path / "a.parquet", "Id", "Id")
    with pytest.raises(InvalidInputError) as caught:
        parquet(tmp_path / "a.parquet")
    assert caught.value.code == "LP0308"


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    """Whatever its ending says."""
    path = tmp_path / "a.parquet"
    path.write_text("Id,Name\n1,x\n" * 100, encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        parquet(path)
    assert caught.value.code == "LP0377"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Rows of two files never pass for one."""
    path = write(tmp_path / "a.parquet", "SELECT n AS v FROM range(10000) t(n)")
    reader = parquet(path)
    walk = iter(reader)
    next(walk)
    path.write_bytes(write(tmp_path / "b.parquet", "SELECT 1 AS v").read_bytes())
    with pytest.raises(InvalidInputError):
        list(walk)
    reader.close()


def test_null_texts_become_empty(tmp_path: Path) -> None:
    """As in a file of text."""
    path = write(tmp_path / "a.parquet", "SELECT 'N/A' AS a, 'x' AS b")
    assert [row.cells for row in read(parquet(path, null=("N/A",)))] == [["", "x"]]


def test_without_the_package_the_message_says_what_to_install(tmp_path: Path) -> None:
    """In a Python that cannot import it."""
    path = write(tmp_path / "a.parquet", "SELECT 1 AS a")
    program = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from pathlib import Path; from loadplan.errors import InvalidInputError\n"
        "from loadplan.plan.model import FileSource; from loadplan.sources.registry import open_source\n"
        "try: open_source(FileSource('a.parquet', Path(sys.argv[1]), 'parquet'))\n"
        "except InvalidInputError as error: print(error.code, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == "LP0376 pip install 'loadplan[engine]'\n"
