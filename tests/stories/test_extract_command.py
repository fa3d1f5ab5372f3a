"""`loadplan apply` of an extract: outputs of every form, and what is refused before anything is sent."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.processes import typed

PLANS = Path(__file__).parents[2] / "plans"
PLAN = """\
version: 1
name: extract
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  plain: {operation: query, soql: SELECT Id FROM Account, parallel_pages: 5, output: out/plain.csv}
  zipped: {operation: query, soql: SELECT Id FROM Account, output: out/zipped.csv.gz}
  frame: {operation: query, soql: SELECT Id FROM Account, output: out/frame.csv.zst}
  table: {operation: query, soql: SELECT Id FROM Account, output: out/table.parquet}
  pages: {operation: query, soql: SELECT Id FROM Account, parallel_pages: 2, output: out/pages/}
"""


def loadplan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(arguments, *typed(folder, os.environ, *arguments))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PLANS / "quickstart", tmp_path / "quickstart", ignore=shutil.ignore_patterns("out"))
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    return tmp_path


def test_one_plan_writes_every_form_of_output(project: Path) -> None:
    """The same rows in each, again on a second run, and in the audit."""
    assert loadplan(project, "apply", "quickstart/plan.yaml", "-o", "embedded").returncode == 0
    for _ in range(2):
        done = loadplan(project, "apply", "plan.yaml", "-o", "embedded", "--json")
        assert done.returncode == 0, done.stderr
    assert "0 unprocessed. Extracted: 600." in done.stderr
    said = [line.split("rows of ")[1] for line in done.stderr.splitlines() if line.startswith("  output ")]
    assert said == [
        "plain: out/plain.csv", "zipped: out/zipped.csv.gz", "frame: out/frame.csv.zst",
        "table: out/table.parquet", "pages: out/pages/",
    ]  # fmt: skip
    book = next((project / ".loadplan" / "runs").glob("*-extract-*/runbook.md")).read_text(encoding="utf-8")
    assert "Rows of `pages` stand in `out/pages/`, beside the plan." in book
    events = [json.loads(line) for line in done.stdout.splitlines()]
    written = {e["step"]: e for e in events if e["type"] == "OutputWritten"}
    assert {e["rows"] for e in written.values()} == {120}
    plain = (project / "out" / "plain.csv").read_bytes()
    assert plain.count(b"\n") == 121
    assert gzip.decompress((project / "out" / "zipped.csv.gz").read_bytes()) == plain
    assert [p.read_bytes() for p in (project / "out" / "pages").iterdir()] == [plain]
    names = sorted(p.name for p in (project / "out").iterdir())
    assert names == ["frame.csv.zst", "pages", "plain.csv", "table.parquet", "zipped.csv.gz"]


def test_a_folder_of_other_files_is_exit_2_before_anything_is_sent(project: Path) -> None:
    """With the place in the plan and the way out."""
    (project / "out" / "pages").mkdir(parents=True)
    (project / "out" / "pages" / "mine.txt").write_text("mine")
    done = loadplan(project, "apply", "plan.yaml", "-o", "embedded")
    assert done.returncode == 2
    assert "LP0611" in done.stderr
    assert "plan.yaml:9" in done.stderr
    assert "holds other files than pages: mine.txt" in done.stderr
    assert not (project / ".loadplan").exists()
