"""Snapshot: what an org's objects look like, kept in git: which objects a plan needs, their descriptions in a form that is the same
bytes each time, and about how many records they have. Reads the org, writes files; judges nothing.

`<Object>.json` is the answer of `sObject Describe` (REST API Developer Guide) without what changes by itself; `snapshot.toml` beside
them says from which org, in which API version, and the counts.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.clock import Clock, SystemClock
from loadplan.durable import write_atomic, write_together
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.edges import lookups_of
from loadplan.plan.soql_names import asked_by
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.info import OBJECT_NAME, PREFERRED, VERSION, describe_object, maps_in
from loadplan.salesforce.survey import Survey

if TYPE_CHECKING:
    from loadplan.plan.model import Plan, Step

MANIFEST = "snapshot.toml"
DRESS = (
    "urls",
    "actionOverrides",
    "namedLayoutInfos",
    "supportedScopes",
    "defaultImplementation",
    "implementedBy",
    "implementsInterfaces",
)
"""Of an object: links and layouts, which no load meets and which change with every release."""
FEW = 3
"""A reference to more objects than that says nothing about which of them a plan means."""


@dataclass(frozen=True)
class Manifest:
    """What `snapshot.toml` says. `org` is the org's name in orgs.yaml; `records` maps an object to about how many it has."""

    org: str = ""
    api_version: str = ""
    records: Mapping[str, int] = field(default_factory=dict)


# -- which objects -------------------------------------------------------------------------------------------------


class _Describer:
    """Asks for each object once. Raises `OrgError` where the org does not answer."""

    def __init__(self, org: Bulk2Org, version: str, clock: Clock) -> None:
        self._org, self._version, self._clock = org, version, clock
        self._known: dict[str, dict[str, Any]] = {}

    def fields(self, name: str) -> list[dict[str, Any]]:
        key = name.lower()
        if key not in self._known:
            self._known[key] = describe_object(self._org, name, self._clock, self._version)
        return maps_in(self._known[key], "fields")

    def parents(self, name: str, relationship: str) -> list[str]:
        """The objects that a relationship of this object leads to."""
        wanted = relationship.lower()
        fields = (f for f in self.fields(name) if str(f.get("relationshipName", "")).lower() == wanted)
        return [parent for f in fields for parent in _targets(f)]


def objects_needed_by(org: Bulk2Org, plan: Plan, version: str = PREFERRED, clock: Clock | None = None) -> list[str]:
    """Objects of the plan's steps and of its queries, and their parents: those that lookups and paths like `Account.Owner.Name`
    lead to, and those whose ids a mapped column holds. Sorted. Relationships are followed through the descriptions; what the
    org does not know is left to `write_snapshot` to complain about. Raises `OrgError`."""
    known = _Describer(org, version, clock or SystemClock())
    found: set[str] = {step.object for step in plan.steps.values() if step.object}
    for step in plan.steps.values():
        found.update(_parents_of(step, known) if step.object else _queried(step.soql or "", known))
    return sorted(found)


def _parents_of(step: Step, known: _Describer) -> Iterable[str]:
    lookups = lookups_of(step)
    if step.hierarchy is not None and step.hierarchy.lookup is not None:
        lookups.append(step.hierarchy.lookup)
    for lookup in lookups:
        if lookup.object_type:
            yield lookup.object_type
        else:
            yield from known.parents(str(step.object), lookup.relationship)
    mapped = {column.field.lower() for column in step.columns or ()}
    if not mapped or step.facts.id_only:
        return
    for entry in known.fields(str(step.object)):
        targets = _targets(entry) if str(entry.get("name", "")).lower() in mapped else []
        yield from targets if len(targets) <= FEW else ()


def _queried(soql: str, known: _Describer) -> Iterable[str]:
    """The objects of a query, sub-queries of its conditions included, and the parents whose fields it names."""
    asked = asked_by(soql)
    for part in asked.all() if asked is not None else ():
        yield part.object
        for path in dict.fromkeys(named.path for named in part.names if "." in named.path):
            here = [part.object]
            for relationship in path.split(".")[:-1]:
                here = list(dict.fromkeys(parent for name in here for parent in known.parents(name, relationship)))
                yield from here


def _targets(entry: Mapping[str, Any]) -> list[str]:
    listed = entry.get("referenceTo")
    return [str(name) for name in listed if OBJECT_NAME.match(str(name))] if isinstance(listed, list) else []


# -- writing -------------------------------------------------------------------------------------------------------


