"""Fields: whether object, operation and the columns that are sent fit what the org says of them. Looks at names, not at rows."""

from __future__ import annotations

from collections.abc import Sequence

from loadplan.diagnostics import did_you_mean
from loadplan.plan.edges import lookups_of
from loadplan.plan.model import Lookup, Plan, Step
from loadplan.review.described import Described, FieldFacts, ObjectFacts
from loadplan.review.findings import Findings

NEEDS = {
    "insert": ("createable",), "update": ("updateable",), "upsert": ("createable", "updateable"), "delete": ("deletable",),
    "hardDelete": ("deletable",),
}  # fmt: skip
MAY = {"createable": "create", "updateable": "change", "deletable": "delete"}


def place_of(plan: Plan, step: Step) -> str:
    """Where the step stands, relative to the project."""
    name = relative_file(plan)
    return f"{name}:{step.place.line}" if step.place is not None and step.place.line else name


def relative_file(plan: Plan) -> str:
    """The plan's file as the project sees it: the same on every machine."""
    try:
        return plan.file.resolve().relative_to(plan.root.resolve()).as_posix()
    except ValueError:
        return plan.file.name


def check_fields(plan: Plan, step: Step, header: Sequence[str], described: Described, findings: Findings) -> None:
    """Every problem of what the step sends, by name."""
    facts = described.object(step.object)
    where = place_of(plan, step)
    if facts is None:
        unknown_object(step.id, str(step.object), described, where, findings)
        return
    if step.object != facts.name:
        findings.plan(
            "LP0703", "warning", step.id, "", f"the object is called `{facts.name}`, the plan says `{step.object}`", where,
            f"write `object: {facts.name}`",
        )  # fmt: skip
    for key in NEEDS.get(step.operation, ()):
        if not facts.allows(key):
            findings.plan(
                "LP0707", "error", step.id, "", f"this user may not {MAY[key]} records of {facts.name}", where,
                f"give the user the right to {MAY[key]} {facts.name}, or leave the step out",
            )  # fmt: skip
    if step.facts.id_only:
        return
    special = {reference.header for reference in step.references if "." in reference.header}
    for name in header:
        if name in special or "." in name:
            continue
        _check_field(step, name, facts, where, findings)
    if step.external_id is not None:
        _check_external_id(step, facts, where, findings)
    for lookup in named_parents(step):
        _check_lookup(step, lookup, facts, described, where, findings)
    if step.operation in {"insert", "upsert"}:
        _check_required(step, header, facts, where, findings)


def named_parents(step: Step) -> list[Lookup]:
    found = lookups_of(step)
    if step.hierarchy is not None and step.hierarchy.lookup is not None:
        found.append(step.hierarchy.lookup)
    return found


def unknown_object(step: str, name: str, described: Described, where: str, findings: Findings) -> None:
    """What is to be said of an object that is not among the known ones."""
    hint = did_you_mean(name, [o.name for o in described.objects.values()])
    if described.complete:
        findings.plan(
            "LP0701", "error", step, "", f"the org has no object `{name}`, or this user may not see it", where,
            hint or "custom objects end in __c; the user needs at least Read on the object",
        )  # fmt: skip
    elif described.objects:
        findings.plan(
            "LP0710", "warning", step, "", f"the snapshot has no `{name}`, so its fields were not checked", where,
            hint or f"loadplan org describe {name} -o ORG --out DIR",
        )  # fmt: skip


def _check_field(step: Step, name: str, facts: ObjectFacts, where: str, findings: Findings) -> None:
    found = facts.field(name)
    if found is None:
        known = sorted(f.name for f in facts.fields.values())
        hint = did_you_mean(name, known) or f"map it to a field of {facts.name}, or leave it out with `columns`"
        findings.plan(
            "LP0702", "error", step.id, name, f"{facts.name} has no field `{name}` that this user may see", where, hint
        )
        return
    if found.name != name:
        findings.plan(
            "LP0703", "warning", step.id, name, f"the field is called `{found.name}`, the plan says `{name}`", where,
            f"write `{found.name}`: Salesforce answers with its own spelling",
        )  # fmt: skip
    if step.facts.needs_id and name.lower() == "id":
        return
    if name == step.external_id and found.type == "id":
        return
    barred = _barred(step, found)
    if barred:
        code, severity, text = barred
        findings.plan(code, severity, step.id, name, text, where, "leave it out, or give the user edit access to it")


