"""Drift: what an org changed since a snapshot of it, in words, and which of it can break a load. Pure.

Only what decides what a row may hold is compared: labels, help texts and layouts are not. It does not know any plan: a change breaks
loads when a row that landed before may not land now, or may find another record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadplan.lean import dataclass
from loadplan.review.described import ObjectFacts, object_facts
from loadplan.review.driftfields import of_field


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
    if now.raw.get("deprecatedAndHidden") is True and then.raw.get("deprecatedAndHidden") is not True:
        yield Change(name, "", "hidden", "the object is deprecated and hidden now", True)
    before, after = _record_types(then.raw), _record_types(now.raw)
    ids, new_ids = _record_type_ids(then.raw), _record_type_ids(now.raw)
    for type_ in sorted(set(ids) & set(new_ids)):
        if ids[type_][:15] != new_ids[type_][:15]:
            text = f"record type {type_} has the id {new_ids[type_]} now, it had {ids[type_]}"
            yield Change(name, "", "record type id", text, True)
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


def _record_type_ids(raw: Mapping[str, Any]) -> dict[str, str]:
    """Developer name -> id, of those that have one."""
    types = (t for t in raw.get("recordTypeInfos") or () if isinstance(t, Mapping) and not t.get("master"))
    return {str(t.get("developerName")): str(t["recordTypeId"]) for t in types if t.get("recordTypeId")}


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
            for kind, text, breaking in of_field(before, after):
                yield Change(then.name, before.name, kind, text, breaking)
    for key, added in now.fields.items():
        if key not in then.fields:
            more = f" ({added.type}), and every new record needs it" if added.required else f" ({added.type})"
            yield Change(then.name, added.name, "field added", f"is new{more}", added.required)
