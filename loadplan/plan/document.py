"""The one door for YAML: text -> values that remember where they were written. The only module that imports yaml.

Refused, each with its place: duplicate keys, anchors, aliases, merge keys, tags, several documents, text that is not UTF-8,
and anything beyond the limits of size, depth and nodes. Scalars are YAML 1.2: `NO`, `01234`, `1:30` and dates are text.
What can be read around a refused part is read all the same, so that one pass finds every problem; a document with problems
is never used for anything but finding more of them.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from loadplan.diagnostics import Diagnostic, Note, Place, did_you_mean
from loadplan.plan.located import Document, KeyPath, Span
from loadplan.plan.yaml_words import in_plain_words

MAX_BYTES, MAX_DEPTH, MAX_NODES = 1 << 20, 64, 50_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_BREAK = re.compile(r"\r\n|\r|\n")
# Controls, line breaks that only some programs see, marks that make a reviewer read another text than the parser.
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def read_document(path: Path) -> tuple[Document | None, list[Diagnostic]]:
    """Read and parse a file; (None, problems) when it cannot be trusted."""
    document, problems = read_partly(path)
    return (None if problems else document), problems


def parse_document(text: bytes, name: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse the bytes of a YAML file. `name` is how messages call it. Never raises on bad input."""
    document, problems = parse_partly(text, name)
    return (None if problems else document), problems


def read_partly(path: Path) -> tuple[Document | None, list[Diagnostic]]:
    """Read and parse a file as far as it goes: a document may come with problems, for finding more of them."""
    name = str(path)
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "not a regular file"
            return None, [Diagnostic("LP0100", f"{name} is {what}", Place(name), hint=_files_of(path))]
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None, [Diagnostic("LP0100", f"{name} does not exist", Place(name), hint=_files_beside(path))]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        hint = (
            f"check its permissions with `ls -l {name}`" if isinstance(error, PermissionError) else "correct the path"
        )
        return None, [Diagnostic("LP0100", f"cannot read {name}: {why}", Place(name), hint=hint)]
    return parse_partly(text, name)


def _files_of(folder: Path) -> str:
    try:
        found = [str(p) for p in sorted(folder.glob("*.y*ml"))[:5]]
    except OSError:
        found = []
    return f"name a file in it: {', '.join(f'`{f}`' for f in found)}" if found else "name a YAML file"


def _files_beside(path: Path) -> str:
    try:
        beside = [p.name for p in path.parent.glob("*.y*ml")]
    except OSError:
        beside = []
    return did_you_mean(path.name, beside) or "check the path; it is relative to the folder you are in"


