"""Runs that somebody may not find, or has forgotten: what is printed works when it is typed, and nothing is loaded twice unawares."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import typed

PLAN = """\
version: 1
name: people
steps:
  a: {object: Account, operation: insert, source: a.csv, columns: {Name: Name, Rating: Rating}}
"""
APPLY = ("apply", "plans/people.yaml", "-o", "embedded", "--auto-approve")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """No project: a plan in a folder below, and one of its rows is refused."""
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "people.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "plans" / "a.csv").write_text("Name,Rating\nAlder,Hot\nBirch,Bogus\n", encoding="utf-8")
    return tmp_path


def commands(said: str) -> list[list[str]]:
    """What is said to be typed next, ready to be typed."""
    return [shlex.split(line, comments=True)[1:] for line in re.findall(r"next:?\s+(loadplan .*)", said)]


def test_the_next_command_finds_the_run_from_where_it_was_printed(folder: Path) -> None:
    """The runs lie beside the plan, and the commands say so."""
    code, _, said = typed(folder, os.environ, *APPLY)
    (following,) = commands(said)
    assert (code, following[0], following[2:4]) == (1, "retry", ["--state-dir", "plans/.loadplan"])
    for command in (following, ["status", *following[1:4]], ["report", *following[1:4]]):
        code, out, said = typed(folder, os.environ, *command)
        assert "there is no run" not in said
        assert all(
            len(c) < 2 or c[2:4] == ["--state-dir", "plans/.loadplan"]
            for c in commands(out + said)
            if c[0] != "explain"
        )


def test_where_runs_are_found_without_it_no_command_names_their_folder(folder: Path) -> None:
    """In a project, from anywhere in it."""
    (folder / ".git").mkdir()
    _, _, said = typed(folder, os.environ, *APPLY)
    assert [command[0] for command in commands(said)] == ["retry"]
    assert "--state-dir" not in said


def test_a_run_that_is_not_there_is_no_reason_to_load_again(folder: Path) -> None:
    """Whoever names one has begun it: it lies elsewhere."""
    code, _, said = typed(folder, os.environ, "resume", "20261125T162502Z-people-5b76")
    assert (code, commands(said)) == (2, [["runs", "--state-dir", "FOLDER"]])


def test_a_plan_that_is_applied_over_its_unfinished_run_is_warned_of(folder: Path) -> None:
    """By name, with the command that goes on with it; and `resume` without a name tells of it, too."""
    (folder / ".git").mkdir()
    assert typed(folder, os.environ, *APPLY, "--async")[0] == 7
    (first,) = (folder / ".loadplan" / "runs").iterdir()
    code, _, said = typed(folder, os.environ, *APPLY)
    assert code == 1
    assert f"warning: run {first.name} of `people` was not finished (detached); this one sends its rows again" in said
    assert "inserts make second records" in said
    assert f"go on with that one instead: loadplan resume {first.name}" in said
    code, _, said = typed(folder, os.environ, "resume")
    assert "there is nothing to resume" in said
    assert [command[0] for command in commands(said)] == ["resume", "retry"]
    assert commands(said)[0] == ["resume", first.name]
    assert typed(folder, os.environ, "resume", first.name)[0] == 1
    _, _, said = typed(folder, os.environ, *APPLY)
    assert "was not finished" not in said


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&1 >/dev/null | true"])
def test_a_log_that_nobody_takes_ends_no_load(folder: Path, stderr: str) -> None:
    """It goes on to its end, with its own exit code."""
    (folder / ".git").mkdir()
    command = f"'{sys.executable}' -m loadplan {' '.join(APPLY)} {stderr}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    (run,) = (folder / ".loadplan" / "runs").iterdir()
    assert '"RunEnded"' in (run / "journal.jsonl").read_text(encoding="utf-8")
