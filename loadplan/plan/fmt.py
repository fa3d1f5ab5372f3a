"""A plan in the one style: order of keys, indentation, blank lines. Comments stay with what they speak of, scalars as they were
written, and what was in brackets stays in brackets where it fits.

It never changes what a plan means: the text is read again, and one that would mean something else is refused. The order of steps, of
columns, of lookups and of everything else that has a meaning stays.

Its own few edits rather than a round-trip library, because a plan is a small YAML (no anchors, tags or second documents) and the
libraries tie a comment to what stands before it: moving a key there takes the next key's comment along.
"""

from __future__ import annotations

from typing import Any

from loadplan.diagnostics import Diagnostic, Place
from loadplan.errors import InvalidInputError
from loadplan.plan.document import parse_document
from loadplan.plan.pieces import Entry, Piece, one_line, take_apart

WIDTH = 130
"""Brackets that need more columns are written as a block."""
ROOT = ("version", "name", "description", "vars", "api_version", "defaults", "steps")
STEP = (
    "description", "object", "operation", "external_id", "key", "idempotency", "source", "where", "columns", "hierarchy", "lookups",
    "soql", "max_records", "parallel_pages", "output", "depends_on", "gate", "on_parent_failure", "dedupe", "limit", "mask",
    "assignment_rule_id", "upload", "csv", "parts", "poll", "retry",
)  # fmt: skip
DEFAULTS = ("upload", "csv", "parts", "poll", "retry", "gate", *STEP)
SOURCE = (
    "path",
    "format",
    "delimiter",
    "quote",
    "encoding",
    "null",
    "table",
    "postgres",
    "sql",
    "query",
    "step",
    "results_of",
    "kind",
)
GATE = ("max_failed_rows", "max_failed_percent", "min_rows", "max_rows", "on_fail")
VARIABLE = ("type", "values", "default", "description")
SPACED = frozenset({"vars", "defaults", "steps"})
"""Keys of the root with a blank line before them, when they are blocks; steps that are blocks have one too."""


def format_plan(text: bytes, name: str) -> str:
    """The text in the one style. Raises `InvalidInputError` when it cannot be read, or could not be written without changing its
    meaning."""
    document, problems = parse_document(text, name)
    if document is None:
        raise InvalidInputError(f"{name} cannot be read; nothing was changed", problems)
    decoded = text.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    apart = take_apart(decoded, WIDTH)
    if apart.root.kind == "scalar":
        return decoded
    _order(apart.root, ())
    lines = [*_squeezed(apart.head), *apart.marks, *_collection(apart.root, 0, ())]
    result = "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"
    again, wrong = parse_document(result.encode(), name)
    if again is None or wrong or not _same(document.data, again.data, ()):
        what = "it cannot be written in the one style without changing what it means; nothing was changed"
        hint = "write block texts with `|` or `|-` instead of `|+`, and keys on one line"
        raise InvalidInputError(f"{name}: {what}", [Diagnostic("LP0108", what, Place(name, 1), hint=hint, quote=False)])
    return result


