"""Each request under each trouble. Here one form and occurrence of each pair is lived through; `python tests/simulator/soak.py`
lives through them all."""

from __future__ import annotations

import pytest

from simulator.grid import COLUMNS, EXPECTED, MEANING, ROWS, cells, problem_of, sample
from support.generate_fault_grid import PAGE, fault_grid_markdown

SAMPLE = sample(every=1_000, seed=4)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.kind)
def test_the_recovery_is_the_promised_one(row: object) -> None:
    """What leaves after the trouble is what the table says, and every row lands once."""
    wrong = [(cell, problem) for cell in SAMPLE if cell.row == row and (problem := problem_of(cell))]
    assert wrong == []


def test_the_table_is_whole() -> None:
    """Every request has a letter for every trouble, and every letter a meaning; a run sends no request that the grid lacks."""
    assert set(EXPECTED) == {row.kind for row in ROWS}
    assert {len(letters) for letters in EXPECTED.values()} == {len(COLUMNS)}
    used = {letter for letters in EXPECTED.values() for text in letters for letter in text.split()}
    assert used == set(MEANING)
    everything = list(cells())
    assert {(cell.row, cell.column) for cell in everything} == {(cell.row, cell.column) for cell in SAMPLE}
    assert len(everything) > 900


def test_the_committed_page_equals_the_generated_text() -> None:
    """A change of the table without `python tests/support/generate_fault_grid.py` fails here."""
    assert PAGE.read_text(encoding="utf-8") == fault_grid_markdown()
