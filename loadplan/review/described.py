"""Described: what an object looks like to the user who asks, from the answer of `sObject Describe` or from its snapshot in git.

It reads what the org said and judges nothing. (REST API Developer Guide, "sObject Describe".)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any

from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass

_API_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


@dataclass(frozen=True)
class FieldFacts:
    """One field. `length` is in characters, 0 where it means nothing; `values` are the active values of a restricted
    picklist, None where any text passes."""

    raw: Mapping[str, Any]

    def flag(self, key: str, default: bool = False) -> bool:
        """A key that is true or false; the default where the org does not say."""
        value = self.raw.get(key)
        return value if isinstance(value, bool) else default

    def _number(self, key: str) -> int:
        value = self.raw.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    @cached_property
    def name(self) -> str:
        return str(self.raw.get("name", ""))

    @cached_property
    def type(self) -> str:
        return str(self.raw.get("type", "string")).lower()

    @cached_property
    def length(self) -> int:
        return self._number("length")

    @cached_property
    def digits(self) -> int:
        return self._number("digits")

    @cached_property
    def precision(self) -> int:
        return self._number("precision")

    @cached_property
    def scale(self) -> int:
        return self._number("scale")

    @cached_property
    def createable(self) -> bool:
        return self.flag("createable", True)

    @cached_property
    def updateable(self) -> bool:
        return self.flag("updateable", True)

    @cached_property
    def is_key(self) -> bool:
        """Records can be found by it: an external id, or a field with `idLookup`."""
        return self.flag("externalId") or self.flag("idLookup")

    @cached_property
    def case_sensitive(self) -> bool:
        return self.flag("caseSensitive")

    @cached_property
    def required(self) -> bool:
        """A record cannot be made without it: createable, not nillable, not defaulted, and never a boolean."""
        open_ = self.createable and not self.flag("nillable", True) and not self.flag("defaultedOnCreate")
        return open_ and self.type != "boolean"

    @cached_property
    def values(self) -> frozenset[str] | None:
        if not self.flag("restrictedPicklist"):
            return None
        listed = self.raw.get("picklistValues")
        entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
        return frozenset(str(e.get("value")) for e in entries if e.get("active", True))

    @cached_property
    def inactive(self) -> frozenset[str]:
        listed = self.raw.get("picklistValues")
        entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
        return frozenset(str(e.get("value")) for e in entries if not e.get("active", True))

    @cached_property
    def reference_to(self) -> tuple[str, ...]:
        listed = self.raw.get("referenceTo")
        return tuple(str(name) for name in listed) if isinstance(listed, list) else ()

    @cached_property
    def relationship(self) -> str:
        return str(self.raw.get("relationshipName") or "")


@dataclass(frozen=True)
class ObjectFacts:
    """One object: its fields and relationships by their names in lower case."""

    raw: Mapping[str, Any]
    fields: Mapping[str, FieldFacts] = field(default_factory=dict)
    relationships: Mapping[str, FieldFacts] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.raw.get("name", ""))

    @property
    def prefix(self) -> str:
        return str(self.raw.get("keyPrefix") or "")

    def allows(self, key: str) -> bool:
        """`createable`, `updateable`, `deletable`: what this user may do with records. True where the org does not say."""
        value = self.raw.get(key)
        return value if isinstance(value, bool) else True

    def field(self, name: str) -> FieldFacts | None:
        return self.fields.get(name.lower())


def object_facts(raw: Mapping[str, Any]) -> ObjectFacts:
    """The facts of one describe answer, whatever it lacks."""
    listed = raw.get("fields")
    entries = [FieldFacts(e) for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
    fields = {e.name.lower(): e for e in entries if e.name}
    return ObjectFacts(raw, fields, {e.relationship.lower(): e for e in entries if e.relationship})


@dataclass(frozen=True)
class Described:
    """The objects that are known, by their names in lower case. `complete` says that what is not among them is not in the org;
    `prefixes` maps the first three characters of an id to the object's name."""

    objects: Mapping[str, ObjectFacts] = field(default_factory=dict)
    complete: bool = False

    def object(self, name: str | None) -> ObjectFacts | None:
        return self.objects.get((name or "").lower())

    @cached_property
    def prefixes(self) -> dict[str, str]:
        return {o.prefix: o.name for o in self.objects.values() if len(o.prefix) == 3}

    @cached_property
    def prefix_of(self) -> dict[str, str]:
        return {name.lower(): prefix for prefix, name in self.prefixes.items()}

    def fingerprints(self) -> dict[str, str]:
        """Object -> sha256 (hex) of everything in its description that decides what a row may hold."""
        return {o.name: fingerprint(o) for o in sorted(self.objects.values(), key=lambda o: o.name)}


FIELD_KEYS = (
    "name", "type", "length", "digits", "precision", "scale", "createable", "updateable", "nillable", "defaultedOnCreate",
    "externalId", "idLookup", "unique", "caseSensitive", "restrictedPicklist", "picklistValues", "referenceTo", "relationshipName",
)  # fmt: skip
OBJECT_KEYS = ("name", "keyPrefix", "createable", "updateable", "deletable", "queryable")


def fingerprint(facts: ObjectFacts) -> str:
    """sha256 (hex) of what matters of an object; labels and layouts do not."""
    fields = [
        {key: _plain(key, f.raw.get(key)) for key in FIELD_KEYS}
        for f in sorted(facts.fields.values(), key=lambda f: f.name)
    ]
    data = {**{key: facts.raw.get(key) for key in OBJECT_KEYS}, "fields": fields}
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def _plain(key: str, value: Any) -> Any:
    if key != "picklistValues" or not isinstance(value, list):
        return value
    return sorted(f"{e.get('value')}|{bool(e.get('active', True))}" for e in value if isinstance(e, Mapping))


def read_snapshot(folder: Path) -> Described:
    """The `<Object>.json` files of a folder, as `loadplan org describe --out` writes them. Raises `InvalidInputError`."""
    if not folder.is_dir():
        raise InvalidInputError(
            f"there is no folder `{folder}` with descriptions of objects", code="LP0100",
            hint="make it once, and commit it",
            next_commands=[f"loadplan org describe --all-needed-by PLAN -o ORG --out {folder}"],
        )  # fmt: skip
    from loadplan.salesforce.snapshot import check_whole

    check_whole([folder])
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        raw = _read(file)
        if raw["name"].lower() in found:
            raise _broken(file, f"another file describes `{raw['name']}` too")
        found[raw["name"].lower()] = raw
    return gather(found.values())


def _read(file: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(file, str(error)) from error
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or not isinstance(data.get("fields"), list):
        raise _broken(file, "it has no `name` and no `fields`")
    if not _API_NAME.fullmatch(data["name"]):
        raise _broken(file, "its `name` is no API name")
    if not all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in data["fields"]):
        raise _broken(file, "one of its `fields` has no `name`")
    for key in ("recordTypeInfos", "childRelationships"):
        if not isinstance(data.get(key) or [], list):
            raise _broken(file, f"its `{key}` is no list")
    return data


def _broken(file: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"`{file.name}` is not the description of an object: {why}", code="LP0710", where=str(file),
        next_commands=[f"loadplan org describe {file.stem} -o ORG --out {file.parent}"],
    )  # fmt: skip


def gather(answers: Iterable[Mapping[str, Any]], *, complete: bool = False) -> Described:
    """What several answers say together."""
    found = [object_facts(answer) for answer in answers]
    return Described({o.name.lower(): o for o in found}, complete)
