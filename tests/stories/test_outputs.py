"""What people read, word by word: the main outputs as golden files.

`UPDATE_GOLDEN=1 pytest tests/stories/test_outputs.py` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from support.processes import ran

GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"
ENVIRON = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PATH": "/nowhere"}
"""Without the sf CLI, wherever the tests run."""
CHANGING = (
    (re.compile(r"\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{4}"), r"<run of \1>"),
    (re.compile(r"\b\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"of [\d.]+ [KMGT]?B free"), "of <so much> free"),
    # A machine that took longer than a second over it says how fast it was.
    (re.compile(r", (?:sent|fetched) [^,\n]* in [\d.]+ s, [^\n]*/s$", re.MULTILINE), ""),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
)


def told(project: Path, name: str, *commands: tuple[str, ...]) -> None:
    """Run the commands one after the other; what they say must be the golden file, times and names of runs aside."""
    text = ""
    for command in commands:
        code, out, said = ran(project, ENVIRON, *command)
        text += (
            f"$ loadplan {' '.join(command)}\n{out}" + (f"[messages]\n{said}" if said else "") + f"[exit {code}]\n\n"
        )
    for pattern, words in CHANGING:
        text = pattern.sub(words, text)
    text = text.replace(str(project), "<project>")
    # A name of a run is longer than what stands for it, and columns begin behind it.
    text = "\n".join(
        re.sub(r" {3,}", "  ", line) if line.startswith(("<run", "RUN")) else line for line in text.split("\n")
    )
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"UPDATE_GOLDEN=1 writes {file.name} anew"


def test_a_good_load_from_the_first_look_to_the_report(project: Path) -> None:
    """validate, graph, apply, runs, status, report."""
    told(
        project, "good", ("validate", "plan.yaml"), ("graph", "plan.yaml"), ("apply", "plan.yaml", "-o", "embedded"), ("runs",),
        ("status",), ("report", "--summary"), ("resume",),
    )  # fmt: skip


def test_a_load_whose_rows_are_refused(project: Path) -> None:
    """A gate that is shut, a step that is held back, and what to type next."""
    assert ran(project, ENVIRON, "apply", "plan.yaml", "-o", "embedded")[0] == 0
    told(project, "refused", ("apply", "plan.yaml", "-o", "embedded"), ("status",), ("report", "--summary"))


def test_words_to_someone_who_begins(tmp_path: Path) -> None:
    """Help, a first project, no run yet, a command that is not there, an org that is not there."""
    told(
        tmp_path, "begin", ("--help",), ("init",), ("runs",), ("aply",), ("apply",), ("apply", "x.yaml", "--auto-aprove"),
        ("apply", "plans/first-load/plan.yaml", "-o", "uta"), ("explain", "LP0301"), ("fmt", "--check", "plans/first-load/plan.yaml"),
    )  # fmt: skip
