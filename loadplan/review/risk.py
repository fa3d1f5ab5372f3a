"""Risk: which class a change of a plan has (contract §6). Deterministic rules, one table; no rule looks at who made the change.

R0 words only · R1 rows of a source within the same operation · R2 what is sent, when, and how often · R3 rows may disappear, find other
records, be new records, go out unmasked, reach another org, or fail without anybody being stopped. `docs/concepts/risk.md` lists the
rules; those for rows are in `rowrisk`, those for orgs.yaml in `orgrisk`.
"""

from __future__ import annotations

from collections.abc import Iterator

from loadplan.plan.graph import Graph
from loadplan.plan.model import FileSource, Plan, SqliteSource, Step
from loadplan.review.feeding import Feeding, found_by, how_found
from loadplan.review.meaning import RISKS, Change, aspects, differ, gate_loosened
from loadplan.run.gates import describe_rule

WHY = {
    "source": "other rows", "where": "other rows", "limit": "other rows", "dedupe": "other rows", "soql": "other rows",
    "operation": "operation", "object": "object", "key": "key", "retry": "retries", "upload": "transport", "csv": "transport",
    "parts": "transport", "poll": "transport", "parallel_pages": "transport", "max_records": "transport", "columns": "mapping",
    "lookups": "mapping", "hierarchy": "mapping",
}  # fmt: skip
MASKS = {"": 0, "hash": 1, "fake": 1, "blank": 2}
"""How much a mask hides."""
SELECTING = frozenset({"soql", "operation", "object", "source", "where", "limit", "dedupe", "key", "external_id"})
"""What decides which rows a step has, or which records they are."""


def worst(risks: Iterator[str] | list[str]) -> str:
    return max(risks, default="R0")


def at_least(risk: str, limit: str) -> bool:
    return RISKS.index(risk) >= RISKS.index(limit)


def added(step: Step) -> Change:
    risk = "R3" if step.facts.destructive else "R2"
    what = f"{step.operation} {step.object or ''}".strip()
    told = aspects(step)
    rows = told.get("source") or told.get("soql")
    after = f"{what}, {'soql' if step.is_query else 'source'} {rows.text}" if rows else what
    why = "destructive step added" if step.facts.destructive else "step added"
    return Change(step.id, step.id, "added", "", after, risk, why)


def removed(step: Step, guarded: list[str]) -> Change:
    """`guarded` are the deletes that waited for it and are still there."""
    before = f"{step.operation} {step.object or ''}".strip()
    if guarded:
        why = f"step removed; the delete {', '.join(guarded)} waited for it, and for its gate"
        return Change(step.id, step.id, "removed", before, "", "R3", why)
    return Change(step.id, step.id, "removed", before, "", "R2", "step removed; its records stay in Salesforce")


def step_changes(before: Step, after: Step, feeds: tuple[Feeding, Feeding]) -> Iterator[Change]:
    """What a step means now that it did not mean before."""
    old, new = aspects(before), aspects(after)
    for aspect in [*new, *(a for a in old if a not in new)]:
        if old.get(aspect) == new.get(aspect) or (aspect == "key" and after.external_id is not None):
            continue  # the key of an upsert is told with the column that feeds its external id
        if aspect.startswith("mask."):
            risk, why = _mask_risk(aspect.removeprefix("mask."), before, after)
        else:
            risk, why = _aspect_risk(aspect, before, after, feeds)
        kind = "added" if aspect not in old else "removed" if aspect not in new else "changed"
        texts = differ(old.get(aspect), new.get(aspect))
        yield Change(f"{after.id}.{aspect}", after.id, kind, *texts, risk, why)
    yield from _gate(before, after)


def _aspect_risk(aspect: str, before: Step, after: Step, feeds: tuple[Feeding, Feeding]) -> tuple[str, str]:
    destructive = after.facts.destructive or before.facts.destructive
    group, _, field = aspect.partition(".")
    if aspect == "description":
        return "R0", "words"
    if aspect == "external_id":
        return "R3", "rows find other records"
    if aspect == "idempotency":
        return "R3", "idempotency values become others: every row becomes a new record"
    if aspect == "operation" and after.facts.destructive:
        return "R3", "destructive operation" if before.facts.destructive else "becomes destructive"
    finding = field in {found_by(before), found_by(after)} or aspect == "columns"
    if finding and _finds_others(before, after):
        return "R3", "a delete of other rows" if destructive else "rows find other records"
    if aspect in {"object", "source", "where", "limit", "dedupe", "columns", "key"} and destructive:
        return "R3", "a delete of other rows"
    if group in SELECTING:
        for what, told in (("delete", [f.deletes for f in feeds]), ("update", [f.updates for f in feeds])):
            end = told[1].get(after.id) or told[0].get(before.id)
            if end is not None:
                return "R3", f"the {what} {end} takes its rows from here"
    if aspect == "source" and after.facts.needs_id and not all(_comparable(s) for s in (before, after)):
        return "R3", "an update of other records"
    return "R2", WHY.get(group) or aspect


