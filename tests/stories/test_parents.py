"""Rows that name their parents, sent and read back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

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
