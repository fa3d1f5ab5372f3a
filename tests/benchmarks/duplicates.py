"""Duplicate keys in many rows: the check of a source whose keys are all different, and of one in which some stand twice.

    python tests/benchmarks/duplicates.py [--rows 5000000]

Each check is a process of its own, as `loadplan apply` makes it before anything is sent: the whole source check, not the
search for duplicates alone. Every planted pair has to be found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from harness import HEADER, measure, write_rows
from table import Line, as_text, million

PLANTED = 1_000
CHECK = """\
import json
from loadplan.plan.load import load_plan
from loadplan.sources.check import check_step
from loadplan.sources.registry import open_source
from pathlib import Path
step = load_plan(Path("plan.yaml")).steps["rows"]
reader = open_source(step.source)
found = check_step(step, reader)
told = [d.summary for d in found.diagnostics]
print(json.dumps({"rows": found.rows_read, "told": told}))
"""
PLAN = """\
version: 1
name: duplicates
steps:
  rows: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: rows.csv}
"""


def figures(folder: Path, *, rows: int = 5_000_000) -> list[Line]:
    """Seconds and memory of both checks."""
    (folder / ".git").mkdir()
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    write_rows(folder / "rows.csv", rows)
    lines = _checked(folder, rows, "all different", 0)
    with (folder / "rows.csv").open("a", encoding="utf-8") as file:
        cells = "," * HEADER.count(",")
        # From all over the file.
        file.writelines(f"EXT-{i * (rows // PLANTED):010d}{cells}\n" for i in range(PLANTED))
    return lines + _checked(folder, rows + PLANTED, f"{PLANTED:,} of them stand twice", PLANTED)


def _checked(folder: Path, rows: int, name: str, planted: int) -> list[Line]:
    used = measure([sys.executable, "-c", CHECK], cwd=folder)
    found = json.loads((folder / "said.txt").read_text(encoding="utf-8"))
    told = found["told"]
    if found["rows"] != rows or (f"{planted:,} in all" not in told[-1] if planted else told):
        raise RuntimeError(f"not what was planted: {found}")
    size = (folder / "rows.csv").stat().st_size / 1e6
    what = f"duplicate keys in {million(rows)}, {name}"
    return [
        Line(f"{what}: wall", used.wall, "s", 10.0, note=f"{rows:,} rows, {size:.0f} MB; {used.cpu:.1f} s of CPU"),
        Line(f"{what}: peak", used.peak, "MB", 400.0),
    ]


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=5_000_000)
    given.add_argument("--folder", help="where the rows go (default: a temporary folder)")
    chosen = given.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print(as_text(figures(Path(folder), rows=chosen.rows)))


if __name__ == "__main__":
    main()
