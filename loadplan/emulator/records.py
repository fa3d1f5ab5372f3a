"""The rules of saving and deleting records: rights, required fields, references, uniqueness, defaults, cascade. No CSV here.

Rows come in batches of a few hundred. What a batch does is what its rows would do one after the other; a row that is
refused is named in the batch's errors and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from .schema import Field, ObjectType, Schema
from .store import Record, Store
from .tables import Tables, fold, fold_all, shadow, table_name
from .values import NUMBERS, RowError
from .wire import id18, looks_like_id, make_id, make_ids, stamp

ADMIN_ID = make_id("005", 1)


@dataclass(slots=True)
class Batch:
    """Rows by the column: field name -> a value for each row. The empty text leaves a field, None clears it.

    `settled` names fields whose uniqueness is known, such as the key by which the rows of an upsert were matched."""

    columns: dict[str, list[Any]]
    errors: dict[int, RowError] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()
    _folded: dict[str, list[Any]] = field(default_factory=dict)

    def keys(self, entry: Field) -> list[Any]:
        """The folded values of a key field."""
        if entry.name not in self._folded:
            self._folded[entry.name] = fold_all(entry, self.columns[entry.name])
        return self._folded[entry.name]


class Records:
    """Saves and deletes in the tables, under a schema."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self.store, self.schema = store, schema
        self.tables = Tables(store.db, schema)

    def insert(self, kind: ObjectType, values: Record, now: float, record_id: str | None = None) -> str:
        """Create one record; answers its id. Raises RowError."""
        return self._one(kind, values, "", now, record_id)

    def update(self, kind: ObjectType, record_id: str, values: Record, now: float) -> None:
        """Change one live record. Raises RowError."""
        problem = self.living(kind, [record_id]).get(0)
        if problem is not None:
            raise problem
        self._one(kind, values, record_id, now, None)

    def delete(self, kind: ObjectType, record_id: str) -> None:
        """Delete one record with its cascade. Raises RowError."""
        problem = self.remove(kind, [record_id], {}, hard=False).get(0)
        if problem is not None:
            raise problem

    def _one(self, kind: ObjectType, values: Record, target: str, now: float, record_id: str | None) -> str:
        batch = Batch({name: [value] for name, value in values.items()})
        made = self.save(kind, batch, [target], now, fixed_id=record_id)
        if 0 in batch.errors:
            raise batch.errors[0]
        return made[0]

    def save(
        self,
        kind: ObjectType,
        batch: Batch,
        targets: Sequence[str],
        now: float,
        *,
        upsert: bool = False,
        fixed_id: str | None = None,
    ) -> list[str]:
        """Insert the rows whose target is empty, update the record `targets` names for the others. Targets are live, and
        none occurs twice. Answers an id for each row; `batch.errors` grows by the rows refused."""
        errors = batch.errors
        made = [row for row, target in enumerate(targets) if not target and row not in errors]
        kept = [row for row, target in enumerate(targets) if target and row not in errors]
        self._rights(kind, batch, targets, made, kept, upsert=upsert)
        self._required(kind, batch, made, kept)
        self._references(kind, batch)
        clashes = self._unique(kind, batch, targets)
        made = [row for row in made if row not in errors and row not in clashes]
        kept = [row for row in kept if row not in errors and row not in clashes]
        ids = list(targets)
        if made:
            fresh = [fixed_id] if fixed_id else self.new_ids(kind, len(made))
            for row, record in zip(made, fresh, strict=True):
                ids[row] = record
            self._insert(kind, batch, made, fresh, now)
        if kept:
            self._update(kind, batch, kept, [targets[row] for row in kept], now)
        self._derive(kind, batch, [ids[row] for row in made], [ids[row] for row in kept])
        for row, (name, holder) in clashes.items():
            owner = ids[holder] if isinstance(holder, int) else holder
            text = f"duplicate value found: {name} duplicates value on record with id: {owner}"
            errors[row] = RowError("DUPLICATE_VALUE", text)
        return ids

    def new_ids(self, kind: ObjectType, count: int) -> list[str]:
        """Fresh ids of an object."""
        return make_ids(kind.prefix, self.store.next(f"id:{kind.name}", count=count), count)

    def living(self, kind: ObjectType, ids: Sequence[str]) -> dict[int, RowError]:
        """Why these ids cannot be changed, by position: of another object, never made, or deleted."""
        known = self.tables.state(kind, ids)
        problems: dict[int, RowError] = {}
        for row, record in enumerate(ids):
            if known.get(record) is False:
                continue
            if self.schema.of_id(record) is not kind:
                text = f"Record ID: id value of incorrect type: {record}"
                problems[row] = RowError("MALFORMED_ID", text, "Id")
            elif record not in known:
                problems[row] = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            else:
                problems[row] = RowError("ENTITY_IS_DELETED", "entity is deleted")
        return problems

    def find(self, kind: ObjectType, entry: Field, texts: Iterable[str]) -> dict[str, list[str]]:
        """Ids of live records by the text of an indexed field."""
        keys = {text: _key(entry, text) for text in texts}
        found = self.tables.find(kind, entry, list(set(keys.values())))
        return {text: found[key] for text, key in keys.items() if key in found}

    # the checks of save, in the order in which a row meets them

    def _rights(
        self, kind: ObjectType, batch: Batch, targets: Sequence[str], made: list[int], kept: list[int], *, upsert: bool
    ) -> None:
        locked: dict[int, list[str]] = {}
        for name, values in batch.columns.items():
            entry = kind.fields[name.lower()]
            if made and not entry.createable:
                for row in made:
                    if values[row] not in ("", None):
                        locked.setdefault(row, []).append(name)
            if kept and not entry.updateable:
                rows = [row for row in kept if values[row] != ""]
                if upsert and entry.createable:
                    self._fixed(kind, entry, batch, targets, rows)
                    continue
                for row in rows:
                    locked.setdefault(row, []).append(name)
        for row, names in locked.items():
            text = (
                f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field"
            )
            text += " and verify that it is read/write for your profile or permission set."
            batch.errors.setdefault(row, RowError("INVALID_FIELD_FOR_INSERT_UPDATE", text, *names))

    def _fixed(self, kind: ObjectType, entry: Field, batch: Batch, targets: Sequence[str], rows: list[int]) -> None:
        """An upsert may repeat the value of a field that cannot change, such as a master, and nothing else."""
        held = self.tables.values(kind, [f'"{entry.name}"'], [targets[row] for row in rows])
        for row in rows:
            value = batch.columns[entry.name][row]
            if held[targets[row]][0] != value:
                what = "parent field" if entry.type == "reference" else "field"
                text = f"Attempting to update (as part of an upsert) {what} {entry.name} with new value {value},"
                problem = RowError("INVALID_FIELD_FOR_INSERT_UPDATE", f"{text} but value is not updateable", entry.name)
                batch.errors.setdefault(row, problem)

    def _required(self, kind: ObjectType, batch: Batch, made: list[int], kept: list[int]) -> None:
        missing: dict[int, list[str]] = {}
        for entry in kind.required:
            values = batch.columns.get(entry.name)
            if values is None:
                empty = made
            elif "" in values or None in values:
                empty = [row for row in made if values[row] in ("", None)]
                empty += [row for row in kept if values[row] is None]
            else:
                continue
            for row in empty:
                missing.setdefault(row, []).append(entry.name)
        for row, names in missing.items():
            text = f"Required fields are missing: [{', '.join(names)}]"
            batch.errors.setdefault(row, RowError("REQUIRED_FIELD_MISSING", text, *names))

    def _references(self, kind: ObjectType, batch: Batch) -> None:
        for name, values in batch.columns.items():
            entry = kind.fields[name.lower()]
            if entry.type != "reference":
                continue
            wrong = self._wrong_references(entry, {value for value in values if value})
            if wrong:
                for row, value in enumerate(values):
                    if value in wrong:
                        batch.errors.setdefault(row, wrong[value])

    def _wrong_references(self, entry: Field, ids: set[str]) -> dict[str, RowError]:
        wrong: dict[str, RowError] = {}
        by_kind: dict[str, list[str]] = {}
        for record in ids:
            target = self.schema.of_id(record)
            if target is None or target.name not in entry.reference_to:
                text = f"{entry.label}: id value of incorrect type: {record}"
                wrong[record] = RowError("FIELD_INTEGRITY_EXCEPTION", text, entry.name)
            else:
                by_kind.setdefault(target.name.lower(), []).append(record)
        for lower, records in by_kind.items():
            known = self.tables.state(self.schema.objects[lower], records)
            for record in records:
                if record not in known:
                    wrong[record] = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
                elif known[record]:
                    wrong[record] = RowError("ENTITY_IS_DELETED", "entity is deleted")
        return wrong

    def _unique(self, kind: ObjectType, batch: Batch, targets: Sequence[str]) -> dict[int, tuple[str, int | str]]:
        """Rows whose unique value is taken: field name, and the record's id or the earlier row that takes it."""
        claims = []
        for name in batch.columns:
            entry = kind.fields[name.lower()]
            if not entry.unique or name in batch.settled:
                continue
            keys = [key or None for key in batch.keys(entry)]
            used = [key for key in keys if key is not None]
            holders = self.tables.find(kind, entry, list(set(used)))
            if not holders and len(set(used)) == len(used):
                continue
            known = self.tables.values(kind, [shadow(entry)], [target for target in targets if target])
            takers: dict[str, int | str] = {key: records[0] for key, records in holders.items()}
            claims.append((name, keys, takers, {record: key for record, (key,) in known.items()}))
        clashes: dict[int, tuple[str, int | str]] = {}
        for row, target in enumerate(targets if claims else ()):
            if row in batch.errors:
                continue
            for name, keys, takers, _ in claims:
                holder = takers.get(keys[row]) if keys[row] is not None else None  # type: ignore[arg-type]
                if holder is not None and holder != target:
                    clashes[row] = (name, holder)
                    break
            else:
                for _, keys, takers, held in claims:
                    _claim(takers, keys[row], held.get(target), target or row)
        return clashes

    # writing

    def _insert(self, kind: ObjectType, batch: Batch, rows: list[int], ids: list[str], now: float) -> None:
        moment = stamp(now)
        given: dict[str, Any] = {}
        for entry in kind.fields.values():
            default = entry.raw["defaultValue"]
            if default is not None:
                given[entry.name] = repeat(default)
            if entry.raw["autoNumber"]:
                first = self.store.next(f"auto:{kind.name}.{entry.name}", 1001, len(rows))
                given[entry.name] = [f"{number:08d}" for number in range(first, first + len(rows))]
        given.update({name: repeat(moment) for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")})
        given.update(IsDeleted=repeat(False), CreatedById=repeat(ADMIN_ID), LastModifiedById=repeat(ADMIN_ID))
        if "ownerid" in kind.fields:
            given["OwnerId"] = repeat(ADMIN_ID)
        whole = len(rows) == len(next(iter(batch.columns.values()), ids))
        for name, column in batch.columns.items():
            values = column if whole else [column[row] for row in rows]
            if "" in values or None in values:
                spare = given.get(name, repeat(None))
                values = [old if value in ("", None) else value for value, old in zip(values, spare, strict=False)]
            given[name] = values
        given["Id"] = ids
        columns = [f'"{name}"' for name in given]
        lists = list(given.values())
        for entry in kind.indexed:
            if entry.name in given:
                columns.append(shadow(entry))
                lists.append(self._keys(entry, batch, rows, given, whole=whole))
        self.tables.insert(kind, columns, zip(*lists, strict=False))

    def _keys(self, entry: Field, batch: Batch, rows: list[int], given: Record, *, whole: bool) -> list[Any]:
        """The shadow column of inserted rows."""
        if entry.name not in batch.columns:
            return fold_all(entry, [value for value, _ in zip(given[entry.name], rows, strict=False)])
        keys = batch.keys(entry)
        return [key or None for key in (keys if whole else [keys[row] for row in rows])]

    def _update(self, kind: ObjectType, batch: Batch, rows: list[int], ids: list[str], now: float) -> None:
        moment = stamp(now)
        columns, lists = [], []
        for name, column in batch.columns.items():
            values = [column[row] for row in rows]
            columns.append(f'"{name}"')
            lists.append(values)
            entry = kind.fields[name.lower()]
            if entry.indexed and entry.type != "id":
                columns.append(shadow(entry))
                keys = batch.keys(entry)
                lists.append([keys[row] for row in rows])
        for name, value in (("LastModifiedDate", moment), ("SystemModstamp", moment), ("LastModifiedById", ADMIN_ID)):
            columns.append(f'"{name}"')
            lists.append([value] * len(rows))
        self.tables.update(kind, columns, zip(*lists, ids, strict=True))

    def _derive(self, kind: ObjectType, batch: Batch, made: list[str], kept: list[str]) -> None:
        """Fields that follow from others: names of people, stages, price book entries."""
        given = batch.columns.keys()
        changes: list[tuple[str, bool]] = []
        if all(name in kind.fields for name in ("firstname", "lastname", "name")):
            text = """\"Name"=trim(ifnull("FirstName"||' ','')||ifnull("LastName",''))"""
            changes.append((text, not given.isdisjoint(("FirstName", "LastName"))))
        if kind.name == "Opportunity":
            text = """\"IsClosed"="StageName" like 'Closed%', "IsWon"="StageName"='Closed Won'"""
            changes.append((text, "StageName" in given))
        if kind.name == "PricebookEntry" and "product2" in self.schema.objects:
            product = f'from {table_name(self.schema.objects["product2"])} p where p."Id"="Product2Id"'
            text = f'"Name"=(select p."Name" {product}), "ProductCode"=(select p."ProductCode" {product})'
            changes.append((text, True))
        for change, touched in changes:
            if made:  # their ids are one range: nobody else has written since they were given out
                self.tables.derive_range(kind, change, made[0], made[-1])
            if kept and touched:
                self.tables.derive(kind, change, kept)

    # deleting

    def remove(
        self, kind: ObjectType, ids: Sequence[str], errors: dict[int, RowError], *, hard: bool
    ) -> dict[int, RowError]:
        """Delete records one after the other with their cascade children; other children lose their reference. Rows in
        `errors` are left out; answers `errors` grown by the rows refused."""
        refused = self.living(kind, ids)
        gone: set[str] = set()
        parents = {parent for _, _, _, parent in self.tables.children(kind, [record for record in ids if record])}
        simple: list[str] = []
        for row, record in enumerate(ids):
            if row in errors:
                continue
            if row in refused or record in gone:
                errors[row] = refused.get(row, RowError("ENTITY_IS_DELETED", "entity is deleted"))
                continue
            gone.add(record)
            if record in parents:
                self._remove_tree(kind, [record], gone, hard=hard)
            else:
                simple.append(record)
        self._end(kind, simple, hard=hard)
        return errors

    def _remove_tree(self, kind: ObjectType, ids: list[str], gone: set[str], *, hard: bool) -> None:
        self._end(kind, ids, hard=hard)
        following: dict[str, list[str]] = {}
        for child, entry, record, _ in self.tables.children(kind, ids):
            if not entry.raw["cascadeDelete"]:
                self.tables.clear(child, entry, [record])
            elif record not in gone:
                gone.add(record)
                following.setdefault(child.name.lower(), []).append(record)
        for lower, records in following.items():
            self._remove_tree(self.schema.objects[lower], records, gone, hard=hard)

    def _end(self, kind: ObjectType, ids: list[str], *, hard: bool) -> None:
        if hard:
            self.tables.erase(kind, ids)
        else:
            self.tables.mark_deleted(kind, ids)


def _key(entry: Field, text: str) -> str:
    """The text of a key field as it is looked up: numbers in the spelling of their stored value, ids with 18 characters."""
    if entry.type == "id":
        return id18(text) if looks_like_id(text) else text
    if entry.type in (*NUMBERS, "int"):
        try:
            text = str(float(text) if entry.type in NUMBERS else int(text))
        except ValueError:
            return text
    return fold(entry, text)


def _claim(takers: dict[str, int | str], key: str | None, old: str | None, taker: int | str) -> None:
    """A row takes a unique value, and lets go of the one its record had."""
    if key is not None:
        if old is not None and old != key and takers.get(old) == taker:
            del takers[old]
        takers[key] = taker
