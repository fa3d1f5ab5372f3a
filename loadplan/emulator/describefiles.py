"""Describe files: which are read, how several about one object become one description, and what is wrong with them, each problem with
its file and its field. Knows JSON shapes and nothing of records.

The form is that of `sObject Describe` (REST API Developer Guide); a file that is written by hand may leave out nearly all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from .wire import looks_like_id, read_json

TYPES = (
    "string", "boolean", "int", "long", "double", "currency", "percent", "date", "datetime", "time", "id", "reference", "picklist",
    "multipicklist", "combobox", "textarea", "email", "phone", "url", "encryptedstring", "address", "location", "base64", "anyType",
    "complexvalue", "json", "datacategorygroupreference",
)  # fmt: skip
"""Types of fields (SOAP API Developer Guide, 'Field Types')."""
OWN = ("Organization", "Pricebook2", "RecordType", "User")
"""Objects of which the embedded org has records of its own: it needs their fields."""
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_RIGHTS = ("createable", "updateable", "deletable", "queryable", "retrieveable", "searchable")
_TEXTS = ("label", "relationshipName")
_PREFIX = re.compile(r"[A-Za-z0-9]{3}")
_OF_TYPES = ("active", "available", "defaultRecordTypeMapping", "master")


class DescribeError(ValueError):
    """Descriptions that cannot be used. `problems` has a line for each: file, field, what is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - 1
        super().__init__(problems[0] + (f" (and {more} more)" if more else ""))
        self.problems = tuple(problems)


@dataclass(slots=True)
class Description:
    """What all files say of one object. `rules_file` is where its validation rules are; `own` names the fields that files of the
    user's describe, in lower case, each with its file."""

    raw: dict[str, Any]
    rules_file: str
    own: dict[str, str]

    @property
    def name(self) -> str:
        return str(self.raw["name"])


def read_descriptions(
    folders: Sequence[Path], defaults: Mapping[str, Any], system: Sequence[Mapping[str, Any]]
) -> dict[str, Description]:
    """By lower-case name: the shipped objects, then every `<Object>.json` of the folders and of `rules/` in them (or a file named
    directly). `defaults` is what a field has that its file does not say, `system` the fields that every object has. Raises
    DescribeError with everything that is wrong."""
    known: dict[str, Description] = {}
    problems: list[str] = []
    shipped = resources.files("loadplan.emulator") / "objects"
    for entry in sorted(shipped.iterdir(), key=lambda entry: entry.name):
        _add(known, read_json(entry.read_bytes()), "")
    of_all = {str(entry["name"]).lower(): entry for entry in system}
    for file in _files(folders):
        try:
            raw = read_json(file.read_bytes(), once=True)
        except OSError as error:
            problems.append(f"{file}: it cannot be read: {error.strerror}")
        except ValueError as error:
            problems.append(f"{file}: it is no JSON: {error}")
        else:
            found = list(_wrong(raw, defaults, {**of_all, **_typed(known, raw)}))
            problems += [f"{file}: {text}" for text in found]
            if not found:
                _add(known, raw, str(file))
    if problems:
        raise DescribeError(problems)
    return known


