"""Rows that name their parents, sent and read back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from loadplan.plan.load import load_plan
from loadplan.reports.view import runbook
from loadplan.run.journal import read_journal
from loadplan.run.lookup_errors import blamed

from support.story import Story

PLAN = """\
version: 1
name: parents
steps:
  kinds: {object: RecordType, operation: insert, source: kinds.csv}
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    columns: {Name: id, Legacy_Id__c: id}
    lookups: {RecordType.DeveloperName: kind}
    depends_on: [kinds]
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {LastName: id, Legacy_Id__c: id}
  trips:
    object: Trip__c
    operation: insert
    source: trips.csv
    columns: {Name: id}
    lookups: {From__r.Legacy_Id__c: from, To__r.Legacy_Id__c: to}
    depends_on: [accounts]
  tasks:
    object: Task
    operation: insert
    source: tasks.csv
    columns: {Subject: id}
    lookups: {"Contact:Who.Legacy_Id__c": who, "Account:What.Legacy_Id__c": what}
  accounts_back: {operation: query, output: accounts.out.csv, depends_on: [accounts],
    soql: "SELECT Legacy_Id__c, RecordType.DeveloperName FROM Account"}
  trips_back: {operation: query, output: trips.out.csv, depends_on: [trips],
    soql: "SELECT Name, From__r.Legacy_Id__c, To__r.Legacy_Id__c FROM Trip__c"}
  tasks_back: {operation: query, output: tasks.out.csv, depends_on: [tasks], soql: "SELECT Subject, WhoId, WhatId FROM Task"}
"""
FILES = {
    "kinds.csv": [["Name", "DeveloperName", "SobjectType"], ["Partner", "Partner_Kind", "Account"]],
    "accounts.csv": [["id", "kind"], ["A1", "Partner_Kind"], ["A2", ""]],
    "contacts.csv": [["id"], ["C1"]],
    "trips.csv": [["id", "from", "to"], ["T1", "A1", "A2"], ["T2", "A2", "A1"], ["T3", "A1", "A1"]],
    "tasks.csv": [["id", "who", "what"], ["S1", "C1", ""], ["S2", "", "A2"]],
}
TRIP = {
    "name": "Trip__c",
    "fields": [
        {"name": "Name", "type": "string", "length": 80},
        {"name": "From__c", "type": "reference", "length": 18, "referenceTo": ["Account"], "relationshipName": "From__r"},
        {"name": "To__c", "type": "reference", "length": 18, "referenceTo": ["Account"], "relationshipName": "To__r"},
    ],
}  # fmt: skip


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return sorted(list(csv.reader(file))[1:])


def test_each_row_lands_under_the_parents_it_names(tmp_path: Path) -> None:
    """A record type by developer name, two parents of one object that are not swapped, polymorphic parents, and none."""
    (tmp_path / "describe").mkdir()
    (tmp_path / "describe" / "Trip__c.json").write_text(json.dumps(TRIP), encoding="utf-8")
    with Story(tmp_path, PLAN, FILES, describe=[tmp_path / "describe"]) as story:
        run = story.drive()
    assert {s.id: s.state for s in run.steps.values()} == dict.fromkeys(run.steps, "succeeded")
    assert rows(tmp_path / "accounts.out.csv") == [["A1", "Partner_Kind"], ["A2", ""]]
    assert rows(tmp_path / "trips.out.csv") == [["T1", "A1", "A2"], ["T2", "A2", "A1"], ["T3", "A1", "A1"]]
    tasks = [[subject, who[:3], what[:3]] for subject, who, what in rows(tmp_path / "tasks.out.csv")]
    assert tasks == [["S1", "003", ""], ["S2", "", "001"]]


def test_a_record_type_that_the_org_does_not_have_fails_its_rows(tmp_path: Path) -> None:
    """The runbook names the lookup and the column of the source; the other rows land."""
    plan = PLAN.partition("  contacts:\n")[0]
    files = {**FILES, "accounts.csv": [["id", "kind"], ["A1", "Partner_Kind"], ["A2", "Partner Kind"]]}
    with Story(tmp_path, plan, files) as story:
        run = story.drive()
        records, _, _ = read_journal(story.run_folder.journal)
        found = runbook(story.plan, run, records, [])
    (error,) = found["errors"]
    assert (error["step"], error["code"], error["fields"]) == ("accounts", "INVALID_FIELD", "RecordType.DeveloperName")
    assert "not found for field DeveloperName in entity RecordType (source column `kind`)" in error["message"]
    assert run.steps["accounts"].counts.successful == 1


def test_of_several_lookups_by_one_field_all_are_named(tmp_path: Path) -> None:
    """The org's words do not say which of them it was."""
    step = load_plan(write_trips(tmp_path)).steps["trips"]
    text = "Foreign key external ID: … not found for field Legacy_Id__c in entity Account"
    assert blamed(step, (), text) == (
        ("From__r.Legacy_Id__c", "To__r.Legacy_Id__c"),
        f"{text} (source column `from` or `to`)",
    )
    assert blamed(step, ("Name",), text) == (("Name",), text)
    assert blamed(step, (), "bad value for restricted picklist field: …") == (
        (),
        "bad value for restricted picklist field: …",
    )
    assert blamed(step, (), text.replace("Legacy_Id__c", "Other__c")) == ((), text.replace("Legacy_Id__c", "Other__c"))


def write_trips(folder: Path) -> Path:
    plan = """\
version: 1
name: trips
steps:
  trips: {object: Trip__c, operation: insert, source: trips.csv, columns: {Name: id},
    lookups: {From__r.Legacy_Id__c: from, To__r.Legacy_Id__c: to}}
"""
    (folder / "plan.yaml").write_text(plan, encoding="utf-8")
    (folder / "trips.csv").write_text("id,from,to\nT1,A,B\n", encoding="utf-8")
    return folder / "plan.yaml"
