"""What a query's columns are: the answer of `query?columns=true`, which the Salesforce CLI asks for beside the records."""

from __future__ import annotations

from typing import Any

from .children import Children
from .grouped import Grouped
from .schema import Field
from .select import Select
from .values import NUMBERS

_APEX = {
    "boolean": "Boolean", "currency": "Decimal", "date": "Date", "datetime": "Datetime", "double": "Double", "id": "Id",
    "int": "Integer", "percent": "Double", "reference": "Id",
}  # fmt: skip
_TEXTS = ("string", "textarea", "picklist", "multipicklist", "email", "phone", "url", "combobox", "encryptedstring")


def metadata(select: Select, children: Children) -> dict[str, Any]:
    """The columns in the order of SELECT; those of one relationship stand together, where its first one stands."""
    columns: list[dict[str, Any]] = []
    for path in select.fields:
        place = columns
        for step in path[:-1]:
            name = str(step.relationship)
            known = next((entry for entry in place if entry["columnName"] == name and entry["joinColumns"]), None)
            if known is None:
                known = _column(name, None)
                place.append(known)
            place = known["joinColumns"]
        place.append(_column(path[-1].name, path[-1]))
    for child in children.lists:
        inner = metadata(child.select, child.children)["columnMetadata"]
        columns.append({**_column(child.name, None), "aggregate": True, "joinColumns": inner})
    return {
        "columnMetadata": columns, "entityName": select.kind.name, "groupBy": False,
        "idSelected": any(_is_own_id(path) for path in select.fields), "keyPrefix": select.kind.prefix,
    }  # fmt: skip


def of_groups(grouped: Grouped) -> dict[str, Any]:
    """The columns of a query with aggregate functions."""
    columns = [
        {**_column(name, None), "aggregate": bool(word.function), "apexType": _APEX.get(kind, "String"), "displayName": word.written,
         "numberType": kind in (*NUMBERS, "int"), "textType": kind in _TEXTS, "booleanType": kind == "boolean"}
        for name, kind, word in zip(grouped.names(), grouped.kinds(), grouped.query.shown, strict=True)
    ]  # fmt: skip
    return {"columnMetadata": columns, "entityName": grouped.kind.name, "groupBy": bool(grouped.query.group), "idSelected": False,
            "keyPrefix": grouped.kind.prefix}  # fmt: skip


def _is_own_id(path: tuple[Field, ...]) -> bool:
    return len(path) == 1 and path[0].type == "id"


def _column(name: str, field: Field | None) -> dict[str, Any]:
    """A field, or the relationship that its columns hang on."""
    kind = field.type if field is not None else ""
    return {
        "aggregate": False, "apexType": None if field is None else _APEX.get(kind, "String"),
        "booleanType": kind == "boolean", "columnName": name, "custom": bool(field is not None and field.raw["custom"]),
        "displayName": name, "foreignKeyName": None, "insertable": bool(field is not None and field.createable),
        "joinColumns": [], "numberType": kind in (*NUMBERS, "int"), "textType": kind in _TEXTS,
        "updatable": bool(field is not None and field.updateable),
    }  # fmt: skip
