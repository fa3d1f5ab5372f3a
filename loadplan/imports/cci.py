"""A mapping.yml of CumulusCI -> a plan. Rows come from its SQLite database; lookups by the local key become `id_of`.

The shape: https://cumulusci.readthedocs.io (sf_object, table, fields, lookups, action, update_key, static, after, filters).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadplan.errors import InvalidInputError
from loadplan.imports.draft import Draft, is_api_name, nothing_made, slug, template_free, unknown
from loadplan.plan.document import read_document
from loadplan.plan.schema import misfit

KNOWN = {
    "sf_object",
    "table",
    "fields",
    "lookups",
    "action",
    "update_key",
    "static",
    "api",
    "bulk_mode",
    "batch_size",
    "oid_as_pk",
}
SETTLED = {"api", "bulk_mode", "batch_size"}
"""Choices that a plan does not ask for: every step goes over Bulk API 2.0, in parts as large as they may be."""


SHAPE = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "fields": {"type": ["array", "object", "null"]}, "lookups": {"type": ["object", "null"]},
            "static": {"type": ["object", "null"]}, "table": {"type": ["string", "null"]}, "action": {"type": ["string", "null"]},
        },
    },
}  # fmt: skip
"""What of a mapping is read here, and in which shape."""


def from_cci(file: Path, data: Path | None) -> Draft:
    """The plan of a mapping file; `data` is its SQLite database. Raises `InvalidInputError` when it is no mapping."""
    document, problems = read_document(file)
    if document is None:
        raise InvalidInputError(f"{file} cannot be read", problems)
    if not isinstance(document.data, dict) or not all(isinstance(s, dict) for s in document.data.values()):
        raise InvalidInputError(
            f"{file} is no mapping of CumulusCI", hint="name a mapping.yml: step names, each with sf_object"
        )
    if wrong := misfit(document.data, SHAPE):
        raise InvalidInputError(f"{file}: {wrong}", hint="correct it there; CumulusCI would not take it either")
    draft = Draft(slug(file.name.partition(".")[0]), file.name)
    path = _data(draft, file, data)
    steps = {name: step for name, step in document.data.items() if is_api_name(step.get("sf_object"))}
    for name in document.data.keys() - steps.keys():
        draft.note("", f"`{name}` has no sf_object that could be one and was left out")
    ids = {name: draft.new_id(name) for name in steps}
    made: dict[str, tuple[str, str, bool]] = {}
    later: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for name, step in steps.items():
        later += _step(draft, ids[name], step, path, made, steps)
    for origin, step, lookups in later:
        _second_pass(draft, origin, step, lookups, path, made)
    if not draft.steps:
        raise nothing_made(draft, file, "inserts and upserts by one external id can be")
    return draft


def _data(draft: Draft, file: Path, data: Path | None) -> str:
    """The database as the plan, which is written beside the mapping, calls it."""
    if data is None:
        draft.note("", "give the SQLite database with --data; `data.sqlite` stands for it here")
        return "data.sqlite"
    if data.suffix == ".sql":
        made = data.with_suffix(".sqlite")
        draft.note("", f"{data.name} is a script: make the database of it with `sqlite3 {made.name} < {data.name}`")
        data = made
    try:
        return data.resolve().relative_to(file.resolve().parent).as_posix()
    except ValueError:
        return data.as_posix()


def _fields(step: Mapping[str, Any]) -> dict[str, str]:
    """Column of the table by field, whether written as a list or as a map."""
    fields = step.get("fields") or {}
    return {str(f): str(f) for f in fields} if isinstance(fields, list) else {str(k): str(v) for k, v in fields.items()}


def _table(step: Mapping[str, Any]) -> str:
    return str(step.get("table") or step["sf_object"])


def _step(
    draft: Draft, name: str, step: Mapping[str, Any], path: str, made: dict[str, tuple[str, str, bool]], steps: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:  # fmt: skip
    """Make a step; what it says of later passes is given back. `made` maps a table to its step, its key column and whether its ids
    can be asked for by that key."""
    action = str(step.get("action") or "insert")
    operation = {
        "insert": "insert",
        "update": "update",
        "upsert": "upsert",
        "etl_upsert": "upsert",
        "smart_upsert": "upsert",
    }.get(action)
    for key in unknown(step, KNOWN):
        draft.note(name, f"`{key}` has no counterpart and was not carried over")
    if operation is None:
        draft.note("", f"{name}: the action `{action}` was left out")
        return []
    fields, table = _fields(step), _table(step)
    key = fields.pop("Id", "id")
    made_step: dict[str, Any] = {"object": step["sf_object"], "operation": operation}
    update_key = step.get("update_key")
    by_external_id = operation == "upsert"
    if by_external_id:
        if not isinstance(update_key, str) or "," in update_key or update_key == "Id" or update_key not in fields:
            draft.note(
                "",
                f"{name}: it is matched by `{update_key}`, and the Bulk API upserts by one external id field; it was left out",
            )
            return []
        made_step["external_id"] = update_key
    elif operation == "update":
        draft.note("", f"{name}: CumulusCI finds what to update by `{update_key}`, a plan needs ids; it was left out")
        return []
    else:
        made_step["key"] = key
    made_step["source"] = {"path": path, "table": table}
    columns: dict[str, Any] = dict(fields)
    for field, constant in (step.get("static") or {}).items():
        if isinstance(constant, str) and not template_free(constant):
            draft.note(name, f"the constant of `{field}` holds braces and was left out")
        else:
            columns[str(field)] = {"value": str(constant).lower() if isinstance(constant, bool) else str(constant)}
    made_step["columns"] = columns
    lookups, later = _lookups(draft, name, step, made, steps)
    if lookups:
        made_step["lookups"] = lookups
    draft.steps[name] = made_step
    made[table] = (name, fields.get(str(update_key), key) if by_external_id else key, not by_external_id)
    return [(name, dict(step), later)] if later else []


def _lookups(
    draft: Draft, name: str, step: Mapping[str, Any], made: Mapping[str, tuple[str, str, bool]], steps: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """(lookups of this step, those of a second pass)."""
    now: dict[str, Any] = {}
    later: dict[str, Any] = {}
    tables = {_table(s) for s in steps.values()}
    for field, lookup in (step.get("lookups") or {}).items():
        tables_of = lookup.get("table") if isinstance(lookup, dict) else None
        column = str(lookup.get("key_field") or str(field).lower()) if isinstance(lookup, dict) else ""
        if not isinstance(tables_of, str):
            draft.note(name, f"the lookup `{field}` names no single table and was left out")
        elif lookup.get("after") or tables_of == _table(step) or (tables_of not in made and tables_of in tables):
            later[str(field)] = (tables_of, column)
        elif tables_of not in made:
            draft.note(
                name, f"the lookup `{field}` names the table `{tables_of}`, which no step loads; it was left out"
            )
        elif not made[tables_of][2]:
            draft.note(
                name,
                f"`{field}` names rows of `{made[tables_of][0]}` by their local key, and those are upserted; it was left out",
            )
        else:
            now[str(field)] = {"id_of": made[tables_of][0], "column": column}
    return now, later


def _second_pass(
    draft: Draft, name: str, step: Mapping[str, Any], lookups: Mapping[str, Any], path: str, made: Mapping[str, tuple[str, str, bool]]
) -> None:  # fmt: skip
    """A further step that sets lookups which could not be set when the rows were made."""
    own = made[_table(step)]
    for field, (table, column) in lookups.items():
        parent = made.get(table)
        if parent is None or not parent[2] or not own[2]:
            draft.note(
                name,
                f"the later lookup `{field}` was left out: rows that are upserted have no local key to be found by",
            )
            continue
        made_id = draft.new_id(f"{name} {field}")
        draft.steps[made_id] = {
            "object": step["sf_object"], "operation": "update", "source": {"path": path, "table": _table(step)},
            "where": {"column": column, "is": "present"}, "columns": {},
            "lookups": {"Id": {"id_of": own[0], "column": own[1]}, field: {"id_of": parent[0], "column": column}},
            "depends_on": list(dict.fromkeys([own[0], parent[0]])),
        }  # fmt: skip
