"""Runs worth a report: a small one with everything that can be told, and a long one of many steps."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from loadplan.emulator.settings import Settings
from loadplan.reports.artifacts import write_artifacts
from loadplan.run import events as ev
from loadplan.run.journal import read_journal
from loadplan.run.leftovers import write_leftovers
from loadplan.run.rows import Rows

from support.story import Killed, KillPoint, Story

HEAD = """\
version: 1
name: story
description: Customers & their people <from the ERP>
defaults:
  parts: {max_rows: 400}
  poll: {first: 1s, factor: 1.5, max: 20s}
  retry: {backoff: {first: 20s, factor: 2, max: 1m}}
steps:
"""
SMALL = (
    HEAD
    + """\
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    gate: {max_failed_rows: 40}
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id, Email: email}
    lookups: {Account.Legacy_Id__c: account}
  tasks:
    object: Task
    operation: insert
    source: tasks.csv
    columns: {Subject: subject, Legacy_Id__c: id, Status: {value: Not Started}, Priority: {value: Normal}}
    lookups: {"Contact:Who.Legacy_Id__c": contact}
  campaigns:
    object: Campaign
    operation: upsert
    external_id: Legacy_Id__c
    source: campaigns.csv
    depends_on: [accounts]
  landed:
    operation: query
    soql: SELECT Id, Legacy_Id__c, Name FROM Account
    max_records: 300
    depends_on: [accounts]
"""
)
FILES = {
    "accounts.csv": [["Name", "Legacy_Id__c"], *[[f"Company {i}", f"A{i}"] for i in range(1_000)]],
    "contacts.csv": [
        ["id", "last", "email", "account"],
        *[[f"C{i}", "" if i % 97 == 5 else f"Person {i}", "no address" if i % 131 == 7 else f"p{i}@example.org", f"A{i % 1000}"]
          for i in range(1_500)],
    ],
    "tasks.csv": [["id", "subject", "contact"], *[[f"T{i}", f"Call {i}", f"C{i}"] for i in range(300)]],
    "campaigns.csv": [["Name", "Legacy_Id__c"], *[[f"Fair {i}", f"K{i}"] for i in range(40)]],
}  # fmt: skip
SLOW = Settings(latency=3.0, rows_per_second=20.0)
SECRET = "Person 613"
"""A value that stands in a row, and must stand in no page."""


def small(folder: Path, *, killed: int = 60, resumed: bool = True) -> Story:
    """Five steps: rows that are locked and sent again, one row that fails for good, a gate that is shut and holds a step back,
    an extract of four pages, a lost answer, and a night between a kill and the resume. `killed` is the request at which it is
    killed; unless `resumed` it stays so."""
    with Story(folder, SMALL, FILES, SLOW) as told:
        for n in range(0, 60, 5):
            told.faults.lock_rows("Account", 1, {"Legacy_Id__c": f"A{n}"})
        told.faults.refuse_rows(
            "Account", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Name 'Company 7' is <reserved>", ("Name",), times=9,
            where={"Legacy_Id__c": "A7"},
        )  # fmt: skip
        told.faults.add("job info", "status", nth=4)
        with suppress(Killed):
            told.drive(kill=KillPoint(killed, "after"))
        if resumed:
            told.clock.seconds += timedelta(hours=7).total_seconds()
            told.drive()
        render(told)
    return told


def many(folder: Path, steps: int = 60) -> Story:
    """Steps in a net: each waits for up to three before it; two fail, and some are held back."""
    text, files = HEAD.replace("max_rows: 400", "max_rows: 30"), {}
    for i in range(steps):
        parents = sorted({p for p in (i - 1 - i % 3, i - 4, i - 9 - i % 5) if p >= 0 and i > 3})
        waits = f"\n    depends_on: [{', '.join(f'load_{p:02d}' for p in parents)}]" if parents else ""
        text += (
            f"  load_{i:02d}:\n    object: Account\n    operation: upsert\n    external_id: Legacy_Id__c\n"
            f"    source: rows_{i:02d}.csv{waits}\n"
        )
        count = 20 + (i * 37) % 90
        bad = i in {41, 47}
        files[f"rows_{i:02d}.csv"] = [
            ["Name", "Legacy_Id__c"], *[["" if bad and r < 3 else f"Company {r}", f"S{i}-{r}"] for r in range(count)],
        ]  # fmt: skip
    with Story(folder, text, files, SLOW) as told:
        told.drive()
        render(told)
    return told


def render(told: Story) -> None:
    """What `apply` leaves at its end."""
    _, records = read(told)
    left = [item.step for item in write_leftovers(Rows(told.plan, told.run, told.run_folder))]
    told.run_folder.plan_yaml.write_bytes(told.plan.text)
    write_artifacts(told.plan, told.run, records, told.run_folder, left)


def read(told: Story) -> tuple[Path, list[ev.Recorded]]:
    """The page's file and the records it is made from."""
    return told.run_folder.root / "report.html", read_journal(told.run_folder.journal)[0]
