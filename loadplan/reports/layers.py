"""Where the boxes of a graph stand: columns by what waits for what, few crossings, edges that bend around boxes. Pure.

The method is the usual one for layered drawings: redundant edges are left out, nodes are put into columns of bounded height,
edges over several columns get a stop in each, columns are ordered by the places of their neighbours, and heights are smoothed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from loadplan.lean import dataclass

SWEEPS = 12
MOST_IN_A_COLUMN = 10
Stop = tuple[str, str, int]
Node = str | Stop
"""A box by its name, or the stop of an edge (parent, child, column)."""


@dataclass(frozen=True)
class Layout:
    """`columns` and `middle` of each box; `ways` lists for each edge drawn the (column, middle) it passes, from box to box.
    Middles are in units of which the caller gave `box` and `stop` as heights; they begin at 0."""

    columns: Mapping[str, int]
    middle: Mapping[str, float]
    ways: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]
    height: float
    left_out: int


def layout(parents: Mapping[str, Sequence[str]], *, box: float = 58, stop: float = 16) -> Layout:
    """Place the nodes of a graph without circles. `parents` names every node, parents before children."""
    kept = reduced(parents)
    columns = _columns(kept)
    order, near = _with_stops(kept, columns)
    _untangle(order, near)
    middle = _heights(order, near, lambda node: box if isinstance(node, str) else stop)
    ways = {}
    for child, above in kept.items():
        for parent in above:
            between: list[Node] = [(parent, child, c) for c in range(columns[parent] + 1, columns[child])]
            nodes: list[Node] = [parent, *between, child]
            ways[parent, child] = tuple((columns[parent] + i, middle[n]) for i, n in enumerate(nodes))
    names = {n: m for n, m in middle.items() if isinstance(n, str)}
    left_out = sum(len(set(p)) for p in parents.values()) - len(ways)
    tops = [m - (box if isinstance(n, str) else stop) / 2 for n, m in middle.items()]
    ends = [m + (box if isinstance(n, str) else stop) / 2 for n, m in middle.items()]
    return Layout(columns, names, ways, max(ends, default=0) - min(tops, default=0), left_out)


def reduced(parents: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The parents that no other parent waits for already: the same order with the fewest edges."""
    above: dict[str, set[str]] = {}
    kept = {}
    for name, direct in parents.items():
        further = set().union(*(above[p] for p in direct)) if direct else set()
        kept[name] = tuple(p for p in dict.fromkeys(direct) if p not in further)
        above[name] = further | set(direct)
    return kept


def _columns(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Right of every parent; a column that is full passes its boxes on to the next."""
    columns: dict[str, int] = {}
    filled: dict[int, int] = {}
    for name, above in parents.items():
        column = max((columns[p] + 1 for p in above), default=0)
        while filled.get(column, 0) >= MOST_IN_A_COLUMN:
            column += 1
        columns[name] = column
        filled[column] = filled.get(column, 0) + 1
    return columns


def _with_stops(
    parents: Mapping[str, Sequence[str]], columns: Mapping[str, int]
) -> tuple[list[list[Node]], dict[Node, tuple[list[Node], list[Node]]]]:
    """(the nodes of each column, the neighbours of each node to the left and to the right)."""
    order: list[list[Node]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    near: dict[Node, tuple[list[Node], list[Node]]] = {}

    def place(node: Node, column: int) -> None:
        order[column].append(node)
        near[node] = ([], [])

    for name in parents:
        place(name, columns[name])
    for name, above in parents.items():
        for parent in above:
            before: Node = parent
            for column in range(columns[parent] + 1, columns[name]):
                stop: Node = (parent, name, column)
                place(stop, column)
                near[before][1].append(stop)
                near[stop][0].append(before)
                before = stop
            near[before][1].append(name)
            near[name][0].append(before)
    return order, near


def _untangle(order: list[list[Node]], near: Mapping[Node, tuple[list[Node], list[Node]]]) -> None:
    """Sort each column by where its neighbours stand, to and fro."""
    rank = {node: float(i) for column in order for i, node in enumerate(column)}
    for sweep in range(SWEEPS):
        side = sweep % 2
        for column in order if side == 0 else reversed(order):
            wish = {n: _mean([rank[m] for m in near[n][side]], rank[n]) for n in column}
            column.sort(key=wish.__getitem__)
            rank.update({node: float(i) for i, node in enumerate(column)})


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _heights(
    order: Sequence[Sequence[Node]], near: Mapping[Node, tuple[list[Node], list[Node]]], size: Callable[[Node], float]
) -> dict[Node, float]:
    """The middle of each node: close to its neighbours, in the order of its column, never over another."""
    middle: dict[Node, float] = {}
    for column in order:
        top = 0.0
        for node in column:
            middle[node] = top + size(node) / 2
            top += size(node)
    for sweep in range(SWEEPS):
        side = sweep % 2
        for column in order if side == 0 else tuple(reversed(order)):
            wish = [_mean([middle[m] for m in near[n][side]], middle[n]) for n in column]
            gaps = [(size(a) + size(b)) / 2 for a, b in itertools.pairwise(column)]
            middle.update(zip(column, _spaced(wish, gaps), strict=True))
    low = min((m - size(n) / 2 for n, m in middle.items()), default=0.0)
    return {node: m - low for node, m in middle.items()}


def _spaced(wish: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places closest to the wishes (least squares) that keep the order and the gaps: isotonic regression."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, int]] = []
    for value, offset in zip(wish, offsets, strict=True):
        mean, many = value - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean = (before * number + mean * many) / (number + many)
            many += number
        blocks.append((mean, many))
    flat = [mean for mean, many in blocks for _ in range(many)]
    return [f + o for f, o in zip(flat, offsets, strict=True)]
