"""Validation rules of objects: where they are written, and which rows of a batch they refuse. Formulas are in formulas.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from .describefiles import DescribeError
from .formula_functions import FormulaError, Row
from .formula_kinds import BOOLEAN, UNKNOWN, of_field
from .formulas import Formula, compile_formula
from .values import NUMBERS, RowError, parse_datetime

_KEYS = ("name", "formula", "message", "field", "active")


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A row for which the formula is true is refused with the message, at the field if one is named."""

    name: str
    formula: Formula
    message: str
    field: str


def read_rules(object_name: str, fields: Mapping[str, Any], given: Any, file: str = "") -> tuple[ValidationRule, ...]:
    """The active rules of an object's description; `fields` by lower-case name. Raises DescribeError naming file, rule and reason."""
    try:
        return _read(object_name, fields, given)
    except FormulaError as problem:
        raise DescribeError([f"{file}: {problem}" if file else str(problem)]) from None


def _read(object_name: str, fields: Mapping[str, Any], given: Any) -> tuple[ValidationRule, ...]:
    if not isinstance(given, list):
        raise FormulaError(f"validationRules of {object_name} must be a list")
    rules = []
    names = {lower: str(entry.name) for lower, entry in fields.items()}
    kinds = {lower: of_field(entry.type) for lower, entry in fields.items()}
    for number, entry in enumerate(given, 1):
        where = f"validation rule {number} of {object_name}"
        if not isinstance(entry, dict) or set(entry) - set(_KEYS):
            raise FormulaError(f"{where} must be an object with the keys {', '.join(_KEYS)}")
        name, formula, message = (entry.get(key) for key in ("name", "formula", "message"))
        if not isinstance(formula, str) or not isinstance(message, str):
            raise FormulaError(f"{where} must have a formula and a message")
        field = entry.get("field") or ""
        if field and str(field).lower() not in names:
            raise FormulaError(f"{where}: the object has no field {field!r}")
        try:
            compiled = compile_formula(formula, names, kinds)
            if compiled.kind not in (BOOLEAN, UNKNOWN):
                text = f"formula result is data type ({compiled.kind}), incompatible with expected data type (true or false)"
                raise FormulaError(text)
        except FormulaError as problem:
            raise FormulaError(f"{where} ({name or 'without a name'}): {problem}") from None
        if entry.get("active", True):
            rules.append(ValidationRule(str(name or number), compiled, message, names.get(str(field).lower(), "")))
    return tuple(rules)


def named_fields(rules: Sequence[ValidationRule]) -> list[str]:
    """The fields that rules look at."""
    return sorted({name for rule in rules for name in rule.formula.fields})


def earlier_fields(rules: Sequence[ValidationRule]) -> frozenset[str]:
    """Those of them whose value before the save they look at."""
    return frozenset(name for rule in rules for name in rule.formula.earlier)


def refusal(rules: Sequence[ValidationRule], row: Row) -> RowError | None:
    """The error of the first rule that a record breaks. Salesforce names no order; here it is that of the description."""
    for rule in rules:
        if rule.formula.holds(row):
            fields = (rule.field,) if rule.field else ()
            return RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, *fields)
    return None


def formula_values(kind: str, values: Sequence[Any]) -> list[Any]:
    """A column of stored values as formulas see them: BLANK for null, numbers as doubles, days and moments."""
    if kind == "boolean":
        return [bool(value) for value in values]
    read = _READ.get(kind)
    if read is None:
        return [value or None for value in values]
    return [None if value is None or value == "" else read(value) for value in values]


_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys((*NUMBERS, "int"), float), "date": date.fromisoformat, "datetime": parse_datetime,
}  # fmt: skip
