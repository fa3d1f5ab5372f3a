"""Query fields: whether the object and the fields that a query names are in the org. Looks at names, not at rows.

A path is followed as far as it leads to one object that is known; what stands behind a relationship to several objects is Salesforce's
to judge. In an org that has a namespace itself, the names of its own objects and fields may be written without it: whether it is such
an org no description says, so that these names are warned of and never refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from loadplan.diagnostics import did_you_mean
from loadplan.plan.model import Plan, Step
from loadplan.plan.soql_names import Named, asked_by
from loadplan.review.described import Described, FieldFacts, ObjectFacts
from loadplan.review.fields import place_of, unknown_object
from loadplan.review.findings import Findings

COMPOUND = frozenset({"address", "location"})
"""Types of fields that are made of others. Bulk API 2.0 Developer Guide, "Query Jobs" (what is not supported)."""
_CUSTOM = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*__[a-z]+", re.IGNORECASE)
_T = TypeVar("_T")


def check_query(plan: Plan, step: Step, described: Described, findings: Findings) -> None:
    """Every name of the query, and of the queries in its conditions, that the org does not have."""
    asked = asked_by(step.soql or "")
    where = place_of(plan, step)
    for part in asked.all() if asked is not None else ():
        facts = _object(described, part.object)
        if facts is None:
            unknown_object(step.id, part.object, described, where, findings)
            continue
        if facts.raw.get("queryable") is False:
            findings.plan(
                "LP0707", "error", step.id, "", f"records of {facts.name} cannot be queried by this user", where,
                f"give the user the right to read {facts.name}, or leave the step out",
            )  # fmt: skip
        for named in part.names:
            _check_name(step, named, facts, described, where, findings)


def parents_asked(step: Step, described: Described) -> Iterator[str]:
    """The objects that the paths of a query lead through, as far as they are known: to be described as well."""
    asked = asked_by(step.soql or "")
    for part in asked.all() if asked is not None else ():
        for named in part.names:
            facts = _object(described, part.object)
            for relationship in named.path.split(".")[:-1]:
                target = _target(facts, relationship)
                if target is None:
                    break
                yield target
                facts = _object(described, target)


def objects_asked(step: Step) -> Iterator[str]:
    """The objects that a query and the queries in its conditions are FROM."""
    asked = asked_by(step.soql or "")
    for part in asked.all() if asked is not None else ():
        yield part.object


def _target(facts: ObjectFacts | None, relationship: str) -> str | None:
    """The one object that a relationship leads to. One that could lead to others has the fields of none of them (Object Reference,
    "Name"), even where the org has only one."""
    field = (
        (facts.relationships.get(relationship.lower()) or _spaced(facts.relationships, relationship)) if facts else None
    )
    if field is None or field.flag("polymorphicForeignKey") or field.flag("namePointing"):
        return None
    return field.reference_to[0] if len(field.reference_to) == 1 else None


def _object(described: Described, name: str | None) -> ObjectFacts | None:
    return described.object(name) or _spaced(described.objects, name or "")


def _spaced(known: Mapping[str, _T], name: str) -> _T | None:
    """What has this name behind a namespace."""
    ending = f"__{name.lower()}"
    return (
        next((found for key, found in known.items() if key.endswith(ending)), None) if _CUSTOM.fullmatch(name) else None
    )


def _check_name(
    step: Step, named: Named, facts: ObjectFacts, described: Described, where: str, findings: Findings
) -> None:
    *relationships, last = named.path.split(".")
    for relationship in relationships:
        if relationship.lower() not in facts.relationships:
            known = sorted(f.relationship for f in facts.relationships.values())
            within = _spaced(facts.relationships, relationship)
            findings.plan(
                "LP0708", "error" if within is None else "warning", step.id, named.path,
                f"{facts.name} has no relationship `{relationship}`", where,
                _hint(relationship, known, within.relationship if within else "") or "custom relationships end in __r",
            )  # fmt: skip
            if within is None:
                return
        parent = _object(described, _target(facts, relationship))
        if parent is None:
            return
        facts = parent
    found = facts.field(last)
    if found is None:
        own: FieldFacts | None = _spaced(facts.fields, last)
        hint = _hint(last, sorted(f.name for f in facts.fields.values()), own.name if own else "")
        findings.plan(
            "LP0702", "error" if own is None else "warning", step.id, named.path,
            f"{facts.name} has no field `{last}` that this user may see", where,
            hint or "Salesforce would refuse the query: correct the name, or give the user access to the field",
        )  # fmt: skip
    elif named.shown and found.type in COMPOUND:
        parts = sorted(f.name for f in facts.fields.values() if f.raw.get("compoundFieldName") == found.name)
        findings.plan(
            "LP0711", "error", step.id, named.path, f"a bulk query cannot return `{found.name}`, a field made of others", where,
            f"name its parts: {', '.join(parts)}" if parts else "name the fields it is made of",
        )  # fmt: skip


def _hint(name: str, known: list[str], spaced: str) -> str:
    if spaced:
        return f"write `{spaced}`, unless the org has this namespace itself"
    return did_you_mean(name, known)
