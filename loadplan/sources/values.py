"""Values: the one spelling of each type of value that a typed source (Parquet, SQLite, PostgreSQL, `sql`) may hold.

What Salesforce reads: dates `2026-06-30`, date-times to the millisecond in UTC, numbers without an exponent, `true` and
`false` (Bulk API 2.0 Developer Guide, "Prepare CSV Files"). What has no spelling is refused, never approximated; the one
thing cut off are digits of a second below the millisecond, which Salesforce has no room for.
`docs/reference/value-spellings.md` is generated from `SPELLINGS`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from loadplan.lean import dataclass


class SpellingError(ValueError):
    """A value that cannot be written. The message is the end of a sentence: `is not a number`."""


@dataclass(frozen=True)
class Spelling:
    """How values of one kind are written, by an example, and where they come from: type names as the source says them."""

    kind: str
    rule: str
    example: str
    parquet: str
    postgres: str
    sqlite: str


SPELLINGS = (
    Spelling("text", "as it is, every character", "007", "STRING, ENUM, JSON", "text, varchar, char, name, enums, json", "TEXT"),
    Spelling("whole number", "all digits", "12345678901234567890", "INT, UINT", "smallint, integer, bigint", "INTEGER"),
    Spelling(
        "decimal", "all digits of its scale, no exponent", "1.10", "DECIMAL", "numeric", "not there: it is REAL or TEXT"
    ),
    Spelling(
        "floating point", "the fewest digits that give the same number again, no exponent, no `.0`", "0.1",
        "FLOAT, DOUBLE", "real, double precision", "REAL",
    ),
    Spelling("boolean", "`true` or `false`", "true", "BOOLEAN", "boolean", "not there: it is INTEGER"),
    Spelling("date", "year-month-day, years 1 to 9999", "2026-06-30", "DATE", "date", "not there: it is TEXT"),
    Spelling(
        "moment", "in UTC, to the millisecond; further digits are cut off", "2026-06-30T12:00:00.000Z",
        "TIMESTAMP adjusted to UTC", "timestamp with time zone", "not there: it is TEXT",
    ),
    Spelling(
        "date and time without a zone", "taken for UTC and written as one", "2026-06-30T12:00:00.000Z",
        "TIMESTAMP not adjusted to UTC", "timestamp", "not there: it is TEXT",
    ),
    Spelling("time of day", "to the millisecond, with Z", "09:30:00.000Z", "TIME", "time", "not there: it is TEXT"),
    Spelling("UUID", "in lower case, with hyphens", "0e37df36-f698-11e6-8dd4-cb9ced3df976", "UUID", "uuid", "TEXT"),
    Spelling("no value", "an empty cell, which Salesforce ignores", "", "null", "NULL", "NULL"),
)  # fmt: skip
REFUSED = (
    "binary values, lists, structures and maps, intervals, times with a zone, ranges and geometric types; not-a-number and "
    "infinity; dates before year 1 and after 9999"
)

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)


def number(text: str) -> str:
    """A number that a database wrote, without exponent and without a fraction of zeros after one. Raises SpellingError
    for not-a-number and infinity."""
    if "e" in text or "E" in text or not text[-1].isdigit():
        value = Decimal(text)
        if not value.is_finite():
            raise SpellingError("is not a number" if value.is_nan() else "is infinite")
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if text != "-0" else "0"


def decimal(text: str) -> str:
    """A decimal that a database wrote: its digits stay, also zeros at the end. Raises SpellingError for not-a-number and
    infinity."""
    if text[-1].isdigit() and "e" not in text.lower():
        return text
    return number(text)


def floating(value: float) -> str:
    """The fewest digits that give the same number again, no exponent. Raises SpellingError."""
    text = repr(value)
    if "e" in text or "n" in text or text == "-0.0":
        return number(text)
    return text.removesuffix(".0")


def floatings(column: Sequence[float]) -> list[str]:
    """`floating` of each, many at once. Raises SpellingError."""
    text = "\n".join([*map(repr, column), ""])
    if "e" in text or "n" in text or "-0.0\n" in text:
        return [floating(value) for value in column]
    return text.replace(".0\n", "\n").split("\n")[:-1]


def day(text: str) -> str:
    """A date in ISO form. Raises SpellingError for one outside the years 1 to 9999."""
    if len(text) != 10 or not _DAY.fullmatch(text):
        raise SpellingError("is no date of the years 1 to 9999")
    return text


def moment(text: str) -> str:
    """`2026-06-30 12:00:00.123456` with or without `+00`, in UTC, as Salesforce reads it. Raises SpellingError."""
    text = text.removesuffix("+00")
    if text[10:11] != " " or not _TIME.fullmatch(text, 11):
        raise SpellingError("is no moment of the years 1 to 9999")
    return f"{day(text[:10])}T{clock(text[11:])}"


def clock(text: str) -> str:
    """`09:30:00.123456` as Salesforce reads a time of day. Raises SpellingError for 24:00."""
    if not _TIME.fullmatch(text) or text >= "24":
        raise SpellingError("is no time of day")
    return f"{text[:8]}.{text[9:12]:0<3}Z"


def boolean(value: bool) -> str:
    return "true" if value else "false"