def parse_partly(text: bytes, name: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse the bytes as far as they go. Never raises on bad input. The document is None when its end was not reached."""
    reader = _Reader(name)
    try:
        reader.text = _decode(text, name)
        document = reader.read(text)
    except _Refused as refused:
        return None, [*reader.problems, refused.diagnostic]
    except yaml.MarkedYAMLError as error:
        found = in_plain_words(error, _BREAK.split(reader.text), name)
        told = any(p.code == found.code and p.place.line == found.place.line for p in reader.problems)
        return None, reader.problems if told else [*reader.problems, found]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        summary = f"this is not YAML: {type(error).__name__}"
        return None, [*reader.problems, Diagnostic("LP0101", summary, Place(name, 1, 1), hint="save it as plain text")]
    return document, reader.problems


class _Refused(Exception):  # noqa: N818 - leaves this module as a diagnostic
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def _decode(text: bytes, name: str) -> str:
    if len(text) > MAX_BYTES:
        hint = "split the plan; rows belong into data files"
        raise _Refused(Diagnostic("LP0107", f"the file is larger than {MAX_BYTES:,} bytes", Place(name), hint=hint))
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "save the file as UTF-8; Windows programs offer it as an encoding"
        raise _Refused(Diagnostic("LP0102", "the file is UTF-16, not UTF-8", Place(name, 1), hint=hint))
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        summary = f"byte {error.start} (0x{text[error.start]:02x}) is not UTF-8"
        raise _Refused(Diagnostic("LP0102", summary, Place(name, line), hint="save the file as UTF-8")) from None
    bad = _REFUSED.search(decoded)
    if bad:
        before = _BREAK.split(decoded[: bad.start()])
        place = Place(name, len(before), len(before[-1]) + 1)
        code = f"0x{ord(bad.group()):02x}" if ord(bad.group()) < 256 else f"U+{ord(bad.group()):04X}"
        hint = f'remove it; where a text needs it, write it as an escape: "{_escape(bad.group())}"'
        raise _Refused(Diagnostic("LP0102", f"control character {code}", place, hint=hint))
    return decoded


def _escape(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


_DOUBTS: dict[str, tuple[str, str, str]] = {
    "anchor": ("LP0103", "an anchor (`&name`) is not allowed in a plan", "write the value out where it is needed"),
    "alias": ("LP0103", "an alias (`*name`) is not allowed in a plan", "write the value out"),
    "tag": ("LP0104", "a tag (`!name`) is not allowed in a plan", "remove the tag; quote the value if it is text"),
    "merge": (
        "LP0103", "a merge key (`<<`) is not allowed in a plan", "write the keys out; `defaults:` is for what steps share",
    ),
    "documents": ("LP0106", "the file holds more than one YAML document", "keep one document, and remove this line"),
}  # fmt: skip
_EMPTY = "plans and orgs.yaml begin with `version: 1`"
_NOTHING: Any = object()


class _Reader:
    """Builds the values from the parser's events, one by one: nothing deep or shared is ever composed."""

    def __init__(self, name: str) -> None:
        self.name, self.text = name, ""
        self.problems: list[Diagnostic] = []
        self.document = Document(name, None)
        self.broken: set[KeyPath] = set()
        self.nodes = 0

    def read(self, text: bytes) -> Document:
        events: Iterator[Any] = yaml.parse(self.text, Loader=_Loader)
        data, documents = _NOTHING, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.doubt("documents", event)
                    break
            elif isinstance(event, yaml.NodeEvent):
                data = self.node(event, events, (), 0)
        if data is _NOTHING:
            if not self.problems:
                raise _Refused(Diagnostic("LP0101", "the file is empty", Place(self.name, 1, 1), hint=_EMPTY))
            data = None
        known = self.document
        return Document(
            self.name, data, tuple(_BREAK.split(self.text)), known.values, known.keys, known.raws, (),
            frozenset(self.broken), text,
        )  # fmt: skip

    def doubt(self, what: str, event: Any) -> None:
        code, summary, hint = _DOUBTS[what]
        self.problems.append(Diagnostic(code, summary, self.document._at(_span(event)), hint=hint))

    def node(self, event: Any, events: Iterator[Any], path: KeyPath, depth: int) -> Any:
        """The value that begins with `event`; `_NOTHING` when it is an alias or has a tag."""
        self.nodes += 1
        self.document.values[path] = span = _span(event)
        if isinstance(event, yaml.AliasEvent):
            self.doubt("alias", event)
            return _NOTHING
        if event.anchor is not None:
            self.doubt("anchor", event)
        if event.tag is not None:
            self.doubt("tag", event)
        if self.nodes > MAX_NODES:
            self.beyond(f"more than {MAX_NODES:,} values", event)
        if isinstance(event, yaml.ScalarEvent):
            self.document.raws[path] = event.value
            if event.tag is not None:
                return _NOTHING
            return event.value if event.style in {'"', "'", "|", ">"} else scalar(event.value)
        if depth == MAX_DEPTH:
            self.beyond(f"values are nested deeper than {MAX_DEPTH}", event)
        read = self.sequence if isinstance(event, yaml.SequenceStartEvent) else self.mapping
        value, end = read(events, path, depth + 1)
        if end.end_mark.index > end.start_mark.index:  # a bracket closes it; a block has no end of its own
            self.document.values[path] = (*span[:2], end.end_mark.line + 1, end.end_mark.column + 1)
        else:
            self.document.values[path] = (*span[:2], 0, 0)
        return value

    def beyond(self, what: str, event: Any) -> None:
        hint = "split the plan; rows belong into data files"
        raise _Refused(Diagnostic("LP0107", what, self.document._at(_span(event)), hint=hint))

    def sequence(self, events: Iterator[Any], path: KeyPath, depth: int) -> tuple[Any, Any]:
        found: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                return found, event
            value = self.node(event, events, (*path, len(found)), depth)
            if value is _NOTHING:
                self.broken.add(path)
            else:
                found.append(value)
        raise AssertionError("the parser ends every sequence")

    def mapping(self, events: Iterator[Any], path: KeyPath, depth: int) -> tuple[Any, Any]:
        found: dict[str, Any] = {}
        seen: set[str] = set()
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                return found, event
            key = self.key(event, events, path, seen, depth)
            inner = (*path, key or "")  # no key at all: the map may lack any of its keys
            if key is None or key in seen:  # the first of two stays, and neither is relied on
                self.node(next(events), events, (*inner, "again"), depth)
                self.broken.add(inner)
                continue
            seen.add(key)
            value = self.node(next(events), events, inner, depth)
            if value is _NOTHING:
                self.broken.add(inner)
            else:
                found[key] = value
        raise AssertionError("the parser ends every mapping")

    def key(self, event: Any, events: Iterator[Any], path: KeyPath, seen: set[str], depth: int) -> str | None:
        """The key that `event` begins; None when it cannot be one, which is then reported."""
        span = _span(event)
        place = self.document._at(span)
        if not isinstance(event, yaml.ScalarEvent):
            self.not_a_key(event, place)
            self.node(event, events, (*path, "", "key"), depth)
            return None
        self.nodes += 1
        if event.anchor is not None:
            self.doubt("anchor", event)
        if event.tag is not None:
            self.doubt("tag", event)
        key: str = event.value
        if key == "<<" and not event.style:
            self.doubt("merge", event)
            return None
        if key in seen:
            summary = f"key `{key}` is written twice; the second would silently win"
            first = Note(self.document._at(self.document.keys[(*path, key)]), "first here")
            self.problems.append(Diagnostic("LP0105", summary, place, "again here", "remove one of them", (first,)))
        else:
            self.document.keys[(*path, key)] = span
        return key

    def not_a_key(self, event: Any, place: Place) -> None:
        if isinstance(event, yaml.AliasEvent):
            return  # told as an alias
        line = _BREAK.split(self.text)[place.line - 1]
        if line[max(0, place.column - 2) : place.column] == "{{":
            place = Place(place.file, place.line, place.column - 1, place.column + 1)
            summary, hint = "a value that begins with `{{` must be quoted", 'write "{{ name }}", with the quotes'
        else:
            summary, hint = "a key must be plain text", "write `key: value`; quote a value that begins with a bracket"
        self.problems.append(Diagnostic("LP0101", summary, place, hint=hint))


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return start.line + 1, start.column + 1, end.line + 1, end.column + 1


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


__all__ = [
    "MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Document", "KeyPath", "parse_document", "parse_partly", "read_document", "read_partly",
    "scalar",
]  # fmt: skip
