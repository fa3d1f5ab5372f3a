"""Pages of CSV as one Parquet file, by DuckDB, which the extra `engine` brings. The only module here that imports it.

Every column is text: nothing is read into a value that Salesforce did not spell. The empty cell, which is how Salesforce
writes that a field has no value, becomes null. Rows keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadplan.errors import LocalError

MEMORY = "512MB"
"""What DuckDB may hold; beyond it, it spills beside the file it writes."""
LARGEST = 8 << 20
"""Bytes of one line that DuckDB takes: a record has at most 400,000 characters."""


def write_parquet(pages: Sequence[Path], columns: Sequence[str], to: Path) -> int:
    """Write the data records of `pages`, each of which repeats the header with `columns`, to `to`. How many the file holds,
    counted in the file itself. Raises `LocalError` when it cannot be written."""
    import duckdb

    to.unlink(missing_ok=True)
    database = duckdb.connect(config={"autoinstall_known_extensions": "false", "memory_limit": MEMORY})
    try:
        database.execute(f"SET temp_directory={_text(str(to.with_name(to.name + '.spill')))}")
        files = ", ".join(_text(str(p)) for p in pages)
        rows = f"SELECT * FROM read_csv([{files}], {_reading(columns)})"  # noqa: S608 - every text is a quoted literal
        database.execute(f"COPY ({rows}) TO {_text(str(to))} (FORMAT parquet, COMPRESSION zstd)")
        count: Any = database.execute(f"SELECT count(*) FROM {_text(str(to))}").fetchone()  # noqa: S608
        return int(count[0])
    except (duckdb.Error, OSError) as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise LocalError(
            f"DuckDB cannot write {to.name}: {words}", code="LP0601", where=str(to),
            hint="free space or make the folder writable, then go on; or choose an output with the ending .csv",
        ) from error  # fmt: skip
    finally:
        database.close()


def _reading(columns: Sequence[str]) -> str:
    # Nothing is guessed, and `new_line` stays out: with it a file of CRLF lines is read as empty without a word.
    types = ", ".join(f"{_text(c)}: 'VARCHAR'" for c in columns)
    return (
        f"auto_detect=false, header=true, columns={{{types}}}, delim=',', quote='\"', escape='\"', nullstr='', "
        f"allow_quoted_nulls=true, max_line_size={LARGEST}"
    )


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
