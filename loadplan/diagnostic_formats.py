"""How a list of diagnostics reads: frames for people, lines for machines. Pure but for reading the lines it quotes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from loadplan.diagnostics import Diagnostic, Place, Severity
from loadplan.github import as_github, from_workspace
from loadplan.masking import printable

COLORS = {Severity.ERROR: "\x1b[31;1m", Severity.WARNING: "\x1b[33;1m"}
MAX_LINE = 400
"""A line of more characters is not quoted."""

Lines = Callable[[str], tuple[str, ...]]


def _reader() -> Lines:
    """Reads the lines of a file that is quoted, once."""

    @cache
    def lines(file: str) -> tuple[str, ...]:
        try:
            if not Path(file).is_file():
                return ()
            with Path(file).open(encoding="utf-8-sig", errors="replace") as text:
                return tuple(line.rstrip("\n") for _, line in zip(range(100_000), text, strict=False))
        except (OSError, ValueError):
            return ()

    return lines


def one_line(text: str) -> str:
    """A text in one line: a name may hold a line break, and what stands behind it would begin a line of its own, which a CI runner
    may take for a command."""
    return printable(text).replace("\r", "\\r").replace("\n", "\\n")


def render_full(diagnostics: Sequence[Diagnostic], *, color: bool = False) -> str:
    """A frame with the offending line for each."""
    lines = _reader()
    return "\n\n".join(_frame(d, color, lines) for d in diagnostics) + ("\n" if diagnostics else "")


def _frame(d: Diagnostic, color: bool, lines: Lines) -> str:
    head = f"{d.severity}[{d.code}]"
    if color:
        head = f"{COLORS[d.severity]}{head}\x1b[0m"
    out = [f"{head}: {one_line(d.summary)}", f"  --> {one_line(str(d.place))}"]
    for note in sorted(d.notes, key=lambda n: n.place.line):
        out += _quote(note.place, note.text, "-", lines)
    quoted = _quote(d.place, d.label, "^", lines) if d.quote else []
    out += quoted
    if quoted:
        out.append("   |")
    if d.hint:
        out.append(f"help: {one_line(d.hint)}")
    out.append(f"docs: loadplan explain {d.code}")
    return "\n".join(out)


def _quote(place: Place, label: str, mark: str, lines: Lines) -> list[str]:
    found = lines(place.file) if place.line else ()
    if not 0 < place.line <= len(found) or len(found[place.line - 1]) > MAX_LINE:
        return []
    text = printable(found[place.line - 1].replace("\t", " "))
    start = place.column - 1 if place.column else 0
    end = place.end_column - 1 if place.end_column > place.column else start + 1 if place.column else len(text)
    pad, marked = _width(text[:start]), max(1, min(_width(text[start:end]), 80))
    return ["   |", f"{place.line:>3}| {text}", f"   | {' ' * pad}{mark * marked} {label}".rstrip()]


def _width(text: str) -> int:
    """The columns that a terminal needs for the text: two for wide characters, none for accents on their own."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def as_concise(diagnostics: Sequence[Diagnostic]) -> str:
    """`file:line:column: code summary`, one a line."""
    return "\n".join(
        f"{d.place}: {d.severity} {d.code} {' '.join(printable(d.summary).splitlines())}" for d in diagnostics
    )


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    rows = [
        {
            "code": d.code, "severity": str(d.severity), "summary": d.summary, "file": d.place.file, "line": d.place.line,
            "column": d.place.column, "end_column": d.place.end_column, "hint": d.hint,
        }
        for d in diagnostics
    ]  # fmt: skip
    return json.dumps({"diagnostics": rows}, indent=2, ensure_ascii=False)


def as_gitlab(diagnostics: Sequence[Diagnostic]) -> str:
    """GitLab's code quality report: a list with a fingerprint that stays when lines move."""
    from hashlib import sha256

    rows = []
    seen: dict[str, int] = {}
    for d in diagnostics:
        file = from_workspace(d.place.file, os.environ)
        what = f"{d.code}\n{file}\n{d.summary}"
        seen[what] = seen.get(what, 0) + 1
        rows.append(
            {
                "description": printable(d.summary + (f". {d.hint}" if d.hint else "")),
                "check_name": d.code,
                "fingerprint": sha256(f"{what}\n{seen[what]}".encode()).hexdigest(),
                "severity": "major" if d.severity is Severity.ERROR else "minor",
                "location": {"path": file, "lines": {"begin": max(1, d.place.line)}},
            }
        )
    return json.dumps(rows, indent=2, ensure_ascii=False)


def as_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """SARIF 2.1.0, as GitHub's code scanning takes it."""
    from urllib.parse import quote

    from loadplan.codes import CODES
    from loadplan.version import __version__

    def region(place: Place) -> dict[str, int]:
        ends = {"endColumn": place.end_column} if place.end_column > place.column else {}
        return {"startLine": max(1, place.line), "startColumn": max(1, place.column), **ends}

    results = [
        {
            "ruleId": d.code,
            "level": str(d.severity),
            "message": {"text": d.summary + (f". {d.hint}" if d.hint else "")},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(from_workspace(d.place.file, os.environ))},
                        "region": region(d.place),
                    }
                }
            ],
        }
        for d in diagnostics
    ]
    rules = [
        {
            "id": code,
            **(
                {
                    "shortDescription": {"text": CODES[code].title},
                    "help": {"text": f"{CODES[code].meaning} {CODES[code].way_out}"},
                }
                if code in CODES
                else {}
            ),
        }
        for code in sorted({d.code for d in diagnostics})
    ]
    driver = {"name": "loadplan", "version": __version__, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(document, indent=2)


def as_junit(diagnostics: Sequence[Diagnostic]) -> str:
    from xml.sax.saxutils import quoteattr  # imports half of the standard library

    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    cases = (
        "".join(
            f"<testcase name={quoteattr(f'{d.place} {d.code}')}><failure message={quoteattr(one_line(d.summary))}/></testcase>"
            for d in errors
        )
        or '<testcase name="validate"/>'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name="loadplan validate" tests="{max(1, len(errors))}" failures="{len(errors)}">{cases}</testsuite>'
    )


RENDERERS: dict[str, Callable[[Sequence[Diagnostic]], str]] = {
    "full": render_full,
    "concise": as_concise,
    "json": as_json,
    "github": as_github,
    "gitlab": as_gitlab,
    "sarif": as_sarif,
    "junit": as_junit,
}
