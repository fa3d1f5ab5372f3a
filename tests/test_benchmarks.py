"""The benchmarks run, and their table tells a figure that passes from one that falls short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.table import Line, as_markdown, as_text, facts, million

ALL = Path(__file__).parent / "benchmarks" / "all.py"


@pytest.mark.parametrize(
    ("line", "verdict", "bound"),
    [
        (Line("wall", 1.3, "x floor", 1.3), "pass", "≤ 1.30 x floor"),
        (Line("wall", 1.31, "x floor", 1.3), "FALLS SHORT", "≤ 1.30 x floor"),
        (Line("gain", 3.0, "x", 3.0, least=True), "pass", "≥ 3 x"),
        (Line("gain", 2.99, "x", 3.0, least=True), "FALLS SHORT", "≥ 3 x"),
        (Line("floor", 12345.6, "s"), "", ""),
    ],
)
def test_a_figure_passes_at_its_target_and_not_beyond(line: Line, verdict: str, bound: str) -> None:
    """Targets are inclusive, at most or at least; a figure without one is there for comparison."""
    assert (line.verdict, line.passed) == (verdict, verdict != "FALLS SHORT")
    _, measured, shown, judged, _ = line.cells(judged=True)
    assert (shown, judged) == (bound, verdict)
    assert line.cells(judged=False)[3] == ""
    assert Line(**line.to_json()) == line
    assert measured in as_text([line])
    assert as_markdown([line]).splitlines()[2].startswith(f"| {line.what} | {measured} |")


def test_the_machine_is_described() -> None:
    """Who reads a figure must know how busy the cores were, and which versions were measured."""
    known = facts()
    assert known["cores"].isdigit()
    assert {"load average now (1, 5, 15 min)", "Python", "curl", "requests", "duckdb"} <= known.keys()
    assert (million(5_000_000), million(20_000)) == ("5M", "20k")


def test_a_benchmark_runs_from_the_one_command(tmp_path: Path) -> None:
    """Small, in a process of its own, into a table and a file; `.ci/run` does the same with all of them."""
    done = subprocess.run(
        [sys.executable, str(ALL), "--quick", "--only", "duplicates", "--folder", str(tmp_path), "--markdown", "table.md"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1,000 of them stand twice: peak" in done.stdout
    assert "| duplicate keys in 50k, all different: wall |" in (tmp_path / "table.md").read_text(encoding="utf-8")
