"""Values that remember where they were written: what reading a YAML file gives. Pure; knows nothing of YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from loadplan.diagnostics import Place
from loadplan.lean import dataclass

KeyPath = tuple[str | int, ...]
Span = tuple[int, int, int, int]
"""Line and column of the first character, line and column after the last one; all count from 1."""

_NO_NAMES: Mapping[KeyPath, str] = {}


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values. `values` and `keys` map a path (`("steps", "a", "object")`) to where its value and its
    key stand; `raws` holds scalars as they were written, `dropped` those of parts that were left out. `broken` are the
    paths of what is not as its author meant it: rules say nothing about them. `text` is the bytes given."""

    name: str
    data: Any
    lines: tuple[str, ...] = ()
    values: dict[KeyPath, Span] = field(default_factory=dict)
    keys: dict[KeyPath, Span] = field(default_factory=dict)
    raws: dict[KeyPath, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    broken: frozenset[KeyPath] = frozenset()
    text: bytes = b""

    def place(self, path: KeyPath) -> Place:
        """Where the value at `path` stands; of its nearest parent when it does not exist."""
        while path and path not in self.values:
            path = path[:-1]
        return self._at(self.values.get(path, (1, 1, 0, 0)))

    def key_place(self, path: KeyPath) -> Place:
        """Where the key of `path` stands; the value's place when it has none."""
        return self._at(self.keys[path]) if path in self.keys else self.place(path)

    def place_of(self, path: KeyPath, word: str, *, nth: int = 0, in_template: bool = False) -> Place:
        """Where `word` stands inside the value at `path`, after `nth` others like it, or only between the braces of a template;
        the value's place when it is not found as written."""
        line, column, last, _ = self.values.get(path, (1, 1, 0, 0))
        wanted = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for number in range(line, min(last, len(self.lines)) + 1) if word else ():
            text = self.lines[number - 1]
            for found in wanted.finditer(text, column - 1 if number == line else 0):
                if in_template and not _is_in_braces(text[: found.start()]):
                    continue
                if nth == 0:
                    return Place(self.name, number, found.start() + 1, found.end() + 1)
                nth -= 1
        return self.place(path)

    def raw(self, path: KeyPath) -> str | None:
        """The scalar at `path` as written: `01234`, `1.10`."""
        return self.raws.get(path)

    def is_whole(self, *path: str | int) -> bool:
        """Whether nothing at, above or below `path` is broken."""
        return not self.broken or not any(
            b[: len(path)] == path or path[: len(b)] == b for b in self.broken
        )  # fmt: skip

    def without(
        self, paths: Iterable[KeyPath], broken: Iterable[KeyPath] = (), renamed: Mapping[KeyPath, str] = _NO_NAMES
    ) -> Document:
        """A copy that lacks the values at `paths`, and marks them and `broken` as broken. Items after a dropped one move
        up, keys in `renamed` get another name; both keep their places in the file."""
        gone = frozenset(paths)
        values, keys, raws = dict(self.values), dict(self.keys), dict(self.raws)
        dropped = [raw for path, raw in self.raws.items() if any(path[:n] in gone for n in range(1, len(path) + 1))]

        def copied(value: Any, old: KeyPath, new: KeyPath) -> Any:
            if old != new:
                for table in (values, keys, raws):
                    source: Any = getattr(self, "values" if table is values else "keys" if table is keys else "raws")
                    table.pop(new, None)
                    if old in source:
                        table[new] = source[old]
            if isinstance(value, dict):
                kept_keys = {k: renamed.get((*old, k), k) for k in value if (*old, k) not in gone}
                return {name: copied(value[k], (*old, k), (*new, name)) for k, name in kept_keys.items()}
            if isinstance(value, list):
                kept = [(i, v) for i, v in enumerate(value) if (*old, i) not in gone]
                return [copied(v, (*old, i), (*new, n)) for n, (i, v) in enumerate(kept)]
            return value

        data = None if () in gone else copied(self.data, (), ())
        marked = self.broken | frozenset(p[:-1] if isinstance(p[-1:][0], int) else p for p in gone if p)
        return Document(
            self.name, data, self.lines, values, keys, raws, (*self.dropped, *dropped), marked | frozenset(broken), self.text
        )  # fmt: skip

    def _at(self, span: Span) -> Place:
        line, column, last, end = span
        return Place(self.name, line, column, end if last == line else 0)


def _is_in_braces(before: str) -> bool:
    return any(before.rfind(opens) > before.rfind(closes) for opens, closes in (("{{", "}}"), ("{%", "%}")))
