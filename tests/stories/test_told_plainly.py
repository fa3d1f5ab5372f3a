"""What a run says of itself afterwards: that it was killed, that something beside the plan changed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from loadplan.reports.incidents import incidents
from loadplan.run.journal import read_journal

from support.processes import ran, typed
from support.story import Killed, KillPoint, Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv}
"""


def test_a_run_that_was_killed_says_so_in_its_runbook(tmp_path: Path) -> None:
    """Not only that it was resumed: that it had stopped without a word, and when it was last heard."""
    with Story(tmp_path, PLAN, {"accounts.csv": [["Name"], ["Alder"]]}) as told:
        with pytest.raises(Killed):
            told.drive(kill=KillPoint(3, "after"))
        told.drive()
        said = [i["what"] for i in incidents(read_journal(told.run_folder.journal)[0])]
        assert [text for text in said if "stopped without a word" in text and "resume by tester" in text], said


def test_a_run_that_ended_by_itself_was_not_killed(tmp_path: Path) -> None:
    """A retry after its end is just that."""
    with Story(tmp_path, PLAN, {"accounts.csv": [["Name"], ["Alder"], [""]]}) as told:
        told.drive()
        told.drive(retry=["accounts"])
        said = [i["what"] for i in incidents(read_journal(told.run_folder.journal)[0])]
        assert not [text for text in said if "without a word" in text], said


def test_a_resume_whose_plan_cannot_be_read_does_not_say_that_nothing_was_sent(project: Path) -> None:
    """A value table that is gone: the run has sent rows, and says what it needs to go on."""
    text = (
        (project / "plan.yaml")
        .read_text(encoding="utf-8")
        .replace("columns: {LastName: last}", "columns: {LastName: {column: last, map: {file: names.csv}}}")
    )
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    (project / "names.csv").write_text("from,to\nAna,Anna\nBen,Benn\nChloe,Chloé\n", encoding="utf-8")
    code, _, said = typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded", "--async")
    assert code == 7, said
    (project / "names.csv").unlink()
    code, _, said = typed(project, os.environ, "resume")
    assert code == 2, said
    assert "nothing was sent" not in said
    assert "next: loadplan resume 2" in said


def test_a_port_that_is_taken_is_no_bug(tmp_path: Path) -> None:
    """`emulator serve` on the port of a forgotten one: exit 2, and how to get another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, said = ran(tmp_path, os.environ, "emulator", "serve", "--port", port)
    assert (code, out, f"port {port} cannot be had: Address already in use" in said) == (2, "", True), said
    assert said.splitlines()[-1] == "next: loadplan emulator serve --port 0"
