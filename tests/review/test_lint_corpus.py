"""Traps that users of other tools walked into, their threads named, each as a plan and a file: `plan` finds every one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .conftest import Command

CORPUS = Path(__file__).parents[1] / "golden" / "lint"
TRAPS = sorted(p.name for p in CORPUS.iterdir() if (p / "trap.json").is_file())


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_found_before_a_byte_is_sent(name: str, loadplan: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its rule, and with its line where it has one."""
    trap = json.loads((CORPUS / name / "trap.json").read_bytes())
    monkeypatch.chdir(CORPUS / name)
    monkeypatch.setenv("NO_COLOR", "1")
    ran = loadplan("plan", "plan.yaml", "--offline", "--describe", "../describe")
    places = re.findall(
        rf"(?:error|warning|note)\[{trap['code']}\].*\n *--> (\S+?)(?::(\d+))?(?::\d+)?(?:\s|$)", ran.out + ran.err
    )
    assert places, ran.out + ran.err
    if trap["line"]:
        assert str(trap["line"]) in {line for _, line in places}, (places, ran.out + ran.err)


@pytest.mark.parametrize("name", TRAPS)
def test_no_cell_of_a_row_stands_in_the_plan(name: str, loadplan: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is posted where others read: it says file and line, and who may see the row looks there."""
    monkeypatch.chdir(CORPUS / name)
    ran = loadplan("plan", "plan.yaml", "--offline", "--describe", "../describe", "--json")
    text = (CORPUS / name / "data.csv").read_text("utf-8", errors="replace")
    header, *rows = text.splitlines()
    cells = {cell.strip('" ') for row in rows for cell in row.split(",")}
    assert not [cell for cell in cells if len(cell) > 4 and cell not in header and cell in ran.out]


def test_the_corpus_covers_the_threads() -> None:
    """45 traps; a trap that is taken out is missed here."""
    assert len(TRAPS) == 45
    threads = " ".join(json.loads((CORPUS / name / "trap.json").read_bytes())["thread"] for name in TRAPS)
    assert len(set(re.findall(r"#\d+", threads))) >= 35
