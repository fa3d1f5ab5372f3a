"""Plan -> Graph: who waits for whom, and why. Pure. The only module that imports networkx, and only inside functions.

Which edges there are is decided by `edges`, `lookup_edges` and `delete_order`. A circle is an error that names its path and
the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING

from loadplan.diagnostics import Diagnostic, Place
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.delete_order import add_delete_order
from loadplan.plan.edges import MAX_EDGES, Edge, Edges, TooManyEdgesError, declared_edges
from loadplan.plan.lookup_edges import add_lookups, loaders_of
from loadplan.plan.model import Plan, Step

if TYPE_CHECKING:
    import networkx as nx

PlaceOf = Callable[[Edge], Place]


@dataclass(frozen=True)
class Graph:
    """`order` is deterministic: parents first, ties in the order of the plan. `waves` group steps whose gates can open at
    the same time."""

    order: tuple[str, ...]
    edges: tuple[Edge, ...]
    waves: tuple[tuple[str, ...], ...]
    _parents: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _children: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def parents(self, step: str) -> tuple[str, ...]:
        return self._parents.get(step, ())

    def children(self, step: str) -> tuple[str, ...]:
        return self._children.get(step, ())


def all_edges(plan: Plan) -> Edges:
    """Declared and derived. Raises `TooManyEdgesError`."""
    edges = declared_edges(plan)
    add_lookups(plan, edges)
    add_delete_order(plan, edges)
    return edges


def compile_graph(plan: Plan) -> Graph:
    """The graph of a plan. Raises `InvalidInputError` (LP0218, LP0232) with every circle."""
    edges, problems = _edges(plan, all_edges, lambda e: plan.steps[e.child].place or Place(str(plan.file)))
    if problems or edges is None:
        raise InvalidInputError(problems[0].summary, problems)
    if not edges.known:
        # Steps that nothing orders, often a single one. networkx is a quarter of what a command needs to start, and 17 MB.
        order = tuple(plan.steps)
        waves = (order,) if order else ()
        return Graph(
            order, edges=(), waves=waves, _parents=dict.fromkeys(order, ()), _children=dict.fromkeys(order, ())
        )
    import networkx as nx

    graph = _digraph(plan.steps, edges)
    rank = {s: i for i, s in enumerate(plan.steps)}
    return Graph(
        order=tuple(nx.lexicographical_topological_sort(graph, key=rank.__getitem__)),
        edges=tuple(edges.known.values()),
        waves=tuple(tuple(sorted(w, key=rank.__getitem__)) for w in nx.topological_generations(graph)),
        _parents={s: tuple(sorted(graph.predecessors(s), key=rank.__getitem__)) for s in plan.steps},
        _children={s: tuple(sorted(graph.successors(s), key=rank.__getitem__)) for s in plan.steps},
    )


def graph_problems(plan: Plan, place: PlaceOf, *, declared_only: bool = False) -> tuple[Edges | None, list[Diagnostic]]:
    """(the edges, what is wrong with them). Quick for a plan without circles: no graph is built. `place` tells where an edge
    is written; `declared_only` leaves the derived edges out, for a plan of which not everything is known."""
    return _edges(plan, declared_edges if declared_only else all_edges, place)


def _edges(plan: Plan, derive: Callable[[Plan], Edges], place: PlaceOf) -> tuple[Edges | None, list[Diagnostic]]:
    try:
        edges = derive(plan)
    except TooManyEdgesError:
        summary = f"the steps have more than {MAX_EDGES:,} dependencies on each other"
        hint = "many steps load one object that many others look up: load it in fewer steps, or split the plan"
        return None, [Diagnostic("LP0232", summary, Place(str(plan.file)), hint=hint)]
    return edges, _circles(plan, edges, place) if edges.has_circle() else []


def _digraph(steps: Iterable[str], edges: Edges) -> nx.DiGraph[str]:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(steps)
    graph.add_edges_from(edges.known)
    return graph


def _circles(plan: Plan, edges: Edges, place: PlaceOf) -> list[Diagnostic]:
    """One diagnostic for each group of steps that wait for each other, in the order of the plan."""
    import networkx as nx

    rank = {s: i for i, s in enumerate(plan.steps)}
    whole = _digraph(plan.steps, edges)
    groups = [sorted(g, key=rank.__getitem__) for g in nx.strongly_connected_components(whole) if len(g) > 1]
    found = []
    for group in sorted(groups, key=lambda g: rank[g[0]]):
        graph, first = whole.subgraph(group), group[0]
        # The shortest way from the first step back to itself.
        ways = [
            nx.shortest_path(graph, child, first) for child in sorted(graph.successors(first), key=rank.__getitem__)
        ]
        circle = [first, *min(ways, key=len)]
        found.append(_circle(plan, circle, [edges.known[pair] for pair in pairwise(circle)], place))
    return found


def _circle(plan: Plan, circle: list[str], edges: list[Edge], place: PlaceOf) -> Diagnostic:
    summary = f"the steps wait for each other: {' -> '.join(circle)}"
    lookups = [e for e in edges if e.reason in {"lookup", "id_of"}]
    if not lookups:
        ways = ", ".join(f"`{e.child}` {e.reason} `{e.parent}`" for e in edges)
        return Diagnostic("LP0218", summary, place(edges[-1]), hint=f"remove one of these dependencies: {ways}")
    loaders = loaders_of(plan)
    for edge in lookups:
        step = plan.steps[edge.parent]
        outside = [s for s in loaders.get((step.object or "").lower(), ()) if s not in circle]
        if outside and step.lookups:
            hint = (
                f"if `{step.id}` is a second pass over {step.object}, say so: "
                f"add `depends_on: [{outside[0]}]` to it, and it no longer holds up `{edge.child}`"
            )
            return Diagnostic("LP0218", summary, place(edge), hint=hint)
    # A custom relationship is more often the one that can wait than the standard one.
    edge = next((e for e in lookups if "__r." in e.detail.lower()), lookups[0])
    return Diagnostic("LP0218", summary, place(edge), hint=_second_pass(plan.steps[edge.child], edge))


def _second_pass(child: Step, lookup: Edge) -> str:
    """How the circle is broken: the same rows once more, with the lookup that could not be set the first time."""
    begin = f"move lookup `{lookup.detail}` of `{child.id}` into a second pass: a further step on {child.object}"
    if child.external_id:
        return f"{begin} with only its key and that lookup, and depends_on: [{lookup.parent}, {child.id}]"
    key = child.key or "<key>"
    return f"{begin} that updates, with `Id: {{id_of: {child.id}, column: {key}}}` and that lookup as its lookups"
