"""Rows and their parents: held when a parent did not land, sent when it does; levels of a hierarchy; ids of other steps."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from loadplan.run.journal import read_journal
from loadplan.run.leftovers import write_leftovers
from loadplan.run.rows import Rows

from support.story import Killed, KillPoint, Story

HEAD = """\
version: 1
name: story
defaults:
  poll: {first: 100ms, factor: 1, max: 100ms}
  retry: {max_attempts: 1}
  gate: {max_failed_percent: 90}
steps:
"""
ACCOUNTS = "  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv}\n"
CONTACTS = """\
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id}
    lookups: {Account.Legacy_Id__c: account}
"""
FILES = {
    "accounts.csv": [["Legacy_Id__c", "Name"], *[[f"A{i}", f"Company {i}"] for i in range(4)]],
    "contacts.csv": [
        ["id", "last", "account"],
        *[[f"C{i}", f"Person {i}", f"A{i % 4}"] for i in range(8)],
        ["C8", "x", ""],
    ],
}


def each_once(prefix: str, count: int) -> dict[str, int]:
    return {f"{prefix}{i}": 1 for i in range(count)}


def test_children_of_a_failed_parent_wait_and_go_out_when_it_is_mended(tmp_path: Path) -> None:
    """Only they wait, with the reason; the retry of the parent sends them, and each row lands once."""
    with Story(tmp_path, HEAD + ACCOUNTS + CONTACTS, FILES) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A1"})
        run = told.drive()
        contacts = run.steps["contacts"]
        assert (contacts.counts.sent, contacts.counts.successful, contacts.counts.held) == (7, 7, 2)
        assert contacts.state == "partial"
        assert contacts.held[0].why == {"its parent did not land": 2}
        left = {item.step: item.file for item in write_leftovers(Rows(told.plan, run, told.run_folder))}
        with left["contacts"].open(encoding="utf-8") as file:
            assert [row[0] for row in csv.reader(file)] == ["id", "C1", "C5"]
        spec = json.loads(left["contacts"].with_suffix(".json").read_text(encoding="utf-8"))
        assert spec["codes"] == {"its parent did not land": 2}
        run = told.drive(retry=["accounts", "contacts"])
        assert run.steps["contacts"].counts.held == 0
        assert run.steps["contacts"].state == "succeeded"
        assert told.applied("Contact") == each_once("C", 9)
        assert told.applied("Account") == each_once("A", 4)
        assert write_leftovers(Rows(told.plan, run, told.run_folder)) == []


def test_held_rows_count_against_the_gate(tmp_path: Path) -> None:
    """They did not land: a gate that lets no row fail shuts, whoever is to blame."""
    plan = HEAD + ACCOUNTS + CONTACTS + "    gate: {max_failed_rows: 1}\n"
    with Story(tmp_path, plan, FILES) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A1"})
        run = told.drive()
        gate = run.steps["contacts"].gate
        assert gate is not None
        assert (gate.verdict, gate.because) == ("shut", "2 rows did not land, the gate allows 1")
        assert run.exit == 1


def test_send_lets_the_org_refuse_them(tmp_path: Path) -> None:
    """`on_parent_failure: send`: the rows go out and fail in the org's words."""
    with Story(tmp_path, HEAD + ACCOUNTS + CONTACTS + "    on_parent_failure: send\n", FILES) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A1"})
        counts = told.drive().steps["contacts"].counts
        assert (counts.sent, counts.failed, counts.held) == (9, 2, 0)


def test_a_second_pass_that_fails_does_not_hold_the_children(tmp_path: Path) -> None:
    """The account is there since the first pass; that a later step could not change it is no reason to wait."""
    second = """\
  again:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    columns: {Legacy_Id__c: Legacy_Id__c, Site: Name}
    depends_on: [accounts]
"""
    plan = HEAD + ACCOUNTS + second + CONTACTS + "    depends_on: [again]\n"
    with Story(tmp_path, plan, FILES) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A1", "Site": "Company 1"})
        run = told.drive()
        assert run.steps["again"].counts.failed == 1
        assert run.steps["contacts"].counts.successful == 9


def tree(rows: int, levels: int) -> list[list[str]]:
    """A company tree in no order: key, name, parent."""
    chance = random.Random(3)
    made: list[list[str]] = []
    above: list[str] = []
    per_level = rows // levels
    for level in range(levels):
        here = [f"T{level}-{i}" for i in range(per_level)]
        made += [[key, f"Unit {key}", chance.choice(above) if above else ""] for key in here]
        above = here
    chance.shuffle(made)
    return [["id", "name", "parent"], *made]


