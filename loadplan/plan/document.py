"""The one door for YAML: text -> values that remember where they were written. The only module that imports yaml.

Refused, each with its place: duplicate keys, anchors, aliases, merge keys, tags, several documents, text that is not UTF-8,
and anything beyond the limits of size, depth and nodes. Scalars are YAML 1.2: `NO`, `01234`, `1:30` and dates are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from loadplan.diagnostics import Diagnostic, Note, Place

MAX_BYTES, MAX_DEPTH, MAX_NODES = 1 << 20, 64, 50_000
KeyPath = tuple[str | int, ...]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values. `places` and `keys` map a path (`("steps", "a", "object")`) to where its value and its
    key stand; `raws` holds scalars as they were written."""

    name: str
    data: Any
    lines: tuple[str, ...] = ()
    places: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    raws: dict[KeyPath, str] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Where the value at `path` stands; of its nearest parent when it does not exist."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.name, 1, 1))

    def key_place(self, path: KeyPath) -> Place:
        """Where the key of `path` stands; the value's place when it has none."""
        return self.keys.get(path) or self.place(path)

    def raw(self, path: KeyPath) -> str | None:
        """The scalar at `path` as written: `01234`, `1.10`."""
        return self.raws.get(path)


class _Refused(Exception):  # noqa: N818 - leaves this module as a diagnostic
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def read_document(path: Path) -> tuple[Document | None, list[Diagnostic]]:
    """Read and parse a file; (None, problems) when it cannot be trusted."""
    name = str(path)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        return None, [Diagnostic("LP0100", f"cannot read {name}: {error.strerror}", Place(name))]
    return parse_document(text, name)


def parse_document(text: bytes, name: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse the bytes of a YAML file. `name` is how messages call it. Never raises on bad input."""
    try:
        decoded = _decode(text, name)
        _scan(decoded, name)
        node = yaml.compose(decoded, Loader=_Loader)
        document = Document(name, None, tuple(decoded.splitlines()))
        if node is None:
            raise _Refused(Diagnostic("LP0101", "the file is empty", Place(name, 1, 1)))
        object.__setattr__(document, "data", _build(node, document, ()))
    except _Refused as refused:
        return None, [refused.diagnostic]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1, 1)
        return None, [Diagnostic("LP0101", f"this is not YAML: {error.problem or error.context}", place)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, [Diagnostic("LP0101", f"this is not YAML: {type(error).__name__}", Place(name, 1, 1))]
    return document, []


def _decode(text: bytes, name: str) -> str:
    if len(text) > MAX_BYTES:
        raise _Refused(Diagnostic("LP0107", f"the file is larger than {MAX_BYTES:,} bytes", Place(name)))
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        summary = f"byte {error.start} (0x{text[error.start]:02x}) is not UTF-8"
        raise _Refused(Diagnostic("LP0102", summary, Place(name, line), hint="save the file as UTF-8")) from None
    bad = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", decoded)
    if bad:
        line = decoded.count("\n", 0, bad.start()) + 1
        column = bad.start() - (decoded.rfind("\n", 0, bad.start()) + 1) + 1
        raise _Refused(Diagnostic("LP0102", f"control character 0x{ord(bad.group()):02x}", Place(name, line, column)))
    return decoded


_DOUBTS: dict[str, tuple[str, str, str]] = {
    "anchor": ("LP0103", "an anchor (`&name`) is not allowed in a plan", "write the value out where it is needed"),
    "alias": ("LP0103", "an alias (`*name`) is not allowed in a plan", "write the value out"),
    "tag": ("LP0104", "a tag (`!name`) is not allowed in a plan", "remove the tag; quote the value if it is text"),
}


def _scan(text: str, name: str) -> None:
    """Walk the events before anything is built, so that nothing deep or shared is ever composed."""
    depth = nodes = documents = 0
    opens = 0
    for line_number, line in enumerate(text.splitlines(), 1):
        # The C parser recurses over flow brackets: guard them before it sees them.
        opens += line.count("[") + line.count("{") - line.count("]") - line.count("}")
        if opens > 500 or len(line) > 200_000:
            raise _Refused(Diagnostic("LP0107", "brackets are nested too deeply", Place(name, line_number, 1)))
    for event in yaml.parse(text, Loader=_Loader):
        mark: Any = event.start_mark
        place = Place(name, mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            _refuse("alias", place)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            _refuse("anchor", place)
        if getattr(event, "tag", None) is not None and not isinstance(event, yaml.DocumentStartEvent):
            _refuse("tag", place)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise _Refused(Diagnostic("LP0106", "the file holds more than one YAML document", place))
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            nodes += 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            what = (
                f"values are nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"more than {MAX_NODES:,} values"
            )
            raise _Refused(Diagnostic("LP0107", what, place))


def _refuse(what: str, place: Place) -> None:
    code, summary, hint = _DOUBTS[what]
    raise _Refused(Diagnostic(code, summary, place, hint=hint))


def _build(node: Any, document: Document, path: KeyPath) -> Any:
    start, end = node.start_mark, node.end_mark
    ends = end.column + 1 if end.line == start.line else 0
    document.places[path] = Place(document.name, start.line + 1, start.column + 1, ends)
    if isinstance(node, yaml.ScalarNode):
        document.raws[path] = node.value
        return node.value if node.style in {'"', "'", "|", ">"} else scalar(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, document, (*path, i)) for i, child in enumerate(node.value)]
    return _mapping(node, document, path)


def _mapping(node: Any, document: Document, path: KeyPath) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        mark = key.start_mark
        place = Place(document.name, mark.line + 1, mark.column + 1, key.end_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused(Diagnostic("LP0101", "a key must be plain text", place))
        if key.value == "<<" and not key.style:
            summary = "a merge key (`<<`) is not allowed in a plan"
            raise _Refused(
                Diagnostic("LP0103", summary, place, hint="write the keys out; `defaults:` is for what steps share")
            )
        inner = (*path, key.value)
        if key.value in found:
            summary = f"key `{key.value}` is written twice; the second would silently win"
            first = Note(document.keys[inner], "first here")
            raise _Refused(Diagnostic("LP0105", summary, place, "again here", "remove one of them", (first,)))
        document.keys[inner] = place
        found[key.value] = _build(value, document, inner)
    return found


def scalar(text: str) -> Any:
    """A plain (unquoted) scalar by the core schema of YAML 1.2, without its octal and hex forms: those stay text."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    if _INT.match(text):
        return int(text) if len(text) < 19 else text
    return float(text) if _FLOAT.match(text) else text
