"""What loadplan must know of SOQL text: where its quoted texts begin and end, and what a bulk query cannot hold. Pure.

SOQL and SOSL Reference, "Quoted String Escape Sequences"; Bulk API 2.0 Developer Guide, "Query Jobs" (what is not supported).
It is no parser: whatever it does not know is left to Salesforce.
"""

from __future__ import annotations

import re
from enum import Enum

_PIECES = re.compile(r"'(?:\\.|[^'\\])*(?:'|\Z)|\s+|[^'\s]+", re.DOTALL)
_TOKEN = re.compile(r"'(?:\\.|[^'\\])*(?:'|\Z)|[A-Za-z_][\w.]*|\(|\)|\S", re.DOTALL)
_AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})


class Quote(Enum):
    """Where in a query a place is: outside of quotes, inside, or inside and behind a backslash."""

    OUTSIDE = 0
    INSIDE = 1
    ESCAPED = 2


def quote_after(text: str, state: Quote = Quote.OUTSIDE) -> Quote:
    """The state after `text`, which begins in `state`."""
    for character in text:
        if state is Quote.ESCAPED:
            state = Quote.INSIDE
        elif character == "'":
            state = Quote.OUTSIDE if state is Quote.INSIDE else Quote.INSIDE
        elif character == "\\" and state is Quote.INSIDE:
            state = Quote.ESCAPED
    return state


def folded(soql: str) -> str:
    """The query on one line: blanks and line breaks between words become one blank; quoted texts are kept to the letter."""
    return "".join(" " if piece.isspace() else piece for piece in _PIECES.findall(soql)).strip()


def refused(soql: str) -> tuple[str, str, str]:
    """Why a bulk query cannot hold this, the word that shows it, and the way out; three empty texts when nothing is known
    to be wrong."""
    if quote_after(soql) is not Quote.OUTSIDE:
        return "a quote in the query is never closed", "", "close it; a quote inside a text is written `\\'`"
    words = [t.group() for t in _TOKEN.finditer(soql)]
    upper = [w.upper() for w in words]
    if upper[:1] != ["SELECT"]:
        return "a query begins with SELECT", words[0] if words else "", "write `SELECT Id, … FROM Object`"
    afterwards = "fetch the rows and do it afterwards"
    depth, in_list = 0, True
    for at, word in enumerate(upper):
        after = upper[at + 1] if at + 1 < len(upper) else ""
        depth += (word == "(") - (word == ")")
        if depth < 0:
            return "a `)` without its `(`", "", "remove it, or open the bracket"
        if word == "FROM" and depth == 0:
            in_list = False
        if word == "GROUP" and after == "BY":
            return "a bulk query cannot hold GROUP BY", words[at], afterwards
        if word == "OFFSET" and after.isdigit():
            return "a bulk query cannot hold OFFSET", words[at], "fetch all rows; pages are read one by one anyway"
        if word == "TYPEOF" and in_list:
            return "a bulk query cannot hold TYPEOF", words[at], "name the fields, or query each object by itself"
        if word in _AGGREGATES and after == "(":
            return f"a bulk query cannot hold {word}()", words[at], afterwards
        if word == "(" and after == "SELECT" and in_list:
            return (
                "a bulk query cannot hold a subquery in SELECT",
                words[at + 1],
                "query the child object in its own step",
            )
    if depth:
        return "a `(` is never closed", "", "close the bracket"
    if in_list:
        return "the query has no FROM", "", "write `SELECT Id, … FROM Object`"
    return "", "", ""
