"""A step waits for the steps that make what it looks up. Pure.

- The child waits for every step that makes records of the object: insert and upsert; update only where no other step loads it.
  A step never waits for itself.
- A second pass is not waited for: a step that is declared to come after another one on the same object, and only goes over
  its records again (see `_goes_over`).
- Of two steps that load one object, the one that is declared to come after the other gives no edge that would close a circle;
  nor does a step that is declared to come after the child, where another step loads the object.
- Steps that load one object and all look into it follow each other, as `depends_on` and the file order them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from loadplan.lean import dataclass
from loadplan.plan.edges import Edge, Edges, lookups_of, order_of
from loadplan.plan.model import Lookup, Plan, Step
from loadplan.plan.relationships import likely_object, targets_of


@dataclass(frozen=True)
class _Wish:
    """A lookup of `child` into an object that `loaders` load, in the order of the plan; `itself` when `child` is one of
    them, and is not in the list."""

    child: str
    header: str
    target: str
    loaders: tuple[str, ...]
    itself: bool


def loaders_of(plan: Plan) -> dict[str, list[str]]:
    """Object in lower case -> the steps that make its records; steps that only update them where none does."""
    makers: dict[str, list[str]] = {}
    updaters: dict[str, list[str]] = {}
    for step in plan.steps.values():
        if step.object and not step.facts.destructive and not step.is_query:
            kind = updaters if step.facts.needs_id else makers
            kind.setdefault(step.object.lower(), []).append(step.id)
    return {**updaters, **makers}


def _wishes(plan: Plan) -> Iterator[_Wish]:
    loaders = loaders_of(plan)
    for step in plan.steps.values():
        for lookup in lookups_of(step):
            names = targets_of(step.object or "", lookup.relationship, lookup.object_type)
            target = next((n.lower() for n in names if n.lower() in loaders), None)
            if target is not None:
                found = loaders[target]
                others = tuple(s for s in found if s != step.id)
                # An update of the object itself is a second look at records that are there.
                own = (step.object or "").lower() == target
                yield _Wish(step.id, lookup.header, target, others, own)


def add_lookups(plan: Plan, edges: Edges) -> None:
    wishes = [w for w in _wishes(plan) if w.loaders]
    if not wishes:
        return
    declared = Edges(edges.known.values())
    after: Callable[[str], frozenset[str]] = cache(declared.after)
    late = {t: _later(loaders, after) for t, loaders in loaders_of(plan).items()}
    again = {t: _second_passes(plan, loaders, after) for t, loaders in loaders_of(plan).items()}
    looks_inside = {(w.child, w.target) for w in wishes if w.itself}
    rank = {s: i for i, s in enumerate(order_of(plan.steps, declared.known.values()) or plan.steps)}
    spare: set[tuple[str, str]] = set()
    for wish in wishes:
        for parent in wish.loaders:
            if parent in again[wish.target]:
                continue
            if wish.itself and (parent, wish.target) in looks_inside and rank[wish.child] < rank[parent]:
                continue
            comes_later = parent in after(wish.child) and (wish.itself or len(wish.loaders) > 1)
            if parent in late[wish.target] or comes_later:
                spare.add((parent, wish.child))
            edges.add(Edge(parent, wish.child, "lookup", wish.header))
    spare -= set(declared.known)
    if spare and edges.has_circle():
        _drop_spare(edges, spare, wishes)


def _second_passes(plan: Plan, loaders: Sequence[str], after: Callable[[str], frozenset[str]]) -> frozenset[str]:
    """Those of the loaders of one object that only go over the records of another of them, which is declared to come first."""
    late = _later(loaders, after)
    return frozenset(
        p for p in late if any(p in after(o) and _goes_over(plan.steps[p], plan.steps[o]) for o in loaders if o != p)
    )  # fmt: skip


def _goes_over(step: Step, first: Step) -> bool:
    """Whether a step makes no records that `first` has not made: it updates; or it upserts only its key and lookups that
    `first` lacks; or it upserts rows of the same source, of which `first` left none out."""
    if step.facts.needs_id:
        return True
    if not step.facts.needs_external_id:
        return False
    only_lookups = (
        bool(step.lookups) and step.columns is not None and {c.field for c in step.columns} <= {step.external_id}
    ) and {x.header for x in step.lookups}.isdisjoint(x.header for x in first.lookups)
    same_rows = step.source is not None and step.source == first.source and first.where is None and first.limit is None
    return only_lookups or same_rows


def _later(loaders: Sequence[str], after: Callable[[str], frozenset[str]]) -> frozenset[str]:
    """Those of the loaders of one object that are declared to come after another of them."""
    if len(loaders) < 2:
        return frozenset()
    return frozenset(p for p in loaders if any(p in after(o) for o in loaders if o != p))


def _drop_spare(edges: Edges, spare: set[tuple[str, str]], wishes: Sequence[_Wish]) -> None:
    """Leave out the edges of second passes that lie on a circle, but never all that a lookup has."""
    after: Callable[[str], frozenset[str]] = cache(edges.after)
    circular = {pair for pair in spare if pair[0] in after(pair[1])}
    for wish in wishes:
        pairs = {(parent, wish.child) for parent in wish.loaders} & edges.known.keys()
        if not wish.itself and pairs <= circular:
            circular -= pairs
    kept = [e for pair, e in edges.known.items() if pair not in circular]
    edges.known, edges.below = {}, {}
    for edge in kept:
        edges.add(edge)


def unordered_lookups(plan: Plan, edges: Edges) -> Iterator[tuple[Step, Lookup, list[str], bool]]:
    """Lookups of a custom relationship whose object is not certain, where other steps load the object that its name
    suggests and nothing makes this step wait for them: (step, lookup, those steps, whether one of them must wait for it)."""
    loaders = loaders_of(plan)
    objects = {k: k for k in loaders}
    after: Callable[[str], frozenset[str]] = cache(edges.after)
    for step in plan.steps.values():
        for lookup in lookups_of(step):
            names = targets_of(step.object or "", lookup.relationship, lookup.object_type)
            if any(n.lower() in loaders for n in names):
                continue
            likely = likely_object(lookup.relationship, objects)
            missing = [s for s in loaders.get(likely or "", ()) if s != step.id]
            if missing and not any(step.id in after(s) for s in missing):
                # A second pass holds up nobody that it is told to wait for.
                second = step.id in _later(loaders.get((step.object or "").lower(), ()), after)
                yield step, lookup, missing, not second and any(s in after(step.id) for s in missing)
