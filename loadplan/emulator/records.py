"""The rules of saving and deleting one record: required fields, uniqueness, foreign keys, names, cascade. No CSV here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schema import Field, ObjectType, Schema
from .store import Record, Store
from .values import RowError
from .wire import make_id, stamp

ADMIN_ID = make_id("005", 1)


class Records:
    """Saves and deletes in a store, under a schema. Raises RowError; changes nothing when it raises."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self.store = store
        self.schema = schema

    def insert(self, kind: ObjectType, values: Mapping[str, Any], now: float, record_id: str | None = None) -> str:
        """Create a record from field name -> value; answers its id."""
        given = {name: value for name, value in values.items() if value is not None}
        self._writable(kind, given, "createable")
        missing = [field.name for field in kind.required if given.get(field.name) in (None, "")]
        if missing:
            listed = ", ".join(missing)
            raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{listed}]", *missing)
        self._references(kind, given)
        self._unique(kind, given, None)
        made = record_id or make_id(kind.prefix, self.store.next(f"id:{kind.name}"))
        data = self._defaults(kind, made, now)
        data.update(given)
        self._derive(kind, data)
        self._write(kind, made, data)
        return made

    def update(self, kind: ObjectType, record_id: str, values: Mapping[str, Any], now: float) -> None:
        """Change a record; None clears a field."""
        data = self.live(kind, record_id)
        self._writable(kind, values, "updateable")
        emptied = [field.name for field in kind.required if field.name in values and values[field.name] in (None, "")]
        if emptied:
            listed = ", ".join(emptied)
            raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{listed}]", *emptied)
        self._references(kind, values)
        self._unique(kind, values, record_id)
        data.update(values)
        moment = stamp(now)
        data.update(LastModifiedDate=moment, SystemModstamp=moment, LastModifiedById=ADMIN_ID)
        self._derive(kind, data)
        self._write(kind, record_id, data)

    def delete(self, kind: ObjectType, record_id: str, *, hard: bool) -> None:
        """Delete a record with its cascade children; other children lose their reference."""
        self.live(kind, record_id)
        self._remove(record_id, hard=hard)

    def live(self, kind: ObjectType, record_id: str) -> Record:
        """The data of a live record of that object; raises RowError in the org's words."""
        if self.schema.of_id(record_id) is not kind:
            raise RowError("MALFORMED_ID", f"Record ID: id value of incorrect type: {record_id}", "Id")
        found = self.store.get(record_id)
        if found is None:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if found[1]:
            raise RowError("ENTITY_IS_DELETED", "entity is deleted")
        return found[2]

    def find(self, kind: ObjectType, field: Field, value: str) -> list[str]:
        """Ids of live records with that value in an indexed field."""
        if field.type == "id":
            found = self.store.get(value)
            return [value] if found is not None and found[0] == kind.name and not found[1] else []
        return self.store.by_key(kind.name, field.name, fold(field, value))

    def _writable(self, kind: ObjectType, values: Mapping[str, Any], right: str) -> None:
        locked = [name for name in values if not _field(kind, name).raw[right]]
        if locked:
            raise RowError(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings of this field"
                " and verify that it is read/write for your profile or permission set.",
                *locked,
            )

    def _references(self, kind: ObjectType, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            field = _field(kind, name)
            if value is None or field.type != "reference":
                continue
            target = self.schema.of_id(value)
            if target is None or target.name not in field.reference_to:
                message = f"{field.label}: id value of incorrect type: {value}"
                raise RowError("FIELD_INTEGRITY_EXCEPTION", message, name)
            found = self.store.get(value)
            if found is None:
                raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            if found[1]:
                raise RowError("ENTITY_IS_DELETED", "entity is deleted")

    def _unique(self, kind: ObjectType, values: Mapping[str, Any], own: str | None) -> None:
        for name, value in values.items():
            field = _field(kind, name)
            if value is None or not field.unique:
                continue
            for other in self.store.by_key(kind.name, field.name, fold(field, str(value))):
                if other != own:
                    message = f"duplicate value found: {field.name} duplicates value on record with id: {other}"
                    raise RowError("DUPLICATE_VALUE", message)

    def _defaults(self, kind: ObjectType, record_id: str, now: float) -> Record:
        data: Record = {}
        for field in kind.fields.values():
            data[field.name] = field.raw["defaultValue"]
            if field.raw["autoNumber"]:
                data[field.name] = f"{self.store.next(f'auto:{kind.name}.{field.name}', 1001):08d}"
        moment = stamp(now)
        data.update(Id=record_id, IsDeleted=False, CreatedDate=moment, LastModifiedDate=moment, SystemModstamp=moment)
        data.update(CreatedById=ADMIN_ID, LastModifiedById=ADMIN_ID)
        if "ownerid" in kind.fields:
            data["OwnerId"] = ADMIN_ID
        return data

    def _derive(self, kind: ObjectType, data: Record) -> None:
        if "lastname" in kind.fields and "name" in kind.fields:
            data["Name"] = " ".join(part for part in (data.get("FirstName"), data.get("LastName")) if part)
        if kind.name == "Opportunity":
            stage = str(data.get("StageName"))
            data.update(IsClosed=stage.startswith("Closed"), IsWon=stage == "Closed Won")
        if kind.name == "PricebookEntry":
            product = self.store.get(data["Product2Id"])
            if product is not None:
                data.update(Name=product[2].get("Name"), ProductCode=product[2].get("ProductCode"))

    def _write(self, kind: ObjectType, record_id: str, data: Record) -> None:
        keys = [(f.name, fold(f, str(data[f.name]))) for f in kind.indexed if data.get(f.name) not in (None, "")]
        links = [(f.name, data[f.name]) for f in kind.references if data.get(f.name)]
        self.store.put(record_id, kind.name, data, keys, links)

    def _remove(self, record_id: str, *, hard: bool) -> None:
        found = self.store.get(record_id)
        if found is None or found[1]:
            return
        children = self.store.children(record_id)
        if hard:
            self.store.erase(record_id)
        else:
            self.store.mark_deleted(record_id, {**found[2], "IsDeleted": True})
        for child, name in children:
            entry = self.store.get(child)
            kind = self.schema.of_id(child)
            if entry is None or kind is None:
                continue
            if _field(kind, name).raw["cascadeDelete"]:
                self._remove(child, hard=hard)
            else:
                self._write(kind, child, {**entry[2], name: None})


def fold(field: Field, value: str) -> str:
    """The form under which an indexed value is compared: without case unless the field is case-sensitive."""
    return value if field.case_sensitive else value.lower()


def _field(kind: ObjectType, name: str) -> Field:
    return kind.fields[name.lower()]
