"""Objects and fields of the org: answers what a loader asks of a description that is complete. What a file leaves out is filled in
schemaload.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .wire import id18


@dataclass(frozen=True)
class Field:
    """One field. `raw` is its complete describe entry."""

    raw: dict[str, Any]

    @cached_property
    def name(self) -> str:
        return str(self.raw["name"])

    @cached_property
    def label(self) -> str:
        return str(self.raw["label"])

    @cached_property
    def type(self) -> str:
        return str(self.raw["type"])

    @cached_property
    def length(self) -> int:
        return int(self.raw["length"])

    @cached_property
    def reference_to(self) -> tuple[str, ...]:
        return tuple(self.raw["referenceTo"])

    @cached_property
    def relationship(self) -> str | None:
        name = self.raw["relationshipName"]
        return str(name) if name else None

    @cached_property
    def unique(self) -> bool:
        return bool(self.raw["unique"])

    @cached_property
    def indexed(self) -> bool:
        """Whether the field can be the key of an upsert or of `Rel.Field`."""
        return bool(self.raw["externalId"] or self.raw["idLookup"] or self.raw["unique"])

    @cached_property
    def external_id(self) -> bool:
        return bool(self.raw["externalId"])

    @cached_property
    def case_sensitive(self) -> bool:
        return bool(self.raw["caseSensitive"])

    @cached_property
    def createable(self) -> bool:
        return bool(self.raw["createable"])

    @cached_property
    def updateable(self) -> bool:
        return bool(self.raw["updateable"])

    @cached_property
    def created_as(self) -> Any:
        """The value of a new record whose row gives none: the default, of a picklist also the value marked as such."""
        if self.raw["type"] == "picklist" and self.raw["defaultedOnCreate"] and self.raw["defaultValue"] is None:
            return next((entry["value"] for entry in self.raw["picklistValues"] if entry.get("defaultValue")), None)
        return self.raw["defaultValue"]

    @cached_property
    def required(self) -> bool:
        """Required on insert: createable, not nillable, not defaulted (and never a boolean)."""
        raw = self.raw
        open_ = raw["createable"] and not raw["nillable"] and not raw["defaultedOnCreate"]
        return bool(open_ and raw["type"] != "boolean")

    @cached_property
    def restricted_values(self) -> frozenset[str] | None:
        if not self.raw["restrictedPicklist"]:
            return None
        return frozenset(str(entry["value"]) for entry in self.raw["picklistValues"] if entry.get("active", True))


@dataclass(frozen=True)
class ObjectType:
    """One object: its fields by lower-case name and its relationships by lower-case relationship name."""

    raw: dict[str, Any]
    fields: dict[str, Field]
    relationships: dict[str, Field]
    hidden: frozenset[str] = frozenset()
    """Lower-case names of fields that the user may not see."""
    validation_rules: Any = ()
    """As the description gives them; validation.py reads them."""
    rules_file: str = ""

    @cached_property
    def name(self) -> str:
        return str(self.raw["name"])

    @cached_property
    def prefix(self) -> str:
        return str(self.raw["keyPrefix"])

    @cached_property
    def required(self) -> tuple[Field, ...]:
        return tuple(entry for entry in self.fields.values() if entry.required)

    @cached_property
    def indexed(self) -> tuple[Field, ...]:
        return tuple(entry for entry in self.fields.values() if entry.indexed and entry.type != "id")

    @cached_property
    def references(self) -> tuple[Field, ...]:
        return tuple(entry for entry in self.fields.values() if entry.type == "reference")

    @cached_property
    def visible(self) -> tuple[Field, ...]:
        """The fields that the user may see."""
        return tuple(entry for name, entry in self.fields.items() if name not in self.hidden)

    @cached_property
    def default_record_type(self) -> str | None:
        """The id of the record type that a record gets when its row names none."""
        for info in self.raw["recordTypeInfos"]:
            if info.get("defaultRecordTypeMapping") and not info.get("master"):
                return str(info["recordTypeId"])
        return None

    @cached_property
    def closed_record_types(self) -> frozenset[str]:
        """The ids of its record types that no user may give a record, or not this one."""
        infos = self.raw["recordTypeInfos"]
        closed = (i for i in infos if i.get("active") is False or i.get("available") is False)
        return frozenset(id18(str(info["recordTypeId"])) for info in closed if not info.get("master"))

    def field(self, name: str) -> Field | None:
        """The field of that name, in any case; None for one that the user may not see."""
        return None if name.lower() in self.hidden else self.fields.get(name.lower())


class Schema:
    """All objects of the org. Later sources override earlier ones by object name."""

    def __init__(self, objects: Iterable[ObjectType], far: Sequence[tuple[str, str]] = ()) -> None:
        self.far = tuple(far)
        """(`Object.Field`, names of objects) of lookups that lead to no object of the org."""
        self.objects = {entry.name.lower(): entry for entry in objects}
        self.by_prefix = {entry.prefix: entry for entry in self.objects.values()}

    def find(self, name: str) -> ObjectType | None:
        """The object of that API name, in any case."""
        return self.objects.get(name.lower())

    def of_id(self, record_id: str) -> ObjectType | None:
        """The object a record id belongs to, by key prefix."""
        return self.by_prefix.get(record_id[:3])

    def describe(self, entry: ObjectType, version: str) -> dict[str, Any]:
        """The answer of `sobjects/{Object}/describe` (REST API Developer Guide, 'sObject Describe')."""
        base = f"/services/data/{version}/sobjects/{entry.name}"
        children = [
            {
                "cascadeDelete": field.raw["cascadeDelete"],
                "childSObject": child.name,
                "deprecatedAndHidden": False,
                "field": field.name,
                "relationshipName": field.raw.get("childRelationshipName"),
                "restrictedDelete": field.raw["restrictedDelete"],
            }
            for child in self.objects.values()
            for field in child.references
            if entry.name in field.reference_to and field.name.lower() not in child.hidden
        ]
        urls = {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"}
        known = {"childRelationships": children, "urls": urls, "fields": [field.raw for field in entry.visible]}
        return {**entry.raw, **known}
