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
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|‘[^’]*’|“[^”]*”")
# Salesforce puts some values into messages without quotes.
_LOOSE = re.compile(
    r"((?:invalid email address|data value too large|Foreign key external ID|external id specified|picklist field): )"
    r"[^\s(][^(]*?(?= \(| not found|$)"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ID = re.compile(r"\b(?=[A-Za-z0-9]*\d)[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?\b")
_DIGITS = re.compile(r"\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def redact(text: str) -> str:
    """Access tokens, refresh tokens and JWTs become `***`."""
    return _TOKENS.sub("***", text)


def mask(text: str) -> str:
    """Quoted values, e-mail addresses, record ids and digits become placeholders; what is left is the shape of a message.

    >>> mask("Account: bad value for restricted picklist field: 'x' 42")
    "Account: bad value for restricted picklist field: '…' #"
    """
    text = redact(text)
    text = _QUOTED.sub(lambda m: f"{m.group()[0]}…{m.group()[-1]}", text)
    text = _LOOSE.sub(r"\1…", text)
    text = _EMAIL.sub("<email>", text)
    text = _ID.sub("<id>", text)
    return printable(_DIGITS.sub("#", text))


def printable(text: str) -> str:
    """Control characters (terminal escapes, line separators, direction marks) become `?`; newline and tab stay."""
    return _CONTROL.sub("?", text)
