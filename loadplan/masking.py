"""Texts made fit for shared artifacts and terminals: no row values, no tokens, no control characters. Pure."""

from __future__ import annotations

import re

_TOKENS = re.compile(
    r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]+"  # session id: org id, `!`, secret
    r"|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?"  # JWT
    r"|(?<=Bearer )\S+"
    r"|(?<=access_token=)[^&\s]+"
    r"|5Aep[A-Za-z0-9._]{20,}"  # refresh token
)
# A quote that is never closed hides the rest. An apostrophe inside a word (`isn't`, `'O'Brien'`) opens and closes nothing.
_QUOTED = re.compile(
    r"(?<!\w)'.*?(?:'(?!\w)|\Z)" r'|"[^"]*(?:"|\Z)' r"|‘[^’]*(?:’|\Z)" r"|“[^”]*(?:”|\Z)",
    re.DOTALL,
)
_CLOSING = {"'": "'", '"': '"', "‘": "’", "“": "”"}
# Salesforce puts some values into messages without quotes; what follows the value is known, or there is nothing.
_LOOSE = re.compile(
    r"(data value too large: ).*(?= \(max length=)"
    r"|(Foreign key external ID: ).*(?= not found for field )"
    r"|((?:invalid email address|external id specified|picklist field|data value too large|Foreign key external ID): ).*",
    re.DOTALL | re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ID = re.compile(r"\b(?=[A-Za-z0-9]*\d)[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?\b")
_DIGITS = re.compile(r"\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def redact(text: str) -> str:
    """Access tokens, refresh tokens and JWTs become `***`."""
    return _TOKENS.sub("***", text)


def mask(text: str) -> str:
    """Quoted values, e-mail addresses, record ids and digits become placeholders; what is left is the shape of a message.

    >>> mask("Name: data value too large: Acme (Rome) (max length=80), see 'x'")
    "Name: data value too large: … (max length=#), see '…'"
    """
    text = redact(text)
    text = _LOOSE.sub(lambda m: f"{m[1] or m[2] or m[3]}…", text)
    text = _QUOTED.sub(lambda m: f"{m[0][0]}…{_CLOSING[m[0][0]]}", text)
    text = _EMAIL.sub("<email>", text)
    text = _ID.sub("<id>", text)
    return printable(_DIGITS.sub("#", text))


def printable(text: str) -> str:
    """Control characters (terminal escapes, line separators, direction marks) and halves of characters that no file can hold
    become `?`; newline and tab stay."""
    return _CONTROL.sub("?", text)
