"""Turns the texts of a column's cells into the values a field holds, or refuses them in Salesforce's words; and back.

A column is read at once: what is usual is checked for all cells together, and only cells that fail are looked at singly.
The empty text stays the empty text (the field is left alone), `#N/A` becomes None (the field is cleared).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf
from typing import Any

from .schema import Field
from .wire import id18, looks_like_id

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)Z?")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_UTC_MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NUMBER_SIGNS = frozenset("0123456789+-.eE")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_XSD = {"date": "date", "datetime": "dateTime", "boolean": "boolean", "int": "int"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
NUMBERS = ("double", "currency", "percent")
NULL = "#N/A"


class RowError(Exception):
    """One row refused: status code, message and field names."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, fields

    def text(self) -> str:
        """The `sf__Error` form, `CODE:message:Field1,Field2 --`."""
        tail = f"{','.join(self.fields)} --" if self.fields else "--"
        return f"{self.code}:{self.message}:{tail}"


class Converter:
    """Reads the cells of one field. `label_in_picklist_error` follows the setting of that name."""

    def __init__(self, field: Field, *, label_in_picklist_error: bool = True) -> None:
        self.field = field
        self._label = f"{field.label}: " if label_in_picklist_error else ""
        self._memory: dict[str, Any] = {}
        digits = int(field.raw["precision"]) - int(field.raw["scale"]) if field.type in NUMBERS else 0
        self._edge = 10.0**digits if digits > 0 else 1e300

    def column(self, cells: Sequence[str], place: int, errors: dict[int, RowError]) -> list[Any]:
        """A value for each cell of the column at `place`; a refused cell adds to `errors` unless its row has one."""
        whole = self._whole(cells)
        if whole is not None:
            return whole
        values: list[Any] = []
        for row, cell in enumerate(cells):
            try:
                values.append("" if cell == "" else None if cell == NULL else self.value(cell, place))
            except RowError as problem:
                errors.setdefault(row, problem.with_traceback(None))  # it is kept, its frames are not
                values.append("")
        return values

    def _whole(self, cells: Sequence[str]) -> list[Any] | None:
        """All values when nothing in the column is unusual, else None."""
        kind, field = self.field.type, self.field
        if kind in NUMBERS:
            if _NUMBER_SIGNS.issuperset("".join(cells)) and "" not in cells:
                try:
                    found = list(map(float, cells))
                except ValueError:
                    return None
                return found if max(map(abs, found), default=0.0) < self._edge else None
            return None
        if kind == "boolean":
            try:
                return [_BOOLEANS[cell] for cell in cells]
            except KeyError:
                return None
        if kind in ("id", "reference"):
            joined = "".join(cells)
            usual = joined.isascii() and joined.isalnum() and set(map(len, cells)) == {18}
            return list(cells) if usual else None
        if kind in ("int", "date", "datetime", "email", "multipicklist") or NULL in cells:
            return None
        if field.length and max(map(len, cells), default=0) > field.length:
            return None
        allowed = field.restricted_values
        if allowed is not None and not allowed.issuperset(cells):
            return None
        return list(cells)

    def value(self, text: str, place: int) -> Any:
        """The stored value of a non-empty cell; raises RowError. References are only checked for form here."""
        try:
            return self._memory[text]
        except KeyError:
            found = self._read(text, place)
            if len(text) < 100 and len(self._memory) < 5_000:
                self._memory[text] = found
            return found

    def _read(self, text: str, place: int) -> Any:
        field, kind = self.field, self.field.type
        if kind in ("id", "reference"):
            if not looks_like_id(text):
                raise RowError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {text}", field.name)
            return id18(text)
        found = _PARSERS.get(kind, _text)(text)
        if found is None:
            reason = (
                f"Failed to deserialize field at col {place}. Due to, '{text}' is not a valid value for the type xsd:"
            )
            raise RowError("INVALID_FIELD", reason + _XSD.get(kind, "double"), field.name)
        if type(found) is float and abs(found) >= self._edge:
            message = f"{field.label}: value outside of valid range on numeric field: {java_double(found)}"
            raise RowError("NUMBER_OUTSIDE_VALID_RANGE", message, field.name)
        if isinstance(found, str) and kind not in ("date", "datetime"):
            self._check_text(found)
        return found

    def _check_text(self, value: str) -> None:
        field = self.field
        if field.length and len(value) > field.length:
            message = f"{field.label}: data value too large: {value} (max length={field.length})"
            raise RowError("STRING_TOO_LONG", message, field.name)
        allowed = field.restricted_values
        if allowed is not None:
            for part in value.split(";") if field.type == "multipicklist" else [value]:
                if part not in allowed:
                    message = f"{self._label}bad value for restricted picklist field: {part}"
                    raise RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field.name)
        if field.type == "email" and not _EMAIL.fullmatch(value):
            raise RowError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", field.name)


