"""Texts and dates as SOQL writes them: escapes, patterns, and what is no day at all."""

from __future__ import annotations

import re
from datetime import date, datetime

from .wire import ApiError

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_PLAIN = (*_ESCAPES, "N", "T", "R", "B", "F", "_", "%")


def check_escapes(text: str) -> None:
    """Refuse a literal with an escape that there is not."""
    for escape in re.findall(r"\\(u[0-9A-Fa-f]{4}|.)", text, re.DOTALL):
        if len(escape) == 1 and escape not in _PLAIN:
            message = f"Invalid string literal {text}. Illegal character sequence '\\{escape}' in string literal."
            raise ApiError(400, "MALFORMED_QUERY", message)


def check_moment(kind: str, text: str) -> None:
    """Refuse a `date` or `datetime` that has the form of one and is none, such as the 13th month."""
    try:
        if kind == "date":
            date.fromisoformat(text)
        else:
            datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, "MALFORMED_QUERY", f"Invalid {kind}: {text}") from None


def plain_text(written: str) -> str:
    """What a string literal says: its escapes replaced."""
    return _whole_text(re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", _plain_escape, written, flags=re.DOTALL))


def _whole_text(text: str) -> str:
    """Two escaped halves of a character become one; a half alone is no text."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain_escape(match: re.Match[str]) -> str:
    text = match[1]
    return chr(int(text[1:], 16)) if len(text) == 5 else _ESCAPES.get(text.lower(), text)


def pattern(written: str) -> str:
    """A string literal as a pattern of SQLite's LIKE with the escape `\\`: what is escaped stands for itself."""

    def one(match: re.Match[str]) -> str:
        text = _plain_escape(match)
        return f"\\{text}" if text in ("%", "_", "\\") else text

    return _whole_text(re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", one, written, flags=re.DOTALL))