def _files(folders: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for folder in folders:
        files += [*sorted(folder.glob("*.json")), *sorted(folder.glob("rules/*.json"))] if folder.is_dir() else [folder]
    return files


# what is wrong with a file


def _wrong(raw: Any, defaults: Mapping[str, Any], typed: Mapping[str, Any]) -> Iterator[str]:
    """`typed` has the fields that need no type, in lower case."""
    if not isinstance(raw, dict):
        yield 'it must be a JSON object, {"name": "Thing__c", "fields": […]}'
        return
    name, fields = raw.get("name"), raw.get("fields", [])
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield "it has no name: the API name of its object" if name is None else f"its name {name!r} is no API name"
    if not isinstance(fields, list):
        yield "fields must be a list of objects, each with a name and a type"
        return
    for key in _RIGHTS:
        if raw.get(key) is not None and not isinstance(raw[key], bool):
            yield f"{key} must be true or false"
    for key in ("label", "labelPlural"):
        if raw.get(key) is not None and not isinstance(raw[key], str):
            yield f"{key} must be a text"
    prefix = raw.get("keyPrefix")
    if prefix is not None and not (isinstance(prefix, str) and _PREFIX.fullmatch(prefix)):
        yield f"keyPrefix must be three letters or digits, the first of every id, not {prefix!r:.40}"
    if not isinstance(raw.get("validationRules", []), list):
        yield f"validationRules of {name} must be a list"
    infos = raw.get("recordTypeInfos")
    yield from _wrong_record_types([] if infos is None else infos)
    seen: dict[str, str] = {}
    for number, field in enumerate(fields, 1):
        name = field.get("name") if isinstance(field, dict) else None
        if not isinstance(field, dict) or not isinstance(name, str):
            yield f"field {number} has no name" if isinstance(field, dict) else f"field {number} must be a JSON object"
            continue
        if not _NAME.fullmatch(name):
            yield f"field {number}: {name!r} is no API name"
            continue
        if name.lower() in seen:
            yield f"field {name} is there twice (as {seen[name.lower()]} and {name}): names differ in more than their case"
        seen.setdefault(name.lower(), name)
        if "type" not in field and name.lower() not in typed:
            yield f"field {name}: it has no type; types are {', '.join(TYPES)}"
        yield from (f"field {name}: {text}" for text in _wrong_field(field, defaults))


def _wrong_record_types(infos: Any) -> Iterator[str]:
    if not isinstance(infos, list):
        yield "recordTypeInfos must be a list"
        return
    for number, info in enumerate(infos, 1):
        named = isinstance(info, dict) and isinstance(info.get("developerName") or info.get("name"), str)
        if not named or not looks_like_id(str(info.get("recordTypeId", ""))):
            yield f"record type {number} must have a recordTypeId of 15 or 18 characters and a name"
            continue
        for key in _OF_TYPES:
            if not isinstance(info.get(key, False), bool):
                yield f"record type {number}: {key} must be true or false"


def _wrong_field(field: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    kind = field.get("type", "string")
    if kind not in TYPES:
        close = get_close_matches(str(kind), TYPES, 1)
        meant = f"did you mean {close[0]}?" if close else f"types are {', '.join(TYPES)}"
        yield f"there is no type {kind!r}; {meant}"
    for key, default in {"label": None, **defaults}.items():
        wanted = _wanted(key, field.get(key, default), default)
        if wanted:
            yield f"{key} must be {wanted}, not {field[key]!r:.40}"
    targets, values = field.get("referenceTo", []), field.get("picklistValues", [])
    if isinstance(targets, list) and not all(isinstance(name, str) for name in targets):
        yield "referenceTo must be a list of names of objects"
    if isinstance(values, list) and not all(
        isinstance(entry, dict) and isinstance(entry.get("value"), str) for entry in values
    ):
        yield "picklistValues must be a list of objects, each with a value"


def _wanted(key: str, value: Any, default: Any) -> str:
    """What a key of a field must be, when its value is none; empty when it is one."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        return (
            ""
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0
            else "a whole number, not negative"
        )
    if isinstance(default, list):
        return "" if isinstance(value, list) else "a list"
    return "" if key not in _TEXTS or isinstance(value, str | None) else "a text"


# several files about one object


def _is_whole(raw: Mapping[str, Any]) -> bool:
    """Whether a file describes an object whole, as an org does: its `Id` is among the fields."""
    fields = raw.get("fields")
    names = [entry.get("name") for entry in fields if isinstance(entry, dict)] if isinstance(fields, list) else []
    return raw.get("name") not in OWN and any(str(name).lower() == "id" for name in names)


def _typed(known: Mapping[str, Description], raw: Any) -> dict[str, Any]:
    """The fields of a file's object whose type is known from earlier files, by lower-case name."""
    old = known.get(str(raw.get("name")).lower()) if isinstance(raw, dict) else None
    if old is None or _is_whole(raw):
        return {}
    return {str(field["name"]).lower(): field for field in old.raw.get("fields", ())}


def _add(known: dict[str, Description], raw: dict[str, Any], file: str) -> None:
    """A second file about an object adds and overrides: keys by name, fields by name. One that describes the object whole leaves no
    field of the first: a twin must not take what the org would refuse."""
    name = str(raw["name"]).lower()
    old = known.get(name)
    own = {str(field["name"]).lower(): file for field in raw.get("fields", ()) if file}
    if old is None:
        known[name] = Description(raw, file, own)
        return
    fields = {} if _is_whole(raw) else {str(field["name"]).lower(): field for field in old.raw.get("fields", ())}
    for field in raw.get("fields", ()):
        before = fields.get(str(field["name"]).lower(), {})
        fields[str(field["name"]).lower()] = {**before, **field, "name": before.get("name", field["name"])}
    given = {key: value for key, value in raw.items() if value is not None}
    merged = {**old.raw, **given, "name": old.name, "fields": list(fields.values())}
    rules_file = file if "validationRules" in given else old.rules_file
    known[name] = Description(merged, rules_file, {**({} if _is_whole(raw) else old.own), **own})


def far_lookups(known: Mapping[str, Description]) -> list[tuple[str, str]]:
    """(`Object.Field`, names of objects) of lookups that files of the user's describe and that lead to no object there is. A snapshot
    of what a plan needs leaves such objects out, so that they are no error."""
    found: list[tuple[str, str]] = []
    for description in known.values():
        for field in description.raw.get("fields", ()):
            targets = [str(name) for name in field.get("referenceTo", ())]
            if (
                str(field["name"]).lower() in description.own
                and targets
                and not any(name.lower() in known for name in targets)
            ):
                found.append((f"{description.name}.{field['name']}", " or ".join(targets)))
    return sorted(found)
