"""A rehearsal: a snapshot of an org, a twin of it, a load into the twin, and what the org would have refused."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.processes import typed

ORG = {
    "Account": {
        "name": "Account",
        "fields": [
            {"name": "Id", "type": "id", "length": 18, "createable": False, "updateable": False, "nillable": False,
             "defaultedOnCreate": True, "idLookup": True},
            {"name": "Name", "type": "string", "length": 10, "nillable": False, "nameField": True},
            {"name": "Erp__c", "type": "string", "length": 20, "externalId": True, "unique": True},
            {"name": "Tier__c", "type": "picklist", "length": 255, "restrictedPicklist": True,
             "picklistValues": [{"value": "Gold", "active": True}, {"value": "Tin", "active": False}]},
            {"name": "Tax__c", "type": "string", "length": 12, "unique": True},
            {"name": "Size__c", "type": "int", "digits": 4},
        ],
    },
    "Bill__c": {
        "name": "Bill__c",
        "fields": [
            {"name": "Id", "type": "id", "length": 18, "createable": False, "updateable": False, "nillable": False,
             "defaultedOnCreate": True, "idLookup": True},
            {"name": "Name", "type": "string", "length": 80, "nameField": True, "defaultedOnCreate": True},
            {"name": "Account__c", "type": "reference", "length": 18, "referenceTo": ["Account"],
             "relationshipName": "Account__r", "relationshipOrder": 0, "nillable": False, "cascadeDelete": True,
             "updateable": False},
        ],
    },
}  # fmt: skip
PLAN = """\
version: 1
name: bills
defaults: {poll: {first: 200ms, factor: 1, max: 200ms}, gate: {max_failed_percent: 100}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, key: Erp__c}
  bills:
    object: Bill__c
    operation: insert
    source: bills.csv
    columns: {Name: name}
    lookups: {Account__r.Erp__c: account}
    on_parent_failure: send
"""
ACCOUNTS = """\
Name,Erp__c,Tier__c,Tax__c,Size__c
Alder,A1,Gold,T1,1
Much too long a name,A2,Gold,T2,2
,A3,Gold,T3,3
Cedar,A4,Tin,T4,4
Delta,A5,Gold,T1,5
Elm,A6,Gold,T6,many
"""
BILLS = "name,account\nB1,A1\nB2,A4\nB3,Z9\n"
ORGS = "version: 1\norgs:\n  twin: {embedded: {describe: describe}}\n"


@pytest.fixture
def real(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    """Stands for the org that the load is meant for."""
    folder = tmp_path / "real"
    folder.mkdir()
    for name, raw in ORG.items():
        (folder / f"{name}.json").write_text(json.dumps(raw), encoding="utf-8")
    with EmbeddedOrg(describe=[folder], settings=Settings(latency=0.0)) as server:
        yield server


@pytest.fixture
def environ(real: EmbeddedOrg) -> dict[str, str]:
    return {**os.environ, "SF_ACCESS_TOKEN": real.access_token(), "SF_ORG_INSTANCE_URL": real.instance_url}


@pytest.fixture
def project(tmp_path: Path, environ: dict[str, str]) -> Path:
    """A plan of two steps with its rows, a snapshot of the org, and the twin in orgs.yaml."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in (("orgs.yaml", ORGS), ("plan.yaml", PLAN), ("accounts.csv", ACCOUNTS), ("bills.csv", BILLS)):
        (folder / name).write_text(text, encoding="utf-8")
    taken = typed(folder, environ, "org", "describe", "--all-needed-by", "plan.yaml", "-o", "env", "--out", "describe")
    assert (taken[0], taken[1]) == (0, "describe/Account.json\ndescribe/Bill__c.json\n"), taken[2]
    return folder


def after(said: str) -> list[str]:
    """The closing lines of a rehearsal, run ids and times left out."""
    lines = said.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith("Rehearsal: ")) :]


