"""`loadplan plan`: what a reviewer reads before anything is sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from loadplan.plan.schema import load_schema

from .conftest import Command

LAST = "Plan: 5 to create, 0 to update, 0 to delete, 1 to extract, in 3 jobs."


def test_a_plan_against_an_org_says_how_many_rows_make_a_record(project: Path, loadplan: Command) -> None:
    """The last line is a public interface; the destructive step stands first and apart."""
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert ran.exit == 0, ran.err
    assert ran.out.splitlines()[-1] == LAST
    lines = ran.out.splitlines()
    assert lines.index("Destructive") < next(i for i, line in enumerate(lines) if "± accounts" in line)
    assert "3 create, 0 update" in ran.out
    assert "Order   accounts -> contacts -> stale -> purge" in ran.out
    assert "bulk batches (24 h): 2 of" in ran.out


def test_rows_that_are_in_the_org_are_updates(project: Path, loadplan: Command) -> None:
    """The same plan after it was applied."""
    assert loadplan("apply", "plans/crm.yaml", "-o", "embedded").exit == 0
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert "0 to create, 5 to update" in ran.out


def test_many_keys_are_looked_up_by_a_bulk_query(project: Path, loadplan: Command, tmp_path: Path) -> None:
    """Of 5,000 rows 3 are in the org already, and every one of them is looked up."""
    assert loadplan("apply", "plans/crm.yaml", "-o", "embedded").exit == 0
    rows = "".join(f"A{n},Name {n},\n" for n in range(1, 5001))
    (project / "plans/data/accounts_emea.csv").write_text("id,name,rating\n" + rows, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--json")
    step = json.loads(ran.out)["steps"][0]
    assert (step["creates"], step["updates"], step["split"]) == (4_997, 3, "looked up")


def test_offline_asks_nobody_and_is_the_same_in_another_folder(
    project: Path, loadplan: Command, tmp_path: Path
) -> None:
    """Byte for byte, in text and in JSON: no times, no paths of this machine."""
    found = []
    other = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(project / "plans", other / "plans")
    (other / ".git").mkdir()
    for folder in (project, other):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            text = loadplan("plan", "plans/crm.yaml", "--offline").out
            found.append((text, loadplan("plan", "plans/crm.yaml", "--offline", "--json").out))
    assert found[0] == found[1]
    assert str(tmp_path) not in found[0][0] + found[0][1]
    assert "(no org was asked)" in found[0][0]
    assert not (project / ".loadplan").exists() or not list((project / ".loadplan").rglob("*.csv"))


def test_the_json_fits_its_schema(project: Path, loadplan: Command) -> None:
    """Offline and with an org."""
    validator = Draft202012Validator(load_schema("planned"))
    for arguments in (["--offline"], ["-o", "embedded"]):
        ran = loadplan("plan", "plans/crm.yaml", "--json", *arguments)
        validator.validate(json.loads(ran.out))


def test_exit_codes_for_scripts(project: Path, loadplan: Command) -> None:
    """0 nothing to do, 2 something, 1 any error; `--expect-no-changes` fails when there is something."""
    assert loadplan("plan", "plans/crm.yaml", "--offline", "--detailed-exitcode").exit == 2
    assert loadplan("plan", "plans/none.yaml", "--offline", "--detailed-exitcode").exit == 1
    assert loadplan("plan", "plans/none.yaml", "--offline").exit == 2
    assert loadplan("plan", "plans/crm.yaml", "--offline", "--expect-no-changes").exit == 1
    (project / "plans/crm.yaml").write_text(
        "version: 1\nname: none\nsteps:\n  a: {object: Account, operation: insert, source: data/contacts.csv, "
        "columns: {Name: last}, where: {column: last, equals: Zoe}}\n",
        encoding="utf-8",
    )
    ran = loadplan("plan", "plans/crm.yaml", "--offline", "--detailed-exitcode", "--expect-no-changes")
    assert (ran.exit, ran.out.splitlines()[-1]) == (0, "No changes.")


def test_an_org_or_offline_must_be_said(project: Path, loadplan: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked by mistake."""
    monkeypatch.delenv("SF_TARGET_ORG", raising=False)
    ran = loadplan("plan", "plans/crm.yaml")
    assert ran.exit == 2
    assert "loadplan plan PLAN --offline" in ran.err


