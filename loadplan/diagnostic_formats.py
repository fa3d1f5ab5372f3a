"""How a list of diagnostics reads: frames for people, lines for machines. Pure but for reading the lines it quotes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from loadplan.diagnostics import Diagnostic, Place, Severity
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


def render_full(diagnostics: Sequence[Diagnostic], *, color: bool = False) -> str:
    """A frame with the offending line for each."""
    lines = _reader()
    return "\n\n".join(_frame(d, color, lines) for d in diagnostics) + ("\n" if diagnostics else "")


def _frame(d: Diagnostic, color: bool, lines: Lines) -> str:
    head = f"{d.severity}[{d.code}]"
    if color:
        head = f"{COLORS[d.severity]}{head}\x1b[0m"
    out = [f"{head}: {printable(d.summary)}", f"  --> {printable(str(d.place))}"]
    for note in sorted(d.notes, key=lambda n: n.place.line):
        out += _quote(note.place, note.text, "-", lines)
    quoted = _quote(d.place, d.label, "^", lines) if d.quote else []
    out += quoted
    if quoted:
        out.append("   |")
    if d.hint:
        out.append(f"help: {printable(d.hint)}")
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
    return "\n".join(f"{d.place}: {d.severity} {d.code} {printable(d.summary)}" for d in diagnostics)


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    rows = [
        {
            "code": d.code, "severity": str(d.severity), "summary": d.summary, "file": d.place.file, "line": d.place.line,
            "column": d.place.column, "end_column": d.place.end_column, "hint": d.hint,
        }
        for d in diagnostics
    ]  # fmt: skip
    return json.dumps({"diagnostics": rows}, indent=2, ensure_ascii=False)


def as_github(diagnostics: Sequence[Diagnostic]) -> str:
    """Workflow commands; text in them cannot start a command of its own."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def value(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    def where(place: Place) -> str:
        found = f"file={value(place.file)}"
        found += f",line={place.line}" if place.line else ""
        return found + (f",col={place.column}" if place.column else "")

    return "\n".join(
        f"::{d.severity} {where(d.place)},title={value(d.code)}"
        f"::{data(printable(d.summary + (f' ({d.hint})' if d.hint else '')))}"
        for d in diagnostics
    )


def as_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """SARIF 2.1.0, as GitHub's code scanning takes it."""
    from urllib.parse import quote

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
                        "artifactLocation": {"uri": quote(d.place.file)},
                        "region": region(d.place),
                    }
                }
            ],
        }
        for d in diagnostics
    ]
    driver = {"name": "loadplan", "rules": [{"id": c} for c in sorted({d.code for d in diagnostics})]}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}, indent=2)


def as_junit(diagnostics: Sequence[Diagnostic]) -> str:
    from xml.sax.saxutils import quoteattr  # imports half of the standard library

    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    cases = (
        "".join(
            f"<testcase name={quoteattr(f'{d.place} {d.code}')}><failure message={quoteattr(printable(d.summary))}/></testcase>"
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
    "sarif": as_sarif,
    "junit": as_junit,
}