def write_snapshot(
    org: Bulk2Org,
    objects: Sequence[str],
    folder: Path,
    version: str = PREFERRED,
    *,
    name: str = "",
    clock: Clock | None = None,
) -> list[Path]:
    """`<Object>.json` for each object, and `snapshot.toml` with the counts; `name` is what orgs.yaml calls the org. All are asked for
    before the first is written. A crash between two files leaves a snapshot that says so (`check_whole`). The paths of the
    descriptions. Raises `OrgError`, and `LocalError` where the disk refuses."""
    clock = clock or SystemClock()
    once = {asked.lower(): asked for asked in objects}.values()
    answers = [(asked, describe_object(org, asked, clock, version)) for asked in once]
    survey = Survey(org, clock, version)
    names = {asked: _name_of(asked, data) for asked, data in answers}
    counts = {names[asked]: survey.count(f"SELECT Id FROM {names[asked]}") for asked, _ in answers}  # noqa: S608 - checked
    before = _read(folder)[0]
    there = {path.stem for path in folder.glob("*.json")} | set(names.values())
    files = {}
    for asked, data in answers:
        text = json.dumps(stable(data, there), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        files[folder / f"{names[asked]}.json"] = text.encode("utf-8", "replace")

    def begin() -> None:
        write_atomic(folder / MANIFEST, _UNFINISHED.encode() + _as_toml(before).encode(), 0o644)

    # Another org's counts do not mix with those of this one.
    kept = {n: rows for n, rows in before.records.items() if n in there} if before.org in {"", name} else {}
    told = {n: about(rows) for n, rows in counts.items() if rows is not None}
    manifest = Manifest(name, version, {**{n: rows for n, rows in kept.items() if n not in counts}, **told})
    write_together(files, 0o644, begin)
    write_atomic(folder / MANIFEST, _as_toml(manifest).encode(), 0o644)
    return list(files)


def _name_of(asked: str, data: Mapping[str, Any]) -> str:
    """The file name is made of a checked name only: never of a text that a server supplies."""
    said = str(data.get("name", ""))
    return said if said.lower() == asked.lower() else asked


def stable(data: Mapping[str, Any], among: Collection[str]) -> dict[str, Any]:
    """A description in the form in which it is kept: without links and layouts, its lists in an order of their own (the values of a
    picklist in the org's), child relationships only where the child is one of `among`."""
    kept = {key: value for key, value in data.items() if key not in DRESS}
    if isinstance(data.get("fields"), list):
        kept["fields"] = sorted(maps_in(data, "fields"), key=lambda f: str(f.get("name")))
    if isinstance(data.get("recordTypeInfos"), list):
        types = [{k: v for k, v in entry.items() if k != "urls"} for entry in maps_in(data, "recordTypeInfos")]
        kept["recordTypeInfos"] = sorted(types, key=lambda t: (str(t.get("developerName")), str(t.get("recordTypeId"))))
    if isinstance(data.get("childRelationships"), list):
        children = [c for c in maps_in(data, "childRelationships") if str(c.get("childSObject")) in among]
        kept["childRelationships"] = sorted(children, key=lambda c: (str(c.get("childSObject")), str(c.get("field"))))
    return kept


def about(rows: int) -> int:
    """A count to two digits, so that git shows an org that grew and not every day that passed.

    >>> [about(n) for n in (0, 7, 99, 104, 1_249_000)]
    [0, 7, 99, 100, 1200000]
    """
    unit: int = 10 ** max(0, len(str(rows)) - 2)
    return (rows + unit // 2) // unit * unit


_UNFINISHED = "unfinished = true  # the files beside it were being written\n"


def _as_toml(manifest: Manifest) -> str:
    lines = [
        "# Written by `loadplan org describe`; it belongs to the files beside it.",
        f"org = {json.dumps(manifest.org, ensure_ascii=False)}",
        f"api_version = {json.dumps(manifest.api_version)}",
        "",
        "# About how many records there are: two digits, so that only an org that grew is a change.",
        "[records]",
        *(f"{name} = {rows}" for name, rows in sorted(manifest.records.items())),
    ]
    return "\n".join(lines) + "\n"


def _problem(data: Mapping[str, Any]) -> str:
    """What is wrong with a manifest; empty when nothing is. Its texts come to stand in messages and in commands to copy."""
    org, version, records = data.get("org", ""), data.get("api_version", ""), data.get("records", {})
    if not isinstance(org, str) or not org.isprintable() or org.startswith("-"):
        return "`org` is not the name of an org"
    if not isinstance(version, str) or (version and not VERSION.match(version)):
        return '`api_version` is a text such as "66.0"'
    if not isinstance(records, dict):
        return "`records` is no table"
    for name, rows in records.items():
        if not OBJECT_NAME.match(name):
            return "`records` has a name that is no object's"
        if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
            return f"`records` has no count for {name}: a whole number, not below zero"
    return ""


def read_manifest(folder: Path) -> Manifest:
    """What `snapshot.toml` of a folder says; nothing where there is none, as in a folder that was written by hand. Raises
    `InvalidInputError`, also for a snapshot that is half of an older one."""
    manifest, unfinished = _read(folder)
    if unfinished:
        raise InvalidInputError(
            f"the snapshot in `{folder}` is half of one and half of another: writing it was broken off", code="LP0710",
            where=str(folder / MANIFEST), hint="take it again; git has the one before",
            next_commands=[f"loadplan org describe --all-needed-by PLAN -o {manifest.org or 'ORG'} --out {folder}"],
        )  # fmt: skip
    return manifest


def check_whole(folders: Iterable[Path]) -> None:
    """Raises `InvalidInputError` for a snapshot of which a crash has left half. One without `snapshot.toml`, and a file that stands
    alone, are what somebody wrote by hand."""
    for folder in folders:
        if (folder / MANIFEST).is_file():
            read_manifest(folder)


def _read(folder: Path) -> tuple[Manifest, bool]:
    file = folder / MANIFEST
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        if problem := _problem(data):
            raise ValueError(problem)
        counts = dict(data.get("records", {}))
    except FileNotFoundError:
        return Manifest(), False
    except (OSError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"`{MANIFEST}` cannot be read: {error}", code="LP0710", where=str(file), hint="remove it; it is made again",
            next_commands=[f"loadplan org describe --all-needed-by PLAN -o ORG --out {folder}"],
        ) from error  # fmt: skip
    return Manifest(data.get("org", ""), data.get("api_version", ""), counts), data.get("unfinished") is True
