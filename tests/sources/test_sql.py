"""Sql: conformance of a SELECT over files, and the attacks that a plan could make with one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from loadplan.errors import InvalidInputError, OrgError
from loadplan.plan.model import FileSource, SqlSource
from loadplan.sources.base import Reader
from loadplan.sources.registry import _open_file, open_source
from loadplan.sources.sql import SqlRows
from loadplan.sources.surroundings import Surroundings

from sources.conformance import EngineConformance, ReaderConformance, fresh, read
from sources.test_parquet import write as write_parquet
from sources.test_readers import endless, text_of


def allowed(folder: Path) -> Surroundings:
    return Surroundings(folder=folder, allow_sql=lambda: True)


def over(folder: Path, sql: str, *files: str) -> SqlSource:
    """The source as the plan's builder makes it."""
    endings = {".tsv": ("tsv", "\t"), ".jsonl": ("jsonl", ","), ".parquet": ("parquet", ",")}
    found = [FileSource(f, folder / f, *endings.get(Path(f).suffix, ("csv", ","))) for f in files]
    return SqlSource(sql, tuple(found))


def rows_of(folder: Path, sql: str, *files: str) -> list[list[str]]:
    return [row.cells for row in read(open_source(over(folder, sql, *files), around=allowed(fresh(folder))))]


class TestSql(EngineConformance):
    FIRST_LINE = 0

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        (folder / "rows.csv").write_bytes(text_of(header, rows))
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        source = over(folder, "SELECT * FROM 'rows.csv'; -- all", "rows.csv")
        return open_source(source, around=allowed(fresh(folder)))

    def test_a_nul_character_is_refused(self, tmp_path: Path) -> None:
        """By the reader of the file, with its line."""
        with pytest.raises(InvalidInputError) as caught:
            self.make(tmp_path, ["Id"], [["1"], ["\0"]])
        assert [(d.code, d.place.file, d.place.line) for d in caught.value.diagnostics] == [("LP0370", "rows.csv", 3)]

    def make_huge(self, folder: Path) -> Reader:
        endless(folder / "rows.csv", b'Id,N\n1,"')
        return self.open_again(folder)


class TestSqlOverParquet(TestSql):
    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        from sources.test_parquet import TestParquet

        TestParquet().make(folder, header, rows).close()
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        source = over(folder, "SELECT * FROM 'rows.parquet'", "rows.parquet")
        return open_source(source, around=allowed(fresh(folder)))

    def test_a_nul_character_is_refused(self, tmp_path: Path) -> None:
        """With its row of the result."""
        ReaderConformance.test_a_nul_character_is_refused(self, tmp_path)

    def make_huge(self, folder: Path) -> Reader:
        write_parquet(folder / "rows.parquet", "SELECT repeat('x', 100000000) AS big")
        return self.open_again(folder)


def test_files_of_every_format_are_joined(tmp_path: Path) -> None:
    """Texts stay texts, an empty cell is NULL, types of Parquet stay types; a file keeps the dialect of its step."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_bytes(b"id;name\r\n007;\r\n008;N/A\r\n009;x\r\n")
    (tmp_path / "b.jsonl").write_text('{"id": "007", "amount": 1.10}\n{"id": "009"}\n', encoding="utf-8")
    write_parquet(tmp_path / "c.parquet", "SELECT '007' AS id, DATE '2026-06-30' AS day UNION ALL SELECT '008', NULL")
    sql = """
        SELECT a.id, a.name IS NULL AS nameless, b.amount, c.day + 1 AS later
        FROM 'data/a.csv' AS a LEFT JOIN 'b.jsonl' b ON a.id = b.id LEFT JOIN 'c.parquet' c ON a.id = c.id ORDER BY 1
    """
    files = over(tmp_path, sql, "data/a.csv", "b.jsonl", "c.parquet").files
    first = FileSource("data/a.csv", tmp_path / "data/a.csv", "csv", ";", null=("N/A",))
    source = SqlSource(sql, (first, *files[1:]))
    assert [row.cells for row in read(open_source(source, around=allowed(tmp_path / "run")))] == [
        ["007", "true", "1.10", "2026-07-01"],
        ["008", "true", "", ""],
        ["009", "false", "", ""],
    ]


def test_without_leave_of_orgs_yaml_nothing_is_read(tmp_path: Path) -> None:
    """The plan cannot allow it to itself; the run's default is no."""
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(OrgError) as caught:
        open_source(over(tmp_path, "SELECT * FROM 'a.csv'", "a.csv"), around=Surroundings(folder=tmp_path / "run"))
    assert (caught.value.code, caught.value.exit_code) == ("LP0450", 3)
    assert "sql_sources: true" in (caught.value.hint or "")
    assert not (tmp_path / "run").exists()


