"""A run folder is lost: what the org can prove goes on record again, and the rest is for a person to decide."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.processes import typed

PLAN = """\
version: 1
name: two
defaults: {poll: {first: 10ms, factor: 1, max: 10ms}, parts: {max_rows: 2}, retry: {max_attempts: 1}}
steps:
  accounts: {object: Account, operation: OPERATION, source: accounts.csv}
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last}
    lookups: {Account.Legacy_Id__c: account}
"""
Project = tuple[Path, EmbeddedOrg, dict[str, str]]


def plan(operation: str) -> str:
    more = "upsert, external_id: Legacy_Id__c" if operation == "upsert" else operation
    return PLAN.replace("OPERATION", more)


@pytest.fixture
def org(project: Path) -> Iterator[Project]:
    """Five accounts in three parts, three contacts in two."""
    (project / "accounts.csv").write_text(
        "Name,Legacy_Id__c\n" + "".join(f"Company {i},A{i}\n" for i in range(1, 6)), encoding="utf-8"
    )
    (project / "plan.yaml").write_text(plan("insert"), encoding="utf-8")
    with EmbeddedOrg(project / "org", settings=Settings()) as served:
        yield project, served, {
            **os.environ, "SF_ACCESS_TOKEN": served.access_token(), "SF_ORG_INSTANCE_URL": served.instance_url,
        }  # fmt: skip


def lose(project: Path) -> None:
    shutil.rmtree(project / ".loadplan")


def adopted(project: Path, environ: dict[str, str], *more: str) -> tuple[int, str]:
    code, _, said = typed(project, environ, "adopt", "plan.yaml", "-o", "env", *more)
    return code, said


ONCE = {f"A{i}": 1 for i in range(1, 6)}


def test_a_run_that_had_ended_is_on_record_again(org: Project) -> None:
    """Every part is found by its rows; the resume sends nothing and ends as the lost run had."""
    project, served, environ = org
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")[0] == 0
    lose(project)
    code, said = adopted(project, environ)
    assert code == 0, said
    assert said.count("proven") == 5
    code, _, said = typed(project, environ, "resume")
    assert code == 0, said
    assert served.org.ledger.applied("Account") == ONCE
    assert served.org.count("Contact") == 3


def test_a_run_that_had_stopped_in_the_middle_goes_on(org: Project) -> None:
    """An upsert: what no job holds is sent, the contacts begin, every row is there once."""
    project, served, environ = org
    (project / "plan.yaml").write_text(plan("upsert"), encoding="utf-8")
    served.faults.quota("create ingest", 2)
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve", "--parallelism", "1")[0] == 7
    served.faults.rules.clear()
    lose(project)
    code, said = adopted(project, environ)
    assert code == 0, said
    assert [line.split()[0] for line in said.splitlines() if "accounts/" in line] == ["proven", "to", "to"]
    assert typed(project, environ, "resume")[0] == 0
    assert served.org.ledger.applied("Account") == ONCE
    assert served.org.count("Contact") == 3


def test_an_insert_that_no_job_holds_is_undecided(org: Project) -> None:
    """A deleted job would leave no trace: loadplan does not send the rows on a guess, and does when it is told to."""
    project, served, environ = org
    served.faults.quota("create ingest", 2)
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve", "--parallelism", "1")[0] == 7
    served.faults.rules.clear()
    lose(project)
    code, said = adopted(project, environ)
    assert (code, "undecided  accounts/" in said) == (5, True), said
    applied = dict(served.org.ledger.applied("Account"))
    for _ in range(3):
        command = next((line for line in said.splitlines() if "--assume not-applied" in line), None)
        if command is None:
            break
        _, _, said = typed(project, environ, *shlex.split(command.partition(": ")[2])[1:])
    assert served.org.ledger.applied("Account") == applied
    code, _, said = typed(project, environ, "resume")
    assert code == 0, said
    assert served.org.ledger.applied("Account") == ONCE
    assert served.org.count("Contact") == 3


def test_rows_that_are_others_are_never_taken_for_ours(org: Project) -> None:
    """The same keys with other values: another load. It proves nothing, and is named."""
    project, _, environ = org
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")[0] == 0
    lose(project)
    text = (project / "accounts.csv").read_text(encoding="utf-8")
    (project / "accounts.csv").write_text(text.replace("Company", "Firma"), encoding="utf-8")
    code, said = adopted(project, environ)
    assert (code, said.count("undecided  accounts/"), said.count("unknown    job")) == (5, 3, 3 + 2), said
    assert "not known: jobs that the org no longer lists" in said


def test_older_jobs_are_left_alone(org: Project) -> None:
    """`--since` says when the lost run began."""
    project, _, environ = org
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")[0] == 0
    lose(project)
    code, said = adopted(project, environ, "--since", "0s")
    assert (code, "0 of them by" in said) == (5, True), said


def test_rows_that_failed_are_not_sent_again_by_themselves(org: Project) -> None:
    """The lost run may have done that: they are left over, and a retry is asked for."""
    project, served, environ = org
    served.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A2"})
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")[0] == 1
    lose(project)
    text = (project / "plan.yaml").read_text(encoding="utf-8").replace("max_attempts: 1", "max_attempts: 3")
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    code, said = adopted(project, environ)
    assert code == 0, said
    code, _, said = typed(project, environ, "resume")
    assert (code, "loadplan retry" in said) == (1, True), said
    assert served.org.ledger.applied("Account") == {key: 1 for key in ONCE if key != "A2"}


def test_a_run_of_a_part_of_the_plan_is_rebuilt_as_that_part(org: Project) -> None:
    """It had been applied with --step: with the same choice the steps that were left out stay out."""
    project, served, environ = org
    chosen = ("--step", "accounts")
    assert typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve", *chosen)[0] == 0
    lose(project)
    code, said = adopted(project, environ, *chosen)
    assert (code, said.count("proven")) == (0, 3), said
    code, _, said = typed(project, environ, "resume")
    assert code == 0, said
    assert served.org.ledger.applied("Account") == ONCE
    assert served.org.count("Contact") == 0