def _keys(path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The order of the keys of the map at `path`; None where the order is the author's."""
    match path:
        case ():
            return ROOT
        case ("defaults",):
            return DEFAULTS
        case ("steps", _):
            return STEP
        case ("vars", _):
            return VARIABLE
        case (*_, "gate") if len(path) in {2, 3}:
            return GATE
        case ("steps", _, "source"):
            return SOURCE
        case _:
            return None


def _order(piece: Piece, path: tuple[str, ...]) -> None:
    wanted = _keys(path) if piece.kind == "map" else None
    if wanted is not None and {"version", "steps"} & {e.key for e in piece.entries} | set(path):
        rank = {key: i for i, key in reversed(list(enumerate(wanted)))}
        piece.entries.sort(key=lambda e: rank.get(_plain(e.key), len(rank)))
    for entry in piece.entries:
        if entry.value.kind != "scalar":
            _order(entry.value, (*path, _plain(entry.key)))
            if entry.key is None and not entry.value.is_inline:
                # The dash and what follows it share a line: comments of both stand above it.
                first = entry.value.entries[0]
                entry.lead, first.lead = [*entry.lead, *([entry.trail] if entry.trail else []), *first.lead], []
                entry.trail = ""


def _plain(key: str | None) -> str:
    return (key or "").strip("\"'")


def _squeezed(lines: list[str]) -> list[str]:
    """No two blank lines after each other."""
    return [line for i, line in enumerate(lines) if line or not i or lines[i - 1]]


def _collection(piece: Piece, indent: int, path: tuple[str, ...]) -> list[str]:
    """The lines of a map or a sequence as a block."""
    lines: list[str] = []
    for number, entry in enumerate(piece.entries):
        inner = (*path, _plain(entry.key))
        own = _entry(entry, indent, inner)
        lead = _squeezed(entry.lead)
        if number == 0:
            lead = lead[1:] if lead[:1] == [""] else lead
        elif _is_spaced(inner, own) and lead[:1] != [""]:
            lead = ["", *lead]
        lines += [" " * indent + line if line else "" for line in lead] + own
    return lines + [" " * indent + line if line else "" for line in _squeezed(piece.tail)]


def _is_spaced(path: tuple[str, ...], own: list[str]) -> bool:
    if len(own) < 2:
        return False
    return (len(path) == 1 and path[0] in SPACED) or (len(path) == 2 and path[0] == "steps")


def _entry(entry: Entry, indent: int, path: tuple[str, ...]) -> list[str]:
    head = " " * indent + ("-" if entry.key is None else f"{entry.key}:")
    value = entry.value
    if value.kind == "scalar":
        lines = _scalar(head, entry, indent)
        at = 0 if value.is_block else -1
        lines[at] = _with_trail(lines[at], entry, indent)
        return lines
    if value.is_inline:
        return [_with_trail(f"{head} {one_line(value)}", entry, indent)]
    inner = _collection(value, indent + 2, path)
    if entry.key is None:
        return [f"{head} {inner[0].lstrip()}", *inner[1:]]
    return [_with_trail(head, entry, indent), *inner]


def _with_trail(line: str, entry: Entry, indent: int) -> str:
    """The comment behind a line: where it was if the line begins where it did and leaves room, else two blanks behind it."""
    if not entry.trail:
        return line
    stays = entry.column == indent and entry.trail_column <= WIDTH
    return f"{line:{max(entry.trail_column if stays else 0, len(line) + 2)}}{entry.trail}"


def _scalar(head: str, entry: Entry, indent: int) -> list[str]:
    value = entry.value
    first, *rest = value.text.split("\n")
    if not rest:
        return [f"{head} {first}".rstrip()]
    if not value.is_block:
        return [f"{head} {first}", *(" " * (indent + 2) + line.strip() if line.strip() else "" for line in rest)]
    while rest and not rest[-1].strip() and "+" not in first:
        rest.pop()
    mark, sign, comment = first.partition("#")
    digits = [c for c in mark if c.isdigit()]
    written = [line for line in rest if line.strip()]
    shift = min((len(line) - len(line.lstrip(" ")) for line in written), default=0)
    if digits:  # the text begins with blanks: how far it is indented is said, and said anew
        mark = mark.replace(digits[0], "2")
        shift = entry.column + int(digits[0])
    return [
        f"{head} {mark}{sign}{comment}",
        *(" " * (indent + 2) + line[shift:] if line.strip() else "" for line in rest),
    ]


def _same(one: Any, other: Any, path: tuple[str, ...]) -> bool:
    """Whether two values mean the same: equal, and in the same order where the order has a meaning."""
    if isinstance(one, dict) and isinstance(other, dict):
        free = _keys(path) is not None
        if not (set(one) == set(other) if free else list(one) == list(other)):
            return False
        return all(_same(one[k], other[k], (*path, k)) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b, (*path, "-")) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other
