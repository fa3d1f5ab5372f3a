"""A `source` of a plan becomes one of the sources of the model, or is refused where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import check_plan, load_plan
from loadplan.plan.model import (
    FileSource,
    Plan,
    PostgresSource,
    ResultsSource,
    Source,
    SqliteSource,
    SqlSource,
    StdinSource,
    StepSource,
)
from loadplan.plan.sql_text import files_named, without_semicolon

PLAN = """\
version: 1
name: demo
vars: {{region: {{type: string, default: "it's"}}, day: {{type: date, default: 2026-06-30}}}}
description: "{{{{ region }}}}{{{{ day }}}}"
steps:
  a:
    object: Account
    operation: insert
    source: {source}
"""
FILES = (
    "a.csv",
    "b.tsv",
    "c.jsonl",
    "c.ndjson",
    "d.parquet",
    "e.sqlite",
    "e.sqlite3",
    "e.db",
    "a.csv.gz",
    "a.CSV.ZST",
    "c.jsonl.zst",
    "x.dat",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with a file of every ending."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    for name in FILES:
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def plan_of(project: Path, source: str, more: str = "") -> Plan:
    (project / "plan.yaml").write_text(PLAN.format(source=source) + more, encoding="utf-8")
    return load_plan(project / "plan.yaml")


def problems_of(project: Path, source: str, more: str = "") -> list[Diagnostic]:
    (project / "plan.yaml").write_text(PLAN.format(source=source) + more, encoding="utf-8")
    return check_plan(project / "plan.yaml")[2]


def source_of(project: Path, source: str) -> Source | None:
    return plan_of(project, source).steps["a"].source


@pytest.mark.parametrize(
    ("path", "form", "compression"),
    [
        ("a.csv", "csv", None),
        ("b.tsv", "tsv", None),
        ("c.jsonl", "jsonl", None),
        ("c.ndjson", "jsonl", None),
        ("d.parquet", "parquet", None),
        ("a.csv.gz", "csv", "gzip"),
        ("a.CSV.ZST", "csv", "zstd"),
        ("c.jsonl.zst", "jsonl", "zstd"),
    ],
)
def test_the_ending_tells_the_format(project: Path, path: str, form: str, compression: str | None) -> None:
    """And how it is packed, in any case."""
    source = source_of(project, path)
    assert isinstance(source, FileSource)
    assert (source.path, source.format, source.compression) == (path, form, compression)
    assert source.delimiter == ("\t" if form == "tsv" else ",")


def test_a_format_may_be_named(project: Path) -> None:
    """When the ending does not tell it, or tells another."""
    assert source_of(project, "{path: x.dat, format: jsonl}") == FileSource("x.dat", project / "x.dat", "jsonl")
    source = source_of(project, "{path: a.csv, delimiter: ';', quote: \"'\", encoding: cp1252, null: ['NULL', '-']}")
    assert source == FileSource("a.csv", project / "a.csv", "csv", ";", "'", "cp1252", ("NULL", "-"))


@pytest.mark.parametrize("path", ["e.sqlite", "e.sqlite3", "e.db"])
def test_a_sqlite_file_has_a_table_or_a_query(project: Path, path: str) -> None:
    """One of them, and not both."""
    file = project / path
    assert source_of(project, f"{{path: {path}, table: t}}") == SqliteSource(path, file, "t")
    assert source_of(project, f"{{path: {path}, query: SELECT 1, null: [x]}}") == SqliteSource(
        path, file, None, "SELECT 1", ("x",)
    )


def test_a_server_is_named_by_its_variable(project: Path) -> None:
    """The connection string is not in the plan."""
    assert source_of(project, "{postgres: {env: DB}, table: crm.accounts}") == PostgresSource("DB", "crm.accounts")
    assert source_of(project, "{postgres: {env: DB}, query: SELECT 1}") == PostgresSource("DB", None, "SELECT 1")


def test_values_in_sql_are_written_as_literals(project: Path) -> None:
    """Whatever is in a variable, it stays one value."""
    query = '"SELECT * FROM t WHERE r = {{ region | sql_str }} AND d > {{ day | sql_date }}"'
    written = "SELECT * FROM t WHERE r = 'it''s' AND d > '2026-06-30'"
    source = source_of(project, f"{{postgres: {{env: DB}}, query: {query}}}")
    assert isinstance(source, PostgresSource)
    assert source.query == written
    source = source_of(project, f"{{path: e.db, query: {query}}}")
    assert isinstance(source, SqliteSource)
    assert source.query == written


def test_standard_input_has_the_keys_of_a_file(project: Path) -> None:
    """CSV unless it says otherwise."""
    assert source_of(project, '"-"') == StdinSource()
    assert source_of(project, '{path: "-", format: tsv, null: ["NULL"]}') == StdinSource("tsv", "\t", null=("NULL",))


def test_sql_reads_the_files_it_names(project: Path) -> None:
    """As the step says that has the file for its source; else as the ending says."""
    sql = "SELECT * FROM 'a.csv' a JOIN 'd.parquet' d USING (id) WHERE a.n <> 'b.tsv'"
    more = "  b:\n    object: Contact\n    operation: insert\n    source: {path: a.csv, delimiter: ';'}\n"
    source = plan_of(project, f'{{sql: "{sql}"}}', more).steps["a"].source
    csv = FileSource("a.csv", project / "a.csv", "csv", ";")
    assert source == SqlSource(sql, (csv, FileSource("d.parquet", project / "d.parquet", "parquet")))


QUERY = "  q:\n    operation: query\n    soql: SELECT Id FROM Account\n"


def test_rows_of_another_step_are_an_edge(project: Path) -> None:
    """A query's rows, or the results of a load."""
    assert plan_of(project, "{step: q}", QUERY).steps["a"].source == StepSource("q")
    more = "  r:\n    object: Account\n    operation: insert\n    source: {results_of: a, kind: failed}\n"
    plan = plan_of(project, "a.csv", more)
    assert plan.steps["r"].source == ResultsSource("a", "failed")
    edges = [(e.parent, e.child, e.reason) for e in compile_graph(plan).edges]
    assert edges == [("a", "r", "source")]


