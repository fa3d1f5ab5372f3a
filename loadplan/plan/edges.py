"""Edges: which step waits for which, and why. Pure.

What the plan says itself (`depends_on`, a `{step: …}` source, a lookup by `id_of`) is here; what follows from lookups is worked out in
`lookup_edges`, what follows from deletes in `delete_order`. Whether the edges close a circle is for `graph`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from loadplan.lean import dataclass
from loadplan.plan.model import Lookup, Plan, Step, StepSource
from loadplan.plan.relationships import Misspelt, read_lookup

MAX_EDGES = 100_000


class TooManyEdgesError(Exception):
    """The plan has more dependencies than `MAX_EDGES`."""


@dataclass(frozen=True)
class Edge:
    """`child` waits for `parent`. `reason` is depends_on, source, id_of, lookup or delete order; `detail` the
    lookup's header."""

    parent: str
    child: str
    reason: str
    detail: str = ""


class Edges:
    """Edges by their two ends; of several reasons for one edge the first is kept."""

    def __init__(self, found: Iterable[Edge] = ()) -> None:
        self.known: dict[tuple[str, str], Edge] = {}
        self.below: dict[str, list[str]] = {}
        for edge in found:
            self.add(edge)

    def add(self, edge: Edge) -> None:
        if (edge.parent, edge.child) not in self.known:
            if len(self.known) >= MAX_EDGES:
                raise TooManyEdgesError
            self.known[edge.parent, edge.child] = edge
            self.below.setdefault(edge.parent, []).append(edge.child)

    def after(self, step: str) -> frozenset[str]:
        """Every step that comes after `step`, over any number of edges."""
        seen: set[str] = set()
        queue = deque(self.below.get(step, ()))
        while queue:
            name = queue.popleft()
            if name not in seen:
                seen.add(name)
                queue.extend(self.below.get(name, ()))
        return frozenset(seen)

    def has_circle(self) -> bool:
        return order_of((), self.known.values()) is None


def order_of(steps: Iterable[str], edges: Iterable[Edge]) -> list[str] | None:
    """The steps, parents first, ties in the order of `steps`; None when the edges close a circle."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(steps, ()))
    for edge in edges:
        sorter.add(edge.child, edge.parent)
    try:
        return list(sorter.static_order())
    except CycleError:
        return None


def declared_edges(plan: Plan) -> Edges:
    """What the plan says itself."""
    found = Edges()
    for step in plan.steps.values():
        for parent in step.depends_on:
            if parent in plan.steps and parent != step.id:
                found.add(Edge(parent, step.id, "depends_on"))
        if isinstance(step.source, StepSource) and step.source.step in plan.steps and step.source.step != step.id:
            found.add(Edge(step.source.step, step.id, "source"))
        for lookup in step.ids:
            if lookup.step in plan.steps and lookup.step != step.id:
                found.add(Edge(lookup.step, step.id, "id_of", lookup.header))
    return found


def lookups_of(step: Step) -> list[Lookup]:
    """The lookups of a step: those it declares, and columns that are written as one (`Account.Key__c: {value: …}`)."""
    found = list(step.lookups)
    for column in step.columns or ():
        if "." in column.field:
            lookup = read_lookup(column.field, "", step.object or "")
            if not isinstance(lookup, Misspelt):
                found.append(lookup)
    return found
