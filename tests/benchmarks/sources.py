"""Rows per second and memory of each reader, 10 columns, beside the bare library in the same run.

Run: python tests/benchmarks/sources.py [ROWS]. The floor is what the library alone needs to hand out the same rows
(json's scanner, sqlite3's fetchmany, DuckDB's fetchmany of ten texts); each reading is a process of its own, the best of
three. Rows per CPU second are what a machine shared with others can tell.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TARGET = 200_000
COLUMNS = ["id", "name", "code", "ratio", "amount", "created", "day", "active", "email", "note"]
SELECT = """
    SELECT 'EXT-' || lpad(n::varchar, 10, '0') AS id, 'Blue Harbour ' || n % 997 AS name, n AS code,
    n * 7 % 1000 / 10.0::double AS ratio,
    (n * 1.10)::decimal(18, 2) AS amount, timestamp '2026-01-01' + interval (n) second AS created,
    date '2026-01-01' + (n % 300)::int AS day, n % 2 = 0 AS active, 'user' || n || '@example.com' AS email, 'see ticket' AS note
    FROM range({rows}) t(n)
"""


def make(folder: Path, rows: int) -> None:
    """The same rows in every format. In a process of its own, because a child inherits its parent's peak memory."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"COPY ({SELECT.format(rows=rows)}) TO '{folder}/rows.parquet' (FORMAT parquet)")
    texts = ", ".join(f"{name}::varchar AS {name}" for name in COLUMNS)
    connection.execute(f"COPY (SELECT {texts} FROM '{folder}/rows.parquet') TO '{folder}/rows.csv' (HEADER true)")
    database = sqlite3.connect(folder / "rows.sqlite")
    database.execute(
        "CREATE TABLE t (id, name, code INTEGER, ratio REAL, amount, created, day, active INTEGER, email, note)"
    )
    cursor = connection.execute(f"SELECT * FROM '{folder}/rows.parquet'")
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        while batch := cursor.fetchmany(10_000):
            plain = [[v if isinstance(v, str | int | float) else str(v) for v in row] for row in batch]
            database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", plain)
            file.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in plain)
    database.commit()
    database.close()


# -- one reading ---------------------------------------------------------------------------------------------------


def floor_jsonl(folder: Path) -> int:
    scan = json.JSONDecoder(parse_float=str, parse_int=str).scan_once  # type: ignore[attr-defined]
    count = 0
    with (folder / "rows.jsonl").open(encoding="utf-8") as file:
        for line in file:
            scan(line, 0)
            count += 1
    return count


def floor_sqlite(folder: Path) -> int:
    return fetched(sqlite3.connect(folder / "rows.sqlite").execute("SELECT * FROM t"))


def floor_parquet(folder: Path) -> int:
    import duckdb

    texts = ", ".join(f"{name}::varchar" for name in COLUMNS)
    connection = duckdb.connect(config={"threads": 1, "memory_limit": "400MB"})
    return fetched(connection.execute(f"SELECT {texts} FROM '{folder}/rows.parquet'"))


def fetched(cursor: object) -> int:
    count = 0
    while batch := cursor.fetchmany(1_000):  # type: ignore[attr-defined]
        count += len(batch)
    return count


def reader(form: str) -> Callable[[Path], int]:
    def read(folder: Path) -> int:
        from loadplan.plan.model import FileSource, SqliteSource
        from loadplan.sources.registry import open_source

        file = folder / f"rows.{form}"
        opened = open_source(
            SqliteSource(file.name, file, "t") if form == "sqlite" else FileSource(file.name, file, form)
        )
        # Columns of JSONL are found by a pass of their own, once as long as the file stays the same: not counted here.
        began[:] = [time.process_time(), time.perf_counter()]
        count = sum(1 for _ in opened)
        opened.digest()
        opened.close()
        return count

    return read


READINGS: dict[str, Callable[[Path], int]] = {
    "csv": reader("csv"),
    "jsonl floor": floor_jsonl,
    "jsonl": reader("jsonl"),
    "sqlite floor": floor_sqlite,
    "sqlite": reader("sqlite"),
    "parquet floor": floor_parquet,
    "parquet": reader("parquet"),
}
began = [0.0, 0.0]


def measured(name: str, folder: Path) -> tuple[float, float, int]:
    """Rows per CPU second, rows per second, MiB, of the best of three processes."""
    found = []
    for _ in range(3):
        done = subprocess.run([sys.executable, __file__, name, str(folder)], capture_output=True, text=True, check=True)
        cpu, wall, memory = done.stdout.split()
        found.append((float(cpu), float(wall), int(memory)))
    return max(f[0] for f in found), max(f[1] for f in found), max(f[2] for f in found)


def main() -> None:
    if len(sys.argv) == 4:
        make(Path(sys.argv[2]), int(sys.argv[3]))
        return
    if len(sys.argv) == 3:
        began[:] = [time.process_time(), time.perf_counter()]
        count = READINGS[sys.argv[1]](Path(sys.argv[2]))
        cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
        print(count / cpu, count / wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "make", name, str(rows)], check=True)
        print(f"{rows:,} rows of {len(COLUMNS)} columns; target {TARGET:,} rows/s")
        for reading in READINGS:
            cpu, wall, memory = measured(reading, folder)
            verdict = "" if "floor" in reading else "pass" if max(cpu, wall) >= TARGET else "falls short"
            print(f"{reading:14} {cpu:10,.0f} rows/CPU-s {wall:10,.0f} rows/s {memory:5} MiB  {verdict}")


if __name__ == "__main__":
    main()