def test_rows_that_would_fail_are_weighed_against_the_gate(project: Path, loadplan: Command) -> None:
    """Within the gate a warning, beyond it an error; with file and line, and without the value."""
    file = project / "plans/data/contacts.csv"
    file.write_text("id,last,email,account\nC1,Ana,secret-at-example,A1\nC2,Ben,,A9\n", encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert ran.exit == 0
    assert (
        "warning[LP0728]: step contacts: 1 row: `Email` is not an email address\n  --> data/contacts.csv:2" in ran.out
    )
    assert (
        "`Account.Legacy_Id__c` names parents that neither the plan nor the org has\n  --> data/contacts.csv:3"
        in ran.out
    )
    assert "secret-at-example" not in ran.out + ran.err
    file.write_text(file.read_text("utf-8") + "C3,Chloe,x,A1\nC4,Dan,y,A1\n", encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert ran.exit == 2
    assert "error[LP0750]: step contacts: 4 of 4 rows would fail" in ran.out


def test_names_are_held_against_a_snapshot_in_git(project: Path, loadplan: Command) -> None:
    """Unknown field, wrong case, no external id, relationship that is not there: all in one pass, without an org."""
    ran = loadplan("org", "describe", "--all-needed-by", "plans/crm.yaml", "-o", "embedded", "--out", "describe")
    assert ran.exit == 0, ran.err
    plan = (project / "plans/crm.yaml").read_text("utf-8")
    plan = plan.replace("Rating: rating", "Ratng: rating").replace("LastName: last", "lastname: last")
    plan = plan.replace("Account.Legacy_Id__c: account", "Acount__r.Legacy_Id__c: account").replace(
        "Email: email", "Phone: email"
    )
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "--offline", "--describe", "describe", "--json")
    found = {(f["code"], f["severity"], f["step"]) for f in json.loads(ran.out)["checks"]["findings"]}
    assert ("LP0702", "error", "accounts") in found
    assert ("LP0703", "warning", "contacts") in found
    assert ("LP0708", "error", "contacts") in found
    assert ran.exit == 2


def test_a_key_that_is_no_external_id_is_refused(project: Path, loadplan: Command) -> None:
    """With the external ids there are."""
    plan = (project / "plans/crm.yaml").read_text("utf-8").replace("Legacy_Id__c: id, Rating", "Site: id, Rating")
    plan = plan.replace('external_id: Legacy_Id__c\n    source: "data', 'external_id: Site\n    source: "data')
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert "error[LP0705]: step accounts: `Site` is not an external id of Account" in ran.out
    assert "external ids of Account: Legacy_Id__c" in ran.out


def test_a_second_pass_over_rows_of_the_plan_makes_nothing(project: Path, loadplan: Command) -> None:
    """Its keys are loaded by an earlier step, so even offline it is known that they find their records."""
    plan = (
        (project / "plans/crm.yaml")
        .read_text("utf-8")
        .replace(
            "  stale:",
            "  again:\n    object: Account\n    operation: upsert\n    external_id: Legacy_Id__c\n"
            "    source: data/accounts_emea.csv\n    columns: {Legacy_Id__c: id}\n    depends_on: [contacts, accounts]\n  stale:",
        )
    )
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    step = next(
        s
        for s in json.loads(loadplan("plan", "plans/crm.yaml", "--offline", "--json").out)["steps"]
        if s["step"] == "again"
    )
    assert (step["creates"], step["updates"], step["split"]) == (0, 3, "loaded by the plan")


def test_what_the_entry_of_the_org_forbids_is_said(project: Path, loadplan: Command) -> None:
    """Before a run would stop with exit 3."""
    (project / "orgs.yaml").write_text(
        "version: 1\norgs:\n  twin: {embedded: {}, allow: [upsert, query]}\n", encoding="utf-8"
    )
    ran = loadplan("plan", "plans/crm.yaml", "-o", "twin")
    assert ran.exit == 2
    assert "error[LP0409]: step purge: the entry of `twin` in orgs.yaml does not allow delete" in ran.out


def test_references_to_rows_of_a_step_are_followed(project: Path, loadplan: Command) -> None:
    """`id_of` a key that the other step does not have: known offline, with its line."""
    (project / "plans/crm.yaml").write_text(
        "version: 1\nname: ids\nsteps:\n"
        "  people: {object: Contact, operation: insert, key: id, source: data/contacts.csv, columns: {LastName: last}}\n"
        "  tasks:\n    object: Task\n    operation: insert\n    source: data/tasks.csv\n    columns: {Subject: what}\n"
        "    lookups: {WhoId: {id_of: people, column: who}}\n",
        encoding="utf-8",
    )
    (project / "plans/data/tasks.csv").write_text("what,who\nCall,C1\nWrite,C9\n", encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "--offline")
    assert (
        "error[LP0740]: step tasks: 1 row: `WhoId` names rows that step people does not have\n  --> data/tasks.csv:3"
        in ran.out
    )
    assert ran.exit == 2


def test_parents_that_are_alike_in_all_that_is_sent_are_told(project: Path, loadplan: Command) -> None:
    """Children that name them would be held back. Where the key is sent, or nobody looks them up, nothing is said."""
    plan = (
        "version: 1\nname: ids\nsteps:\n"
        "  people: {object: Contact, operation: insert, key: id, source: data/contacts.csv, columns: {LastName: last}}\n"
        "  tasks:\n    object: Task\n    operation: insert\n    source: data/tasks.csv\n    columns: {Subject: what}\n"
        "    lookups: {WhoId: {id_of: people, column: who}}\n"
    )
    (project / "plans/data/contacts.csv").write_text("id,last\nC1,Lee\nC2,Ann\nC3,Lee\nC4,Lee\n", encoding="utf-8")
    (project / "plans/data/tasks.csv").write_text("what,who\nCall,C1\n", encoding="utf-8")
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "--offline")
    assert ran.exit == 0
    assert "warning[LP0737]: step people: 3 rows: the row is like another one in all that is sent" in ran.out
    assert "--> data/contacts.csv:2  (also 4, 5)" in ran.out
    for other in (
        plan.replace("{LastName: last}", "{LastName: last, Legacy_Id__c: id}"),
        plan.partition("  tasks:")[0],
    ):
        (project / "plans/crm.yaml").write_text(other, encoding="utf-8")
        assert "LP0737" not in loadplan("plan", "plans/crm.yaml", "--offline").out


