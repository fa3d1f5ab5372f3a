"""SFDMU's export.json -> a plan. It reads the CSV files that stand beside it, for their headers only.

SFDMU also moves rows from org to org and matches them by fields that are no external id; neither is what a load plan does, so both
are told. The shape: https://help.sfdmu.com (objects, query, operation, externalId, fieldMapping, excluded fields, object sets).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadplan.errors import InvalidInputError
from loadplan.imports.draft import Draft, nothing_made, slug, template_free, unknown
from loadplan.plan.schema import misfit

QUERY = re.compile(r"\s*select\s+(?P<fields>.+?)\s+from\s+(?P<object>\w+)\b(?P<rest>.*)\Z", re.IGNORECASE | re.DOTALL)
OPERATIONS = {
    "insert": "insert",
    "update": "update",
    "upsert": "upsert",
    "delete": "delete",
    "harddelete": "hardDelete",
}
SELECTORS = re.compile(r"(all|\w+_(true|false)|type_\w+)\Z", re.IGNORECASE)
KNOWN = {
    "query", "operation", "externalId", "excluded", "fieldMapping", "useFieldMapping", "excludedFields", "excludedFromUpdateFields",
    "master", "useQueryAll", "deleteQuery", "objects", "objectSets", "apiVersion", "csvReadFileDelimiter", "csvFileDelimiter",
}  # fmt: skip
_TEXTS = {"type": "array", "items": {"type": "string"}}
_OBJECTS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "query": {"type": "string"}, "operation": {"type": "string"}, "externalId": {"type": "string"},
            "excludedFields": _TEXTS, "fieldMapping": {"type": "array", "items": {"type": "object"}},
        },
    },
}  # fmt: skip
SHAPE = {
    "type": "object",
    "properties": {
        "objects": _OBJECTS, "csvReadFileDelimiter": {"type": "string"}, "csvFileDelimiter": {"type": "string"},
        "objectSets": {"type": "array", "items": {"type": "object", "properties": {"objects": _OBJECTS}}},
    },
}  # fmt: skip
"""What of an export.json is read here, and in which shape."""
NO_KEY = {"Name", "Id", "DeveloperName", "Email", "Username"}
DELIMITERS = {",", ";", "\t", "|", "^", "`"}


def from_sfdmu(file: Path) -> Draft:
    """The plan of an export.json. Raises `InvalidInputError` when it is none."""
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"{file} cannot be read as JSON: {error}", hint="name the export.json of SFDMU"
        ) from error
    if not isinstance(data, dict) or not (data.get("objects") or data.get("objectSets")):
        raise InvalidInputError(f"{file} has no `objects`", hint="name the export.json of SFDMU")
    if wrong := misfit(data, SHAPE):
        raise InvalidInputError(f"{file}: {wrong}", hint="correct it there; SFDMU would not take it either")
    draft = Draft(slug(file.resolve().parent.name), file.name)
    for key in unknown(data, KNOWN):
        draft.note("", f"`{key}` has no counterpart and was not carried over")
    sets = [data.get("objects") or [], *((s.get("objects") or []) for s in data.get("objectSets") or [])]
    objects = [o for group in sets for o in group if isinstance(o, dict)]
    delimiter = data.get("csvReadFileDelimiter") or data.get("csvFileDelimiter") or ","
    if isinstance(data.get("apiVersion"), str) and re.fullmatch(r"\d\d\.0", data["apiVersion"]):
        draft.api_version = data["apiVersion"]
    keys = {
        m["object"]: str(o.get("externalId") or "Name") for o in objects if (m := QUERY.match(str(o.get("query", ""))))
    }
    for entry in objects:
        _object(draft, entry, keys, file.parent, delimiter)
    if not draft.steps:
        raise nothing_made(
            draft, file,
            "only Insert, Update, Upsert, Delete and HardDelete of objects with their own external id can be",
        )  # fmt: skip
    return draft


def _object(draft: Draft, entry: Mapping[str, Any], keys: Mapping[str, str], folder: Path, delimiter: str) -> None:
    found = QUERY.match(str(entry.get("query", "")))
    if found is None:
        draft.note("", f"an object without a query that can be read was left out: {str(entry.get('query', ''))[:80]}")
        return
    name = found["object"]
    if entry.get("excluded"):
        draft.note("", f"{name} is excluded, and was left out")
        return
    operation = OPERATIONS.get(str(entry.get("operation") or "Readonly").lower())
    if operation is None:
        draft.note(
            "", f"{name} is {entry.get('operation') or 'Readonly'}: its records must be in the org; no step was made"
        )
        return
    step = draft.new_id(name.removesuffix("__c"))
    for key in unknown(entry, KNOWN):
        draft.note(step, f"`{key}` has no counterpart and was not carried over")
    if operation in {"delete", "hardDelete"}:
        _delete(draft, step, operation, entry, found)
    else:
        _load(draft, step, operation, entry, found, keys, folder, delimiter)


def _delete(draft: Draft, step: str, operation: str, entry: Mapping[str, Any], found: re.Match[str]) -> None:
    query = f"SELECT Id FROM {found['object']}{found['rest']}".strip()  # noqa: S608 - a query of the org's own language, in the user's words
    if not template_free(query):
        draft.note("", f"{step}: the query holds braces, which a plan would take for a template; it was left out")
        return
    draft.steps[f"{step}_to_delete"] = {"operation": "queryAll" if entry.get("useQueryAll") else "query", "soql": query}
    draft.steps[step] = {"object": found["object"], "operation": operation, "source": {"step": f"{step}_to_delete"}}
    draft.note(
        step,
        "SFDMU deletes what it finds in the target; so does this: read the query, and give its step a gate with max_rows",
    )


def _load(
    draft: Draft, step: str, operation: str, entry: Mapping[str, Any], found: re.Match[str], keys: Mapping[str, str], folder: Path,
    delimiter: str,
) -> None:  # fmt: skip
    name = found["object"]
    key = str(entry.get("externalId") or "Name")
    if operation == "upsert" and (";" in key or "." in key or key in NO_KEY):
        what = "several fields" if ";" in key else f"`{key}`"
        draft.note("", f"{name} is matched by {what}: the Bulk API upserts by one external id field; it was left out")
        return
    keys_of_step: dict[str, Any] = {"object": name, "operation": operation}
    if operation == "upsert":
        keys_of_step["external_id"] = key
    source: dict[str, Any] = {"path": f"{name}.csv"}
    if delimiter != "," and delimiter in DELIMITERS:
        source["delimiter"] = delimiter
    keys_of_step["source"] = source if len(source) > 1 else source["path"]
    header = _header(folder / f"{name}.csv", delimiter)
    if header is None:
        draft.note(step, f"{name}.csv is not there yet: let SFDMU write it (--targetusername csvfile), then validate")
    if re.search(r"\bwhere\b|\blimit\b", found["rest"], re.IGNORECASE):
        draft.note(
            step,
            "the conditions of the query chose rows of the source org; the rows of the file are loaded as they are",
        )
    fields = _fields(draft, step, entry, found["fields"], header)
    columns, lookups = _split(draft, step, fields, keys, header, _mapped(entry))
    if operation == "upsert":
        columns.setdefault(key, key)
    if operation == "update":
        columns.setdefault("Id", "Id")
    keys_of_step["columns"] = columns
    if lookups:
        keys_of_step["lookups"] = lookups
    draft.steps[step] = keys_of_step


def _header(file: Path, delimiter: str) -> list[str] | None:
    import csv

    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            return next(csv.reader(text, delimiter=delimiter if len(delimiter) == 1 else ","), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return None


def _mapped(entry: Mapping[str, Any]) -> dict[str, str]:
    """Target field by source field."""
    pairs = entry.get("fieldMapping") or []
    return {
        str(p["sourceField"]): str(p["targetField"]) for p in pairs if p.get("sourceField") and p.get("targetField")
    }


def _fields(
    draft: Draft, step: str, entry: Mapping[str, Any], text: str, header: Sequence[str] | None
) -> list[str]:  # fmt: skip
    written = [f.strip() for f in text.split(",") if f.strip()]
    excluded = {str(f) for f in entry.get("excludedFields") or []}
    if any(SELECTORS.match(f) for f in written):
        if header is None:
            draft.note(step, f"`{text}` means every field of the org: write the columns once {step}'s file is there")
            return [f for f in written if not SELECTORS.match(f)]
        written = list(header)
    return [f for f in dict.fromkeys(written) if f not in excluded]


def _split(
    draft: Draft, step: str, fields: Sequence[str], keys: Mapping[str, str], header: Sequence[str] | None, mapped: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:  # fmt: skip
    """(columns, lookups): target by source, as the file has them."""
    columns: dict[str, Any] = {}
    lookups: dict[str, str] = {}
    there = list(header or ())
    for name in fields:
        if name == "Id" or name.startswith(("$$", "___")):
            continue
        column = name if header is None or name in there else _reference(name, there)
        if column is None:
            draft.note(step, f"`{name}` is in the query and not in the file; it was left out")
            continue
        target = mapped.get(name, name)
        if "." not in column and header is None and (parent := _standard_parent(name, keys)):
            column = f"{parent}.{keys[parent]}"
        if "." not in column:
            columns[target] = column
            continue
        relation, _, field = column.rpartition(".")
        if ";" in field or field in NO_KEY:
            draft.note(
                step, f"`{column}` names its parent by {field}, which is no external id; the lookup was left out"
            )
        else:
            lookups[f"{_relationship(relation)}.{field}"] = column
    return columns, lookups


def _relationship(name: str) -> str:
    return f"{name[:-1]}r" if name.endswith("__c") else name.removesuffix("Id") if name.endswith("Id") else name


def _standard_parent(field: str, keys: Mapping[str, str]) -> str | None:
    """`AccountId` points to Account when that is one of the objects."""
    parent = field.removesuffix("Id")
    return parent if field.endswith("Id") and parent in keys else None


def _reference(field: str, header: Sequence[str]) -> str | None:
    """The column in which SFDMU writes the parent of a lookup field."""
    relation = _relationship(field)
    return next((h for h in header if h.rpartition(".")[0] == relation), None)
