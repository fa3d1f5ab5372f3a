"""The parents of a step's rows as the plan names them: lookups by external id, by `id_of`, and the hierarchy.

It decides how a name is taken apart and what is not a name of a parent at all. What a name means for the other steps is
decided in `parent_rules.py`; nothing here knows of rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from loadplan.plan.document import KeyPath
from loadplan.plan.model import Hierarchy, IdOf, Lookup
from loadplan.plan.relationships import Misspelt, read_lookup

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


class Report(Protocol):
    """How the builder is told of a problem at a place of the plan."""

    def __call__(self, code: str, summary: str, path: KeyPath, *, key: bool = False, hint: str = "") -> None: ...


def build_lookups(spec: Mapping[str, Any], at: KeyPath, problem: Report) -> tuple[tuple[Lookup, ...], tuple[IdOf, ...]]:
    """The step's `lookups`, by external id and by `id_of`, each in the order of the plan."""
    by_external_id: list[Lookup] = []
    by_id: list[IdOf] = []
    for header, value in (spec.get("lookups") or {}).items():
        where: KeyPath = (*at, "lookups", header)
        if isinstance(value, dict):
            if not _is_id_field(header):
                hint = f"write the field that holds the id, for example `{_id_field(header)}: {{id_of: {value['id_of']}, …}}`"
                problem("LP0229", f"`{header}` is not a field that holds an id", where, key=True, hint=hint)
            else:
                by_id.append(IdOf(header, value["column"], value["id_of"]))
            continue
        found = read_lookup(header, value, spec.get("object", ""))
        if isinstance(found, Misspelt):
            ids = "; a column that holds Salesforce ids belongs under `columns`" if _is_id_field(header) else ""
            problem("LP0229", found.summary, where, key=True, hint=found.hint + ids)
        else:
            by_external_id.append(found)
    return tuple(by_external_id), tuple(by_id)


def build_hierarchy(spec: Mapping[str, Any], at: KeyPath, problem: Report) -> Hierarchy | None:
    """The step's `hierarchy`, by external id (`Parent.Legacy_Id__c`) or by id (`ParentId`); None when it has none."""
    given = spec.get("hierarchy")
    if given is None:
        return None
    header, column = given["lookup"], given["column"]
    lookup = None
    if not _is_id_field(header):
        found = read_lookup(header, column, spec.get("object", ""))
        if isinstance(found, Misspelt):
            hint = "write `Parent.Legacy_Id__c`; `ParentId` when the rows have no external id"
            problem("LP0229", found.summary, (*at, "hierarchy", "lookup"), hint=hint)
            return None
        lookup = found
    return Hierarchy(header, column, lookup, given.get("max_depth", Hierarchy.max_depth))


def _is_id_field(header: str) -> bool:
    """A field of the row itself. A relationship (`Parent__r`) has no value of its own."""
    return bool(_FIELD.fullmatch(header)) and not header.lower().endswith("__r")


def _id_field(header: str) -> str:
    """The field behind a relationship's name: `Account.Key__c` is `AccountId`, `Site__r.Key__c` is `Site__c`."""
    relationship = header.rpartition(":")[2].partition(".")[0]
    return relationship[:-1] + "c" if relationship.lower().endswith("__r") else relationship + "Id"
