"""Values: the table of spellings is what the sources really give, and numbers lose nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.plan.model import PostgresSource
from loadplan.sources import values
from loadplan.sources.registry import open_source
from loadplan.sources.surroundings import Surroundings

from sources.conformance import read
from sources.test_parquet import parquet
from sources.test_parquet import write as write_parquet
from sources.test_sqlite import sqlite
from sources.test_sqlite import write as write_sqlite
from support.postgres import Server

SQL = {
    "text": "'007'",
    "whole number": "12345678901234567890",
    "decimal": "CAST(1.10 AS DECIMAL(10, 2))",
    "floating point": "CAST(0.1 AS DOUBLE PRECISION)",
    "boolean": "true",
    "date": "DATE '2026-06-30'",
    "moment": "TIMESTAMP WITH TIME ZONE '2026-06-30 14:00:00.000999+02:00'",
    "date and time without a zone": "TIMESTAMP '2026-06-30 12:00:00'",
    "time of day": "TIME '09:30:00'",
    "UUID": "CAST('0E37DF36-F698-11E6-8DD4-CB9CED3DF976' AS UUID)",
    "no value": "CAST(NULL AS VARCHAR)",
}
"""How a value of each kind is written in DuckDB and PostgreSQL."""
IN_SQLITE = {
    "text": "'007'",
    "whole number": "1234567890123456789",
    "floating point": "0.1",
    "UUID": "'0e37df36-f698-11e6-8dd4-cb9ced3df976'",
    "no value": "NULL",
}


def test_every_row_of_the_table_has_a_value_here() -> None:
    """A row without one would be a claim that nothing checks."""
    assert [spelling.kind for spelling in values.SPELLINGS] == list(SQL)
    assert [s.kind for s in values.SPELLINGS if "not there" not in s.sqlite] == list(IN_SQLITE)


@pytest.mark.parametrize("spelling", values.SPELLINGS, ids=lambda s: s.kind)
def test_the_example_of_the_table_is_what_parquet_gives(tmp_path: Path, spelling: values.Spelling) -> None:
    """The page says what the reader does."""
    # DuckDB would write so long a number as a DOUBLE.
    sql = f"CAST({SQL[spelling.kind]} AS UBIGINT)" if spelling.kind == "whole number" else SQL[spelling.kind]
    path = write_parquet(tmp_path / "a.parquet", f"SELECT {sql} AS v")
    assert [row.cells for row in read(parquet(path))] == [[spelling.example]]


@pytest.mark.parametrize("spelling", values.SPELLINGS, ids=lambda s: s.kind)
def test_the_example_of_the_table_is_what_postgresql_gives(
    server: Server, tmp_path: Path, spelling: values.Spelling
) -> None:
    """The same text from another database."""
    around = Surroundings(folder=tmp_path, environ={"DB": server.url})
    source = PostgresSource("DB", None, f"SELECT {SQL[spelling.kind]} AS v")
    assert [row.cells for row in read(open_source(source, around=around))] == [[spelling.example]]


@pytest.mark.parametrize("kind", IN_SQLITE)
def test_the_example_of_the_table_is_what_sqlite_gives(tmp_path: Path, kind: str) -> None:
    """For the kinds it has; its whole numbers have 64 bits."""
    path = write_sqlite(tmp_path / "a.sqlite", f"CREATE TABLE t AS SELECT {IN_SQLITE[kind]} AS v")
    (example,) = [s.example for s in values.SPELLINGS if s.kind == kind]
    assert [row.cells for row in read(sqlite(path))] == [[example[:19] if kind == "whole number" else example]]


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_same_number_again(value: float) -> None:
    """Without an exponent, and by itself as in a column."""
    text = values.floating(value)
    assert float(text) == value
    assert set(text) <= set("-.0123456789")
    assert not text.endswith((".0", "."))
    assert values.floatings([value, 0.5]) == [text, "0.5"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    """In a column as well."""
    with pytest.raises(values.SpellingError):
        values.floating(value)
    with pytest.raises(values.SpellingError):
        values.floatings([1.0, value])


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (values.day, "infinity"),
        (values.day, "12026-01-01"),
        (values.day, "0044-03-15 BC"),
        (values.moment, "2026-06-30 12:00:00+02"),
        (values.moment, "2026-06-30"),
        (values.moment, "12026-06-30 12:00:00"),
        (values.clock, "24:00:00"),
        (values.clock, "09:30"),
        (values.decimal, "NaN"),
        (values.decimal, "Infinity"),
    ],
)
def test_a_text_of_another_form_is_refused(function: object, text: str) -> None:
    """Nothing is passed on that was not understood."""
    assert callable(function)
    with pytest.raises(values.SpellingError):
        function(text)