def test_a_rehearsal_prints_what_would_have_failed_in_the_real_org(
    project: Path, environ: dict[str, str], real: EmbeddedOrg
) -> None:
    """Too long, missing, not on the list, not unique, not a number, no parent: each told with its rows, and nothing was sent to
    the org."""
    real.org.requests.clear()
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert code == 0, said
    assert not real.org.requests
    told = after(said)
    assert told[0] == "Rehearsal: 7 of 9 rows would have failed in the real org, by the snapshot in describe"
    [file] = (project / ".loadplan" / "runs").glob("*/rehearsal.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["rows"], found["would_fail"], found["cannot_tell"], found["snapshot"]) == (9, 7, 0, "describe")
    assert {(r["step"], r["code"], r["fields"], r["rows"]) for r in found["reasons"]} == {
        ("accounts", "STRING_TOO_LONG", "Name", 1),
        ("accounts", "REQUIRED_FIELD_MISSING", "Name", 1),
        ("accounts", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Tier__c", 1),
        ("accounts", "DUPLICATE_VALUE", "", 1),
        ("accounts", "INVALID_FIELD", "Size__c", 1),
        ("bills", "INVALID_FIELD", "Account__r.Erp__c", 2),
    }
    assert told[1].startswith("  why         2 of bills: INVALID_FIELD (Account__r.Erp__c): ")
    assert told[-1].startswith("  next        loadplan apply plan.yaml -o twin   # ")


def test_a_field_that_the_org_lacks_fails_the_rehearsal_too(project: Path, environ: dict[str, str]) -> None:
    """The embedded org has `Legacy_Id__c` of its own; its twin has what the snapshot has."""
    text = ACCOUNTS.replace("Size__c", "Legacy_Id__c")
    (project / "accounts.csv").write_text(text, encoding="utf-8")
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert code in {0, 1}
    assert any("6 of accounts: InvalidBatch: the org does not know a column" in line for line in after(said)), said


def test_what_only_the_org_can_know_is_not_called_a_failure(
    project: Path, environ: dict[str, str], real: EmbeddedOrg
) -> None:
    """The org has accounts and the twin has none of them: a parent that is not in the plan may be there."""
    kinds = real.org.schema.objects
    real.org.saver.insert(kinds["account"], {"Name": "Zeta", "Erp__c": "Z9"}, 0.0)
    real.org.store.commit()
    typed(project, environ, "org", "describe", "Account", "-o", "env", "--out", "describe")
    (project / "accounts.csv").write_text("Name,Erp__c\nAlder,A1\n", encoding="utf-8")
    (project / "bills.csv").write_text("name,account\nB1,A1\nB3,Z9\n", encoding="utf-8")
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert code == 0, said
    told = after(said)
    assert told[0] == (
        "Rehearsal: none of 3 rows would have failed in the real org, by the snapshot in describe; of 1 row the twin cannot tell"
    )
    assert told[1] == (
        "  cannot tell 1 of bills: INVALID_FIELD (Account__r.Erp__c): the twin has no such Account; the org, with about 1,"
        " may have it"
    )
    assert any("loadplan plan plan.yaml -o ORG" in line for line in told[2:])


def test_rows_that_were_not_tried_are_not_called_good(project: Path, environ: dict[str, str]) -> None:
    """The gate of the accounts is shut, so nothing is known of the bills."""
    (project / "plan.yaml").write_text(PLAN.replace("max_failed_percent: 100", "max_failed_rows: 0"), encoding="utf-8")
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert code == 1
    told = after(said)
    assert told[0].startswith("Rehearsal: 5 of 6 rows would have failed in the real org")
    assert "  not tried   3 rows of bills: held by accounts" in told


def test_a_run_on_the_embedded_org_itself_is_no_rehearsal(project: Path, environ: dict[str, str]) -> None:
    """Nor is one on a real org: nothing more is said."""
    (project / "accounts.csv").write_text("Name,Legacy_Id__c,Erp__c\nAlder,A1,A1\n", encoding="utf-8")
    _, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "embedded", "--step", "accounts")
    assert "Rehearsal" not in said
    assert not list((project / ".loadplan" / "runs").glob("*/rehearsal.json"))


def test_the_time_that_a_load_would_take_is_told_from_earlier_runs(project: Path, environ: dict[str, str]) -> None:
    """The first rehearsal knows of none; after a run in the org the second one does."""
    (project / "accounts.csv").write_text("Name,Erp__c\nAlder,A1\n", encoding="utf-8")
    (project / "bills.csv").write_text("name,account\nB1,A1\n", encoding="utf-8")
    _, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert any(
        line == "  time        no earlier run on a real org tells how long it would take" for line in after(said)
    ), said
    code, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "env", "--auto-approve")
    assert code == 0, said
    (project / "accounts.csv").write_text("Name,Erp__c\nBrook,B1\n", encoding="utf-8")
    (project / "bills.csv").write_text("name,account\nB2,B1\n", encoding="utf-8")
    _, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    [line] = [line for line in after(said) if line.startswith("  time ")]
    assert line == "  time        a few seconds in env (from 1 earlier run; critical path accounts -> bills)"
    for journal in (project / ".loadplan" / "runs").glob("*/journal.jsonl"):
        journal.write_bytes(journal.read_bytes().replace(b'"rows":1', b'"rows":9', 1))  # the chain no longer holds
    (project / "accounts.csv").write_text("Name,Erp__c\nChard,C1\n", encoding="utf-8")
    _, _, said = typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    assert "  time        no earlier run on a real org tells how long it would take" in after(said), (
        "a damaged run tells"
    )


def test_a_twin_that_began_anew_holds_nothing_of_earlier_rehearsals(project: Path, environ: dict[str, str]) -> None:
    """A second run meets the rows of the first, which is no fault of theirs; without its folder the twin meets none."""
    apply = ("apply", "plan.yaml", "-o", "twin", "--step", "accounts")
    (project / "accounts.csv").write_text("Name,Erp__c,Tax__c\nAlder,A1,T1\nBrook,A2,T1\n", encoding="utf-8")
    first = after(typed(project, environ, *apply)[2])[0]
    assert first == "Rehearsal: 1 of 2 rows would have failed in the real org, by the snapshot in describe"
    again = after(typed(project, environ, *apply)[2])
    assert again[0] == (
        "Rehearsal: none of 2 rows would have failed in the real org, by the snapshot in describe; of 2 rows the twin cannot tell"
    )
    assert again[1].endswith("the twin holds rows of earlier rehearsals, which they may have met")
    for run in (project / ".loadplan" / "runs").iterdir():  # as if they had been yesterday
        journal = run / "journal.jsonl"
        journal.write_bytes(re.sub(rb'"at":"\d{4}', b'"at":"2001', journal.read_bytes()))
    shutil.rmtree(project / ".loadplan" / "embedded" / "twin")
    assert after(typed(project, environ, *apply)[2])[0] == first


def test_a_rehearsal_in_a_pull_request_stands_in_its_summary(project: Path, environ: dict[str, str]) -> None:
    """In words, without a value of a row."""
    page = project / "summary.md"
    environ |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page), "GITHUB_WORKSPACE": str(project)}
    typed(project, environ, "apply", "plan.yaml", "-o", "twin")
    text = page.read_text(encoding="utf-8")
    assert (
        "### Rehearsal: 7 of 9 rows would have failed in the real org, by the snapshot in describe\n\n- why 2 of bills: "
        in text
    )
    assert "Much too long" not in text
