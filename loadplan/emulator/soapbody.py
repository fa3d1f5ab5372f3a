"""Reads the envelope of a SOAP request: which call it is, and the texts it brings. Knows no call and answers nothing.

A document type is refused, so there are no entities to expand and nothing outside is read (OWASP, "XML External Entity Prevention").
Elements go by their local names: clients call the prefixes what they like, and add types to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

_BODY = 2
"""How many elements stand around a call: the envelope and its body."""


@dataclass
class Envelope:
    """`call` is the local name of the first element of the body, empty when there is none; `texts` maps the local name of an element
    to its text, the first of that name."""

    call: str = ""
    texts: dict[str, str] = field(default_factory=dict)


def read_envelope(body: bytes) -> Envelope:
    """Raises ValueError when the body is not XML, or declares a document type. Its encoding is that of its declaration."""
    found = Envelope()
    path: list[str] = []
    pieces: list[list[str]] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def opened(name: str, _: object) -> None:
        local = name.rpartition(" ")[2]
        if len(path) == _BODY and path[1] == "Body" and not found.call:
            found.call = local
        path.append(local)
        pieces.append([])

    def closed(_: str) -> None:
        name, text = path.pop(), "".join(pieces.pop())
        found.texts.setdefault(name, text)

    def text(data: str) -> None:
        if pieces:
            pieces[-1].append(data)

    def doctype(*_: object) -> None:
        raise ValueError("a document type is not allowed")

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as problem:
        raise ValueError(str(problem)) from None
    return found