@pytest.mark.parametrize(
    ("source", "code", "word"),
    [
        ("none.jsonl", "LP0301", "none.jsonl"),
        ("{sql: \"SELECT * FROM 'none.csv'\"}", "LP0301", "none.csv"),
        ("{path: none.db, table: t}", "LP0301", "none.db"),
        ("x.dat", "LP0227", "x.dat"),
        ("{}", "LP0202", "path"),
        ("{path: a.csv, step: a}", "LP0270", "path, step"),
        ("{path: a.csv, table: t}", "LP0270", "`table`"),
        ("{path: c.jsonl, delimiter: ';'}", "LP0270", "`delimiter`"),
        ("{path: d.parquet, encoding: utf-8}", "LP0270", "`encoding`"),
        ("{path: d.parquet, kind: failed}", "LP0270", "`kind`"),
        ("e.sqlite", "LP0270", "`table` and `query`"),
        ("{path: e.sqlite, table: t, query: SELECT 1}", "LP0270", "`table` and `query`"),
        ("{path: e.sqlite, table: t, delimiter: ';'}", "LP0270", "`delimiter`"),
        ("e.sqlite.gz", "LP0270", "sqlite"),
        ("d.parquet.zst", "LP0270", "parquet"),
        ("{postgres: {env: DB}}", "LP0270", "`table` and `query`"),
        ("{postgres: {env: DB}, table: t, format: csv}", "LP0270", "`format`"),
        ('{path: "-", format: sqlite}', "LP0270", "database"),
        ('{path: "-", format: parquet, quote: "x"}', "LP0270", "`quote`"),
        ("{sql: SELECT 1, format: csv}", "LP0270", "`format`"),
        ("{sql: \"SELECT * FROM 'e.db'\"}", "LP0270", "e.db"),
        ("{sql: \"SELECT * FROM '/etc/passwd'\"}", "LP0227", "passwd"),
        ("{sql: \"SELECT * FROM 'orgs.yaml'\"}", "LP0227", "orgs.yaml"),
        ("{sql: \"SELECT {{ region }} AS r\"}", "LP0225", "sql_str"),
        ("{path: e.db, query: \"SELECT {{ region | soql_str }} AS r\"}", "LP0225", "sql_str"),
        ("{results_of: a}", "LP0202", "kind"),
        ("{results_of: a, kind: failed}", "LP0207", "itself"),
        ("{results_of: z, kind: failed}", "LP0207", "`z`"),
        ("{results_of: a, kind: lost}", "LP0204", "`lost`"),
        ("{step: a, kind: failed}", "LP0270", "`kind`"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_refused_where_it_stands(project: Path, source: str, code: str, word: str) -> None:
    """One problem, with its place and the word that is wrong."""
    found = problems_of(project, source)
    assert [(p.code, p.place.line) for p in found] == [(code, 9)]
    assert word in found[0].summary


def test_a_file_of_a_select_never_leaves_the_project(project: Path) -> None:
    """Not by dots, not through a symbolic link, not by its whole path."""
    (project / "link.csv").symlink_to("/etc/hostname")
    for path in ("../../etc/passwd.csv", "link.csv", "/etc/passwd.csv"):
        assert "LP0226" in [p.code for p in problems_of(project, f"{{sql: \"SELECT * FROM '{path}'\"}}")]


def test_a_query_has_no_results_and_a_load_no_rows(project: Path) -> None:
    """Each message names the other way."""
    (found,) = problems_of(project, "{results_of: q, kind: failed}", QUERY)
    assert (found.code, "{step: q}" in found.hint) == ("LP0272", True)
    more = "  b:\n    object: Contact\n    operation: insert\n    source: {step: a}\n"
    (found,) = problems_of(project, "a.csv", more)
    assert (found.code, "{results_of: a, kind: successful}" in found.hint) == ("LP0208", True)


def test_two_steps_cannot_read_standard_input(project: Path) -> None:
    """Told at the second."""
    more = '  b:\n    object: Contact\n    operation: insert\n    source: {path: "-", format: tsv}\n'
    (found,) = problems_of(project, '"-"', more)
    assert (found.code, found.place.line) == ("LP0271", 13)


def test_a_file_that_a_select_reads_is_not_written_by_the_plan(project: Path) -> None:
    """The SELECT runs before the query has its rows."""
    (found,) = problems_of(project, "{sql: \"SELECT * FROM 'a.csv'\"}", QUERY + "    output: a.csv\n")
    assert found.code == "LP0215"


@pytest.mark.parametrize(
    ("sql", "files"),
    [
        ("SELECT * FROM 'a.csv' JOIN 'b.csv' ON 1 = 1", ["a.csv", "b.csv"]),
        ("FROM 'a.csv' SELECT 'b.csv', x FROM\n -- why\n /* and */ 'c.csv'", ["a.csv", "c.csv"]),
        ("SELECT * FROM t WHERE x = 'FROM ''a.csv'''", []),
        ("SELECT 'from', 'a.csv'", []),
        ("SELECT * FROM \"a.csv\"", []),
        ("SELECT * FROM 'it''s.csv' UNION SELECT * FROM 'it''s.csv'", ["it's.csv"]),
        ("SELECT $$ FROM 'a.csv' $$", []),
        ("SELECT * FROM '", []),
    ],
)  # fmt: skip
def test_files_are_named_after_from_and_join(sql: str, files: list[str]) -> None:
    """Not in comments, in texts or in other places."""
    assert files_named(sql) == files


@pytest.mark.parametrize(
    ("sql", "bare"),
    [
        ("SELECT 1;", "SELECT 1"),
        ("SELECT 1 ; -- x\n ;", "SELECT 1"),
        ("SELECT 1 -- x;", "SELECT 1 -- x;"),
        ("SELECT ';'", "SELECT ';'"),
        ("SELECT 1; SELECT 2;", "SELECT 1; SELECT 2"),
        (";", ""),
    ],
)
def test_a_semicolon_at_the_end_is_no_part_of_the_statement(sql: str, bare: str) -> None:
    """One between statements stays, for the database to refuse."""
    assert without_semicolon(sql) == bare
