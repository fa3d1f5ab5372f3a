"""Kill the process anywhere, resume, and the org ends as if nothing had happened: each row applied exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.run.journal import read_journal

from support.story import Killed, KillPoint, Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, parts: {max_rows: 3}}
steps:
  accounts:
    object: Account
    operation: insert
    source: accounts.csv
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id}
    lookups: {Account.Legacy_Id__c: account}
  landed:
    operation: query
    soql: SELECT Id, LastName FROM Contact
    max_records: 2
    output: out/landed.csv
    depends_on: [contacts]
"""
ACCOUNTS = [["Name", "Legacy_Id__c"], *[[f"Company {i}", f"A{i}"] for i in range(5)]]
CONTACTS = [["id", "last", "account"], *[[f"C{i}", f"Person {i}", f"A{i % 5}"] for i in range(4)]]
FILES = {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS}
EACH_ONCE = {f"A{i}": 1 for i in range(5)}, {f"C{i}": 1 for i in range(4)}


def story(folder: Path) -> Story:
    folder.mkdir()
    return Story(folder, PLAN, FILES)


def assert_as_if_nothing_happened(told: Story) -> None:
    """Every row applied once, every step succeeded, the extract whole."""
    accounts, contacts = told.applied("Account"), told.applied("Contact")
    assert sum(accounts.values()) == 5
    assert set(accounts.values()) == {1}
    assert sum(contacts.values()) == 4
    assert set(contacts.values()) == {1}
    assert told.org.org.count("Account") == 5
    assert told.org.org.count("Contact") == 4
    assert {s.state for s in told.run.steps.values()} == {"succeeded"}
    assert told.run.exit == 0
    lines = (told.folder / "out" / "landed.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5


def test_kill_before_and_after_every_request_of_a_parent_child_plan(tmp_path: Path) -> None:
    """Each request of the run is a kill point twice: not yet sent, and answered but not on record."""
    with story(tmp_path / "whole") as told:
        counting = KillPoint(0, "before")
        told.drive(kill=counting)
        assert_as_if_nothing_happened(told)
    total = counting.calls
    assert {"create_ingest", "upload", "close_upload", "job", "fetch_result", "create_query", "fetch_page"} <= set(
        counting.names
    )
    tried = 0
    for at in range(1, total + 1):
        for when in ("before", "after"):
            with story(tmp_path / f"{at}-{when}") as told:
                with pytest.raises(Killed):
                    told.drive(kill=KillPoint(at, when))
                told.drive()
                assert_as_if_nothing_happened(told)
                tried += 1
    assert tried == 2 * total


def test_kill_at_every_record_of_the_journal(tmp_path: Path) -> None:
    """A process that dies before a record is durable leaves a run that resumes to the same end."""
    with story(tmp_path / "whole") as told:
        told.drive()
        total = len(read_journal(told.run_folder.journal)[0])
    for at in range(2, total + 1):
        with story(tmp_path / str(at)) as told:
            with pytest.raises(Killed):
                told.drive(kill_record=at)
            told.drive()
            assert_as_if_nothing_happened(told)


def test_kill_during_the_recovery_too(tmp_path: Path) -> None:
    """A second kill while the first is being mended changes nothing."""
    for first, second in [(2, 2), (3, 1), (3, 3), (4, 2), (6, 3), (9, 1)]:
        with story(tmp_path / f"{first}-{second}") as told:
            with pytest.raises(Killed):
                told.drive(kill=KillPoint(first, "after"))
            with pytest.raises(Killed):
                told.drive(kill=KillPoint(second, "after"))
            told.drive()
            assert_as_if_nothing_happened(told)


def test_the_journal_torn_in_its_last_line_resumes(tmp_path: Path) -> None:
    """A last line that was cut by a power failure is dropped, and the run goes on."""
    with story(tmp_path / "torn") as told:
        with pytest.raises(Killed):
            told.drive(kill=KillPoint(4, "after"))
        journal = told.run_folder.journal
        journal.write_bytes(journal.read_bytes()[:-7])
        told.drive()
        assert_as_if_nothing_happened(told)