def test_ids_of_another_object_are_not_deleted(project: Path, loadplan: Command) -> None:
    """The first three characters of an id say what it is of."""
    (project / "plans/crm.yaml").write_text(
        "version: 1\nname: gone\nsteps:\n  gone: {object: Contact, operation: delete, source: data/ids.csv}\n",
        encoding="utf-8",
    )
    (project / "plans/data/ids.csv").write_text("Id\n003000000000001AAA\n001000000000001AAA\n", encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert "`Id` holds the id of another object than Contact\n  --> data/ids.csv:3" in ran.out


def test_when_every_row_makes_a_record_what_records_need_is_needed_by_all(project: Path, loadplan: Command) -> None:
    """With the org it is known that no row finds a record, so an empty name fails for certain; offline it may not."""
    file = project / "plans/data/accounts_emea.csv"
    file.write_text("id,name,rating\nA1,,Hot\nA2,Brook,\n", encoding="utf-8")
    assert (
        "warning[LP0727]"
        in loadplan("plan", "plans/crm.yaml", "--offline", "--describe", describe(project, loadplan)).out
    )
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded")
    assert (ran.exit, "error[LP0727]" in ran.out, "1 of 2 rows would fail" in ran.out) == (2, True, True)


def describe(project: Path, loadplan: Command) -> str:
    ran = loadplan("org", "describe", "--all-needed-by", "plans/crm.yaml", "-o", "embedded", "--out", "describe")
    assert ran.exit == 0, ran.err
    return "describe"


def test_a_delete_that_nothing_bounds_is_pointed_out(project: Path, loadplan: Command) -> None:
    """A gate on the query, a limit of the step, or a cap of the org bounds it."""
    assert "LP0745" not in loadplan("plan", "plans/crm.yaml", "--offline").out
    plan = (project / "plans/crm.yaml").read_text("utf-8").replace("    gate: {max_rows: 500}\n", "")
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "--offline")
    assert (
        ran.exit,
        "warning[LP0745]: step purge: nothing bounds how many rows of `stale` it will delete" in ran.out,
    ) == (0, True)
    (project / "orgs.yaml").write_text(
        "version: 1\norgs: {twin: {embedded: {}, limits: {max_delete_rows: 9}}}\n", encoding="utf-8"
    )
    assert "LP0745" not in loadplan("plan", "plans/crm.yaml", "-o", "twin").out
