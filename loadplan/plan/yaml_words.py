"""What the YAML parser complains about, in words that say what to type. Pure; knows the parser's texts, not the parser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadplan.diagnostics import Diagnostic, Place

_QUOTE = "quote the value: YAML gives this character a meaning at the start of a value"
_INDENT = "check the indentation: the keys of one map begin in the same column"

WORDS: dict[str, tuple[str, str]] = {
    "mapping values are not allowed in this context": (
        "a colon stands where no key can be", "quote a value that holds `: `, and check the indentation of this line",
    ),
    "could not find expected ':'": ("a key without its colon", "write `key: value`; quote a text of several lines"),
    "did not find expected key": ("a key was expected here", f"{_INDENT}; a quote inside a value is closed before it"),
    "did not find expected ',' or '}'": (
        "a `{` is not closed, or a comma is missing", "close it with `}`; quote values that hold `{{ … }}`, `,` or `: `",
    ),
    "did not find expected ',' or ']'": (
        "a `[` is not closed, or a comma is missing", "close it with `]`; quote values that hold `{{ … }}` or `,`",
    ),
    "did not find expected '-' indicator": ("a list item was expected here", "begin each item with `- `"),
    "did not find expected node content": ("a value was expected here", "write a value, or quote it"),
    "block sequence entries are not allowed in this context": (
        "a list cannot begin here", "put `- item` on a line of its own",
    ),
    "found unexpected end of stream": ("a quote is opened and never closed", "close the quote"),
    "found unexpected document indicator": ("a quote is opened and never closed", "close the quote"),
    "found unknown escape character": (
        "a backslash with no meaning", "write two backslashes, or use single quotes, which know no escapes",
    ),
    "did not find expected alphabetic or numeric character": ("`*` and `&` have a meaning in YAML", _QUOTE),
    "found character that cannot start any token": ("this character cannot begin a value", _QUOTE),
    "found a tab character that violates indentation": ("a tab cannot indent", "use spaces; most editors convert tabs"),
    "found a tab character where an indentation space is expected": (
        "a tab cannot indent", "use spaces; most editors convert tabs",
    ),
    "did not find expected <document start>": ("text stands outside of the plan's map", _INDENT),
}  # fmt: skip
"""The parser's words -> what is wrong, and the way out."""


def in_plain_words(error: Any, lines: Sequence[str], name: str) -> Diagnostic:
    """The parser's `MarkedYAMLError` as a diagnostic. An unclosed quote is shown where it opens."""
    problem = str(error.problem or error.context or "it cannot be read")
    mark = error.problem_mark or error.context_mark
    summary, hint = WORDS.get(problem, (problem, "correct the syntax here"))
    if "never closed" in summary and error.context_mark is not None:
        mark = error.context_mark
    if mark is None:
        return Diagnostic("LP0101", f"this is not YAML: {summary}", Place(name, 1, 1), hint=hint)
    if "nesting depth" in problem:
        place, hint = Place(name, mark.line + 1, 1), "close the brackets; rows belong into data files"
        return Diagnostic("LP0107", "brackets are nested too deeply", place, hint=hint)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if line[mark.column : mark.column + 1] == "\t" or (not line[: mark.column].strip() and "\t" in line[: mark.column]):
        summary, hint = WORDS["found a tab character that violates indentation"]
    elif "{{" in line and 'write "{{' not in hint and _opens_bare(line):
        summary, hint = "a value that begins with `{{` must be quoted", 'write "{{ name }}", with the quotes'
    place = Place(name, mark.line + 1, mark.column + 1, mark.column + 2)
    return Diagnostic("LP0101", f"this is not YAML: {summary}", place, hint=hint)


def _opens_bare(line: str) -> bool:
    """Whether `{{` is the first thing of a value: after `: `, `- `, `[` or `,`."""
    before = line[: line.index("{{")].rstrip()
    return before.endswith((":", "-", "[", ","))
