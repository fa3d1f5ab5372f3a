"""What kind of value each piece of a formula has, so that one which could never be true is told when the org starts. Computes nothing.

Salesforce checks the same when a formula is saved; the texts are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from .formula_functions import FormulaError
from .values import NUMBERS

BOOLEAN, NUMBER, TEXT, DATE, DATETIME, NULL, UNKNOWN = "Boolean", "Number", "Text", "Date", "DateTime", "null", ""
_OF_FIELD = {"boolean": BOOLEAN, "date": DATE, "datetime": DATETIME, "int": NUMBER, **dict.fromkeys(NUMBERS, NUMBER)}
_COMPARISONS = ("=", "==", "<>", "!=", "<", ">", "<=", ">=")
_RESULTS = {
    **dict.fromkeys(
        ("AND", "OR", "NOT", "ISBLANK", "ISNULL", "ISPICKVAL", "ISNEW", "ISNUMBER", "REGEX", "CONTAINS", "BEGINS", "INCLUDES",
         "ISCHANGED"),
        BOOLEAN,
    ),
    **dict.fromkeys(("LEN", "VALUE", "ABS", "MOD", "ROUND", "FLOOR", "CEILING", "MIN", "MAX", "YEAR", "MONTH", "DAY"), NUMBER),
    **dict.fromkeys(("UPPER", "LOWER", "TRIM", "LEFT", "RIGHT", "MID", "TEXT"), TEXT),
    "TODAY": DATE, "DATE": DATE, "NOW": DATETIME,
}  # fmt: skip
"""Of IF, CASE and BLANKVALUE it is the kind of what they choose from."""


def of_field(kind: str) -> str:
    """The kind of a field of that type of a description."""
    return _OF_FIELD.get(kind, TEXT)


def of_operation(sign: str, left: str, right: str) -> str:
    """The kind of `left sign right`. Raises FormulaError for sides that it cannot have."""
    if sign in ("&&", "||"):
        for side in (left, right):
            _want(BOOLEAN, side, f"operator '{sign}'")
        return BOOLEAN
    if sign in _COMPARISONS:
        if NULL not in (left, right) and UNKNOWN not in (left, right) and _plain(left) != _plain(right):
            raise FormulaError(f"incorrect parameter type for operator '{sign}'. Expected {left}, received {right}")
        return BOOLEAN
    if sign == "&":
        return TEXT
    if UNKNOWN in (left, right) or NULL in (left, right):
        return UNKNOWN
    days = [side for side in (left, right) if side in (DATE, DATETIME)]
    if days:
        return NUMBER if len(days) == 2 else days[0]
    return NUMBER if left == right == NUMBER else UNKNOWN


def of_call(name: str, kinds: Sequence[str]) -> str:
    """The kind of a function of values of these kinds. Raises FormulaError for a condition that is none."""
    if name in ("AND", "OR", "NOT", "IF"):
        for kind in kinds[:1] if name == "IF" else kinds:
            _want(BOOLEAN, kind, f"function '{name}()'")
    if name in ("IF", "BLANKVALUE"):
        return _common(kinds[1:] if name == "IF" else kinds)
    return _common([*kinds[2:-1:2], kinds[-1]]) if name == "CASE" else _RESULTS[name]


def _want(wanted: str, kind: str, what: str) -> None:
    if kind not in (wanted, NULL, UNKNOWN):
        raise FormulaError(f"incorrect parameter type for {what}. Expected {wanted}, received {kind}")


def _plain(kind: str) -> str:
    return DATE if kind == DATETIME else kind


def _common(kinds: Sequence[str]) -> str:
    """The kind of a choice between values of these kinds; unknown where they differ."""
    found = {kind for kind in kinds if kind != NULL}
    return found.pop() if len(found) == 1 else UNKNOWN if found else NULL
