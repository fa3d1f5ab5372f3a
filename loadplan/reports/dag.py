"""The graph of a plan as a drawing: boxes left to right, what waits behind what it waits for. Pure.

Shared by the report (with states and the critical path) and `graph --format svg` (without). Edges that follow from others are
left out, and the drawing's name says how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from loadplan.lean import dataclass
from loadplan.plan.graph import Graph
from loadplan.plan.model import Plan
from loadplan.reports import svg
from loadplan.reports.layers import Layout, layout
from loadplan.reports.render import stylesheet
from loadplan.words import count

BOX_WIDTH, BOX_HEIGHT, GAP, SPACE, MARGIN = 190.0, 46.0, 54.0, 14.0, 10.0
SIGNS = {
    "succeeded": "✓", "partial": "±", "failed": "✗", "aborted": "✗", "blocked": "–", "running": "…", "waiting": "○",
}  # fmt: skip
"""A sign beside the colour of each state."""


@dataclass(frozen=True)
class Box:
    """A step: its id, the line below it, its state (empty where there is none), what a pointer shows, and a sign
    where no state has one."""

    step: str
    below: str
    state: str = ""
    title: str = ""
    sign: str = ""
    is_destructive: bool = False


def draw_graph(
    boxes: Sequence[Box], parents: Mapping[str, Sequence[str]], *, name: str, path: Sequence[str] = (), css: str = "",
    reasons: Mapping[tuple[str, str], str] | None = None,
) -> str:  # fmt: skip
    """The drawing as markup. `parents` names parents before children; `path` are the steps of the critical path; `css` makes
    it a file of its own; `reasons` are shown when a pointer rests on an edge."""
    placed = layout(parents, box=BOX_HEIGHT + SPACE, stop=20.0)
    width = 2 * MARGIN + (max(placed.columns.values(), default=0) + 1) * (BOX_WIDTH + GAP) - GAP
    height = 2 * MARGIN + placed.height
    critical = set(pairwise(path))
    edges = sorted(placed.ways, key=lambda e: e in critical)  # those that matter on top
    parts = [_edge(placed, e, e in critical, (reasons or {}).get(e, "")) for e in edges]
    parts += [_box(box, placed, box.step in path) for box in boxes]
    said = f"{name}: {count(len(boxes), 'step')}, {'1 dependency' if len(edges) == 1 else f'{len(edges)} dependencies'}"
    if placed.left_out:
        said += f"; {placed.left_out} more follow from these and are not drawn"
    return svg.picture(width, height, parts, label=said, cls="dag", css=css)


def graph_file(plan: Plan, graph: Graph) -> str:
    """The graph of a plan as an SVG file of its own, light and dark."""
    boxes = []
    for step in graph.order:
        spec = plan.steps[step]
        what = f"{spec.operation} {spec.object or ''}".strip()
        boxes.append(
            Box(step, what, title=f"{step}: {what}", sign=spec.facts.symbol, is_destructive=spec.facts.destructive)
        )
    reasons = {(e.parent, e.child): f"{e.reason} {e.detail}".strip() for e in graph.edges}
    parents = {step: graph.parents(step) for step in graph.order}
    css = stylesheet("drawing.css") + "svg { background: var(--paper); }\n"
    return draw_graph(boxes, parents, name=f"Steps of {plan.name}", css=css, reasons=reasons)


def _x(column: int) -> float:
    return MARGIN + column * (BOX_WIDTH + GAP)


def _edge(placed: Layout, edge: tuple[str, str], critical: bool, reason: str) -> str:
    way = placed.ways[edge]
    y = MARGIN + way[0][1]
    path = [f"M{svg.number(_x(way[0][0]) + BOX_WIDTH)} {svg.number(y)}"]
    for column, middle in way[1:]:
        x, end = _x(column), MARGIN + middle
        path.append(
            f"C{svg.number(x - GAP / 2)} {svg.number(y)} {svg.number(x - GAP / 2)} {svg.number(end)} {svg.number(x)} {svg.number(end)}"
        )
        y = end
        if (column, middle) != way[-1]:  # a stop: straight through under the boxes of this column
            path.append(f"H{svg.number(x + BOX_WIDTH)}")
    x = _x(way[-1][0])
    tip = f"M{svg.number(x - 7)} {svg.number(y - 4)}L{svg.number(x)} {svg.number(y)}L{svg.number(x - 7)} {svg.number(y + 4)}"
    line = svg.element("path", d="".join(path) + tip)
    title = f"{edge[1]} waits for {edge[0]}" + (f" ({reason})" if reason else "")
    return svg.group([line], title=title, cls="edge critical" if critical else "edge")


def _box(box: Box, placed: Layout, critical: bool) -> str:
    x = _x(placed.columns[box.step])
    y = MARGIN + placed.middle[box.step] - BOX_HEIGHT / 2
    sign = SIGNS.get(box.state, box.sign)
    parts = [
        svg.element("rect", x=x, y=y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=6),
        svg.text(x + 10, y + 19, svg.shorten(box.step, 21 if sign else 24), "name"),
        svg.text(x + 10, y + 36, svg.shorten(box.below, 29), "below"),
    ]
    if sign:
        parts.append(svg.text(x + BOX_WIDTH - 10, y + 19, sign, "sign", text_anchor="end"))
    classes = [
        "box",
        "is-destructive" if box.is_destructive else "",
        f"is-{box.state}" if box.state else "",
        "critical" if critical else "",
    ]
    return svg.group(parts, title=box.title or f"{box.step}: {box.below}", cls=" ".join(c for c in classes if c))