def _finds_others(before: Step, after: Step) -> bool:
    """Whether rows that found records find others now. An operation that found none before is told as an operation."""
    if found_by(before) is None or found_by(after) is None:
        return False
    return how_found(before) != how_found(after)


def _comparable(step: Step) -> bool:
    return isinstance(step.source, FileSource | SqliteSource)


def _mask_risk(field: str, before: Step, after: Step) -> tuple[str, str]:
    old, new = before.mask_of(field) or "", after.mask_of(field) or ""
    if field in {found_by(before), found_by(after)}:
        return "R3", "rows find other records: the field that finds them is masked in another way"
    if MASKS[new] >= MASKS[old]:
        return "R2", "masked in another way" if old else "masked from now on"
    if new:
        return "R3", "a weaker mask: more of what is personal would go out"
    if not _sends(after, field):
        return "R2", "no longer masked, and no longer sent"
    return "R3", "no longer masked: what is personal would go out as it is"


def _sends(step: Step, field: str) -> bool:
    if step.columns is None or any(r.header == field for r in step.references):
        return True
    return any(c.field == field for c in step.columns)


def _gate(before: Step, after: Step) -> Iterator[Change]:
    if before.gate == after.gate:
        return
    is_query = after.is_query
    texts = [
        describe_rule(g, is_query=is_query) + (", goes on when shut" if g.on_fail == "continue" else "")
        for g in (before.gate, after.gate)
    ]
    loose = gate_loosened(before.gate, after.gate, is_query=is_query)
    why = "weaker gate" if loose else "stricter gate"
    yield Change(f"{after.id}.gate", after.id, "changed", texts[0], texts[1], "R3" if loose else "R2", why)


def plan_changes(before: Plan, after: Plan) -> Iterator[Change]:
    """What is different of the plan as a whole."""
    if before.api_version != after.api_version:
        yield Change("api_version", "", "changed", before.api_version, after.api_version, "R2", "API version")
    if before.name != after.name:
        made = [
            s.id
            for s in after.steps.values()
            if s.idempotency and s.id in before.steps and before.steps[s.id].idempotency
        ]
        why = f"every row of {', '.join(made)} becomes a new record: idempotency values are made of the plan's name"
        yield Change("name", "", "changed", before.name, after.name, *(("R3", why) if made else ("R0", "words")))
    if before.description != after.description:
        yield Change("description", "", "changed", before.description, after.description, "R0", "words")


def order_changes(before: Graph, after: Graph, plan: Plan) -> Iterator[Change]:
    """Steps that wait for others than before; a step that is new or gone is told on its own. `plan` is the new one."""
    deletes = [s for s in after.order if plan.steps[s].facts.destructive and s in before.order]
    above = {d: (ancestors(before, d), ancestors(after, d)) for d in deletes}
    for step in (s for s in after.order if s in before.order):
        old = [p for p in before.parents(step) if p in after.order]
        new = [p for p in after.parents(step) if p in before.order]
        if set(old) == set(new):
            continue
        told = (f"after {', '.join(old)}" if old else "first", f"after {', '.join(new)}" if new else "first")
        freed = [
            d
            for d, (then, now) in above.items()
            if (d == step or step in now) and any(p in then and p not in now for p in old)
        ]
        risk, why = "R2", "order"
        if freed:
            risk, why = (
                "R3",
                f"the delete {', '.join(freed)} no longer waits for what stood before it, nor for its gate",
            )
        yield Change(f"{step}.order", step, "changed", told[0], told[1], risk, why)


def ancestors(graph: Graph, step: str) -> set[str]:
    """All that a step waits for."""
    found: set[str] = set()
    queue = [step]
    for name in queue:
        fresh = [p for p in graph.parents(name) if p not in found]
        found.update(fresh)
        queue += fresh
    return found
