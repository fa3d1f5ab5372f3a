"""The shell completes commands, run ids, orgs, steps and codes, by the shell's own protocol."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from loadplan.cli import complete
from loadplan.cli.main import COMMANDS
from loadplan.run.folder import list_runs

from support.processes import completed, ran, typed

ORGS = """\
version: 1
orgs:
  prod: {instance_url: "https://acme.my.salesforce.com", production: true, auth: {flow: access_token, token: {env: T}}}
  uat: {auth: {flow: sf-cli, alias: uat}}
"""


def test_commands_orgs_runs_and_codes_are_completed(project: Path) -> None:
    """The newest run first; orgs from orgs.yaml and the reserved names; an option as well."""
    (project / "orgs.yaml").write_text(ORGS, encoding="utf-8")
    for _ in range(2):
        typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded")
    runs = [run.id for run in reversed(list_runs(project / ".loadplan"))]
    assert len(runs) == 2
    for command in ("resume", "retry", "resolve", "abort", "status", "report"):
        assert completed(project, command, "") == runs, command
    assert completed(project, "retry", runs[0], "--rows", "a") == ["accounts"]
    assert completed(project, "resolve", runs[0], "") == []  # nothing is undecided
    assert completed(project, "status", runs[0][:-2]) == [r for r in runs if r.startswith(runs[0][:-2])]
    assert completed(project, "re") == ["resume", "retry", "resolve", "report"]
    assert completed(project, "") == list(COMMANDS)
    assert completed(project, "apply", "plan.yaml", "-o", "") == ["embedded", "env", "prod", "uat"]
    assert completed(project, "org", "check", "--target-org", "u") == ["uat"]
    assert completed(project, "explain", "LP010")[0] == "LP0100"
    assert "--html" in completed(project, "report", "--h")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_the_same(project: Path, shell: str) -> None:
    """By its own protocol, by a process as it starts one."""
    assert completed(project, "apply", "plan.yaml", "-o", "e", shell=shell, by=ran) == ["embedded", "env"]


def test_nothing_is_said_where_there_is_nothing_to_complete(tmp_path: Path) -> None:
    """No project, a broken orgs.yaml: no words, no message, no folder made."""
    (tmp_path / "orgs.yaml").write_text("a: [", encoding="utf-8")
    assert completed(tmp_path, "status", "") == []
    assert completed(tmp_path, "apply", "x.yaml", "-o", "z") == []
    assert [p.name for p in tmp_path.iterdir()] == ["orgs.yaml"]


def test_steps_are_those_of_the_plan_or_the_run_that_was_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For options that take a step."""
    monkeypatch.chdir(project)
    typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded")

    def offered(**params: Any) -> list[str]:
        context: Any = SimpleNamespace(params=params)
        nothing: Any = None
        return [item.value for item in complete.steps(context, nothing, "")]

    assert offered(plan=Path("plan.yaml")) == ["accounts", "contacts"]
    assert offered(run=None) == ["accounts", "contacts"]
    assert offered(plan=Path("gone.yaml")) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_understood_by_it(tmp_path: Path, shell: str) -> None:
    """Printed by `completion`; the shell reads it without a complaint where it is installed."""
    code, script, _ = typed(tmp_path, os.environ, "completion", shell)
    assert code == 0
    assert "_LOADPLAN_COMPLETE" in script
    if program := shutil.which(shell):
        done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
