"""Renames: a step that is gone under one id and new under another is the same step when it does the same; and a plan that moved is the
same plan. Pure; deterministic: the most alike first, then the order of the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, product

from loadplan.plan.model import Plan, Step, StepSource
from loadplan.review.meaning import Change, aspects, source_value

ALIKE, ALIKE_ELSEWHERE = 0.5, 0.8
"""The share of what two steps of one operation on one object mean that has to be the same: where they have one source, and where they
have not."""
MOST_PAIRS = 40_000
"""Pairs of steps that are looked at when they are not exactly the same."""


def renamed_steps(before: Plan, after: Plan) -> dict[str, str]:
    """Old id -> new id."""
    gone = [_Told(s) for s in before.steps.values() if s.id not in after.steps]
    new = [_Told(s) for s in after.steps.values() if s.id not in before.steps]
    found: dict[str, str] = {}
    waiting: dict[object, list[_Told]] = {}
    for step in new:
        waiting.setdefault(step.all, []).append(step)
    for step in gone:  # those that do exactly the same, however many there are
        if same := waiting.get(step.all):
            found[step.id] = same.pop(0).id
    taken = set(found.values())
    gone, new = [s for s in gone if s.id not in found], [s for s in new if s.id not in taken]
    pairs = []
    for (at, one), (number, other) in islice(product(enumerate(gone), enumerate(new)), MOST_PAIRS):
        if one.sort == other.sort and (share := one.share(other)) >= (
            ALIKE if one.source == other.source else ALIKE_ELSEWHERE
        ):
            pairs.append((-share, at, number, one.id, other.id))
    for _, _, _, old, name in sorted(pairs):
        if old not in found and name not in taken:
            found[old] = name
            taken.add(name)
    return found


class _Told:
    """A step as it is compared with others. Of a source that is another step it only counts what of it, as that one may have another id
    too."""

    def __init__(self, step: Step) -> None:
        self.id, self.sort = step.id, (step.operation, step.object)
        source = step.source
        self.source = replace(source, step="") if isinstance(source, StepSource) else source_value(source)
        self.aspects = {name: aspect for name, aspect in aspects(step).items() if name != "source"}
        self.all = (self.source, tuple(sorted((name, aspect.text) for name, aspect in self.aspects.items())))

    def share(self, other: _Told) -> float:
        """How much of what both mean is the same, 0 to 1."""
        names = {*self.aspects, *other.aspects}
        same = sum(self.aspects.get(name) == other.aspects.get(name) for name in names)
        return (same + (self.source == other.source)) / (len(names) + 1)


def with_names(plan: Plan, names: Mapping[str, str]) -> Plan:
    """The plan as it would be if only the ids of its steps had changed. What `idempotency` makes of the old ids stays."""
    if not names:
        return plan
    return replace(plan, steps={names.get(s, s): _renamed(step, names) for s, step in plan.steps.items()})


def _renamed(step: Step, names: Mapping[str, str]) -> Step:
    source = step.source
    if isinstance(source, StepSource):
        source = replace(source, step=names.get(source.step, source.step))
    ids = tuple(replace(r, step=names.get(r.step, r.step)) for r in step.ids)
    return replace(
        step,
        id=names.get(step.id, step.id),
        source=source,
        ids=ids,
        depends_on=tuple(names.get(d, d) for d in step.depends_on),
    )


def rename_change(old: str, new: str, after: Plan) -> Change:
    """A step under another id, with who follows it there."""
    step = after.steps[new]
    follow = [s.id for s in after.steps.values() if new in s.depends_on or new in _named(s)]
    told = ["step renamed"]
    if follow:
        told.append(f"{', '.join(follow)} follow{'s' if len(follow) == 1 else ''}")
    told.append("a run that began before goes on under the old id")
    if step.idempotency is not None:
        why = "every row becomes a new record: its idempotency values are made of the step's id"
        return Change(f"{new}.id", new, "changed", old, new, "R3", "; ".join([*told, why]))
    return Change(f"{new}.id", new, "changed", old, new, "R2", "; ".join(told))


def _named(step: Step) -> set[str]:
    named = {r.step for r in step.ids}
    return named | {step.source.step} if isinstance(step.source, StepSource) else named


def alike(one: Plan, other: Plan) -> float:
    """The share of the steps of two plans that mean the same, by id; 0 to 1."""
    ids = {*one.steps, *other.steps}
    same = sum(s in one.steps and s in other.steps and aspects(one.steps[s]) == aspects(other.steps[s]) for s in ids)
    return same / max(1, len(ids))
