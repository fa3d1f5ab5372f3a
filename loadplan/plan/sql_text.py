"""SQL as text: the files that a SELECT over files names, and where its statement ends. Nothing here is a guard: what may be
read is decided where the path is resolved, what may run by the database.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$|\w+|\S", re.DOTALL)
_OPENS = re.compile(r"'|\"|--|/\*|\$\w*\$")
_CLOSED_BY = {"--": "\n", "/*": "*/"}
_BEFORE_A_FILE = {"FROM", "JOIN"}


def files_named(sql: str) -> list[str]:
    """The texts in single quotes that stand directly after FROM or JOIN, each once, in order. A name in double quotes is
    a table's, or one that the SELECT itself gave."""
    found: dict[str, None] = {}
    before = ""
    for match in _TOKEN.finditer(sql):
        token = match.group()
        if token.startswith(("--", "/*")):
            continue
        if token[0] == "'" and len(token) > 1 and before in _BEFORE_A_FILE:
            found[token[1:-1].replace("''", "'")] = None
        before = token.upper()
    return list(found)


def without_semicolon(sql: str) -> str:
    """The text up to its last token that is neither a semicolon nor a comment, when a semicolon follows that; so it can stand
    in parentheses. Any other text as it is."""
    end, semicolon = 0, False
    for match in _TOKEN.finditer(sql):
        piece = match.group()
        if piece == ";":
            semicolon = True
        elif not piece.startswith(("--", "/*")):
            end, semicolon = match.end(), False
    return sql[:end] if semicolon else sql


def open_after(text: str, state: str = "") -> str:
    """What closes the quote or comment that is open after `text`, which begins in `state`; nothing outside of them."""
    at = 0
    while at < len(text):
        if state:
            end = text.find(state, at)
            if end < 0:
                return state
            at, state = end + len(state), ""
        else:
            found = _OPENS.search(text, at)
            if found is None:
                return ""
            at, state = found.end(), _CLOSED_BY.get(found.group(), found.group())
    return state
