"""Turns the text of a cell (or a JSON value) into the value a field holds, or refuses it in Salesforce's words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from .schema import Field
from .wire import id18, looks_like_id

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)Z?")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_XSD = {"date": "date", "datetime": "dateTime", "boolean": "boolean", "int": "int"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class RowError(Exception):
    """One row refused: status code, message and field names."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, fields

    def text(self) -> str:
        """The `sf__Error` form, `CODE:message:Field1,Field2 --`."""
        tail = f"{','.join(self.fields)} --" if self.fields else "--"
        return f"{self.code}:{self.message}:{tail}"


def convert(field: Field, text: str, column: int) -> Any:
    """The stored value of a non-empty cell; raises RowError. References are only checked for form here."""
    kind = field.type
    if kind in ("id", "reference"):
        if not looks_like_id(text):
            raise RowError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {text}", field.name)
        return id18(text)
    value = _PARSERS.get(kind, _text)(text)
    if value is None:
        kind_name = _XSD.get(kind, "double")
        reason = f"Failed to deserialize field at col {column}. Due to, '{text}' is not a valid value for the type xsd:"
        raise RowError("INVALID_FIELD", reason + kind_name, field.name)
    if isinstance(value, str) and kind not in ("date", "datetime"):
        _check_text(field, value)
    return value


def _check_text(field: Field, value: str) -> None:
    if field.length and len(value) > field.length:
        message = f"{field.label}: data value too large: {value} (max length={field.length})"
        raise RowError("STRING_TOO_LONG", message, field.name)
    allowed = field.restricted_values
    if allowed is not None:
        for part in value.split(";") if field.type == "multipicklist" else [value]:
            if part not in allowed:
                message = f"{field.label}: bad value for restricted picklist field: {part}"
                raise RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field.name)
    if field.type == "email" and not _EMAIL.fullmatch(value):
        message = f"{field.label}: invalid email address: {value}"
        raise RowError("INVALID_EMAIL_ADDRESS", message, field.name)


def _text(text: str) -> Any:
    return text


def _boolean(text: str) -> Any:
    return _BOOLEANS.get(text.lower())


def _number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else None


def _integer(text: str) -> Any:
    number = _number(text)
    return int(number) if number is not None and number == int(number) else None


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
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def parse_datetime(text: str) -> datetime | None:
    """A dateTime literal in UTC, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_PARSERS = {
    "boolean": _boolean,
    "currency": _number,
    "double": _number,
    "percent": _number,
    "int": _integer,
    "date": _date,
    "datetime": _datetime,
}


def show(value: Any) -> str:
    """A stored value as CSV text in query results: `1500.0`, `true`, `2024-01-31T10:00:00.000Z`, empty for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if abs(value) < 1e7 else f"{value:.15g}" if value != int(value) else f"{int(value)}.0"
    text = str(value)
    return text[:-5] + "Z" if text.endswith("+0000") and _DATETIME.fullmatch(text) else text
