"""A document against its JSON Schema, in plain words and with places. The only module that imports jsonschema."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from loadplan.diagnostics import Diagnostic, did_you_mean
from loadplan.plan.document import Document, KeyPath

TYPES = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "object": "a map of keys", "array": "a list", "null": "empty",
}  # fmt: skip


@cache
def load_schema(name: str) -> dict[str, Any]:
    """The schema `plan`, `orgs` or `event` as it ships with loadplan."""
    loaded: dict[str, Any] = json.loads(
        files("loadplan.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    )
    return loaded


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(load_schema(name))


def check_schema(document: Document, name: str) -> list[Diagnostic]:
    """Every way in which the document does not have the shape of its schema."""
    found: list[Diagnostic] = []
    for error in _validator(name).iter_errors(document.data):
        found.extend(_explain(document, error))
    return list(dict.fromkeys(found))


def _explain(document: Document, error: Any) -> list[Diagnostic]:
    path: KeyPath = tuple(error.absolute_path)
    rule, value, given = error.validator, error.validator_value, error.instance
    key = f"`{path[-1]}`" if path else "the file"
    match rule:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            return [_unknown(document, path, k, known) for k in given if k not in known]
        case "required":
            missing = next(k for k in value if k not in given and f"'{k}'" in error.message)
            example = error.schema.get("properties", {}).get(missing, {}).get("examples", [None])[0]
            hint = f"add `{missing}:`" + (f", for example `{missing}: {example}`" if isinstance(example, str) else "")
            return [Diagnostic("LP0202", f"{key} lacks `{missing}`", document.key_place(path), hint=hint)]
        case "type":
            return [_wrong_type(document, path, key, value, given)]
        case "enum" | "const":
            allowed = [str(v) for v in (value if rule == "enum" else [value])]
            meant = did_you_mean(str(given), allowed) or f"allowed: {', '.join(allowed)}"
            return [Diagnostic("LP0204", f"{key} cannot be `{given}`", document.place(path), hint=meant)]
        case None:
            # A schema of `false`: the key does not belong to this operation.
            return [
                Diagnostic(
                    "LP0205", f"{key} does not belong to this operation", document.key_place(path), hint="remove it"
                )
            ]
        case "propertyNames" | "pattern":
            return [_pattern(document, path, key, error, given)]
        case "anyOf":
            return [Diagnostic("LP0202", f"{key} lacks `auth` (or `embedded`)", document.key_place(path))]
    words = {
        "minimum": f"{key} is {given}, below {value}", "maximum": f"{key} is {given}, above {value}",
        "minLength": f"{key} is too short", "maxLength": f"{key} is too long", "minItems": f"{key} is an empty list",
        "minProperties": f"{key} is empty", "maxProperties": f"{key} takes only one of its keys",
        "uniqueItems": f"{key} names something twice",
    }  # fmt: skip
    summary = words.get(rule, f"{key} does not fit ({rule})")
    return [Diagnostic("LP0206", summary, document.place(path), hint=_for_example(error))]


def _unknown(document: Document, path: KeyPath, key: str, known: dict[str, Any]) -> Diagnostic:
    inside = f" in `{path[-1]}`" if path else ""
    hint = did_you_mean(key, known) or f"known here: {', '.join(known)}"
    return Diagnostic(
        "LP0201", f"unknown key `{key}`{inside}", document.key_place((*path, key)), "not a key here", hint
    )


def _wrong_type(document: Document, path: KeyPath, key: str, wanted: Any, given: Any) -> Diagnostic:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    raw = document.raw(path)
    hint = ""
    if "string" in names and raw is not None:
        hint = f'quote it: "{raw}"'
    words = " or ".join(TYPES.get(n, n) for n in names)
    what = (
        "empty"
        if given is None
        else f"`{raw}`"
        if raw is not None
        else "a map"
        if isinstance(given, dict)
        else "a list"
    )
    return Diagnostic("LP0203", f"{key} must be {words}, not {what}", document.place(path), hint=hint)


def _pattern(document: Document, path: KeyPath, key: str, error: Any, given: Any) -> Diagnostic:
    if error.validator == "propertyNames" or "propertyNames" in list(error.absolute_schema_path):
        bad = str(given) if isinstance(given, str) else "?"
        place = document.key_place((*path, bad))
        return Diagnostic("LP0206", f"`{bad}` cannot be a name here", place, hint=_names_hint(error))
    summary = f"{key} is not written as it must be: `{given}`"
    return Diagnostic("LP0206", summary, document.place(path), hint=_for_example(error))


def _for_example(error: Any) -> str:
    examples = error.schema.get("examples") or []
    if not examples:
        return ""
    shown = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], ensure_ascii=False)
    return f"for example `{shown}`"


def _names_hint(error: Any) -> str:
    return f"allowed: {error.schema.get('pattern', '')}"