def _text(text: str) -> Any:
    return text


def _boolean(text: str) -> Any:
    return _BOOLEANS.get(text.lower())


def _number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else None


def _integer(text: str) -> Any:
    number = _number(text)
    return int(number) if number is not None and number.is_integer() and -(2**31) <= number < 2**31 else None


def _date(text: str) -> Any:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def _datetime(text: str) -> Any:
    if _DATE.fullmatch(text):
        day = _date(text)
        return None if day is None else f"{day}T00:00:00.000+0000"
    if not _DATETIME.fullmatch(text):
        return None
    moment = parse_datetime(text)
    if moment is None:
        return None
    return f"{text[:-1]}+0000" if _UTC_MILLIS.fullmatch(text) else store_datetime(moment)


def store_datetime(moment: datetime) -> str:
    """A moment in UTC as it is stored: `2024-01-31T10:00:00.000+0000`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def parse_datetime(text: str) -> datetime | None:
    """A dateTime literal in UTC, or None."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_PARSERS: dict[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "currency": _number,
    "double": _number,
    "percent": _number,
    "int": _integer,
    "date": _date,
    "datetime": _datetime,
}


def java_double(value: float) -> str:
    """A double as Java prints it: `100.0`, `9.12260031E8`, `1.0E-5`. Ingest results show parsed numbers this way."""
    size = abs(value)
    if size == inf:
        return "Infinity" if value > 0 else "-Infinity"
    if size == 0 or 1e-3 <= size < 1e7:
        return repr(value)
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    assert isinstance(power, int)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power + len(text) - 1}"


def echo_numbers(cells: Sequence[str], values: Sequence[Any], *, scientific: bool) -> list[str]:
    """A column of doubles as an ingest result file shows it; cells that were refused, empty or null stay as sent."""
    show = java_double if scientific else show_number
    return [
        (repr(value) if 1e-3 <= value < 1e7 else show(value)) if type(value) is float else cell
        for cell, value in zip(cells, values, strict=True)
    ]


def echo_text(kind: str, value: Any) -> str:
    """A parsed, non-empty value of a date, dateTime, boolean or int as an ingest result file shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "datetime":
        return f"{value[:-5]}Z"
    return str(value)


def show_number(value: float) -> str:
    """A double as query results show it: `1500.0`, `912260031.0`."""
    return repr(value) if abs(value) < 1e7 else f"{value:.15g}" if value != int(value) else f"{int(value)}.0"


def show_column(kind: str, values: Sequence[Any]) -> Sequence[str]:
    """A stored column as query results show it, quotes doubled: `1500.0`, `true`, `2024-01-31T10:00:00.000Z`, empty for null."""
    if kind == "boolean":
        return ["" if value is None else "true" if value else "false" for value in values]
    if kind in NUMBERS:
        return ["" if value is None else show_number(value) for value in values]
    if kind == "int":
        return ["" if value is None else str(value) for value in values]
    if None in values:
        values = ["" if value is None else value for value in values]
    if kind == "datetime":
        return [value and f"{value[:23]}Z" for value in values]
    return [value.replace('"', '""') for value in values] if '"' in "".join(values) else values