TREE = """\
  units:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: units.csv
    columns: {Name: name, Legacy_Id__c: id}
    hierarchy: {lookup: Parent.Legacy_Id__c, column: parent}
  back: {operation: query, soql: "SELECT Legacy_Id__c, Parent.Legacy_Id__c FROM Account", output: back.csv, depends_on: [units]}
"""


def read_back(folder: Path) -> dict[str, str]:
    with (folder / "back.csv").open(encoding="utf-8", newline="") as file:
        return dict(list(csv.reader(file))[1:])


def test_a_tree_of_eight_levels_in_no_order_lands_level_by_level(tmp_path: Path) -> None:
    """Every row under its parent, parents first, a job a level."""
    rows = tree(64, 8)
    with Story(tmp_path, HEAD + TREE, {"units.csv": rows}) as told:
        run = told.drive()
        units = run.steps["units"]
        assert units.state == "succeeded"
        assert [p.fact.rows for p in units.parts.values()] == [8] * 8
        assert read_back(tmp_path) == {key: parent for key, _, parent in rows[1:]}


def test_parents_outside_the_file_are_found_by_the_org(tmp_path: Path) -> None:
    """When the row is saved. One that is nowhere fails its row, the column is named, and the rows below it wait for it."""
    before = "  before: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: before.csv}\n"
    rows = [["id", "name", "parent"], ["A", "a", "OLD"], ["B", "b", "A"], ["C", "c", "NOWHERE"], ["D", "d", "C"]]
    plan = HEAD + before + TREE.replace("  units:\n", "  units:\n    depends_on: [before]\n")
    files = {"units.csv": rows, "before.csv": [["Name", "Legacy_Id__c"], ["old", "OLD"]]}
    with Story(tmp_path, plan, files) as told:
        run = told.drive()
        landed = {r["Legacy_Id__c"]: r.get("ParentId") for r in told.org.org.records("Account")}
    assert set(landed) == {"OLD", "A", "B"}
    assert len({landed["A"], landed["B"], "", None}) == 4
    units = run.steps["units"]
    assert (units.counts.successful, units.counts.failed, units.counts.held) == (2, 1, 1)
    (error,) = [e for a in units.attempts if a.reconciled for e in a.reconciled.errors]
    assert error["fields"] == ["Parent.Legacy_Id__c"]
    assert error["message"].startswith("Foreign key external ID: … not found for field Legacy_Id__c in entity Account")
    assert error["message"].endswith("(source column `parent`)")


def test_below_a_row_that_failed_the_whole_branch_waits(tmp_path: Path) -> None:
    """Its children, and theirs; when the row is mended they go out level by level in the same retry."""
    chain = [
        ["id", "name", "parent"],
        *[[f"N{i}", f"Unit {i}", f"N{i - 1}" if i else ""] for i in range(5)],
        ["X", "x", ""],
    ]
    with Story(tmp_path, HEAD + TREE, {"units.csv": chain}) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "N1"})
        run = told.drive()
        assert (run.steps["units"].counts.successful, run.steps["units"].counts.held) == (2, 3)
        run = told.drive(retry=["units"])
        assert run.steps["units"].counts.held == 0
        assert run.steps["units"].state == "succeeded"
        assert told.applied("Account") == {**each_once("N", 5), "X": 1}


@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_anywhere_in_a_hierarchy_with_held_rows(tmp_path: Path, when: str) -> None:
    """Each request of run and retry is a kill point; the tree ends as if nothing had happened."""
    chain = [["id", "name", "parent"], *[[f"N{i}", f"Unit {i}", f"N{i - 1}" if i else ""] for i in range(3)]]

    def told_at(name: str) -> Story:
        (tmp_path / name).mkdir()
        story = Story(tmp_path / name, HEAD + TREE, {"units.csv": chain})
        story.__enter__()
        story.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "N1"})
        return story

    whole = told_at("whole")
    counting = KillPoint(0, when)
    whole.drive(kill=counting)
    first = counting.calls
    whole.drive(kill=counting, retry=["units"])
    whole.__exit__(None, None, None)
    for at in range(1, counting.calls + 1):
        told = told_at(f"{when}-{at}")
        point = KillPoint(at, when)
        if at <= first:
            with pytest.raises(Killed):
                told.drive(kill=point)
            told.drive()
            told.drive(retry=["units"])
        else:
            told.drive(kill=point)
            with pytest.raises(Killed):
                told.drive(kill=point, retry=["units"])
            told.drive()
        assert told.applied("Account") == each_once("N", 3), at
        assert told.run.steps["units"].state == "succeeded", at
        told.__exit__(None, None, None)


