"""What a row must meet before it is saved: rights, required fields, references, uniqueness. Reads records, changes none.

A refused row is named in its batch's errors, in the org's words; rows are judged in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .formula_functions import Row
from .schema import Field, ObjectType, Schema
from .tables import Tables, fold_all, shadow
from .validation import earlier_fields, formula_values, named_fields, read_rules, refusal
from .values import RowError


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


class Rules:
    """The checks of a save, in the order in which a row meets them."""

    def __init__(self, tables: Tables, schema: Schema) -> None:
        self.tables, self.schema = tables, schema
        given = [kind for kind in schema.objects.values() if kind.validation_rules]
        self._validations = {
            kind.name: read_rules(kind.name, kind.fields, kind.validation_rules, kind.rules_file) for kind in given
        }

    def rights(
        self, kind: ObjectType, batch: Batch, targets: Sequence[str], made: list[int], kept: list[int], *, upsert: bool
    ) -> None:
        locked: dict[int, list[str]] = {}
        for name, values in batch.columns.items():
            entry = kind.fields[name.lower()]
            if made and not entry.createable:
                for row in made:
                    if values[row] not in ("", None):
                        locked.setdefault(row, []).append(name)
            if kept and not entry.updateable and name not in batch.settled:
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

    def required(self, kind: ObjectType, batch: Batch, made: list[int], kept: list[int]) -> None:
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
        for row in kept if "OwnerId" in batch.columns else ():
            if batch.columns["OwnerId"][row] is None:
                problem = RowError("INVALID_CROSS_REFERENCE_KEY", "Owner ID: cannot be blank", "OwnerId")
                batch.errors.setdefault(row, problem)
        for row, names in missing.items():
            text = f"Required fields are missing: [{', '.join(names)}]"
            batch.errors.setdefault(row, RowError("REQUIRED_FIELD_MISSING", text, *names))

    def references(self, kind: ObjectType, batch: Batch) -> None:
        for name, values in batch.columns.items():
            entry = kind.fields[name.lower()]
            if entry.type != "reference":
                continue
            wrong = self._wrong_references(kind, entry, {value for value in values if value})
            if wrong:
                for row, value in enumerate(values):
                    if value in wrong:
                        batch.errors.setdefault(row, wrong[value])

    def _wrong_references(self, kind: ObjectType, entry: Field, ids: set[str]) -> dict[str, RowError]:
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
            is_type = entry.name == "RecordTypeId"
            barred = self.foreign_record_types(kind, records) | kind.closed_record_types if is_type else frozenset()
            for record in records:
                if is_type and (known.get(record) is not False or record in barred):
                    text = f"Record Type ID: this ID value isn't valid for the user: {record}"
                    wrong[record] = RowError("INVALID_CROSS_REFERENCE_KEY", text, entry.name)
                elif record not in known:
                    wrong[record] = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
                elif known[record]:
                    wrong[record] = RowError("ENTITY_IS_DELETED", "entity is deleted")
        return wrong

    def foreign_record_types(self, kind: ObjectType, ids: Sequence[str]) -> frozenset[str]:
        """Those of these record types that are of another object."""
        found = self.tables.values(self.schema.objects["recordtype"], ['"SobjectType"'], ids)
        return frozenset(record for record, (name,) in found.items() if name and name.lower() != kind.name.lower())

    def validated(
        self,
        kind: ObjectType,
        batch: Batch,
        targets: Sequence[str],
        made: list[int],
        kept: list[int],
        defaults: Callable[[], dict[str, Any]],
        now: float,
    ) -> None:
        """Validation rules, over each record as it would be saved."""
        rules = self._validations.get(kind.name)
        if not rules:
            return
        names, earlier = named_fields(rules), earlier_fields(rules)
        rows = [row for row in (*made, *kept) if row not in batch.errors]
        held = self.tables.values(kind, [f'"{name}"' for name in names], [targets[row] for row in kept])
        same = defaults() if made else {}
        after: list[list[Any]] = []
        before: list[list[Any]] = []
        for place, name in enumerate(names):
            spare = same.get(name)
            old = [held[targets[row]][place] if targets[row] else spare for row in rows]
            cells = batch.columns.get(name)
            new = old
            if cells is not None:
                # an empty cell leaves the value, #N/A (None) clears it, and a new record has its default for either
                new = [
                    value if (cell := cells[row]) == "" or (cell is None and not targets[row]) else cell
                    for row, value in zip(rows, old, strict=True)
                ]
            after.append(formula_values(kind.fields[name.lower()].type, new))
            if name in earlier:
                before.append(formula_values(kind.fields[name.lower()].type, old))
        news = list(zip(*after, strict=True)) or [()] * len(rows)
        olds = list(zip(*before, strict=True)) or [()] * len(rows)
        past = [name for name in names if name in earlier]
        for row, new_values, old_values in zip(rows, news, olds, strict=True):
            shown = dict(zip(names, new_values, strict=True))
            problem = refusal(rules, Row(shown, dict(zip(past, old_values, strict=True)), not targets[row], now))
            if problem is not None:
                batch.errors[row] = problem

    def unique(self, kind: ObjectType, batch: Batch, targets: Sequence[str]) -> dict[int, tuple[str, int | str]]:
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
            cleared = [value is None for value in batch.columns[name]]
            claims.append((name, keys, cleared, takers, {record: key for record, (key,) in known.items()}))
        clashes: dict[int, tuple[str, int | str]] = {}
        for row, target in enumerate(targets if claims else ()):
            if row in batch.errors:
                continue
            for name, keys, _, takers, _ in claims:
                holder = takers.get(keys[row]) if keys[row] is not None else None  # type: ignore[arg-type]
                if holder is not None and holder != target:
                    clashes[row] = (name, holder)
                    break
            else:
                for _, keys, cleared, takers, held in claims:
                    if keys[row] is not None or cleared[row]:
                        _claim(takers, keys[row], held.get(target), target or row)
        return clashes


def _claim(takers: dict[str, int | str], key: str | None, old: str | None, taker: int | str) -> None:
    """A row takes a unique value, or none, and lets go of the one its record had."""
    if old is not None and old != key and takers.get(old) == taker:
        del takers[old]
    if key is not None:
        takers[key] = taker
