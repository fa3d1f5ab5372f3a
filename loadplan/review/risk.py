"""Risk: which class a change has (contract §6). Deterministic rules, one table; no rule looks at who made the change.

R0 words only · R1 rows of a source within the same operation · R2 what is sent, when, and how often · R3 rows may disappear, find other
records, reach another org, or fail without anybody being stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadplan.plan.graph import Graph
from loadplan.plan.model import Plan, Step, StepSource
from loadplan.review.meaning import RISKS, Change, aspects, gate_loosened
from loadplan.run.gates import describe_rule
from loadplan.salesforce.orgs import DEFAULT_ALLOW

MORE_ROWS = 1.2
"""Rows of a source that grow beyond this are more than a change of rows."""
WHY = {
    "source": "other rows", "where": "other rows", "limit": "other rows", "dedupe": "other rows", "soql": "other rows",
    "operation": "operation", "object": "object", "key": "key", "retry": "retries", "upload": "transport", "csv": "transport",
    "parts": "transport", "poll": "transport", "parallel_pages": "transport", "max_records": "transport",
}  # fmt: skip


def worst(risks: Iterator[str] | list[str]) -> str:
    return max(risks, default="R0")


def at_least(risk: str, limit: str) -> bool:
    return RISKS.index(risk) >= RISKS.index(limit)


def added(step: Step) -> Change:
    risk = "R3" if step.facts.destructive else "R2"
    what = f"{step.operation} {step.object or ''}".strip()
    source = aspects(step).get("source", "")
    after = f"{what}, source {source}" if source else what
    why = "destructive step added" if step.facts.destructive else "step added"
    return Change(step.id, step.id, "added", "", after, risk, why)


def removed(step: Step) -> Change:
    before = f"{step.operation} {step.object or ''}".strip()
    return Change(step.id, step.id, "removed", before, "", "R2", "step removed; its records stay in Salesforce")


def step_changes(before: Step, after: Step, plans: tuple[Plan, Plan]) -> Iterator[Change]:
    """What a step means now that it did not mean before."""
    old, new = aspects(before), aspects(after)
    feeds = _feeds_a_delete(after, plans[1]) or _feeds_a_delete(before, plans[0])
    for aspect in [*new, *(a for a in old if a not in new)]:
        if old.get(aspect) == new.get(aspect) or (aspect == "key" and after.external_id is not None):
            continue  # the key of an upsert is told with the column that feeds its external id
        risk, why = _aspect_risk(aspect, before, after, feeds=feeds)
        kind = "added" if aspect not in old else "removed" if aspect not in new else "changed"
        yield Change(f"{after.id}.{aspect}", after.id, kind, old.get(aspect, ""), new.get(aspect, ""), risk, why)
    yield from _gate(before, after)


def _feeds_a_delete(step: Step, plan: Plan) -> bool:
    return any(
        isinstance(s.source, StepSource) and s.source.step == step.id and s.facts.destructive
        for s in plan.steps.values()
    )


def _aspect_risk(aspect: str, before: Step, after: Step, *, feeds: bool) -> tuple[str, str]:
    destructive = after.facts.destructive or before.facts.destructive
    if aspect == "description":
        return "R0", "words"
    if aspect == "external_id":
        return "R3", "rows find other records"
    if aspect == f"columns.{after.external_id}":
        return "R3", "rows find other records"
    if aspect == "operation" and after.facts.destructive:
        return "R3", "destructive operation" if before.facts.destructive else "becomes destructive"
    if aspect in {"object", "source", "where", "limit", "dedupe", "columns.Id", "columns", "key"} and destructive:
        return "R3", "a delete of other rows"
    if feeds and aspect in {"soql", "operation", "source"}:
        return "R3", "a delete takes its rows from here"
    group = aspect.partition(".")[0]
    return "R2", WHY.get(aspect) or ("mapping" if group in {"columns", "lookups", "mask", "hierarchy"} else aspect)


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
        yield Change("name", "", "changed", before.name, after.name, "R0", "words")
    if before.description != after.description:
        yield Change("description", "", "changed", before.description, after.description, "R0", "words")


def order_changes(before: Graph, after: Graph) -> Iterator[Change]:
    """Steps that wait for others than before; a step that is new or gone is told on its own."""
    common = [s for s in after.order if s in before.order]
    for step in common:
        old = [p for p in before.parents(step) if p in after.order]
        new = [p for p in after.parents(step) if p in before.order]
        if set(old) != set(new):
            told = (f"after {', '.join(old)}" if old else "first", f"after {', '.join(new)}" if new else "first")
            yield Change(f"{step}.order", step, "changed", told[0], told[1], "R2", "order")


def rows_risk(step: Step, rows: Mapping[str, Any]) -> tuple[str, str]:
    """The class of a change of a source's rows."""
    grown = rows["added"] or rows["changed"] or rows["columns_added"]
    if step.facts.destructive and (rows["added"] or rows["changed"]):
        return "R3", "a delete of more rows"
    if rows["columns_added"] and step.columns is None and not step.facts.id_only:
        return "R2", "columns that pass through"
    if rows["columns_removed"] and step.columns is None and not step.facts.id_only:
        return "R2", "columns that are no longer sent"
    if rows["head"] > rows["base"] * MORE_ROWS and rows["base"]:
        return "R2", f"{(rows['head'] - rows['base']) * 100 / rows['base']:.0f}% more rows"
    return "R1", "rows" if grown or rows["removed"] else "bytes, not rows"