def test_a_circle_in_the_data_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """With the rows that are in it."""
    rows = [["id", "name", "parent"], ["A", "a", "B"], ["B", "b", "A"], ["C", "c", ""]]
    with (
        Story(tmp_path, HEAD + TREE, {"units.csv": rows}) as told,
        pytest.raises(Exception, match=r"problem|cannot") as caught,
    ):
        told.drive()
    (found,) = caught.value.diagnostics  # type: ignore[attr-defined]
    assert found.code == "LP0350"
    assert "A" in found.summary
    assert "B" in found.summary
    assert not told.run_folder.journal.exists()


ID_OF = """\
  accounts: {object: Account, operation: insert, key: ref, source: accounts.csv, columns: {Name: name}}
  tasks:
    object: Task
    operation: insert
    source: tasks.csv
    columns: {Subject: subject}
    lookups: {WhatId: {id_of: accounts, column: account}}
  back: {operation: query, soql: "SELECT Subject, WhatId FROM Task", output: back.csv, depends_on: [tasks]}
  parents: {operation: query, soql: "SELECT Id, Name FROM Account", output: parents.csv, depends_on: [tasks]}
"""


@pytest.mark.parametrize("sent", [False, True])
def test_children_of_parents_without_an_external_id_get_their_ids(tmp_path: Path, sent: bool) -> None:
    """The ids come from the parents' results, whether their key was sent or only stands in the source."""
    plan = HEAD + ID_OF
    if sent:
        plan = plan.replace("{Name: name}", "{Name: name, Site: ref}")
    files = {
        "accounts.csv": [["ref", "name"], ["r1", "Alder"], ["r2", "Brook"], ["r3", ""]],
        "tasks.csv": [
            ["subject", "account"],
            ["one", "r1"],
            ["two", "r2"],
            ["three", "r3"],
            ["four", "nope"],
            ["five", ""],
        ],
    }
    with Story(tmp_path, plan, files) as told:
        run = told.drive()
        tasks = run.steps["tasks"]
        assert (tasks.counts.successful, tasks.counts.held) == (3, 2)
        assert tasks.held[0].why == {"its parent did not land": 1, "no row of the parent step has its key": 1}
        with (tmp_path / "parents.csv").open(encoding="utf-8", newline="") as file:
            ids = {name: sf_id for sf_id, name in list(csv.reader(file))[1:]}
        back = read_back(tmp_path)
        assert back == {"one": ids["Alder"], "two": ids["Brook"], "five": ""}


def test_rows_of_one_parent_stand_together_in_what_is_sent(tmp_path: Path) -> None:
    """More rows than one batch of the org holds, parents in turn: parts are in order of the parent, and none is lost."""
    rows = 10_500
    files = {
        "accounts.csv": FILES["accounts.csv"],
        "contacts.csv": [["id", "last", "account"], *[[f"C{i}", "x", f"A{i % 4}"] for i in range(rows)]],
    }
    plan = HEAD + ACCOUNTS + CONTACTS + "    parts: {max_rows: 4000}\n"
    with Story(tmp_path, plan, files) as told:
        run = told.drive()
        contacts = run.steps["contacts"]
        assert contacts.counts.successful == rows
        parents = []
        for part in contacts.parts.values():
            with told.run_folder.path(part.fact.file).open(encoding="utf-8", newline="") as file:
                parents += [row[2] for row in list(csv.reader(file))[1:]]
        assert parents == sorted(parents)
        assert told.applied("Contact") == each_once("C", rows)


def test_the_journal_of_a_family_reads_back(tmp_path: Path) -> None:
    """Levels and held rows survive the way through JSON."""
    chain = [["id", "name", "parent"], ["N0", "a", ""], ["N1", "b", "N0"]]
    with Story(tmp_path, HEAD + TREE, {"units.csv": chain}) as told:
        told.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "N0"})
        told.drive()
        kinds = [type(r.event).__name__ for r in read_journal(told.run_folder.journal)[0]]
        assert kinds.count("LevelCut") == 2


def test_a_parent_that_is_there_but_could_not_be_changed_does_not_hold_its_children(tmp_path: Path) -> None:
    """The failed row has an id of its own in the results: the lookup will find it."""
    before = "  before: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv}\n"
    with Story(tmp_path, HEAD + before, FILES) as told:
        told.drive()
        told.run_folder = type(told.run_folder)(told.run_folder.root.with_name("20261123T101500Z-story-0001"))
        told.plan_file.write_text(HEAD + ACCOUNTS + CONTACTS, encoding="utf-8")
        accounts = tmp_path / "accounts.csv"
        accounts.write_text(accounts.read_text(encoding="utf-8").replace("Company 1", "x" * 300), encoding="utf-8")
        run = told.drive()
        assert run.steps["accounts"].counts.failed == 1
        assert (run.steps["contacts"].counts.held, run.steps["contacts"].counts.successful) == (0, 9)
