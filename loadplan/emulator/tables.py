"""Records at rest: one SQLite table for each object, a column for each field, a shadow column for each field that is a key.

Reads and writes are by the batch. Knows how values are stored (booleans as 0 and 1), not which are allowed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .schema import Field, ObjectType, Schema
from .store import Record

COMPOUND = ("address", "location")


def table_name(kind: ObjectType) -> str:
    """The quoted table of an object."""
    return f'"o {kind.name.lower()}"'


def shadow(field: Field) -> str:
    """The quoted column that holds the folded value of a key field; NULL for deleted records."""
    return f'"k {field.name}"'


def fold(field: Field, value: Any) -> str:
    """The form under which a key is compared: without case unless the field is case-sensitive."""
    text = str(value)
    return text if field.case_sensitive else text.lower()


def fold_all(field: Field, values: Iterable[Any]) -> list[Any]:
    """Folded values of a column; the empty text and None stay what they are."""
    if field.case_sensitive:
        return [value if value is None else str(value) for value in values]
    return [value.lower() if type(value) is str else value if value is None else str(value).lower() for value in values]


class Tables:
    """The tables of all objects of a schema."""

    def __init__(self, db: sqlite3.Connection, schema: Schema) -> None:
        self.db, self.schema = db, schema
        self._children: dict[str, list[tuple[ObjectType, Field]]] = {}
        for kind in schema.objects.values():
            self._make(kind)

    def _make(self, kind: ObjectType) -> None:
        name = table_name(kind)
        known = {str(row[1]).lower() for row in self.db.execute(f"pragma table_info({name})")}
        stored = [entry for entry in kind.fields.values() if entry.type not in COMPOUND and entry.type != "id"]
        if not known:
            columns = ", ".join(f'"{entry.name}"' for entry in stored)
            self.db.execute(f'create table {name}("Id" text primary key, {columns})')
        else:
            for entry in stored:
                if entry.name.lower() not in known:
                    self.db.execute(f'alter table {name} add column "{entry.name}"')
        for entry in kind.indexed:
            if f"k {entry.name.lower()}" not in known:
                self.db.execute(f"alter table {name} add column {shadow(entry)}")
                folded = f'"{entry.name}"' if entry.case_sensitive else f'fold("{entry.name}")'
                self.db.execute(f'update {name} set {shadow(entry)}={folded} where "IsDeleted"=0')
            index = f'"i {kind.name.lower()} {entry.name.lower()}"'
            self.db.execute(f"create index if not exists {index} on {name}({shadow(entry)})")

    def insert(
        self, kind: ObjectType, columns: Sequence[str], same: Mapping[str, Any], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Add records; `columns` are quoted names, each row has a value for each. `same` are fields that all rows share."""
        names = [*columns, *(f'"{name}"' for name in same)]
        values = ["?"] * len(columns) + [_literal(value) for value in same.values()]
        self.db.executemany(f"insert into {table_name(kind)}({','.join(names)}) values({','.join(values)})", rows)

    def update(self, kind: ObjectType, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Change records: each row has a value for each quoted column, the empty text leaves it; the id comes last."""
        changes = ",".join(f"{name}=case ?{n} when '' then {name} else ?{n} end" for n, name in enumerate(columns, 1))
        text = f'update {table_name(kind)} set {changes} where "Id"=?{len(columns) + 1}'
        self.db.executemany(text, rows)

    def derive(self, kind: ObjectType, change: str, ids: Iterable[str]) -> None:
        """Set fields from other fields of the same records; `change` is SQL."""
        self.db.executemany(f'update {table_name(kind)} set {change} where "Id"=?', ((record,) for record in ids))

    def derive_range(self, kind: ObjectType, change: str, first: str, last: str) -> None:
        """The same for all records from one id to another."""
        self.db.execute(f'update {table_name(kind)} set {change} where "Id" between ? and ?', (first, last))

    def state(self, kind: ObjectType, ids: Sequence[str]) -> dict[str, bool]:
        """Whether each of these records is deleted; records that never were are left out."""
        found = self._among(f'select "Id", "IsDeleted" from {table_name(kind)} where "Id"', ids)
        return {record: bool(deleted) for record, deleted in found}

    def find(self, kind: ObjectType, field: Field, keys: Sequence[str]) -> dict[str, list[str]]:
        """Ids of live records by the folded value of a key field."""
        out: dict[str, list[str]] = {}
        if field.type == "id":
            for record, deleted in self.state(kind, keys).items():
                if not deleted:
                    out[record] = [record]
            return out
        text = f'select {shadow(field)}, "Id" from {table_name(kind)} where {shadow(field)}'
        for key, record in self._among(text, keys):
            out.setdefault(key, []).append(record)
        return out

    def values(self, kind: ObjectType, columns: Sequence[str], ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """Stored values of quoted columns, by record id."""
        names = ",".join(['"Id"', *columns])
        found = self._among(f'select {names} from {table_name(kind)} where "Id"', ids)
        return {row[0]: row[1:] for row in found}

    def get(self, kind: ObjectType, record_id: str) -> Record | None:
        """A record, deleted or not, with its visible values as Python shows them; or None."""
        for record in self._records(kind, 'where "Id"=?', record_id):
            return record
        return None

    def scan(self, kind: ObjectType) -> Iterator[Record]:
        """Live records in the order in which they were made."""
        return self._records(kind, 'where "IsDeleted"=0 order by rowid')

    def ids(self, kind: ObjectType) -> list[str]:
        """Ids of live records in the order in which they were made."""
        found = self.db.execute(f'select "Id" from {table_name(kind)} where "IsDeleted"=0 order by rowid')
        return [record for (record,) in found]

    def count(self, kind: ObjectType) -> int:
        """Number of live records."""
        (found,) = self.db.execute(f'select count(*) from {table_name(kind)} where "IsDeleted"=0').fetchone()
        return int(found)

    def children(self, kind: ObjectType, parents: Sequence[str]) -> list[tuple[ObjectType, Field, str, str]]:
        """(child object, field, child id, parent id) of live records that point at these parents."""
        found = []
        for child, entry in self._pointing_at(kind):
            text = f'select "Id", "{entry.name}" from {table_name(child)} where "IsDeleted"=0 and "{entry.name}"'
            found += [(child, entry, record, parent) for record, parent in self._among(text, parents)]
        return found

    def _pointing_at(self, kind: ObjectType) -> list[tuple[ObjectType, Field]]:
        """Fields that point at an object; each gets its index when it is first asked for, so loads do not pay for it."""
        if kind.name not in self._children:
            pairs = [(c, f) for c in self.schema.objects.values() for f in c.references if kind.name in f.reference_to]
            for child, entry in pairs:
                index = f'"r {child.name.lower()} {entry.name.lower()}"'
                self.db.execute(f'create index if not exists {index} on {table_name(child)}("{entry.name}")')
            self._children[kind.name] = pairs
        return self._children[kind.name]

    def mark_deleted(self, kind: ObjectType, ids: Iterable[str]) -> None:
        """Keep records as deleted; they are found by no key any more."""
        changes = "".join(f", {shadow(entry)}=NULL" for entry in kind.indexed)
        text = f'update {table_name(kind)} set "IsDeleted"=1{changes} where "Id"=?'
        self.db.executemany(text, ((record,) for record in ids))

    def erase(self, kind: ObjectType, ids: Iterable[str]) -> None:
        """Remove records for good."""
        self.db.executemany(f'delete from {table_name(kind)} where "Id"=?', ((record,) for record in ids))

    def clear(self, kind: ObjectType, field: Field, ids: Iterable[str]) -> None:
        """Empty a reference."""
        text = f'update {table_name(kind)} set "{field.name}"=NULL where "Id"=?'
        self.db.executemany(text, ((record,) for record in ids))

    def _records(self, kind: ObjectType, rest: str, *values: Any) -> Iterator[Record]:
        stored = [entry for entry in kind.visible if entry.type not in COMPOUND]
        columns = ",".join(f'"{entry.name}"' for entry in stored)
        for row in self.db.execute(f"select {columns} from {table_name(kind)} {rest}", values):
            yield {
                entry.name: bool(value) if entry.type == "boolean" and value is not None else value
                for entry, value in zip(stored, row, strict=True)
            }

    def _among(self, text: str, wanted: Sequence[str]) -> list[tuple[Any, ...]]:
        """Rows of `text` followed by `in (wanted)`, with few different statements so that SQLite keeps them prepared."""
        if not wanted:
            return []
        if len(wanted) <= 8:
            padded = [*wanted, *[wanted[-1]] * (8 - len(wanted))]
            return self.db.execute(f"{text} in (?,?,?,?,?,?,?,?)", padded).fetchall()
        return self.db.execute(f"{text} in (select value from json_each(?))", (json.dumps(list(wanted)),)).fetchall()


def _literal(value: Any) -> str:
    """A value as SQL writes it."""
    if isinstance(value, bool | int | float):
        return repr(float(value)) if isinstance(value, float) else str(int(value))
    return "'" + str(value).replace("'", "''") + "'"
