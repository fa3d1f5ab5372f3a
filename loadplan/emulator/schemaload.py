"""From describe files to objects: reads them all, fills what a file leaves out, and hides what field-level security hides."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .describefiles import far_lookups, read_descriptions
from .schema import Field, ObjectType, Schema
from .security import Secured

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
