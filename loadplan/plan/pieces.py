"""A YAML text as pieces that can be put together again: entries with their comments and blank lines, scalars as they were written.

It decides to which entry a comment belongs, and never what a value means. The second door for yaml beside `document`, which has
checked the text before: no anchors, aliases, tags or second documents come here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

import yaml

from loadplan.lean import dataclass

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Piece:
    """A value: a scalar (its text as written), a map or a sequence. `start` and `end` are offsets in the text, `column` is that
    of its entries; `tail` are comments behind the last entry. `is_inline` collections are written on one line."""

    kind: str
    start: int
    end: int
    column: int = 0
    text: str = ""
    is_block: bool = False
    is_inline: bool = False
    entries: list[Entry] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


@dataclass
class Entry:
    """A key with its value, or an item of a sequence (no key). `lead` are the lines before it, comments and "" for blank ones;
    `trail` the comment behind it and `trail_column` where that began."""

    start: int
    column: int
    key: str | None
    value: Piece
    lead: list[str] = field(default_factory=list)
    trail: str = ""
    trail_column: int = 0


@dataclass
class Text:
    """A whole file. `head` are the comments before the first entry, `marks` directives and the document's start mark."""

    root: Piece
    head: list[str]
    marks: list[str]


@dataclass(frozen=True)
class _Comment:
    at: int
    line: int
    column: int
    text: str
    is_alone: bool


def take_apart(text: str, width: int) -> Text:
    """The pieces of a text that `document` has read without a problem, its line breaks `\\n`. Flow collections that fit into
    `width` and hold no comment are inline."""
    events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
    marks: list[str] = []
    scalars: list[Piece] = []
    root: Piece | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent) and event.explicit and event.end_mark:
            marks = [line for line in text[: event.end_mark.index].splitlines() if line.startswith("%")] + ["---"]
        elif isinstance(event, yaml.NodeEvent):
            root = _piece(event, events, text, scalars)
    assert root is not None
    comments = list(_comments(text, scalars))
    _choose_inline(root, [c.at for c in comments], 0, width)
    head = _attach(root, text, comments, scalars)
    return Text(root, head, marks)


