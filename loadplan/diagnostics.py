"""Diagnostic: one problem, where it is, and the way out.

Checks return lists of them, so that one pass shows every problem of a plan. How a list reads on a terminal or in a CI
annotation is decided by the `cli` layer; nothing here prints.
"""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import TYPE_CHECKING

from loadplan.lean import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Place:
    """A span in a text file. `line` and `column` count from 1; `end_column` is exclusive. Column 0 means
    the whole line, line 0 the whole file."""

    file: str
    line: int = 0
    column: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Note:
    """A second place that explains the first, such as where a duplicate key was written before."""

    place: Place
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One problem. `code` is stable (`LP0207`); `label` stands under the carets; `hint` says what to type or change. Without
    `quote` the line is not shown: it may hold a secret."""

    code: str
    summary: str
    place: Place
    label: str = ""
    hint: str = ""
    notes: tuple[Note, ...] = ()
    severity: Severity = Severity.ERROR
    quote: bool = True


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """True when at least one of them is an error rather than a warning."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The same diagnostics sorted by place, then code, without exact repeats."""
    return sorted(dict.fromkeys(diagnostics), key=lambda d: (d.place, d.code, d.summary))


MAX_OPTIONS = 300
"""More words than this are not compared one by one: a plan with thousands of mistakes must not take minutes to tell them."""


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known words that may have been meant, the likeliest first, at most two. Letter case alone always counts."""
    options = list(known)
    if len(options) > MAX_OPTIONS:
        near = {word.lower(), word.replace("-", "_"), word.replace("_", "-"), *(f"{word}{c}" for c in "s0123456789")}
        near |= {word[:i] + word[i + 1 :] for i in range(len(word[:100]))}
        return [o for o in options if o in near][:2]
    lowered = {o.lower(): o for o in options}
    if word.lower() in lowered:
        return [lowered[word.lower()]]
    return difflib.get_close_matches(word[:100], options, n=2, cutoff=0.6)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence naming the closest known words, or the empty string when none is close."""
    close = closest(word, known)
    return f"did you mean {' or '.join(f'`{c}`' for c in close)}?" if close else ""
