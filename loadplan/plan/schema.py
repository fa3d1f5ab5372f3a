"""A document against its JSON Schema, in plain words and with places. The only module that imports jsonschema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files
from typing import Any

from loadplan.diagnostics import Diagnostic, closest, did_you_mean
from loadplan.lean import dataclass
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.shape import Test, compiled, whole_text

TYPES = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "object": "a map of keys", "array": "a list", "null": "empty",
}  # fmt: skip
NAMES = {
    "vars": "a variable's name has lower case letters, digits and `_`, and begins with a letter",
    "steps": "a step's id has lower case letters, digits, `_` and `-`, at most 64 of them",
    "columns": "a field is an API name: letters, digits and `_`",
    "orgs": "an org's name has letters, digits, `_`, `.` and `-`",
}
"""What the keys of a map must look like, by the map's own key."""


@cache
def load_schema(name: str) -> dict[str, Any]:
    """The schema `plan`, `orgs` or `event` as it ships with loadplan."""
    loaded: dict[str, Any] = json.loads(
        files("loadplan.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    )
    return loaded


@cache
def _quick(name: str) -> Test:
    return compiled(load_schema(name))


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def pattern(_: Any, wanted: str, given: object, __: Any) -> Iterator[Any]:
        if isinstance(given, str) and not re.search(whole_text(wanted), given):
            yield ValidationError(f"{given!r} does not match {wanted!r}")

    def properties(validator: Any, wanted: dict[str, Any], given: Any, _: Any) -> Iterator[Any]:
        # jsonschema itself forgets which key a schema of `false` forbids.
        for key, schema in wanted.items() if isinstance(given, dict) else ():
            if key in given and schema is False:
                yield ValidationError(f"{key!r} is forbidden", validator="forbidden", path=[key], instance=given[key])
            elif key in given:
                yield from validator.descend(given[key], schema, path=key, schema_path=key)

    tests: dict[int, Test] = {}

    def additional(validator: Any, wanted: Any, given: Any, schema: dict[str, Any]) -> Iterator[Any]:
        # Of thousands of steps only those are looked at closely that have a mistake.
        if not isinstance(wanted, dict) or not isinstance(given, dict):
            yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, wanted, given, schema)
            return
        if id(wanted) not in tests:
            tests[id(wanted)] = compiled(load_schema(name), wanted)
        for key, value in given.items():
            if key not in schema.get("properties", {}) and not tests[id(wanted)](value):
                yield from validator.descend(value, wanted, path=key)

    rules = {"pattern": pattern, "properties": properties, "additionalProperties": additional}
    strict: Any = extend(Draft202012Validator, rules)  # type: ignore[no-untyped-call]
    return strict(load_schema(name))


def fits(value: object, name: str) -> bool:
    """Whether a value has the shape of a schema, for what nobody writes by hand: yes or no is enough."""
    return _quick(name)(value)


def misfit(value: object, schema: dict[str, Any]) -> str:
    """The first place where a value has not the shape of a schema that is none of ours to explain, as `objects[2].query: …`; empty when
    it has."""
    if compiled(schema)(value):
        return ""
    from jsonschema import Draft202012Validator

    error = next(iter(Draft202012Validator(schema).iter_errors(value)))
    at = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
    wanted = error.validator_value
    kinds = (
        [TYPES.get(w, str(w)) for w in ([wanted] if isinstance(wanted, str) else wanted)]
        if error.validator == "type"
        else []
    )
    return f"{at or 'the file'} " + (f"is not {' or '.join(kinds)}" if kinds else f"does not fit ({error.validator})")


def check_schema(document: Document, name: str) -> list[Diagnostic]:
    """Every way in which the document does not have the shape of its schema."""
    return look_at(document, name).problems


@dataclass
class Shape:
    """In how far a document has the shape of its schema. `faulty` are the paths to leave out so that the rest has it; what
    lacks a key is among them, unless it is the file or a step, which can be looked at without it. `meant` are unknown keys
    that surely are misspelt, with the right spelling."""

    problems: list[Diagnostic] = field(default_factory=list)
    faulty: set[KeyPath] = field(default_factory=set)
    meant: dict[KeyPath, str] = field(default_factory=dict)


def look_at(document: Document, name: str) -> Shape:
    """Every way in which the document does not have the shape of its schema."""
    shape = Shape()
    if _quick(name)(document.data):
        return shape
    found: dict[Diagnostic, None] = {}
    errors = list(_validator(name).iter_errors(document.data))
    for error in errors:
        if error.validator == "additionalProperties":
            shape.meant.update(_meant(tuple(error.absolute_path), error))
    for error in errors:
        for path, diagnostic in _explain(document, error, shape.meant):
            if diagnostic is not None:
                found[diagnostic] = None
            if path is not None:
                shape.faulty.add(path)
    shape.problems = list(found)
    return shape


def _meant(path: KeyPath, error: Any) -> dict[KeyPath, str]:
    """Unknown keys that are close to a known one, which the map lacks."""
    known = [k for k in error.schema.get("properties", {}) if k not in error.instance]
    pairs = {(*path, k): closest(k, known) for k in error.instance if k not in error.schema.get("properties", {})}
    words = [p[0] for p in pairs.values() if p]
    return {k: p[0] for k, p in pairs.items() if p and words.count(p[0]) == 1}


def _explain(
    document: Document, error: Any, meant: Mapping[KeyPath, str]
) -> Iterable[tuple[KeyPath | None, Diagnostic | None]]:
    """Pairs of what to leave out and what to say."""
    path: KeyPath = tuple(error.absolute_path)
    rule, value, given = error.validator, error.validator_value, error.instance
    key = f"`{path[-1]}`" if path and isinstance(path[-1], str) else "the file" if not path else "the item"
    match rule:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            return [((*path, k), _unknown(document, path, k, known)) for k in given if k not in known]
        case "required":
            missing = next(k for k in value if k not in given and f"'{k}'" in error.message)
            # A key that the reader had to leave out is not missing.
            stays = not path or (len(path) == 2 and path[0] == "steps")
            if not document.broken.isdisjoint({(*path, missing), (*path, "")}):
                return [] if stays else [(path, None)]
            if any(k[:-1] == path and word == missing for k, word in meant.items()):
                return []
            return [(None if stays else path, _missing(document, path, key, missing, error.schema))]
        case "type":
            return [(path, _wrong_type(document, path, key, value, given, error.schema))]
        case "enum" | "const":
            allowed = [str(v) for v in (value if rule == "enum" else [value])]
            hint = did_you_mean(str(given), allowed) or f"allowed: {', '.join(allowed)}"
            shown = document.raw(path) if document.raw(path) is not None else given
            return [(path, Diagnostic("LP0204", f"{key} cannot be `{shown}`", document.place(path), hint=hint))]
        case "forbidden":
            return [(path, _misplaced(document, path, key))]
        case "propertyNames" | "pattern":
            return [_pattern(document, path, key, error, given)]
        case "anyOf":
            hint = "add `auth: {flow: …}`; `loadplan schema orgs` shows the flows"
            return [
                (path, Diagnostic("LP0202", f"{key} lacks `auth` (or `embedded`)", document.key_place(path), hint=hint))
            ]
    if rule in {"minProperties", "minItems"} and any(p[: len(path)] == path for p in document.broken):
        return [(path, None)]  # it is empty because of what was left out, which is told
    words = {
        "minimum": f"{key} is {given}, below {value}", "maximum": f"{key} is {given}, above {value}",
        "minLength": f"{key} is too short", "maxLength": f"{key} is too long", "minItems": f"{key} is an empty list",
        "minProperties": f"{key} is empty", "maxProperties": f"{key} takes only one of its keys",
        "uniqueItems": f"{key} names something twice",
    }  # fmt: skip
    hints = {
        "minimum": f"write {value} or more", "maximum": f"write {value} or less", "uniqueItems": "remove one of the two",
    }  # fmt: skip
    hint = hints.get(str(rule)) or _example(key, error.schema)
    faulty = None if rule == "uniqueItems" else path
    summary = words.get(str(rule), f"{key} does not fit ({rule})")
    return [(faulty, Diagnostic("LP0206", summary, document.place(path), hint=hint))]


def _example(key: str, schema: Any) -> str:
    examples = schema.get("examples") if isinstance(schema, dict) else None
    if not examples:
        return ""
    shown = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], ensure_ascii=False)
    return f"for example {key.strip('`')}: {shown}" if key.startswith("`") else f"for example {shown}"


