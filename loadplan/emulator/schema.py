"""Object descriptions: reads describe-shaped JSON, fills what a file leaves out, answers what a loader asks of a field."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .describefiles import far_lookups, read_descriptions
from .security import Secured
from .wire import id18

FIELD_DEFAULTS: dict[str, Any] = {
    "aggregatable": True,
    "autoNumber": False,
    "byteLength": 0,
    "calculated": False,
    "cascadeDelete": False,
    "caseSensitive": False,
    "compoundFieldName": None,
    "controllerName": None,
    "createable": True,
    "custom": False,
    "defaultValue": None,
    "defaultedOnCreate": False,
    "dependentPicklist": False,
    "digits": 0,
    "encrypted": False,
    "externalId": False,
    "extraTypeInfo": None,
    "filterable": True,
    "groupable": True,
    "idLookup": False,
    "inlineHelpText": None,
    "length": 0,
    "nameField": False,
    "namePointing": False,
    "nillable": True,
    "permissionable": True,
    "picklistValues": [],
    "polymorphicForeignKey": False,
    "precision": 0,
    "referenceTo": [],
    "relationshipName": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "restrictedPicklist": False,
    "scale": 0,
    "sortable": True,
    "type": "string",
    "unique": False,
    "updateable": True,
    "writeRequiresMasterRead": False,
}
_SOAP = {
    "boolean": "xsd:boolean",
    "currency": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "double": "xsd:double",
    "id": "tns:ID",
    "int": "xsd:int",
    "percent": "xsd:double",
    "reference": "tns:ID",
    "address": "urn:address",
    "location": "urn:location",
}
_READ_ONLY = {"createable": False, "updateable": False, "nillable": False, "defaultedOnCreate": True}
SYSTEM_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "Id", "label": "Record ID", "type": "id", "length": 18, "idLookup": True, **_READ_ONLY},
    {"name": "IsDeleted", "label": "Deleted", "type": "boolean", **_READ_ONLY},
    {"name": "CreatedDate", "label": "Created Date", "type": "datetime", **_READ_ONLY},
    {"name": "CreatedById", "label": "Created By ID", "type": "reference", "length": 18, "referenceTo": ["User"],
     "relationshipName": "CreatedBy", **_READ_ONLY},
    {"name": "LastModifiedDate", "label": "Last Modified Date", "type": "datetime", **_READ_ONLY},
    {"name": "LastModifiedById", "label": "Last Modified By ID", "type": "reference", "length": 18,
     "referenceTo": ["User"], "relationshipName": "LastModifiedBy", **_READ_ONLY},
    {"name": "SystemModstamp", "label": "System Modstamp", "type": "datetime", **_READ_ONLY},
)  # fmt: skip


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


def load_schema(folders: Sequence[Path], hidden: Sequence[str] = (), read_only: Sequence[str] = ()) -> Schema:
    """The shipped objects, then every `<Object>.json` of the folders and of `rules/` in them (or a file named directly).
    `hidden` and `read_only` are `Object.Field` names under field-level security. Raises DescribeError and SecurityError."""
    known = read_descriptions(folders, FIELD_DEFAULTS, SYSTEM_FIELDS)
    raws = {description.name: description.raw for description in known.values()}
    taken = {str(raw["keyPrefix"]) for raw in raws.values() if raw.get("keyPrefix")}
    secured = Secured(hidden, read_only, raws)
    files = {description.name: description.rules_file for description in known.values()}
    objects = [_object(raw, _prefix(name, taken), secured, files[name]) for name, raw in sorted(raws.items())]
    return Schema(objects, far_lookups(known))


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _prefix(name: str, taken: set[str]) -> str:
    """A key prefix for an object whose file names none: it depends on the name, so that other files do not move it."""
    start = zlib.crc32(name.encode())
    for step in range(62 * 62):
        at = (start + step) % (62 * 62)
        prefix = f"a{_DIGITS[at // 62]}{_DIGITS[at % 62]}"
        if prefix not in taken:
            taken.add(prefix)
            return prefix
    raise ValueError("there are more objects than key prefixes")


def _object(raw: dict[str, Any], prefix: str, secured: Secured, rules_file: str) -> ObjectType:
    name = str(raw["name"])
    rules = raw.get("validationRules") or ()
    raw = {key: value for key, value in raw.items() if key != "validationRules"}
    fields: dict[str, Field] = {}
    given = {str(entry["name"]).lower() for entry in raw.get("fields", ())}
    system = {str(entry["name"]).lower(): entry for entry in SYSTEM_FIELDS}
    left = [entry for lower, entry in system.items() if lower not in given]
    for entry in [*left, *raw.get("fields", ())]:
        known = {} if "type" in entry else system.get(str(entry["name"]).lower(), {})
        complete = _field(secured.rights(name, {**known, **entry}))
        fields[complete.name.lower()] = complete
    defaults = {
        "label": name,
        "labelPlural": raw.get("label", name) + "s",
        "keyPrefix": prefix,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "retrieveable": True,
        "searchable": True,
        "custom": name.endswith("__c"),
        "customSetting": False,
        "mergeable": False,
        "undeletable": True,
        "triggerable": True,
        "recordTypeInfos": [],
    }
    complete_raw = {**defaults, **{key: value for key, value in raw.items() if value is not None}}
    hidden = secured.hidden_of(name)
    seen = [field for lower, field in fields.items() if lower not in hidden]
    relationships = {field.relationship.lower(): field for field in seen if field.relationship}
    return ObjectType(complete_raw, fields, relationships, hidden, rules, rules_file)


def _field(entry: dict[str, Any]) -> Field:
    full = {**FIELD_DEFAULTS, **entry}
    full.setdefault("label", full["name"])
    full["custom"] = bool(full["custom"] or str(full["name"]).endswith("__c"))
    full.setdefault("soapType", _SOAP.get(full["type"], "xsd:string"))
    if not full["byteLength"]:
        full["byteLength"] = 3 * int(full["length"])
    if full["type"] == "boolean" and full["defaultValue"] is None:
        full.update(defaultValue=False, nillable=False, defaultedOnCreate=True)
    return Field(full)
