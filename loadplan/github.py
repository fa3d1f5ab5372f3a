"""What GitHub Actions reads from a log and from a step's summary: escapes, limits, and text that can be no command. Pure.

GitHub shows ten annotations of a kind for each step, and refuses a summary of more than 1 MiB whole. A line of a log is a command
when it begins with `::` behind blanks, or holds `##[`; nothing that came from a plan, a row or an org may be one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from loadplan.diagnostics import Diagnostic, Place
from loadplan.masking import printable

MOST_ANNOTATIONS = 10
MOST_OF_A_SUMMARY = 900_000
"""Bytes; some room is left for what other commands of the step write."""
_COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)


def is_actions(environ: Mapping[str, str]) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true"


def neutral(text: str) -> str:
    """The text with nothing in it that GitHub would obey. Lines that begin with `::` get a bar before it."""
    return _COMMAND.sub(r"\1| ::", text).replace("##[", "## [")


def neutral_json(text: str) -> str:
    """The same for JSON, whose values stay what they are."""
    return text.replace("##[", "#\\u0023[")


def escape_data(text: str) -> str:
    """Text of a command: one line."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """A value among a command's properties."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def annotation(kind: str, text: str, *, title: str = "", place: Place | None = None) -> str:
    """A workflow command. `kind` is error, warning or notice; a place without a line names the file alone."""
    properties = []
    if place is not None:
        properties.append(f"file={escape_property(from_workspace(place.file, os.environ))}")
        properties += [f"line={place.line}"] if place.line else []
        properties += [f"col={place.column}"] if place.column else []
    properties += [f"title={escape_property(title)}"] if title else []
    return f"::{kind} {','.join(properties)}::{escape_data(text)}"


def from_workspace(file: str, environ: Mapping[str, str]) -> str:
    """A path as GitHub and GitLab know it, relative to the checkout, also for a command that runs in a folder of it."""
    root = environ.get("GITHUB_WORKSPACE") or environ.get("CI_PROJECT_DIR")
    if not root or "://" in file:
        return file
    path = PurePosixPath(os.path.normpath(os.path.join(os.getcwd(), file)))  # noqa: PTH118, PTH109 - of text alone
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def as_github(diagnostics: Sequence[Diagnostic]) -> str:
    """A command for each diagnostic, errors first. Of more than ten of a kind the last tells how many more there are, and those
    follow as plain lines, so that the log has them all."""
    lines: list[str] = []
    rest: list[str] = []
    for kind in ("error", "warning"):
        found = [d for d in diagnostics if str(d.severity) == kind]
        many = len(found) > MOST_ANNOTATIONS
        shown = found[: MOST_ANNOTATIONS - 1] if many else found
        for d in shown:
            text = d.summary + (f" ({d.hint})" if d.hint else "")
            lines.append(annotation(kind, text, title=d.code, place=d.place))
        if many:
            lines.append(annotation(kind, f"{len(found) - len(shown)} more {kind}s are in the log", title="loadplan"))
            rest += [neutral(f"{d.place}: {kind} {d.code} {escape_data(d.summary)}") for d in found[len(shown) :]]
    return "\n".join([*lines, *rest])


def within_budget(text: str, there: int = 0) -> str:
    """A summary that GitHub takes: cut at the end of a line where it is too long, and saying so. `there` is how many bytes the
    file has already."""
    room = MOST_OF_A_SUMMARY - there
    data = text.encode()
    if len(data) <= room:
        return text
    note = "\n\n_Cut here: GitHub takes 1 MiB. The rest is in the log and in the files of the run._\n"
    kept = data[: max(0, room - len(note.encode()))].decode(errors="ignore")
    return (kept.rpartition("\n")[0] + note) if kept else ""