# -- orgs ----------------------------------------------------------------------------------------------------------


def org_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What orgs.yaml lets plans do now. Texts under `auth` are never shown."""
    if bool(before.get("sql_sources")) != bool(after.get("sql_sources")):
        risk = "R3" if after.get("sql_sources") else "R2"
        texts = [str(bool(d.get("sql_sources"))).lower() for d in (before, after)]
        yield Change("orgs.yaml.sql_sources", "", "changed", texts[0], texts[1], risk, "SQL over files")
    if before.get("mask_key") != after.get("mask_key"):
        yield Change("orgs.yaml.mask_key", "", "changed", "", "", "R2", "masked values become others")
    old, new = before.get("orgs") or {}, after.get("orgs") or {}
    for name in sorted({*old, *new}):
        if name not in old:
            yield Change(f"orgs.{name}", "", "added", "", _where(new[name]), "R2", "org added")
        elif name not in new:
            yield Change(f"orgs.{name}", "", "removed", _where(old[name]), "", "R2", "org removed")
        elif old[name] != new[name]:
            yield from _org(name, old[name], new[name])


def _where(entry: Mapping[str, Any]) -> str:
    return str(entry.get("instance_url") or ("embedded" if "embedded" in entry else "sf CLI"))


def _org(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in ("instance_url", "organization_id", "embedded"):
        if old.get(key) != new.get(key):
            texts = str(old.get(key, "")), str(new.get(key, ""))
            yield Change(f"orgs.{name}.{key}", "", "changed", *texts, "R3", "another org")
    if old.get("auth") != new.get("auth"):
        yield Change(f"orgs.{name}.auth", "", "changed", "", "", "R3", "other credentials")
    if bool(old.get("production")) != bool(new.get("production")):
        weaker = not new.get("production")
        texts = str(bool(old.get("production"))).lower(), str(bool(new.get("production"))).lower()
        yield Change(f"orgs.{name}.production", "", "changed", *texts, "R3" if weaker else "R2", "production guard")
    allowed = [set(e.get("allow", DEFAULT_ALLOW)) for e in (old, new)]
    if allowed[0] != allowed[1]:
        wider = bool(allowed[1] - allowed[0])
        lists = ", ".join(sorted(allowed[0])), ", ".join(sorted(allowed[1]))
        yield Change(
            f"orgs.{name}.allow",
            "",
            "changed",
            *lists,
            "R3" if wider else "R2",
            "a limit raised" if wider else "stricter",
        )
    limits = [e.get("limits") or {} for e in (old, new)]
    for key in sorted({*limits[0], *limits[1]}):
        was, now = limits[0].get(key), limits[1].get(key)
        if was != now:
            raised = now is None or (was is not None and now > was)
            pair = "none" if was is None else f"{was:,}", "none" if now is None else f"{now:,}"
            why = "a limit raised" if raised else "stricter"
            yield Change(f"orgs.{name}.limits.{key}", "", "changed", *pair, "R3" if raised else "R2", why)
