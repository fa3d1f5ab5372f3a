"""Saves and deletes records: by the rules, with defaults, derived fields and cascades. No CSV here.

Rows come in batches of a few hundred. What a batch does is what its rows would do one after the other; a row that is
refused is named in the batch's errors and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .rules import Batch, Rules
from .schema import Field, ObjectType, Schema
from .store import Record, Store
from .tables import Tables, fold, fold_all, shadow, table_name
from .values import NUMBERS, RowError
from .wire import id18, looks_like_id, make_id, make_ids, stamp

ADMIN_ID = make_id("005", 1)


class Records:
    """Saves and deletes in the tables, under a schema."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self.store, self.schema = store, schema
        self.tables = Tables(store.db, schema)
        self.rules = Rules(self.tables, schema)

    def insert(self, kind: ObjectType, values: Record, now: float, record_id: str | None = None) -> str:
        """Create one record; answers its id. Raises RowError."""
        return self._one(kind, values, "", now, record_id)

    def put(self, kind: ObjectType, values: Record, now: float, record_id: str) -> None:
        """Create one record that the embedded org has of its own: no rule of the org it is a twin of concerns it."""
        batch = Batch({name: [value] for name, value in values.items()})
        self._insert(kind, batch, [0], [record_id], now)
        self._derive(kind, batch, [record_id], [])

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
        self.rules.rights(kind, batch, targets, made, kept, upsert=upsert)
        self.rules.required(kind, batch, made, kept)
        self.rules.references(kind, batch)
        self.rules.validated(kind, batch, targets, made, kept, lambda: self._same_for_all(kind, now), now)
        clashes = self.rules.unique(kind, batch, targets)
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
        keys = {text: folded_key(entry, text) for text in texts}
        found = self.tables.find(kind, entry, list(set(keys.values())))
        return {text: found[key] for text, key in keys.items() if key in found}

    def of_object(self, kind: ObjectType, found: dict[str, list[str]]) -> dict[str, list[str]]:
        """Record types by text, without those of other objects: each object has names of its own."""
        ids = [record for records in found.values() for record in records]
        foreign = self.rules.foreign_record_types(kind, ids)
        return {text: [record for record in records if record not in foreign] for text, records in found.items()}

    # writing

    def _insert(self, kind: ObjectType, batch: Batch, rows: list[int], ids: list[str], now: float) -> None:
        same = self._same_for_all(kind, now)
        lists: dict[str, list[Any]] = {"Id": ids}
        for entry in kind.fields.values():
            if entry.raw["autoNumber"]:
                first = self.store.next(f"auto:{kind.name}.{entry.name}", 1001, len(rows))
                lists[entry.name] = [f"{number:08d}" for number in range(first, first + len(rows))]
        whole = len(rows) == len(next(iter(batch.columns.values()), ids))
        for name, column in batch.columns.items():
            values = column if whole else [column[row] for row in rows]
            if "" in values or None in values:
                spare = same.get(name)
                values = [spare if value in ("", None) else value for value in values]
            same.pop(name, None)
            lists[name] = values
        keys: dict[str, list[Any]] = {}
        for entry in kind.indexed:
            if entry.name in batch.columns:
                folded = batch.keys(entry)
                keys[shadow(entry)] = [key or None for key in (folded if whole else [folded[row] for row in rows])]
            elif entry.name in lists:
                keys[shadow(entry)] = fold_all(entry, lists[entry.name])
            elif entry.name in same:
                keys[shadow(entry)] = [fold(entry, same[entry.name])] * len(rows)
        columns = [*(f'"{name}"' for name in lists), *keys]
        self.tables.insert(kind, columns, same, zip(*lists.values(), *keys.values(), strict=True))

    def _same_for_all(self, kind: ObjectType, now: float) -> dict[str, Any]:
        """What new records of this moment have in common: defaults, times, users."""
        moment = stamp(now)
        defaults = {entry.name: entry.created_as for entry in kind.fields.values()}
        same = {name: value for name, value in defaults.items() if value is not None}
        same.update(dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), moment))
        same.update(IsDeleted=False, CreatedById=ADMIN_ID, LastModifiedById=ADMIN_ID)
        if "ownerid" in kind.fields:
            same["OwnerId"] = ADMIN_ID
        if "recordtypeid" in kind.fields and kind.default_record_type:
            same["RecordTypeId"] = id18(kind.default_record_type)
        return same

    def _update(self, kind: ObjectType, batch: Batch, rows: list[int], ids: list[str], now: float) -> None:
        moment = stamp(now)
        columns, lists = [], []
        for name, column in batch.columns.items():
            entry = kind.fields[name.lower()]
            if name in batch.settled and not entry.updateable:
                continue  # it only said which record is meant, as a case number does
            columns.append(f'"{name}"')
            lists.append([column[row] for row in rows])
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
        # A description may lack any of these fields: what follows is then left out.
        if kind.name == "Opportunity" and "stagename" in kind.fields:
            shown = {"IsClosed": "\"StageName\" like 'Closed%'", "IsWon": "\"StageName\"='Closed Won'"}
            changes.append((_assigned(kind, shown), "StageName" in given))
        product = self.schema.find("Product2")
        if kind.name == "PricebookEntry" and product is not None and "product2id" in kind.fields:
            of = f'from {table_name(product)} p where p."Id"="Product2Id"'
            names = [name for name in ("Name", "ProductCode") if name.lower() in product.fields]
            changes.append((_assigned(kind, {name: f'(select p."{name}" {of})' for name in names}), True))
        for change, touched in changes:
            if made and change:  # their ids are one range: nobody else has written since they were given out
                self.tables.derive_range(kind, change, made[0], made[-1])
            if kept and touched and change:
                self.tables.derive(kind, change, kept)

    # deleting

    def remove(
        self, kind: ObjectType, ids: Sequence[str], errors: dict[int, RowError], *, hard: bool
    ) -> dict[int, RowError]:
        """Delete records one after the other with their cascade children; other children lose their reference. Rows in
        `errors` are left out; answers `errors` grown by the rows refused."""
        refused = self.living(kind, ids)
        gone: set[str] = set()
        children = self.tables.children(kind, [record for record in ids if record])
        parents = {parent for _, _, _, parent in children}
        kept_by = {
            parent: (child, record) for child, entry, record, parent in children if entry.raw["restrictedDelete"]
        }
        simple: list[str] = []
        for row, record in enumerate(ids):
            if row in errors:
                continue
            if row in refused or record in gone:
                errors[row] = refused.get(row, RowError("ENTITY_IS_DELETED", "entity is deleted"))
                continue
            if record in kept_by and kept_by[record][1] not in gone:
                errors[row] = self._held_by(kind, record, *kept_by[record])
                continue
            gone.add(record)
            if record in parents:
                self._remove_tree(kind, [record], gone, hard=hard)
            else:
                simple.append(record)
        self._end(kind, simple, hard=hard)
        return errors

    def _held_by(self, kind: ObjectType, record: str, child: ObjectType, held: str) -> RowError:
        """Why a record cannot be deleted: another one needs it."""
        names = []
        for owner, key in ((kind, record), (child, held)):
            name = next((entry.name for entry in owner.fields.values() if entry.raw["nameField"]), "Id")
            names.append(str(self.tables.values(owner, [f'"{name}"'], [key])[key][0] or key))
        text = f"Your attempt to delete {names[0]} could not be completed because it is associated with the following"
        return RowError("DELETE_FAILED", f"{text} {child.raw['labelPlural'].lower()}.: {names[1]}")

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


def folded_key(entry: Field, text: str) -> str:
    """The text of a key field as it is looked up: numbers in the spelling of their stored value, ids with 18 characters."""
    if entry.type == "id":
        return id18(text) if looks_like_id(text) else text
    if entry.type in (*NUMBERS, "int"):
        try:
            text = str(float(text) if entry.type in NUMBERS else int(text))
        except ValueError:
            return text
    return fold(entry, text)


def _assigned(kind: ObjectType, values: Mapping[str, str]) -> str:
    """SQL that sets those of the fields that the object has."""
    return ", ".join(f'"{name}"={value}' for name, value in values.items() if name.lower() in kind.fields)
