"""Hostile or careless YAML is refused at its place, before anything is composed or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from loadplan.plan.load import check_plan

if TYPE_CHECKING:
    from pathlib import Path


PLAN = (
    "version: 1\nname: demo\nsteps:\n  a:\n    operation: query\n    soql: SELECT Id FROM Account\n    output: a.csv\n"
)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        (PLAN + "version: 2\n", "LP0105", 8, 1),
        (PLAN.replace("demo", "&x demo"), "LP0103", 2, 7),
        ("[" * 3000, "LP0107", 1, 1),
        ("a: \0", "LP0102", 1, 4),
    ],
    ids=["duplicate key", "anchor", "3,000 brackets", "NUL"],
)
def test_the_door_refuses(tmp_path: Path, text: str, code: str, line: int, column: int) -> None:
    """Each attack gives one diagnostic with its code and exact place."""
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    plan, _, problems = check_plan(path)
    assert plan is None
    assert [(p.code, p.place.line, p.place.column) for p in problems] == [(code, line, column)]