def _barred(step: Step, found: FieldFacts) -> tuple[str, str, str] | None:
    create, change = found.createable, found.updateable
    if step.operation == "insert" and not create:
        return "LP0704", "error", f"`{found.name}` cannot be set when a record is made"
    if step.operation == "update" and not change:
        return "LP0704", "error", f"`{found.name}` cannot be changed"
    if step.operation != "upsert":
        return None
    if not create and not change:
        return "LP0704", "error", f"`{found.name}` is read-only for this user"
    if found.name == step.external_id:
        return None
    if not create:
        return "LP0704", "warning", f"`{found.name}` cannot be set on rows that make a record"
    if not change:
        return "LP0704", "warning", f"`{found.name}` cannot be changed on rows that find a record"
    return None


def _check_external_id(step: Step, facts: ObjectFacts, where: str, findings: Findings) -> None:
    assert step.external_id is not None
    found = facts.field(step.external_id)
    if found is None or found.is_key or found.type == "id":
        return  # that it is not there is told with the columns
    known = [f.name for f in facts.fields.values() if f.is_key and f.type != "id"]
    hint = f"external ids of {facts.name}: {', '.join(sorted(known)[:8])}" if known else "mark the field as External ID"
    findings.plan(
        "LP0705", "error", step.id, found.name, f"`{found.name}` is not an external id of {facts.name}", where, hint
    )


def _check_lookup(
    step: Step, lookup: Lookup, facts: ObjectFacts, described: Described, where: str, findings: Findings
) -> None:
    field = facts.relationships.get(lookup.relationship.lower())
    if field is None:
        hint = did_you_mean(lookup.relationship, sorted(f.relationship for f in facts.relationships.values()))
        findings.plan(
            "LP0708", "error", step.id, lookup.header, f"{facts.name} has no relationship `{lookup.relationship}`", where,
            hint or "custom relationships end in __r",
        )  # fmt: skip
        return
    targets = field.reference_to
    if lookup.object_type and lookup.object_type.lower() not in {t.lower() for t in targets}:
        findings.plan(
            "LP0709", "error", step.id, lookup.header,
            f"`{lookup.relationship}` points at {' or '.join(targets[:5])}, not at {lookup.object_type}", where,
            f"write `{targets[0]}:{lookup.relationship}.{lookup.field}`" if targets else "",
        )  # fmt: skip
        return
    if len(targets) > 1 and not lookup.object_type:
        findings.plan(
            "LP0709", "error", step.id, lookup.header,
            f"`{lookup.relationship}` may point at {' or '.join(targets[:5])}, and must say at which", where,
            f"write `{targets[0]}:{lookup.relationship}.{lookup.field}`",
        )  # fmt: skip
        return
    if not (field.createable or field.updateable):
        text = f"`{field.name}` is read-only for this user"
        findings.plan("LP0704", "error", step.id, lookup.header, text, where, "leave the lookup out")
    parent = described.object(lookup.object_type or (targets[0] if targets else None))
    if parent is None:
        return
    target = parent.field(lookup.field)
    if target is None:
        hint = did_you_mean(lookup.field, sorted(f.name for f in parent.fields.values()))
        text = f"{parent.name} has no field `{lookup.field}` that this user may see"
        findings.plan("LP0702", "error", step.id, lookup.header, text, where, hint)
    elif not target.is_key and target.type != "id":
        known = sorted(f.name for f in parent.fields.values() if f.is_key and f.type != "id")
        text = f"`{target.name}` is not an external id of {parent.name}, so no parent is found by it"
        hint = f"external ids of {parent.name}: {', '.join(known[:8])}"
        findings.plan("LP0705", "error", step.id, lookup.header, text, where, hint)


def _check_required(step: Step, header: Sequence[str], facts: ObjectFacts, where: str, findings: Findings) -> None:
    sent = {name.lower() for name in header}
    looked_up = {lookup.relationship.lower() for lookup in named_parents(step)}
    for field in sorted(facts.fields.values(), key=lambda f: f.name):
        if not field.required or field.name.lower() in sent or field.relationship.lower() in looked_up:
            continue
        if field.type == "id":
            continue
        makes = step.operation == "insert"
        findings.plan(
            "LP0706", "error" if makes else "warning", step.id, field.name,
            f"{facts.name} needs `{field.name}`, which is not sent" + ("" if makes else ": rows that make a record will fail"),
            where, f"map a column to {field.name}, or give it a value: `{field.name}: {{value: …}}`",
        )  # fmt: skip