def _unknown(document: Document, path: KeyPath, key: str, known: dict[str, Any]) -> Diagnostic:
    inside = f" in `{path[-1]}`" if path else ""
    hint = did_you_mean(key, known) or f"known here: {', '.join(known)}"
    if key == "id_of" and "columns" in path:
        hint = "the id of another step's record is looked up: write it under `lookups:`"
    return Diagnostic(
        "LP0201", f"unknown key `{key}`{inside}", document.key_place((*path, key)), "not a key here", hint
    )


def _missing(document: Document, path: KeyPath, key: str, missing: str, schema: Any) -> Diagnostic:
    if "properties" not in schema or "examples" not in schema["properties"].get(missing, {}):
        # The rule for an operation names the key only; the step's own schema describes it.
        schema = load_schema("plan")["$defs"]["step"]
    described = schema["properties"].get(missing, {})
    if "$ref" in described and "examples" not in described:
        described = load_schema("plan")["$defs"].get(described["$ref"].rpartition("/")[2], {})
    example = described.get("examples", [None])[0]
    shown = f": {example}" if isinstance(example, str | int) else ":"
    hint = f"add `{missing}:`" + (f", for example `{missing}{shown}`" if shown != ":" else "")
    return Diagnostic("LP0202", f"{key} lacks `{missing}`", document.key_place(path), hint=hint)


