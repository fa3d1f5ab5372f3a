"""A part of a plan: `--step` runs a step with all that it waits for, and every page says what was left out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.processes import typed

PLAN = """\
version: 1
name: parts
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts: {object: Account, operation: insert, key: id, source: accounts.csv, columns: {Name: name}}
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last}
    lookups: {AccountId: {id_of: accounts, column: account}}
  leads: {object: Lead, operation: insert, source: leads.csv, columns: {LastName: last, Company: company}}
  tasks: {object: Task, operation: insert, source: tasks.csv, columns: {Subject: subject}, depends_on: [contacts]}
"""
DATA = {
    "accounts": "id,name\nA1,Alder\n", "contacts": "last,account\nAna,A1\n", "leads": "last,company\nLee,Larch\n",
    "tasks": "subject\nCall\n",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    for name, text in DATA.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def steps_of(project: Path) -> list[str]:
    (run,) = (project / ".loadplan" / "runs").iterdir()
    return [s["step"] for s in json.loads((run / "runbook.json").read_text(encoding="utf-8"))["steps"]]


@pytest.mark.parametrize(
    ("chosen", "steps"),
    [
        (["contacts"], ["accounts", "contacts"]),
        (["accounts"], ["accounts"]),
        (["contacts+"], ["accounts", "contacts", "tasks"]),
        (["leads", "accounts"], ["accounts", "leads"]),
        (["leads", "accounts+"], ["accounts", "contacts", "leads", "tasks"]),
    ],
)
def test_a_step_runs_with_all_that_it_waits_for(chosen: list[str], steps: list[str], project: Path) -> None:
    """Never without its parents: a gate that is left out would be gone."""
    arguments = [word for name in chosen for word in ("--step", name)]
    code, _, said = typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded", *arguments)
    assert code == 0, said
    assert steps_of(project) == steps


def test_what_was_left_out_is_said_before_and_after(project: Path) -> None:
    """By plan, by apply, in the runbook; and looked at again, the run is still the part that it was."""
    code, out, said = typed(project, os.environ, "plan", "plan.yaml", "--offline", "--step", "contacts")
    assert (code, "left out by --step: leads, tasks" in out) == (0, True), said
    code, _, said = typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded", "--step", "contacts")
    assert (code, "  left out by --step: leads, tasks\n" in said) == (0, True), said
    (run,) = (project / ".loadplan" / "runs").iterdir()
    (run / "runbook.md").unlink()
    code, _, said = typed(project, os.environ, "report")
    assert code == 0, said
    assert "Left out of this run by `--step`: `leads`, `tasks`." in (run / "runbook.md").read_text(encoding="utf-8")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Left out by <code>--step</code>: <code>leads</code>, <code>tasks</code>." in page


def test_a_run_of_a_part_goes_on_as_that_part(project: Path) -> None:
    """Left with its jobs running, and resumed: the steps that were left out are not sent."""
    plan = project / "plan.yaml"
    code, _, said = typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded", "--step", "contacts", "--async")
    assert code == 7, said
    for _ in range(3):
        code, _, said = typed(project, os.environ, "resume")
        if code != 7:
            break
    assert code == 0, said
    assert steps_of(project) == ["accounts", "contacts"]
    assert plan.read_text(encoding="utf-8") == PLAN


def test_a_saved_plan_is_of_the_part_that_was_chosen(project: Path) -> None:
    """It runs that part, takes no other choice, and has another digest than the whole."""
    code, out, said = typed(project, os.environ, "plan", "plan.yaml", "-o", "embedded", "--step", "leads", "--out", "p")
    assert code == 0, said
    whole = typed(project, os.environ, "plan", "plan.yaml", "-o", "embedded")[1]
    digest = next(line for line in out.splitlines() if line.startswith("digest"))
    assert digest not in whole
    assert typed(project, os.environ, "apply", "p", "--step", "accounts")[0] == 2
    code, _, said = typed(project, os.environ, "apply", "p")
    assert code == 0, said
    assert steps_of(project) == ["leads"]


def test_a_step_that_is_not_there_is_named(project: Path) -> None:
    """Exit 2, with the one that was meant; nothing was sent."""
    code, _, said = typed(project, os.environ, "apply", "plan.yaml", "-o", "embedded", "--step", "contact")
    assert (code, "the plan has no step `contact`" in said, "contacts" in said) == (2, True, True), said
    assert not (project / ".loadplan").exists()
