"""The functions of SOQL: those of dates and those of groups, and what they are over the tables (SOQL and SOSL Reference, "Date
Functions", "Aggregate Functions"). Days are UTC, weeks count from the first of the month or year, the fiscal year is the calendar's.
"""

from __future__ import annotations

from .schema import Field
from .schemaload import FIELD_DEFAULTS
from .soqltree import Word
from .values import NUMBERS

_MONTH, _DAY = "cast(substr({0},6,2) as integer)", "cast(substr({0},9,2) as integer)"
_DAY_OF_YEAR = "cast(strftime('%j',substr({0},1,10)) as integer)"
_OF_DATES = {
    "CALENDAR_MONTH": _MONTH,
    "CALENDAR_QUARTER": f"({_MONTH}+2)/3",
    "CALENDAR_YEAR": "cast(substr({0},1,4) as integer)",
    "DAY_IN_MONTH": _DAY,
    "DAY_IN_WEEK": "cast(strftime('%w',substr({0},1,10)) as integer)+1",
    "DAY_IN_YEAR": _DAY_OF_YEAR,
    "DAY_ONLY": "substr({0},1,10)",
    "FISCAL_MONTH": _MONTH,
    "FISCAL_QUARTER": f"({_MONTH}+2)/3",
    "FISCAL_YEAR": "cast(substr({0},1,4) as integer)",
    "HOUR_IN_DAY": "cast(substr({0},12,2) as integer)",
    "WEEK_IN_MONTH": f"({_DAY}-1)/7+1",
    "WEEK_IN_YEAR": f"({_DAY_OF_YEAR}-1)/7+1",
}
_OF_MOMENTS = ("DAY_ONLY", "HOUR_IN_DAY")
DATE_FUNCTIONS = tuple(_OF_DATES)
AGGREGATES = ("AVG", "COUNT", "COUNT_DISTINCT", "MAX", "MIN", "SUM")


def fits(word: Word, entry: Field) -> bool:
    """Whether the function of a word can be applied to a field."""
    kind, function = entry.type, word.function
    if function in DATE_FUNCTIONS:
        return kind == "datetime" or (kind == "date" and function not in _OF_MOMENTS)
    if function in ("SUM", "AVG"):
        return kind in (*NUMBERS, "int")
    return kind not in (("boolean", "multipicklist", "textarea") if function in ("MIN", "MAX") else ("textarea",))


def as_field(word: Word) -> Field:
    """What a function of dates gives, as if it were a field."""
    kind = "date" if word.function == "DAY_ONLY" else "int"
    return Field({**FIELD_DEFAULTS, "name": word.written, "label": word.written, "type": kind})


def applied(word: Word, place: str, entry: Field) -> str:
    """SQL of the function of a word, applied to a column."""
    if word.function in _OF_DATES:
        return f"({_OF_DATES[word.function].format(place)})"
    if word.function == "COUNT_DISTINCT":
        return f"count(distinct {place})"
    if word.function in ("MIN", "MAX") and entry.type not in (*NUMBERS, "int", "date", "datetime", "id", "reference"):
        place += " collate nocase"
    return f"{word.function.lower()}({place})"
