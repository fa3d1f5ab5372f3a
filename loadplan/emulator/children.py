"""Queries in the field list of a query over REST: the children of a relationship, beneath each record (SOQL and SOSL Reference,
"Relationship Queries"). One statement answers the children of many parents. A list of children has one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from .restrows import columns, nested
from .schema import ObjectType, Schema
from .select import Select
from .soqltree import Query, Word
from .store import Record, Store
from .wire import ApiError

_PACK = 500
"""Parents whose children are asked for at once."""


class Children:
    """The queries beneath one query, checked when they are made. Raises ApiError in Salesforce's words."""

    def __init__(self, select: Select, version: int) -> None:
        self.version = version
        self.lists = [self._list(select, query) for query in select.query.children]
        names = [child.name for child in self.lists]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ApiError(400, "INVALID_FIELD", f"duplicate field selected: {twice}")

    def _list(self, outer: Select, query: Query) -> _List:
        kind, lookup, name = _relationship(outer, query.object)
        own = replace(query, object=Word(kind.name, query.object.at), limit=None, offset=0)
        select = Select(outer.schema, own, outer.now, deleted=outer.deleted)
        return _List(name, lookup, select, query.offset, query.limit, Children(select, self.version))

    def beneath(self, store: Store, records: Iterable[tuple[str, Record]]) -> Iterator[Record]:
        """The records (each with its id) with their children; a relationship without any is null."""
        if not self.lists:
            yield from (record for _, record in records)
            return
        source = iter(records)
        while pack := list(islice(source, _PACK)):
            for child in self.lists:
                found = child.of(store, [parent for parent, _ in pack], self.version)
                for parent, record in pack:
                    rows = found.get(parent)
                    record[child.name] = {"totalSize": len(rows), "done": True, "records": rows} if rows else None
            yield from (record for _, record in pack)


@dataclass(frozen=True)
class _List:
    name: str
    lookup: str
    select: Select
    offset: int
    limit: int | None
    children: Children

    def of(self, store: Store, parents: list[str], version: int) -> dict[str, list[Record]]:
        """Parent -> its children, in the order and within the limits of the query."""
        text, values = self.select.statement(
            [f't."{self.lookup}"', 't."Id"', *columns(self.select)], (self.lookup, parents)
        )
        taken: dict[str, int] = {}
        found: dict[str, list[Record]] = {}
        records: list[tuple[str, Record]] = []
        for parent, *row in store.db.execute(text, values):
            number = taken[parent] = taken.get(parent, 0) + 1
            if number > self.offset and (self.limit is None or number <= self.offset + self.limit):
                record = nested(self.select, tuple(row), version)
                found.setdefault(parent, []).append(record)
                records.append((row[0], record))
        for _ in self.children.beneath(store, records):  # gives each record what is beneath it
            continue
        return found


def _relationship(outer: Select, word: Word) -> tuple[ObjectType, str, str]:
    """(object, its lookup, name) of a child relationship: as the parent's description names it, or as the lookup's own does."""
    prefix, _, last = word.rpartition(".")
    if not prefix or prefix.lower() in (outer.kind.name.lower(), outer.query.alias.lower()):
        for child, field, name in _named(outer.schema, outer.kind):
            kind = outer.schema.find(child)
            entry = kind.field(field) if kind is not None else None
            if name.lower() == last.lower() and kind is not None and entry is not None:
                return kind, entry.name, name
    text = (
        f"Didn't understand relationship '{last}' in FROM part of query call. If you are attempting to use a custom relationship, be "
        "sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the "
        "appropriate names."
    )
    raise outer.pointed("INVALID_TYPE", word, text)


def _named(schema: Schema, kind: ObjectType) -> Iterator[tuple[str, str, str]]:
    """(object, field, name) of the child relationships of an object that have a name."""
    for entry in kind.raw.get("childRelationships") or ():
        if isinstance(entry, dict) and entry.get("relationshipName"):
            yield str(entry.get("childSObject")), str(entry.get("field")), str(entry["relationshipName"])
    for child in schema.objects.values():
        for lookup in child.references:
            if kind.name in lookup.reference_to and lookup.raw.get("childRelationshipName"):
                yield child.name, lookup.name, str(lookup.raw["childRelationshipName"])
