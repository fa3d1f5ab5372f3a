"""Drift: what an org changed since a snapshot of it, in words, and which of it can break a load. Pure.

Only what decides what a row may hold is compared: labels, help texts and layouts are not. It does not know any plan: a change breaks
loads when a row that landed before may not land now, or may find another record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadplan.review.described import FieldFacts, ObjectFacts, object_facts

FAMILIES = (
    {"string", "textarea", "encryptedstring"}, {"double", "currency", "percent"}, {"picklist", "combobox", "string"},
    {"string", "email", "phone", "url"},
)  # fmt: skip
MOST = 5
"""So many values are named of a list."""


@dataclass(frozen=True)
class Change:
    """One change: `field` is empty for the object itself. `kind` is a word for programs; `text` says it."""

    object: str
    field: str
    kind: str
    text: str
    breaking: bool

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field or None, "kind": self.kind, "text": self.text, "breaking": self.breaking}


def drift(then: Mapping[str, Any], now: Mapping[str, Any] | None) -> list[Change]:
    """What changed between two descriptions of an object, what can break a load first. `now` is None for an object that the org no
    longer has, or no longer shows to this user."""
    before = object_facts(then)
    if now is None:
        text = "the object is gone, or this user may no longer see it"
        return [Change(before.name, "", "object removed", text, True)]
    found = [*_of_object(before, object_facts(now)), *_of_fields(before, object_facts(now))]
    return sorted(found, key=lambda c: (not c.breaking, c.field, c.kind, c.text))


def _of_object(then: ObjectFacts, now: ObjectFacts) -> Iterator[Change]:
    name = then.name
    for key, what in (
        ("createable", "create"),
        ("updateable", "update"),
        ("deletable", "delete"),
        ("queryable", "query"),
    ):
        if then.allows(key) != now.allows(key):
            lost = then.allows(key)
            text = f"this user may {'no longer' if lost else 'now'} {what} records"
            yield Change(name, "", "right lost" if lost else "right gained", text, lost)
    if then.prefix and now.prefix and then.prefix != now.prefix:
        yield Change(name, "", "key prefix", f"ids begin with {now.prefix}, they began with {then.prefix}", True)
    before, after = _record_types(then.raw), _record_types(now.raw)
    for type_, usable in sorted(before.items()):
        if type_ not in after:
            yield Change(name, "", "record type removed", f"record type {type_} is gone", True)
        elif usable and not after[type_]:
            yield Change(
                name, "", "record type lost", f"record type {type_} is no longer active or available to this user", True
            )
        elif after[type_] and not usable:
            yield Change(name, "", "record type gained", f"record type {type_} can be used now", False)
    for type_ in sorted(set(after) - set(before)):
        yield Change(name, "", "record type added", f"record type {type_} is new", False)
    default, new = _default_type(then.raw), _default_type(now.raw)
    if default != new and default and new:
        text = f"records without a record type become {new}, they became {default}"
        yield Change(name, "", "default record type", text, False)


def _record_types(raw: Mapping[str, Any]) -> dict[str, bool]:
    """Developer name -> whether this user can give it to a record."""
    return {
        str(t.get("developerName")): bool(t.get("active", True)) and bool(t.get("available", True))
        for t in raw.get("recordTypeInfos") or ()
        if isinstance(t, Mapping) and not t.get("master")
    }


def _default_type(raw: Mapping[str, Any]) -> str:
    types = (
        t for t in raw.get("recordTypeInfos") or () if isinstance(t, Mapping) and t.get("defaultRecordTypeMapping")
    )
    return next((str(t.get("developerName")) for t in types), "")


def _of_fields(then: ObjectFacts, now: ObjectFacts) -> Iterator[Change]:
    for key, before in then.fields.items():
        after = now.fields.get(key)
        if after is None:
            yield Change(then.name, before.name, "field removed", "is gone, or this user may no longer see it", True)
        else:
            for kind, text, breaking in _of_field(before, after):
                yield Change(then.name, before.name, kind, text, breaking)
    for key, added in now.fields.items():
        if key not in then.fields:
            more = f" ({added.type}), and every new record needs it" if added.required else f" ({added.type})"
            yield Change(then.name, added.name, "field added", f"is new{more}", added.required)


Told = tuple[str, str, bool]


def _of_field(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    if then.name != now.name:
        yield "spelling", f"is spelt `{now.name}` now: Salesforce answers with its own spelling", False
    if then.type != now.type:
        text = f"is of type {now.type}, it was {then.type}"
        yield "type", text, not any({then.type, now.type} <= family for family in FAMILIES)
    if then.required != now.required:
        text = "every new record needs it now" if now.required else "may be left empty now"
        yield ("required" if now.required else "optional"), text, now.required
    for right, what in (("createable", "set when a record is made"), ("updateable", "changed")):
        had, has = getattr(then, right), getattr(now, right)
        if had != has:
            text = f"can {'no longer' if had else 'now'} be {what}"
            yield ("right lost" if had else "right gained"), text, had
    yield from _sizes(then, now)
    yield from _keys(then, now)
    yield from _values(then, now)
    yield from _parents(then, now)


def _sizes(then: FieldFacts, now: FieldFacts) -> Iterator[Told]:
    if then.length and now.length and then.length != now.length:
        shorter = now.length < then.length
        text = f"holds {now.length} characters, it held {then.length}"
        yield ("shorter" if shorter else "longer"), text, shorter
    if then.type != now.type:
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
