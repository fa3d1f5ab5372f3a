"""A job that vanished after its upload was closed: loadplan stops with both choices, and a person's decision goes on record."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.processes import completed, typed

PLAN = """\
version: 1
name: two
defaults: {poll: {first: 10ms, factor: 1, max: 10ms}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, columns: {Name: Name, Legacy_Id__c: Legacy_Id__c}}
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last}
    lookups: {Account.Legacy_Id__c: account}
"""
GONE = b'[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]'


Vanished = tuple[Path, EmbeddedOrg, dict[str, str], str]


@pytest.fixture
def vanished(project: Path) -> Iterator[Vanished]:
    """A run that stopped at exit 5; what it said."""
    (project / "plan.yaml").write_text(PLAN, encoding="utf-8")
    with EmbeddedOrg(project / "org", settings=Settings()) as org:
        environ = {**os.environ, "SF_ACCESS_TOKEN": org.access_token(), "SF_ORG_INSTANCE_URL": org.instance_url}
        org.faults.add("job info", "status", 1, 404, GONE, {"Content-Type": "application/json"})
        code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")
        assert code == 5, said
        yield project, org, environ, said


def commands(said: str) -> list[list[str]]:
    """The commands that a message offers, as they would be typed."""
    return [shlex.split(line.partition(": ")[2])[1:] for line in said.splitlines() if line.startswith("next: ")]


def test_both_commands_are_printed_and_status_shows_the_part(vanished: Vanished) -> None:
    """They can be pasted; `status` names the part and the same commands; a resume without a decision stops again."""
    project, _, environ, said = vanished
    applied, not_applied = commands(said)
    assert applied[:1] + applied[2:5] == ["resolve", "accounts/1", "--assume", "applied"]
    assert not_applied[4] == "not-applied"
    code, out, told = typed(project, environ, "status")
    assert code == 0
    assert "accounts/1: undecided, 2 rows in 750" in out
    assert commands(told) == [applied, not_applied]
    assert typed(project, environ, "resume")[0] == 5
    (run,) = [p.name for p in (project / ".loadplan" / "runs").iterdir()]
    assert completed(project, "resolve", run, "") == ["accounts/1"]


def test_applied_goes_on_with_the_rows_as_saved(vanished: Vanished) -> None:
    """The rows are in the org: they are not sent again, the children follow, and the record says who said so and why."""
    project, org, environ, said = vanished
    code, _, told = typed(project, environ, *commands(said)[0])
    assert code == 0, told
    code, _, told = typed(project, environ, *commands(told)[0])
    assert code == 0, told
    assert org.org.ledger.applied("Account") == {"A1": 1, "A2": 1}
    assert org.org.count("Contact") == 3
    (run,) = (project / ".loadplan" / "runs").iterdir()
    book = json.loads((run / "runbook.json").read_text(encoding="utf-8"))
    assert [s["successful"] for s in book["steps"]] == [2, 3]
    what = [i["what"] for i in book["incidents"] if "decided" in i["what"]]
    assert len(what) == 1
    assert "decided that the rows were applied: found in the org" in what[0]


def test_not_applied_sends_the_rows_in_another_job(vanished: Vanished) -> None:
    """A person looked, and they are not there. (Here the org has them: loadplan believes who decides.)"""
    project, _, environ, said = vanished
    assert typed(project, environ, *commands(said)[1])[0] == 0
    code, _, told = typed(project, environ, "resume")
    # The unique external id shows that the rows were there already.
    assert code == 1, told
    assert "2 sent = 0 successful + 2 failed" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["contacts/1", "--assume", "applied", "--reason", "x"], "contacts/1 is not undecided"),
        (["accounts/7", "--assume", "applied", "--reason", "x"], "accounts/7 is not undecided"),
        (["accounts", "--assume", "maybe", "--reason", "x"], "'maybe' is not one of"),
        (["accounts", "--assume", "applied"], "--reason is missing"),
        (["accounts", "--assume", "applied", "--reason", " "], "--reason is empty"),
    ],
)
def test_only_an_undecided_part_can_be_decided(vanished: Vanished, arguments: list[str], words: str) -> None:
    """With a reason, and one of two words; the message lists the parts that wait."""
    project, _, environ, _ = vanished
    code, _, told = typed(project, environ, "resolve", "two", *arguments)
    assert (code, words in told) == (2, True), told
    if "not undecided" in words:
        assert "accounts/1" in told.replace(words, "")


def test_what_the_org_had_said_is_not_contradicted(project: Path) -> None:
    """The org told that rows were saved before the job vanished: `not-applied` would send them twice, and is refused."""
    (project / "plan.yaml").write_text(PLAN, encoding="utf-8")
    with EmbeddedOrg(project / "org", settings=Settings()) as org:
        environ = {**os.environ, "SF_ACCESS_TOKEN": org.access_token(), "SF_ORG_INSTANCE_URL": org.instance_url}
        org.faults.add("successful", "status", 1, 404, GONE, {"Content-Type": "application/json"})
        code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")
        assert code == 5, said
        assert "the org had said JobComplete, 2 rows processed, 0 failed" in said
        code, _, told = typed(project, environ, *commands(said)[1])
        assert (code, "error[LP0515]" in told) == (2, True), told
        assert typed(project, environ, *commands(said)[0])[0] == 0
        assert typed(project, environ, "resume")[0] == 0
