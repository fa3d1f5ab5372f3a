"""Rules for the parents that a plan names, which a schema cannot say: one function each, its docstring the rule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loadplan.diagnostics import Diagnostic, Severity, did_you_mean
from loadplan.plan.checks import known, left_out
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.model import Constant, Hierarchy, Plan, Step
from loadplan.plan.relationships import STANDARD, relationships_of, targets_of

GIVES_IDS = ("insert", "upsert")
"""Operations whose results give ids that the source did not have."""


def id_of_names_a_step_that_gives_ids(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """`id_of` names another step of the plan, an insert or upsert, whose rows have a key to find them by."""
    lost = left_out(document)
    for step in plan.steps.values():
        for lookup in step.ids:
            path: KeyPath = ("steps", step.id, "lookups", lookup.header, "id_of")
            parent = plan.steps.get(lookup.step)
            if lost is None or lookup.step in lost or (parent is not None and not known(document, parent)):
                continue
            if parent is None:
                hint = did_you_mean(lookup.step, plan.steps) or f"steps: {', '.join(list(plan.steps)[:10])}"
                yield Diagnostic("LP0207", f"there is no step `{lookup.step}`", document.place(path), hint=hint)
            elif parent is step:
                instead = f"hierarchy: {{lookup: {lookup.header}, column: {lookup.column}}}"
                hint = f"for rows that point at rows of the same step: `{instead}`"
                yield Diagnostic("LP0240", "a step cannot wait for its own ids", document.place(path), hint=hint)
            elif parent.operation not in GIVES_IDS:
                hint = f"name a step that inserts or upserts; {_way_out(parent)}"
                summary = f"`{parent.id}` is {_article(parent.operation)}, which gives rows no ids"
                yield Diagnostic("LP0240", summary, document.place(path), hint=hint)
            elif not parent.key and known(document, parent, "columns", "external_id", "key"):
                yield _without_key(parent, document, path)


def _way_out(parent: Step) -> str:
    if parent.is_query:
        return "its rows have their ids: read them with `source: {step: " + parent.id + "}`"
    return "its source has the ids: take them from there, under `columns`"


def _article(operation: str) -> str:
    return f"an {operation}" if operation[0] in "aeiou" else f"a {operation}"


def _without_key(step: Step, document: Document, path: KeyPath) -> Diagnostic:
    summary = f"the rows of `{step.id}` have no key, so nobody can tell which id belongs to which"
    return Diagnostic("LP0241", summary, document.place(path), hint=f"give `{step.id}` a `key: <source column>`")


def hierarchy_is_a_self_reference(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A hierarchy's lookup points at the step's own object, as far as its name tells."""
    for step in plan.steps.values():
        if step.hierarchy is None:
            continue
        targets = _points_at(step, step.hierarchy)
        if targets and (step.object or "").lower() not in {t.lower() for t in targets}:
            place = document.place(("steps", step.id, "hierarchy", "lookup"))
            summary = f"`{step.hierarchy.header}` points at {' or '.join(targets)}, not at {step.object}"
            yield Diagnostic("LP0242", summary, place, hint="a parent of another object belongs under `lookups`")


def _points_at(step: Step, hierarchy: Hierarchy) -> tuple[str, ...]:
    """The objects, or nothing where the name does not tell them: a custom self reference may have any name."""
    lookup = hierarchy.lookup
    if lookup is not None and lookup.object_type:
        return (lookup.object_type,)
    name = lookup.relationship if lookup is not None else hierarchy.header.removesuffix("Id")
    if lookup is None and name == hierarchy.header:
        return ()
    told = name.lower() in relationships_of(step.object or "") or name.lower() in {s.lower() for s in STANDARD}
    return targets_of(step.object or "", name) if told else ()


def hierarchy_finds_its_parents(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A hierarchy finds a row's parent by a field that the step itself sends, or by the key of its rows and the ids they
    are given."""
    for step in plan.steps.values():
        if step.hierarchy is None or step.facts.id_only or not known(document, step, "columns", "key"):
            continue
        path: KeyPath = ("steps", step.id, "hierarchy", "lookup")
        lookup = step.hierarchy.lookup
        if lookup is not None:
            fed = [c for c in step.columns or () if c.field.lower() == lookup.field.lower()]
            if step.columns is not None and (not fed or isinstance(fed[0], Constant)):
                what = "is not among the columns" if not fed else "is the same in every row"
                hint = f"add `{lookup.field}: <source column>`"
                summary = f"parents are found by `{lookup.field}`, which {what}"
                yield Diagnostic("LP0243", summary, document.place(path), hint=hint)
        elif step.operation not in GIVES_IDS:
            summary = f"{_article(step.operation)} gives rows no ids to point at"
            hint = (
                "name the parent by external id (`Parent.Legacy_Id__c`), or take its id from a column, under `columns`"
            )
            yield Diagnostic("LP0240", summary, document.place(path), hint=hint)
        elif not step.key:
            yield _without_key(step, document, path)


def parent_failure_needs_a_parent(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """`on_parent_failure` on a step whose rows name no parent does nothing (a warning)."""
    for step in plan.steps.values():
        own = document.data["steps"][step.id]
        if "on_parent_failure" in own and not step.references and known(document, step, "lookups", "hierarchy"):
            place = document.key_place(("steps", step.id, "on_parent_failure"))
            summary = f"the rows of `{step.id}` name no parents"
            yield Diagnostic("LP0244", summary, place, severity=Severity.WARNING, hint="remove it, or add `lookups`")


PARENT_RULES: tuple[Callable[[Plan, Document], Iterator[Diagnostic]], ...] = (
    id_of_names_a_step_that_gives_ids,
    hierarchy_is_a_self_reference,
    hierarchy_finds_its_parents,
    parent_failure_needs_a_parent,
)
