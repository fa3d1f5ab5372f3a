"""Drift of a field: what changed, in words, and which of it can break a load. Pure.

Every key of a description is looked at that decides what a row may hold, which records it finds, and what a query may ask; labels, help
texts and layouts are not. A key that a description lacks is at its default: a file written by hand leaves most of them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loadplan.review.described import FieldFacts

NUMBERS = {"double", "currency", "percent"}
FAMILIES = (
    {"string", "textarea", "encryptedstring"}, NUMBERS, {"picklist", "combobox", "string"},
    {"string", "email", "phone", "url"},
)  # fmt: skip
MOST = 5
"""So many values are named of a list."""

Told = tuple[str, str, bool]


def of_field(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    """(kind, words, whether it can break a load) of each change."""
    if then.name != now.name:
        yield "spelling", f"is spelt `{now.name}` now: Salesforce answers with its own spelling", False
    if then.type != now.type:
        text = f"is of type {now.type}, it was {then.type}"
        yield "type", text, not _still_taken(then, now)
    if then.required != now.required:
        text = "every new record needs it now" if now.required else "may be left empty now"
        yield ("required" if now.required else "optional"), text, now.required
    for right, what in (("createable", "set when a record is made"), ("updateable", "changed")):
        had, has = getattr(then, right), getattr(now, right)
        if had != has:
            text = f"can {'no longer' if had else 'now'} be {what}"
            yield ("right lost" if had else "right gained"), text, had
    yield from _emptiness(then, now)
    yield from _sizes(then, now)
    yield from _keys(then, now)
    yield from _queries(then, now)
    yield from _values(then, now)
    yield from _parents(then, now)


def _still_taken(then: FieldFacts, now: FieldFacts) -> bool:
    """Whether what the field held before the change of its type is still a value of it."""
    if now.type == "email" or now.values is not None:
        return False
    return any({then.type, now.type} <= family for family in FAMILIES)


def _emptiness(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    """What a row without a value, or with none on purpose, meets."""
    may, could = now.flag("nillable", True), then.flag("nillable", True)
    if may != could and then.required == now.required and now.createable | now.updateable:
        yield (
            ("optional" if may else "required"),
            f"can {'' if may else 'no longer '}be emptied{' now' if may else ''}",
            could,
        )
    before, after = _default(then), _default(now)
    if before != after:
        text = f"a new record without it gets {after or 'nothing'}, it got {before or 'nothing'}"
        yield "default", text, False


def _default(facts: FieldFacts) -> str:
    """The default as words; empty when there is none."""
    raw = facts.raw
    for key in ("defaultValueFormula", "defaultValue"):
        if raw.get(key) not in (None, "", False):
            return f"`{raw[key]}`"
    listed = raw.get("picklistValues")
    entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
    return next((f"`{e.get('value')}`" for e in entries if e.get("defaultValue")), "")


def _sizes(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    if then.length and now.length and then.length != now.length:
        shorter = now.length < then.length
        text = f"holds {now.length} characters, it held {then.length}"
        yield ("shorter" if shorter else "longer"), text, shorter
    if then.type != now.type and not {then.type, now.type} <= NUMBERS:
        return
    whole, was = now.precision - now.scale, then.precision - then.scale
    if (then.precision or now.precision) and (whole, now.scale) != (was, then.scale):
        text = f"holds {whole} digits before the point and {now.scale} after it, it held {was} and {then.scale}"
        yield "digits", text, whole < was or now.scale < then.scale
    if then.digits != now.digits:
        yield "digits", f"holds {now.digits} digits, it held {then.digits}", 0 < now.digits < then.digits


def _keys(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    if then.is_key != now.is_key:
        text = "is no longer an external id: no record is found by it" if then.is_key else "is an external id now"
        yield ("key lost" if then.is_key else "key gained"), text, then.is_key
    was, is_ = (bool(f.raw.get("unique")) for f in (then, now))
    if was != is_:
        yield ("unique" if is_ else "not unique"), "must be unique now" if is_ else "need no longer be unique", is_
    if then.case_sensitive != now.case_sensitive and (then.is_key or now.is_key or was or is_):
        text = (
            "tells capital letters from small ones now"
            if now.case_sensitive
            else "no longer tells capital letters from small ones"
        )
        yield "case", f"{text}: keys may find other records", True


def _queries(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    """What the query steps of a plan may do with it."""
    for key, what in (("filterable", "stand in WHERE"), ("sortable", "stand in ORDER BY")):
        had, has = then.flag(key, True), now.flag(key, True)
        if had != has:
            yield ("right lost" if had else "right gained"), f"can {'no longer' if had else 'now'} {what}", had
    if now.flag("deprecatedAndHidden") and not then.flag("deprecatedAndHidden"):
        yield "hidden", "is deprecated and hidden now", True


def _values(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    if then.type not in {"picklist", "multipicklist"} or now.type not in {"picklist", "multipicklist"}:
        return
    restricted = now.values is not None
    if (then.values is not None) != restricted:
        text = "takes only the values of its list now" if restricted else "takes any value now"
        yield ("restricted" if restricted else "unrestricted"), text, restricted
    before, after = _active(then), _active(now)
    if gone := sorted(before - after):
        what = "restricted" if restricted else "not restricted: such rows still land"
        yield "value removed", f"lost {_listed(gone)} ({what})", restricted
    if new := sorted(after - before):
        yield "value added", f"gained {_listed(new)}", False
    controls, did = (str(f.raw.get("controllerName") or "") for f in (now, then))
    if controls.lower() != did.lower():
        text = (
            f"depends on {controls or 'no field'}, it depended on {did or 'none'}: the API takes such rows all the same"
        )
        yield "controller", text, False
    elif moved := sorted(v for v, of in _valid_for(then).items() if _valid_for(now).get(v, of) != of):
        text = f"{_listed(moved)} went to other values of {controls or 'its controlling field'}: the API takes such rows all the same"
        yield "controller", text, False


def _valid_for(facts: FieldFacts) -> dict[str, str]:
    """Value -> for which values of the controlling field it is, as the org codes it."""
    listed = facts.raw.get("picklistValues")
    entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
    return {str(e.get("value")): str(e.get("validFor") or "") for e in entries if e.get("active", True)}


def _active(facts: FieldFacts) -> frozenset[str]:
    listed = facts.raw.get("picklistValues")
    entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
    return frozenset(str(e.get("value")) for e in entries if e.get("active", True))


def _listed(values: list[str]) -> str:
    more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return ", ".join(f"`{value}`" for value in values[:MOST]) + more


def _parents(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    if then.relationship.lower() != now.relationship.lower() and then.relationship:
        text = f"its relationship is called `{now.relationship}`, it was `{then.relationship}`"
        yield "relationship", text, True
    before, after = then.reference_to, now.reference_to
    if gone := sorted(set(before) - set(after)):
        yield "target removed", f"can no longer point at {', '.join(gone[:MOST])}", True
    if new := sorted(set(after) - set(before)):
        names_it = len(before) == 1
        text = f"can point at {', '.join(new[:MOST])}, too"
        yield "target added", text + (": lookups must name the object now" if names_it else ""), names_it
    was, is_ = (bool(f.raw.get("cascadeDelete")) for f in (then, now))
    if was != is_:
        text = (
            "a delete of the parent deletes these records now"
            if is_
            else "a delete of the parent leaves these records now"
        )
        yield "cascade", text, is_
    yield from _masters(then, now)
    was, is_ = (f.flag("restrictedDelete") for f in (then, now))
    if was != is_:
        text = (
            "a parent that has such records can no longer be deleted"
            if is_
            else "a parent that has such records can be deleted now"
        )
        yield "restrict", text, is_
    before_, filter_ = _filter(then), _filter(now)
    if filter_ != before_:
        yield "filter", _FILTERS[filter_], filter_ == "required" and before_ != "required"


_FILTERS = {
    "required": "must pass a lookup filter now", "optional": "has a lookup filter now, which nobody must pass",
    "": "has no lookup filter any more",
}  # fmt: skip


def _masters(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    was, is_ = (isinstance(f.raw.get("relationshipOrder"), int) for f in (then, now))
    if was != is_:
        text = (
            "is a master now: each row needs a parent that this user may change"
            if is_
            else "is a lookup now, it was a master"
        )
        yield ("master" if is_ else "lookup"), text, is_
        return
    before, after = (f.flag("writeRequiresMasterRead") for f in (then, now))
    if was and before != after:
        text = (
            "asks for the right to read the master, no longer to change it"
            if after
            else "asks for the right to change the master now"
        )
        yield "master", text, before


def _filter(facts: FieldFacts) -> str:
    """`required`, `optional`, or empty where there is no lookup filter."""
    info = facts.raw.get("filteredLookupInfo")
    if not isinstance(info, Mapping):
        return ""
    return "optional" if info.get("optionalFilter") is True else "required"
