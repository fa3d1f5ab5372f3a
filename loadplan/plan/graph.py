"""Plan -> Graph: who waits for whom, and why. Pure. The only module that imports networkx, and only inside functions.

Edges come from `depends_on`, from a `{step: …}` source, from lookups by `id_of`, from lookups into an object that another
step loads, and from the rule that deletes go child first. A circle is an error that names its path and the way out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadplan.diagnostics import Diagnostic, Place
from loadplan.errors import InvalidInputError
from loadplan.plan.model import Lookup, Plan, Step, StepSource

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Edge:
    """`child` waits for `parent`. `reason` is depends_on, source, id_of, lookup or delete order; `detail` the lookup's
    header."""

    parent: str
    child: str
    reason: str
    detail: str = ""


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


STANDARD_RELATIONSHIPS = {
    "Account": "Account", "Contact": "Contact", "Lead": "Lead", "Opportunity": "Opportunity", "Campaign": "Campaign",
    "Case": "Case", "Product2": "Product2", "Pricebook2": "Pricebook2", "PricebookEntry": "PricebookEntry", "Owner": "User",
    "ReportsTo": "Contact", "CreatedBy": "User", "Contract": "Contract", "Order": "Order", "Asset": "Asset",
}  # fmt: skip
"""Relationship name -> object, where the name is not simply `X__r`. `Parent` points at the object itself."""

STANDARD_CHILDREN = {
    ("OpportunityLineItem", "Opportunity"), ("Opportunity", "Account"), ("Contact", "Account"), ("Case", "Account"),
    ("Case", "Contact"), ("CampaignMember", "Campaign"), ("CampaignMember", "Contact"), ("CampaignMember", "Lead"),
    ("PricebookEntry", "Product2"), ("PricebookEntry", "Pricebook2"), ("OpportunityLineItem", "PricebookEntry"),
    ("Task", "Account"), ("Task", "Contact"), ("Task", "Opportunity"), ("Task", "Case"), ("Task", "Lead"),
    ("Event", "Account"), ("Event", "Contact"), ("Event", "Opportunity"), ("Event", "Case"), ("Event", "Lead"),
    ("OpportunityContactRole", "Opportunity"), ("Contract", "Account"), ("Order", "Account"), ("Asset", "Account"),
}  # fmt: skip


def target_object(lookup: Lookup, step: Step) -> str:
    """The object a lookup points at, as far as its name tells."""
    if lookup.object_type:
        return lookup.object_type
    if lookup.relationship == "Parent":
        return step.object or ""
    if lookup.relationship.endswith("__r"):
        return lookup.relationship[:-1] + "c"
    return STANDARD_RELATIONSHIPS.get(lookup.relationship, lookup.relationship)


def compile_graph(plan: Plan) -> Graph:
    """The graph of a plan. Raises `InvalidInputError` (LP0218) naming the steps of a circle."""
    import networkx as nx

    declared = list(_declared(plan))
    graph = _digraph(plan, declared)
    _refuse_circle(plan, graph)
    below = {s: nx.descendants(graph, s) for s in plan.steps} if any(s.lookups for s in plan.steps.values()) else {}
    derived = _without_second_passes(list(_derived(plan)), below)
    for edge in derived:
        if not graph.has_edge(edge.parent, edge.child):
            graph.add_edge(edge.parent, edge.child, edge=edge)
    _refuse_circle(plan, graph)
    for edge in _delete_order(plan):
        if not nx.has_path(graph, edge.child, edge.parent) and not graph.has_edge(edge.parent, edge.child):
            graph.add_edge(edge.parent, edge.child, edge=edge)
    rank = {s: i for i, s in enumerate(plan.steps)}
    return Graph(
        order=tuple(nx.lexicographical_topological_sort(graph, key=rank.__getitem__)),
        edges=tuple(d["edge"] for _, _, d in graph.edges(data=True)),
        waves=tuple(tuple(sorted(w, key=rank.__getitem__)) for w in nx.topological_generations(graph)),
        _parents={s: tuple(sorted(graph.predecessors(s), key=rank.__getitem__)) for s in plan.steps},
        _children={s: tuple(sorted(graph.successors(s), key=rank.__getitem__)) for s in plan.steps},
    )


def _digraph(plan: Plan, edges: list[Edge]) -> nx.DiGraph[str]:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(plan.steps)
    for edge in edges:
        if not graph.has_edge(edge.parent, edge.child):
            graph.add_edge(edge.parent, edge.child, edge=edge)
    return graph


def _declared(plan: Plan) -> Iterator[Edge]:
    for step in plan.steps.values():
        for parent in step.depends_on:
            if parent in plan.steps and parent != step.id:
                yield Edge(parent, step.id, "depends_on")
        if isinstance(step.source, StepSource) and step.source.step in plan.steps:
            yield Edge(step.source.step, step.id, "source")
        for lookup in step.ids:
            if lookup.step in plan.steps and lookup.step != step.id:
                yield Edge(lookup.step, step.id, "id_of", lookup.header)


def _derived(plan: Plan) -> Iterator[Edge]:
    loaders: dict[str, list[str]] = {}
    for step in plan.steps.values():
        if step.object and not step.facts.destructive and not step.is_query:
            loaders.setdefault(step.object.lower(), []).append(step.id)
    for step in plan.steps.values():
        for lookup in step.lookups:
            found = loaders.get(target_object(lookup, step).lower(), [])
            for parent in found:
                # A second pass over the same object comes after its first one, which has made the records.
                other = plan.steps[parent]
                second_pass = bool({*other.depends_on, *(x.step for x in other.ids)} & set(found))
                if not second_pass and parent != step.id and other.object != step.object:
                    yield Edge(parent, step.id, "lookup", lookup.header)


def _without_second_passes(edges: list[Edge], below: Mapping[str, set[str]]) -> list[Edge]:
    """Without the edges whose parent says itself that it comes after the child, where another loader of the same object
    stays before the child: that one makes the records, and the later one is a second pass. With no other loader the edge
    stays, and closes a circle that is reported."""
    before = {(e.child, e.detail) for e in edges if e.parent not in below.get(e.child, ())}
    return [e for e in edges if e.parent not in below.get(e.child, ()) or (e.child, e.detail) not in before]


def _delete_order(plan: Plan) -> Iterator[Edge]:
    deletes = [s for s in plan.steps.values() if s.facts.destructive and s.object]
    if len(deletes) < 2:
        return
    children = set(STANDARD_CHILDREN)
    for step in plan.steps.values():
        children |= {(step.object or "", target_object(x, step)) for x in step.lookups}
        children |= {(step.object or "", plan.steps[x.step].object or "") for x in step.ids if x.step in plan.steps}
    for child in deletes:
        for parent in deletes:
            if child is not parent and (child.object, parent.object) in children:
                yield Edge(child.id, parent.id, "delete order")


def _refuse_circle(plan: Plan, graph: nx.DiGraph[str]) -> None:
    import networkx as nx

    try:
        circle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return
    edges: list[Edge] = [graph.edges[pair[0], pair[1]]["edge"] for pair in circle]
    path = " -> ".join([*(e.parent for e in edges), edges[0].parent])
    lookup = next((e for e in edges if e.reason in {"lookup", "id_of"}), None)
    if lookup:
        hint = _second_pass(plan.steps[lookup.child], lookup)
    else:
        hint = "remove one of these dependencies: " + ", ".join(f"`{e.child}` {e.reason} `{e.parent}`" for e in edges)
    place = plan.steps[edges[0].child].place or Place(str(plan.file))
    summary = f"the steps wait for each other: {path}"
    raise InvalidInputError(summary, [Diagnostic("LP0218", summary, place, hint=hint)])


def _second_pass(child: Step, lookup: Edge) -> str:
    """How the circle is broken: the same rows once more, with the lookup that could not be set the first time."""
    begin = f"move lookup `{lookup.detail}` of `{child.id}` into a second pass: a further step on {child.object}"
    if child.external_id:
        return f"{begin} with only its key and that lookup, and depends_on: [{lookup.parent}, {child.id}]"
    key = child.key or "<key>"
    return f"{begin} that updates, with `Id: {{id_of: {child.id}, column: {key}}}` and that lookup as its lookups"