def _misplaced(document: Document, path: KeyPath, key: str) -> Diagnostic:
    operation = document.data
    for step in (*path[:-1], "operation"):
        operation = operation.get(step) if isinstance(operation, dict) else None
    what = f"{key} does not belong to the operation `{operation}`"
    return Diagnostic("LP0205", what, document.key_place(path), hint="remove it, or correct the operation")


def _wrong_type(document: Document, path: KeyPath, key: str, wanted: Any, given: Any, schema: Any) -> Diagnostic:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    raw = document.raw(path)
    what = (
        "empty"
        if given is None
        else f"`{raw}`"
        if raw is not None
        else "a map"
        if isinstance(given, dict)
        else "a list"
    )
    hint = ""
    if given is None:
        hint = f"give it a value, or remove the key; {_example(key, schema)}".removesuffix("; ")
    elif "string" in names and raw is not None:
        hint = f'quote it: "{raw}"'
    elif "array" in names and raw is not None:
        hint = f"write a list: [{raw}]"
    elif isinstance(given, str) and {"integer", "number", "boolean"} & set(names):
        what = f"the text `{raw}`"
        hint = "write it without quotes"
    words = " or ".join(dict.fromkeys(TYPES.get(n, n) for n in names if n != "integer" or "number" not in names))
    return Diagnostic(
        "LP0203", f"{key} must be {words}, not {what}", document.place(path), hint=hint or _example(key, schema)
    )


def _pattern(document: Document, path: KeyPath, key: str, error: Any, given: Any) -> tuple[KeyPath | None, Diagnostic]:
    if error.validator == "propertyNames" or "propertyNames" in list(error.absolute_schema_path):
        bad = str(given)
        place = document.key_place((*path, bad))
        where = str(path[-1]) if path else ""
        hint = NAMES.get(where, f"allowed: {error.schema.get('pattern', '')}")
        # A step or variable of a wrong name is still looked at: others may refer to it.
        faulty = None if where in {"steps", "vars"} else (*path, bad)
        return faulty, Diagnostic("LP0206", f"`{bad}` cannot be a name here", place, hint=hint)
    examples = error.schema.get("examples") or []
    hint = f"for example `{examples[0]}`" if examples else ""
    return path, Diagnostic("LP0206", f"{key} is not written as it must be: `{given}`", document.place(path), hint=hint)
