"""The graph as a drawing: where boxes stand, which edges are drawn, and the file that `graph --format svg` gives."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.cli import main
from loadplan.reports.layers import MOST_IN_A_COLUMN, layout, reduced
from loadplan.reports.timing import duration

PLANS = Path(__file__).parents[2] / "plans"
SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Up to forty steps, each waiting for some of those before it."""
    many = draw(st.integers(0, 40))
    return {
        f"s{i}": [f"s{p}" for p in draw(st.lists(st.integers(0, i - 1), max_size=4, unique=True))] if i else []
        for i in range(many)
    }


def reach(parents: dict[str, list[str]], step: str) -> set[str]:
    """Everything that a step waits for, also through others."""
    found: set[str] = set()
    for parent in parents[step]:
        found |= {parent} | reach(parents, parent)
    return found


@given(graphs())
def test_boxes_never_lie_on_each_other_and_what_waits_stands_to_the_right(parents: dict[str, list[str]]) -> None:
    """Whatever the graph: columns of bounded height, boxes apart, nothing above the top."""
    placed = layout(parents, box=58, stop=16)
    by_column: dict[int, list[float]] = {}
    for step, column in placed.columns.items():
        by_column.setdefault(column, []).append(placed.middle[step])
        assert all(placed.columns[p] < column for p in parents[step])
    for middles in by_column.values():
        middles.sort()
        assert len(middles) <= MOST_IN_A_COLUMN
        assert all(b - a >= 57.9 for a, b in itertools.pairwise(middles))
    assert all(28.9 <= m <= placed.height - 28.9 for m in placed.middle.values())


@given(graphs())
def test_edges_left_out_follow_from_those_drawn(parents: dict[str, list[str]]) -> None:
    """The same order with fewer lines."""
    kept = {step: list(above) for step, above in reduced(parents).items()}
    assert all(reach(kept, step) == reach(parents, step) for step in parents)
    assert all(set(kept[step]) <= set(parents[step]) for step in parents)


@pytest.mark.parametrize("plan", sorted(p.name for p in PLANS.iterdir()))
def test_graph_draws_every_plan_as_a_file_of_its_own(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Well-formed, with a box for each step and a name for those who cannot see it."""
    assert main.run(["graph", str(PLANS / plan / "plan.yaml"), "--format", "svg"]) == 0
    drawing = ElementTree.fromstring(capsys.readouterr().out)
    names = [t.text for t in drawing.iter(f"{SVG}text") if t.get("class") == "name"]
    text = (PLANS / plan / "plan.yaml").read_text(encoding="utf-8")
    assert names
    assert all(f"\n  {name}:" in text for name in names)
    assert f"{len(names)} step" in (drawing.get("aria-label") or "")
    assert drawing.find(f"{SVG}style") is not None


def test_a_step_with_markup_in_its_name_cannot_leave_the_drawing() -> None:
    """Text is escaped where it is written."""
    from loadplan.reports.dag import Box, draw_graph

    hostile = '</text><script>alert("x")</script>'
    drawing = draw_graph([Box(hostile, hostile, title=hostile)], {hostile: ()}, name=hostile)
    assert "<script" not in drawing
    assert ElementTree.fromstring(drawing).get("aria-label", "").startswith(hostile)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0.00 s"), (9.96, "10.0 s"), (59.6, "1 min"), (3_599.9, "1 h"), (90_061, "1 d 1 h")]
)
def test_a_duration_is_told_in_two_units(seconds: float, said: str) -> None:
    """Rounded once, so that sixty seconds are a minute."""
    assert duration(seconds) == said


def test_thousands_of_jobs_are_drawn_small() -> None:
    """Two pixels have the colour of what took most of their time; few jobs show every kind."""
    from datetime import UTC, datetime, timedelta

    from loadplan.reports.gantt import draw_gantt
    from loadplan.reports.timing import Span, StepTime, Timing, Work

    start = datetime(2026, 11, 24, tzinfo=UTC)
    works = []
    for n in range(5_000):
        begin = start + timedelta(seconds=10 * (n // 4))
        turns = [("upload", 0, 1), ("queued", 1, 4), ("in progress", 4, 9), ("download", 9, 10)]
        spans = [Span(k, begin + timedelta(seconds=a), begin + timedelta(seconds=b)) for k, a, b in turns]
        works.append(Work("big", n, 1, f"750{n}", spans))
    end = start + timedelta(seconds=12_500)
    step = StepTime("big", works, [], start, end, 12_500.0)
    drawing = draw_gantt(Timing(start, end, {"big": step}, (), ("big",)), ["big"], name="A big step")
    assert ElementTree.fromstring(drawing).get("role") == "img"
    assert len(drawing) < 20_000
    assert "5,000 jobs of big" in drawing
    assert {kind for kind in ("upload", "queued", "in-progress", "download") if f"k-{kind}" in drawing} == {
        "in-progress"
    }
    few = draw_gantt(Timing(start, end, {"big": StepTime("big", works[:8])}, (), ()), ["big"], name="x")
    assert all(f"k-{kind}" in few for kind in ("upload", "queued", "in-progress", "download"))
