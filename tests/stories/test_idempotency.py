"""`idempotency:` makes an insert safe to repeat: the same rows, sent by whatever run, end in the same records."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path

import pytest
from loadplan.plan.load import check_plan

from support.processes import typed
from support.story import Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts:
    object: Account
    operation: insert
    idempotency: {field: Legacy_Id__c}
    key: ref
    source: accounts.csv
    columns: {Name: name}
  tasks:
    object: Task
    operation: insert
    source: tasks.csv
    columns: {Subject: subject}
    lookups: {WhatId: {id_of: accounts, column: account}}
  back: {operation: query, soql: "SELECT Legacy_Id__c, Name FROM Account", output: back.csv, depends_on: [tasks]}
"""
FILES = {
    "accounts.csv": [["ref", "name"], ["r1", "Alder"], ["r2", "Brook"]],
    "tasks.csv": [["subject", "account"], ["one", "r1"], ["two", "r2"]],
}


def key(row: str) -> str:
    return hashlib.sha256(f"story\0accounts\0{row}".encode()).hexdigest()


def read(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))[1:]


def test_an_insert_that_is_run_again_makes_no_second_record(tmp_path: Path) -> None:
    """Two runs of the plan: two accounts, under keys made of plan, step and row; children find their ids."""
    with Story(tmp_path, PLAN, FILES) as told:
        run = told.drive()
        assert run.exit == 0
        assert (run.steps["tasks"].counts.successful, run.steps["tasks"].counts.held) == (2, 0)
        assert read(tmp_path / "back.csv") == [[key("r1"), "Alder"], [key("r2"), "Brook"]]
        told.run_folder = type(told.run_folder)(told.run_folder.root.with_name("20261123T101500Z-story-0001"))
        assert told.drive().exit == 0
        assert told.org.org.count("Account") == 2


@pytest.mark.parametrize("columns", ["", "columns: {Name: Name}"], ids=["header passes through", "mapped"])
def test_the_field_is_sent_with_and_without_columns(tmp_path: Path, columns: str) -> None:
    """The key column itself is sent only where the plan says so, or the header passes through."""
    plan = PLAN.partition("  tasks:")[0].replace("columns: {Name: name}", columns).replace("key: ref", "key: Site")
    with Story(tmp_path, plan, {"accounts.csv": [["Site", "Name"], ["s1", "Alder"]]}) as told:
        run = told.drive()
        assert run.exit == 0
        sent = told.run_folder.path(run.steps["accounts"].parts[1].fact.file).read_text(encoding="utf-8").splitlines()
        assert sent == (
            ["Name,Legacy_Id__c", f"Alder,{key('s1')}"]
            if columns
            else ["Site,Name,Legacy_Id__c", f"s1,Alder,{key('s1')}"]
        )


def test_a_lost_run_needs_no_decision(tmp_path: Path) -> None:
    """What no job holds is sent again: it cannot be there twice."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN.partition("  tasks:")[0], encoding="utf-8")
    (tmp_path / "accounts.csv").write_text("ref,name\nr1,Alder\nr2,Brook\n", encoding="utf-8")
    code, _, said = typed(tmp_path, os.environ, "adopt", "plan.yaml", "-o", "embedded")
    assert (code, "to send    accounts/1" in said) == (0, True), said
    assert typed(tmp_path, os.environ, "resume")[0] == 0


def test_a_row_without_a_key_is_refused(tmp_path: Path) -> None:
    """An empty key would be one record for all of them."""
    with Story(tmp_path, PLAN, {**FILES, "accounts.csv": [["ref", "name"], ["", "Alder"]]}) as told:
        with pytest.raises(Exception, match="problem") as caught:
            told.drive()
        assert [d.code for d in caught.value.diagnostics] == ["LP0324"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    key: ref\n", "", "LP0202"),
        ("operation: insert\n    idempotency", "operation: delete\n    idempotency", "LP0205"),
        ("{field: Legacy_Id__c}", "{}", "LP0202"),
        ("{field: Legacy_Id__c}", "{field: Legacy_Id__c, salt: x}", "LP0201"),
    ],
)
def test_a_plan_that_asks_for_it_in_vain_is_told(tmp_path: Path, old: str, new: str, code: str) -> None:
    """Without a key, on another operation, without a field, with a key nobody knows."""
    (tmp_path / "accounts.csv").write_text("ref,name\nr1,Alder\n", encoding="utf-8")
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.partition("  tasks:")[0].replace(old, new), encoding="utf-8")
    _, _, problems = check_plan(path)
    assert code in [p.code for p in problems], problems
