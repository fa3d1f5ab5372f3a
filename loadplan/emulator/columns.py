"""Understands the header of an upload: plain fields, `Rel.Field` and `Type:Rel.Field`; one bad column fails the job."""

from __future__ import annotations

from dataclasses import dataclass

from .csvfile import FileError
from .schema import Field, ObjectType, Schema

MAX_HEADER = 32_000
MAX_FIELDS = 5_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field it writes, and for a relationship column the parent object and its key field."""

    header: str
    field: Field
    parent: ObjectType | None = None
    key: Field | None = None

    @property
    def canonical(self) -> str:
        """The header as the org spells it. Result files leave the cells of any other spelling blank (page 5.2)."""
        if self.key is None:
            return self.field.name
        prefix = f"{self.parent.name}:" if self.parent is not None and ":" in self.header else ""
        return f"{prefix}{self.field.relationship}.{self.key.name}"

    @property
    def is_blank_in_results(self) -> bool:
        return self.header != self.canonical


def read_header(schema: Schema, kind: ObjectType, header: list[str], operation: str) -> list[Column]:
    """The columns of an upload; raises FileError with the job's errorMessage (page section 7)."""
    if len(",".join(header)) > MAX_HEADER:
        raise FileError(f"InvalidBatch : The header row has more than {MAX_HEADER} characters")
    if len(header) > MAX_FIELDS:
        raise FileError(f"InvalidBatch : A record has more than {MAX_FIELDS} fields")
    columns = [_column(schema, kind, name) for name in header]
    if operation in ("delete", "hardDelete") and [column.field.type for column in columns] != ["id"]:
        raise FileError(f"InvalidBatch : The '{operation}' batch must contain only ids")
    return columns


def _column(schema: Schema, kind: ObjectType, name: str) -> Column:
    unknown = FileError(f"InvalidBatch : Field name not found : {name}")
    if "." not in name and ":" not in name:
        field = kind.field(name)
        if field is None or field.type in ("address", "location"):
            raise unknown
        return Column(name, field)
    prefix, _, rest = name.rpartition(":") if ":" in name else ("", "", name)
    relationship, _, key_name = rest.partition(".")
    if ":" in prefix or not key_name or "." in key_name:
        raise unknown
    lookup = kind.relationships.get(relationship.lower())
    if lookup is None:
        raise FileError(f"InvalidBatch : Unable to find relationship: {relationship}") if prefix else unknown
    parent = _parent(schema, lookup, prefix, relationship, unknown)
    key = parent.field(key_name)
    if key is None or not key.indexed:
        raise unknown
    return Column(name, lookup, parent, key)


def _parent(schema: Schema, lookup: Field, prefix: str, relationship: str, unknown: FileError) -> ObjectType:
    targets = lookup.reference_to
    if len(targets) == 1:
        if prefix:
            text = f"type is not needed for non polymorphic foreign key references: {relationship}"
            raise FileError(f"InvalidBatch : {text}")
        name = targets[0]
    else:
        name = prefix
    parent = schema.find(name) if name else None
    if parent is None or parent.name not in targets:
        raise unknown
    return parent