ATTACKS = [
    "ATTACH '{other}' AS o",
    "COPY (SELECT 1) TO '{other}'",
    "COPY (SELECT 1) TO '{named}' (USE_TMP_FILE false)",
    "EXPORT DATABASE '{folder}/out'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv('{folder}/../{name}/secret.csv')",
    "SELECT * FROM read_csv('{folder}/link.csv')",
    "SELECT * FROM read_csv('{folder}/*.csv')",
    "SELECT * FROM read_csv('secret.csv')",
    "SELECT * FROM '{folder}/secret.csv'",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT Prompt FROM sniff_csv('{folder}/secret.csv')",
    "SELECT * FROM parquet_schema('/etc/passwd')",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{other}''')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM read_text('https://example.com/')",
    "SELECT * FROM 's3://bucket/a.csv'",
    "SELECT getenv('CANARY') AS a",
    "SELECT * FROM around",
    "SELECT * FROM sqlite_scan('{other}', 't')",
    "SELECT * FROM postgres_scan('', 'public', 't')",
    "SELECT name FROM duckdb_secrets()",
    "INSTALL httpfs",
    "LOAD httpfs",
    "FORCE INSTALL httpfs",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET lock_configuration = false",
    "SET enable_external_access = true",
    "RESET ALL",
    "CALL pragma_version()",
    "CREATE TABLE t AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "CREATE MACRO m() AS 1",
    "INSERT INTO 'a.csv' VALUES (1)",
    "DELETE FROM 'a.csv'",
    'DROP VIEW "a.csv"',
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE p AS SELECT 1",
    "CHECKPOINT",
    "SELECT 1 AS a; SELECT 2 AS a",
    "SELECT 1 AS a; COPY (SELECT 1) TO '{other}'",
    "SELECT 1 AS a) AS source(c0); COPY (SELECT 1) TO '{other}'; --",
    "SELECT 1 AS a) TO '{other}'; --",
    "WITH gone AS (DELETE FROM 'a.csv' RETURNING *) SELECT * FROM gone",
    "SELECT * FROM 'a.csv' WHERE id = $1",
    "",
    ";",
    "SELEC 1",
    "SELECT nothing FROM 'a.csv'",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_leaves_no_trace(tmp_path: Path, attack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the machine is read or written, nothing is loaded, no setting changes."""
    monkeypatch.setenv("CANARY", "canary")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "secret.csv").write_text("word\ncanary\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    run = tmp_path / "run"
    sql = attack.format(folder=tmp_path, name=tmp_path.name, other=tmp_path / "other", named=tmp_path / "a.csv")
    with pytest.raises(InvalidInputError) as caught:
        read(open_source(over(tmp_path, sql, "a.csv"), around=allowed(run)))
    assert caught.value.code in {"LP0378", "LP0379"}
    assert "canary" not in caught.value.summary
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before
    assert not run.exists() or list(run.iterdir()) == []


def test_a_select_may_read_its_own_copies_only_and_cannot_write_them(tmp_path: Path) -> None:
    """The one path it may open is that of a copy, whose name it does not know; and it is read-only."""
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    run = tmp_path / "run"
    seen: list[int] = []

    def watched(file: FileSource) -> Reader:
        seen.extend(p.stat().st_mode & 0o777 for p in run.iterdir())
        return _open_file(file)

    with SqlRows(over(tmp_path, "SELECT * FROM 'a.csv'", "a.csv"), allowed(run), watched) as rows:
        (room,) = run.iterdir()
        assert [p.stat().st_mode & 0o777 for p in room.iterdir() if p.is_file()] == [0o400]
        assert [batch.rows for batch in rows.batches()] == [[["1"]]]
    assert seen == [0o700]
    assert list(run.iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT a.n FROM range(100000000) a(n) ORDER BY hash(a.n)", "too long"),
        ("SELECT count(*) AS n FROM range(100000000000) a", "too long"),
        ("SELECT n FROM range(1000000000) t(n)", "rows"),
        ("SELECT repeat('x', 410000000) AS a", "memory"),
        ("SELECT list(n)::varchar AS a FROM range(100000000) t(n)", "memory"),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT sum(n)::varchar AS a FROM r",
            "too long",
        ),
    ],
    ids=["sort", "count", "rows", "value", "list", "recursion"],
)
def test_a_select_without_end_is_stopped(tmp_path: Path, sql: str, word: str) -> None:
    """By its time, its rows or its memory, whichever ends first."""
    source = SqlSource(sql)
    with (
        pytest.raises(InvalidInputError) as caught,
        SqlRows(source, allowed(tmp_path), _open_file, seconds=0.5, most_rows=50_000) as rows,
    ):
        for _ in rows.batches():
            pass
    assert caught.value.code in {"LP0382", "LP0378"}
    assert word in caught.value.summary or "took too long" in caught.value.summary
    assert list(tmp_path.iterdir()) == []


def test_wrong_columns_are_told(tmp_path: Path) -> None:
    """Two of one name, one without a spelling."""
    for sql, code in (("SELECT 1 AS a, 2 AS a", "LP0308"), ("SELECT [1] AS a", "LP0373")):
        with pytest.raises(InvalidInputError) as caught:
            rows_of(tmp_path, sql)
        assert caught.value.code == code


def test_the_result_is_taken_in_once(tmp_path: Path) -> None:
    """A source that would give other rows each time is one set of rows for the run."""
    source = SqlSource("SELECT random() AS r, now() AS t")
    around = allowed(tmp_path)
    assert read(open_source(source, around=around)) == read(open_source(source, around=Surroundings(folder=tmp_path)))
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_read_is_told_as_itself(tmp_path: Path) -> None:
    """With its own name and line, and no room is left behind."""
    (tmp_path / "a.csv").write_text("id,n\n1\n", encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        open_source(over(tmp_path, "SELECT * FROM 'a.csv'", "a.csv"), around=allowed(tmp_path / "run"))
    assert [(d.code, d.place.file, d.place.line) for d in caught.value.diagnostics] == [("LP0311", "a.csv", 2)]
    assert list((tmp_path / "run").iterdir()) == []
