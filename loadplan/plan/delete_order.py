"""Deletes go child first. Pure.

`C` is below `P` when a known relationship of a standard object, or a lookup of this plan, leads from C to P, also over objects
that no step touches (OpportunityLineItem, Opportunity, Account); attachments, notes, tasks and the like are below everything.
What is known of standard objects comes before what the plan's lookups suggest; objects that are below each other have no
order. Names are compared without case. An edge that contradicts the others is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache

from loadplan.plan.edges import MAX_EDGES, Edge, Edges, TooManyEdgesError, lookups_of
from loadplan.plan.model import Plan, Step
from loadplan.plan.relationships import STANDARD, relationships_of, targets_of


def add_delete_order(plan: Plan, edges: Edges) -> None:
    deletes: dict[str, list[Step]] = {}
    for step in plan.steps.values():
        if step.facts.destructive and step.object:
            deletes.setdefault(step.object.lower(), []).append(step)
    if len(deletes) < 2:
        return
    pairs = list(_delete_pairs(plan, sorted(deletes)))
    if len(edges.known) + sum(len(deletes[b]) * len(deletes[a]) for b, a in pairs) > MAX_EDGES:
        raise TooManyEdgesError
    found = [
        Edge(child.id, parent.id, "delete order")
        for below, above in pairs
        for child in deletes[below]
        for parent in deletes[above]
    ]
    rank = {s: i for i, s in enumerate(plan.steps)}
    found.sort(key=lambda e: (rank[e.child], rank[e.parent]))
    together = Edges([*edges.known.values(), *found])
    if not together.has_circle():
        edges.known, edges.below = together.known, together.below
        return
    for edge in found:
        if edge.parent not in edges.after(edge.child):
            edges.add(edge)


def _delete_pairs(plan: Plan, objects: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(child, parent) of the objects that are deleted: by what is known of standard objects, else by the plan's lookups."""
    standard = _standard_parents()
    of_plan: dict[str, set[str]] = {k: set(v) for k, v in standard.items()}
    for step in plan.steps.values():
        for lookup in lookups_of(step):
            names = targets_of(step.object or "", lookup.relationship, lookup.object_type)
            of_plan.setdefault((step.object or "").lower(), set()).update(n.lower() for n in names)
        parents = {(plan.steps[x.step].object or "").lower() for x in step.ids if x.step in plan.steps}
        of_plan.setdefault((step.object or "").lower(), set()).update(parents - {""})
    sure = {o: _above(o, standard) for o in objects}
    likely = {o: _above(o, of_plan) for o in objects}
    for child in objects:
        hangs_on_anything = "*" in sure[child] or "*" in likely[child]
        for parent in objects if hangs_on_anything else sorted((sure[child] | likely[child]) & likely.keys()):
            if child == parent:
                continue
            for above in (sure, likely):
                down, up = _is_below(child, parent, above), _is_below(parent, child, above)
                if down != up:
                    if down:
                        yield child, parent
                    break


@cache
def _standard_parents() -> dict[str, frozenset[str]]:
    """Object -> the objects its relationships lead to, in lower case; `*` for many."""
    return {
        name.lower(): frozenset(t.lower() for ts in relationships_of(name).values() for t in ts)
        - {"user", "recordtype"}
        for name in STANDARD
    }


def _is_below(child: str, parent: str, above: Mapping[str, frozenset[str]]) -> bool:
    """What may hang on anything is below everything that may not."""
    return parent in above[child] or ("*" in above[child] and "*" not in above[parent])


def _above(name: str, parents: Mapping[str, Set[str]]) -> frozenset[str]:
    """Every object that `name` is below, over any number of relationships."""
    seen: set[str] = set()
    queue = [name]
    while queue:
        for parent in parents.get(queue.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    return frozenset(seen)