def _piece(event: Any, events: Iterator[Any], text: str, scalars: list[Piece]) -> Piece:
    start, end = event.start_mark.index, event.end_mark.index
    column = event.start_mark.column
    if isinstance(event, yaml.ScalarEvent):
        raw = text[start:end]
        piece = Piece("scalar", start, end, column, raw, is_block=event.style in {"|", ">"})
        scalars.append(piece)
        return piece
    is_map = isinstance(event, yaml.MappingStartEvent)
    piece = Piece("map" if is_map else "seq", start, end, is_block=not event.flow_style)
    for inner in events:
        if isinstance(inner, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            closes: Any = inner.end_mark
            piece.end = max(closes.index, piece.start) if event.flow_style else piece.entries[-1].value.end
            break
        begin, column = inner.start_mark.index, inner.start_mark.column
        key = None
        if is_map:
            key = _piece(inner, events, text, scalars).text
            inner = next(events)
        elif piece.is_block:
            column -= 2
        piece.entries.append(Entry(begin, column, key, _piece(inner, events, text, scalars)))
    piece.column = piece.entries[0].column if piece.entries else 0
    return piece


def _comments(text: str, scalars: list[Piece]) -> Iterator[_Comment]:
    """Every comment of the text: what begins with `#` at the start of a line or after a blank, outside of scalars."""
    inside = sorted((s.start, s.end) for s in scalars if s.end > s.start)
    at = begin = 0
    for number, line in enumerate(text.splitlines(keepends=True)):
        position = begin
        while position < begin + len(line):
            while at < len(inside) and inside[at][1] <= position:
                at += 1
            if at < len(inside) and inside[at][0] <= position:
                position = inside[at][1]
            elif text[position] == "#" and (position == begin or text[position - 1] in " \t"):
                before = text[begin:position]
                yield _Comment(
                    position, number, position - begin, text[position : begin + len(line)].rstrip(), not before.strip()
                )
                break
            else:
                position += 1
        begin += len(line)


def _choose_inline(piece: Piece, comments: list[int], indent: int, width: int) -> None:
    """Inline is what was written in brackets, holds no comment and no text of several lines, and fits; empty ones always are."""
    if piece.kind == "scalar":
        return
    if not piece.is_block and not (piece.entries and any(piece.start < c < piece.end for c in comments)):
        line = one_line(piece)
        if line is not None and (not piece.entries or indent + len(line) <= width):
            _make_inline(piece)
            return
    for entry in piece.entries:
        before = indent + (len(entry.key) + 2 if entry.key is not None else 2)
        nested = entry.value.kind != "scalar" and (entry.value.is_block or not entry.value.entries)
        _choose_inline(entry.value, comments, indent + 2 if nested else before, width)
        if entry.value.kind != "scalar" and not entry.value.is_inline and not nested:
            # It goes into a block of its own, two further in.
            _choose_inline_again(entry.value, comments, indent + 2, width)


def _make_inline(piece: Piece) -> None:
    piece.is_inline = piece.kind != "scalar"
    for entry in piece.entries:
        _make_inline(entry.value)


def _choose_inline_again(piece: Piece, comments: list[int], indent: int, width: int) -> None:
    for entry in piece.entries:
        before = indent + (len(entry.key) + 2 if entry.key is not None else 2)
        _choose_inline(entry.value, comments, before, width)
        if entry.value.kind != "scalar" and not entry.value.is_inline:
            _choose_inline_again(entry.value, comments, indent + 2, width)


def one_line(piece: Piece) -> str | None:
    """The value in one line; None when a text in it has several."""
    if piece.kind == "scalar":
        return None if "\n" in piece.text or piece.is_block else piece.text
    parts = []
    for entry in piece.entries:
        value = one_line(entry.value)
        if value is None or (entry.key is not None and "\n" in entry.key):
            return None
        parts.append(value if entry.key is None else f"{entry.key}: {value}")
    opens, closes = ("{", "}") if piece.kind == "map" else ("[", "]")
    return f"{opens}{', '.join(parts)}{closes}"


def _shown(piece: Piece, around: tuple[Piece, ...] = ()) -> Iterator[tuple[Entry, tuple[Piece, ...]]]:
    """The entries that get a line of their own, in the order of the text, each with the collections around it, outermost first."""
    if piece.kind == "scalar" or piece.is_inline:
        return
    for entry in piece.entries:
        yield entry, (*around, piece)
        yield from _shown(entry.value, (*around, piece))


def _attach(root: Piece, text: str, comments: list[_Comment], scalars: list[Piece]) -> list[str]:
    """Give each comment and blank line to an entry; what stands before the first is returned."""
    shown = list(_shown(root))
    starts = [entry.start for entry, _ in shown]
    alone = {c.line: c for c in comments if c.is_alone}
    covered: set[int] = set()
    for scalar in scalars:
        first = text.count("\n", 0, scalar.start)
        covered.update(range(first + 1, first + scalar.text.rstrip().count("\n") + 1))
    head: list[str] = []
    for c in comments:
        before = [i for i, start in enumerate(starts) if start < c.at]
        if not c.is_alone:
            dashes = text[c.at - c.column : c.at].replace("-", " ").isspace()
            if dashes and len(before) < len(shown) and before:  # behind a bare dash: it speaks of what comes
                shown[len(before)][0].lead.append(c.text)
                continue
            if not before:
                head.append(c.text)
                continue
            entry = shown[before[-1]][0]
            entry.trail, entry.trail_column = (
                (f"{entry.trail}  {c.text}", entry.trail_column) if entry.trail else (c.text, c.column)
            )
    begin, blank = 0, False
    for number, line in enumerate(text.split("\n")):
        end = begin + len(line)
        if number in covered:
            pass
        elif not line.strip():
            blank = True
        elif number in alone:
            c = alone[number]
            target = _target(c, shown, starts, head)
            target += [""] if blank else []
            target.append(c.text)
            blank = False
        else:
            here = next((i for i, start in enumerate(starts) if begin <= start < end), None)
            if blank and here is not None:
                (head if here == 0 else shown[here][0].lead).append("")
            blank = False
        begin = end + 1
    return head


def _target(c: _Comment, shown: list[tuple[Entry, tuple[Piece, ...]]], starts: list[int], head: list[str]) -> list[str]:
    """The lines to which a comment on a line of its own is added."""
    following = next((i for i, start in enumerate(starts) if start > c.at), None)
    if following == 0:
        return head
    if not shown:
        return head
    before = (following if following is not None else len(shown)) - 1
    last, around = shown[before]
    open_ = (*around, last.value) if last.value.kind != "scalar" and not last.value.is_inline else around
    for piece in reversed(open_):
        if not piece.is_block and piece.start < c.at < piece.end:
            inside = following is not None and starts[following] < piece.end
            return shown[following][0].lead if inside and following is not None else piece.tail
    column = shown[following][0].column if following is not None else -1
    if c.column > column:
        for piece in reversed(open_):
            if piece.is_block and column < piece.column <= c.column:
                return piece.tail
    if following is None:
        return shown[0][1][0].tail
    return shown[following][0].lead
