"""A small project that a reviewer looks at: accounts, their contacts, and a delete of what a query finds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from loadplan.cli.main import run

PLAN = """\
version: 1
name: crm
vars:
  region: {type: string, default: emea}
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: "data/accounts_{{ region }}.csv"
    columns: {Name: name, Legacy_Id__c: id, Rating: rating}
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/contacts.csv
    columns: {LastName: last, Legacy_Id__c: id, Email: email}
    lookups: {Account.Legacy_Id__c: account}
    gate: {max_failed_rows: 2}
  stale:
    operation: query
    soql: SELECT Id FROM Opportunity WHERE StageName = 'Closed Lost'
    depends_on: [contacts]
    gate: {max_rows: 500}
  purge:
    object: Opportunity
    operation: delete
    source: {step: stale}
"""
ACCOUNTS = "id,name,rating\nA1,Alder,Hot\nA2,Brook,Cold\nA3,Cedar,\n"
CONTACTS = "id,last,email,account\nC1,Ana,ana@example.com,A1\nC2,Ben,,A2\n"


class Ran(NamedTuple):
    exit: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "data").mkdir()
    (tmp_path / "plans" / "crm.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "plans" / "data" / "accounts_emea.csv").write_text(ACCOUNTS, encoding="utf-8")
    (tmp_path / "plans" / "data" / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(project: Path) -> Path:
    """The project with its first commit on `main`."""
    (project / ".git").rmdir()
    git(project, "init", "-q", "-b", "main")
    commit(project, "one")
    return project


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)


def edit(folder: Path, old: str, new: str, name: str = "plans/crm.yaml") -> None:
    file = folder / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def loadplan(capfd: pytest.CaptureFixture[str]) -> Command:
    """The command as a user types it: exit code, stdout, stderr."""

    def command(*arguments: str) -> Ran:
        capfd.readouterr()
        code = run(arguments)
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return command
