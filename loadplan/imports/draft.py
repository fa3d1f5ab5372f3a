"""A plan that is being made: steps as plain values, and what could not be carried over. Written in the one style.

What would change which rows are touched is never guessed: such a step is left out, and a note says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.fmt import format_plan

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*\Z")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}
_ID = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Note:
    """Something that was not carried over, or was carried over in another way. `step` is empty for the whole file."""

    step: str
    text: str


@dataclass
class Draft:
    """`steps` by id in their order, each a map as the plan file has it."""

    name: str
    origin: str
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)
    api_version: str = ""

    def note(self, step: str, text: str) -> None:
        self.notes.append(Note(step, text))

    def new_id(self, words: str) -> str:
        """A step id made of words, unlike those that there are."""
        base = _ID.sub("_", words.lower()).strip("_") or "step"
        found, n = base, 2
        while found in self.steps:
            found, n = f"{base}_{n}", n + 1
        return found


def nothing_made(draft: Draft, file: Path, hint: str) -> InvalidInputError:
    """No step came of it: the reasons, ready to raise."""
    return InvalidInputError(
        f"nothing of {file} can be carried over", details=[_comment(n) for n in draft.notes] or ["it names no object"], hint=hint
    )  # fmt: skip


def is_api_name(text: object) -> bool:
    """Whether it can be the name of an object in Salesforce."""
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z]\w{0,79}", text) is not None


def slug(words: str) -> str:
    """A plan's name made of words."""
    return _ID.sub("-", words.lower()).strip("-") or "imported"


def as_text(draft: Draft) -> str:
    """The plan file. Steps that could not be carried over stand in its head as comments."""
    whole = [n for n in draft.notes if n.step not in draft.steps]
    lines = [f"# Made from {draft.origin} by `loadplan import`. Read it before you apply it."]
    lines += [f"# {_comment(n)}" for n in whole]
    lines += ["", "version: 1", f"name: {draft.name}"]
    if draft.api_version:
        lines.append(f"api_version: {json.dumps(draft.api_version)}")
    if draft.defaults:
        lines.append(f"defaults: {value(draft.defaults)}")
    lines.append("steps:")
    for step, keys in draft.steps.items():
        lines += [f"  # {_comment(n)}" for n in draft.notes if n.step == step]
        lines += [f"  {word(step)}:", *(f"    {word(k)}: {_nested(k, v)}" for k, v in keys.items())]
    return format_plan("\n".join([*lines, ""]).encode(), "the imported plan")


def _comment(note: Note) -> str:
    return " ".join(f"{note.step + ': ' if note.step else ''}{note.text}".split())


def _nested(key: str, data: Any) -> str:
    """Columns and lookups, each on a line of its own; everything else in brackets."""
    if key in {"columns", "lookups"} and isinstance(data, Mapping) and data:
        return "".join(f"\n      {word(k)}: {value(v)}" for k, v in data.items())
    return value(data)


def value(data: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{word(k)}: {value(v)}" for k, v in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(value(v) for v in data) + "]"
    if isinstance(data, bool) or not isinstance(data, str):
        return json.dumps(data)
    return word(data)


def word(text: str) -> str:
    """A text as it is where YAML takes it for a text, quoted elsewhere."""
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


def template_free(text: str) -> bool:
    """Whether nothing in the text would be taken for a template of ours."""
    return not re.search(r"\{\{|\{%|\{#", text)


def unknown(keys: Mapping[str, Any], known: Mapping[str, str] | set[str]) -> Iterator[str]:
    """The keys that mean something and that nobody here knows."""
    yield from (k for k, v in keys.items() if k not in known and v not in (None, False, "", [], {}))
