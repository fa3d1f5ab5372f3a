"""What a twin cannot tell shuts no gate of a rehearsal: the steps behind are rehearsed too, and runbook and exit code say the same."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from support.processes import typed

ORGS = "version: 1\norgs:\n  prod: {embedded: {}}\n  twin: {embedded: {describe: describe}}\n"
OLD = """\
version: 1
name: old
defaults: {poll: {first: 50ms, factor: 1, max: 50ms}}
steps:
  accounts: {object: Account, operation: insert, source: old.csv, key: Legacy_Id__c}
"""
PLAN = """\
version: 1
name: load
defaults: {poll: {first: 50ms, factor: 1, max: 50ms}}
steps:
  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv}
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {Legacy_Id__c: id, LastName: last}
    lookups: {Account.Legacy_Id__c: account}
  tasks:
    object: Task
    operation: insert
    source: tasks.csv
    key: ref
    columns: {Subject: subject}
    lookups: {"Contact:Who.Legacy_Id__c": contact}
"""
FILES = {
    "orgs.yaml": ORGS, "old.yaml": OLD, "plan.yaml": PLAN,
    "old.csv": "Legacy_Id__c,Name\nP1,Pine\n",
    # A2 is updated in the org where it is there, and cannot be made without a name: only the org knows.
    "accounts.csv": "Legacy_Id__c,Name\nA1,Alder\nA2,\n",
    "contacts.csv": "id,last,account\nC1,Rossi,A1\nC2,Lind,A2\nC3,Kim,P1\n",
    "tasks.csv": "ref,subject,contact\nT1,call,C1\nT2,call,C2\nT3,call,C3\n",
}  # fmt: skip
QUERY = """\
version: 1
name: purge
defaults: {poll: {first: 50ms, factor: 1, max: 50ms}}
steps:
  stale: {operation: query, soql: SELECT Id FROM Account, output: out.csv, gate: {min_rows: 1}}
  purge: {object: Account, operation: delete, source: {step: stale}}
"""


@pytest.fixture
def environ() -> dict[str, str]:
    return dict(os.environ)


@pytest.fixture
def project(tmp_path: Path, environ: dict[str, str]) -> Path:
    """A plan of three steps, an org with one account, and a twin of it without."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for words in (("apply", "old.yaml"), ("org", "describe", "--all-needed-by", "plan.yaml", "--out", "describe")):
        code, _, said = typed(tmp_path, environ, *words, "-o", "prod")
        assert code == 0, said
    return tmp_path


def kept(project: Path, name: str) -> Any:
    """A file of the newest run, as JSON."""
    run = max((project / ".loadplan" / "runs").glob("*-load-*"), key=lambda folder: folder.stat().st_mtime_ns)
    return json.loads((run / name).read_text(encoding="utf-8"))


def after(said: str) -> list[str]:
    """The closing lines of a rehearsal."""
    lines = said.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith("Rehearsal: ")) :]


def test_rows_of_which_a_twin_cannot_tell_shut_no_gate(project: Path, environ: dict[str, str]) -> None:
    """Whatever the gates of the plan, every step is rehearsed; all files say so alike, and one command comes next."""
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    told = after(said)
    assert code == 0, said
    assert told[0] == (
        "Rehearsal: none of 8 rows would have failed in `prod`, by the snapshot in describe; of 5 rows the twin cannot tell"
    )
    assert not [line for line in told if "not tried" in line]
    found, book, summary = (kept(project, name) for name in ("rehearsal.json", "runbook.json", "summary.json"))
    assert (found["would_fail"], found["cannot_tell"], found["waiting"]) == (0, 5, 0)
    assert (book["exit"], summary["exit"], summary["result"]) == (0, 0, "succeeded with rows left over")
    gates = {step["step"]: step["gate"] for step in book["steps"]}
    assert {name: gate["verdict"] for name, gate in gates.items()} == dict.fromkeys(gates, "open")
    assert gates["accounts"]["because"] == ("no row failed for sure; the twin cannot tell of 1, and it does not count")
    commands = [line.split("next")[1].split("#")[0].strip() for line in told if line.startswith("  next")]
    assert commands == ["loadplan plan plan.yaml -o prod"] == [entry["command"] for entry in found["next"]]
    assert [entry["command"] for entry in book["next"]] == commands


def test_a_row_that_fails_for_sure_still_shuts_the_gate(project: Path, environ: dict[str, str]) -> None:
    """Among rows of which the twin cannot tell: the gate counts the one, and the one command is to rehearse again."""
    rows = FILES["accounts.csv"] + f"A3,{'x' * 300}\n"
    (project / "accounts.csv").write_text(rows, encoding="utf-8")
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert code == 1
    told = after(said)
    assert told[0].startswith("Rehearsal: 1 of 3 rows would have failed in `prod`")
    assert (
        "gate shut   accounts: 1 row did not land, the gate allows 0; the twin cannot tell of 1 more, and it does not count"
        in said
    )
    commands = [line.split("next")[1].split("#")[0].strip() for line in told if line.startswith("  next")]
    assert commands == ["loadplan apply plan.yaml -o twin"]
    assert [entry["command"] for entry in kept(project, "runbook.json")["next"]] == commands


def test_where_the_org_has_no_records_nothing_is_excused(project: Path, environ: dict[str, str]) -> None:
    """The counts of the snapshot say that no parent can be there: the gates judge as they would in the org."""
    manifest = project / "describe" / "snapshot.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("Account = 1", "Account = 0"), encoding="utf-8")
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert code == 1
    assert "Rehearsal: 1 of 2 rows would have failed" in said


def test_a_run_on_another_org_excuses_no_row(project: Path, environ: dict[str, str]) -> None:
    """The same load on an org that is no twin: its gate is shut."""
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "prod")
    assert code == 1
    assert "gate shut   accounts: 1 row did not land, the gate allows 0\n" in said


def test_a_retry_of_a_rehearsal_is_a_rehearsal(project: Path, environ: dict[str, str]) -> None:
    """It judges by the same measure as the run that it goes on with."""
    (project / "accounts.csv").write_text(FILES["accounts.csv"] + f"A3,{'x' * 300}\n", encoding="utf-8")
    assert typed(project, environ, "apply", "plan.yaml", "-o", "twin")[0] == 1
    [run] = (project / ".loadplan" / "runs").glob("*-load-*")
    code, _, said = typed(project, environ, "retry", run.name)
    assert code == 1
    assert "the twin cannot tell of 1 more" in said


def test_a_query_on_a_twin_has_too_few_rows_for_no_gate(project: Path, environ: dict[str, str]) -> None:
    """A twin has none of the org's records, so least rows are not asked for, and the step that they feed is said to be untried."""
    (project / "purge.yaml").write_text(QUERY, encoding="utf-8")
    code, _, said = typed(project, environ, "apply", "purge.yaml", "-o", "twin")
    assert code == 0, said
    assert (
        "gate    stale                OPEN: 0 rows, the gate asks for at least 1; the twin has none of the org's records"
        in said
    )
    assert "  not tried   purge: its rows are those of `stale`, and the twin has none of the org's records" in after(
        said
    )
