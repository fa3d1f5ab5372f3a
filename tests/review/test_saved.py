"""Saved plans: what was approved is what runs, once, or nothing does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from loadplan.plan.schema import load_schema
from loadplan.review.saved import read_saved, seal

from support.processes import ran as process

from .conftest import Command


@pytest.fixture
def saved(project: Path, loadplan: Command) -> Path:
    """A plan that was approved for the embedded org. It has a value table beside its sources."""
    (project / "plans/data/ratings.csv").write_text(
        "from,to\nhot,Hot\ncold,Cold\nHot,Hot\nCold,Cold\n", encoding="utf-8"
    )
    _edit("plans/crm.yaml", "Rating: rating", "Rating: {column: rating, map: {file: data/ratings.csv}}")(project)
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--out", "crm.lplan")
    assert ran.exit == 0, ran.err
    assert "Next: loadplan apply crm.lplan" in ran.err
    return project / "crm.lplan"


def test_an_approved_plan_runs_once_without_a_question(saved: Path, loadplan: Command) -> None:
    """The second apply exits 6 and names the run of the first."""
    ran = loadplan("apply", "crm.lplan")
    assert ran.exit == 0, ran.err
    run = next((saved.parent / ".loadplan" / "runs").iterdir()).name
    ran = loadplan("apply", "crm.lplan")
    assert ran.exit == 6
    assert f"error[LP0762]: this plan was applied already, by {run}" in ran.err
    assert f"next: loadplan status {run}" in ran.err
    assert "resume" not in ran.err
    assert len(list((saved.parent / ".loadplan" / "runs").iterdir())) == 1


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        file = project / name
        file.write_text(file.read_text("utf-8").replace(old, new), encoding="utf-8")

    return change


CHANGES = {
    "one byte of the plan": (_edit("plans/crm.yaml", "name: crm", "name: crn"), "the plan plans/crm.yaml changed"),
    "one byte of a source": (
        _edit("plans/data/contacts.csv", "Ben", "Bex"), "the rows of `contacts` changed: as many as then (2), with other contents",
    ),
    "a source that can no longer be read": (
        _edit("plans/data/contacts.csv", "C2,Ben,,A2", "C2,Ben"), "the source plans/data/contacts.csv changed",
    ),
    "a source that is gone": (
        lambda project: (project / "plans/data/contacts.csv").unlink(), "the source plans/data/contacts.csv is not there",
    ),
    "a value table that is gone": (
        lambda project: (project / "plans/data/ratings.csv").unlink(), "the value table data/ratings.csv is not there",
    ),
    "a value table that changed": (_edit("plans/data/ratings.csv", "Cold", "Warm"), "data/ratings.csv changed"),
    "a plan that is gone": (lambda project: (project / "plans/crm.yaml").unlink(), "the plan plans/crm.yaml is not there"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_sent_when_anything_differs(change: str, saved: Path, loadplan: Command) -> None:
    """Exit 6, naming what; no run begins, and no lock is left behind."""
    edit, said = CHANGES[change]
    edit(saved.parent)
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, said in ran.err) == (6, True), ran.err
    runs = saved.parent / ".loadplan" / "runs"
    assert not runs.exists() or not list(runs.iterdir())


def test_a_refused_apply_leaves_the_org_free(saved: Path, loadplan: Command) -> None:
    """After the refusal another plan runs at once, and the saved one is not used up."""
    file = saved.parent / "plans/data/contacts.csv"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"Ben", b"Bex"))
    assert loadplan("apply", "crm.lplan").exit == 6
    file.write_bytes(before)
    assert loadplan("apply", "crm.lplan").exit == 0


def test_an_object_that_looks_different_makes_the_plan_stale(project: Path, loadplan: Command) -> None:
    """A field became shorter since the approval."""
    (project / "describe").mkdir()
    (project / "orgs.yaml").write_text("version: 1\norgs: {twin: {embedded: {describe: describe}}}\n", encoding="utf-8")
    assert loadplan("plan", "plans/crm.yaml", "-o", "twin", "--out", "crm.lplan").exit == 0
    field = {"name": "Site", "type": "string", "length": 40}
    (project / "describe/Account.json").write_text(json.dumps({"name": "Account", "fields": [field]}), encoding="utf-8")
    ran = loadplan("apply", "crm.lplan")
    assert ran.exit == 6
    assert "the saved plan is stale: Account looks different in the org" in ran.err


def test_an_object_that_the_plan_had_not_seen_makes_it_stale(project: Path, loadplan: Command) -> None:
    """It came to the org since, or an earlier release had not asked for it: nobody can say that it looks different."""
    (project / "describe").mkdir()
    (project / "orgs.yaml").write_text("version: 1\norgs: {twin: {embedded: {describe: describe}}}\n", encoding="utf-8")
    deal = {"name": "Deal__c", "type": "reference", "referenceTo": ["Deal__c"], "relationshipName": "Deal__r"}
    (project / "describe/Contact.json").write_text(json.dumps({"name": "Contact", "fields": [deal]}), encoding="utf-8")
    pull = 'version: 1\nname: pull\nsteps:\n  pull: {operation: query, soql: "SELECT Deal__r.Name FROM Contact", output: out/a.csv}\n'
    (project / "plans/pull.yaml").write_text(pull, encoding="utf-8")
    made = loadplan("plan", "plans/pull.yaml", "-o", "twin", "--out", "pull.lplan")
    assert made.exit == 0, made.err
    (project / "describe/Deal__c.json").write_text(json.dumps({"name": "Deal__c", "fields": []}), encoding="utf-8")
    ran = loadplan("apply", "pull.lplan")
    assert ran.exit == 6
    assert "the saved plan is stale: Deal__c was not looked at by the plan" in ran.err


def test_it_belongs_to_one_org_and_one_version(saved: Path, loadplan: Command) -> None:
    """Another org by name, another tool, a file that was edited: exit 6 each."""
    assert loadplan("apply", "crm.lplan", "-o", "other").exit == 6
    data = json.loads(saved.read_bytes())
    data["inputs"]["contacts"]["rows"] = 3
    saved.write_text(json.dumps(data), encoding="utf-8")
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, "not as it was written" in ran.err) == (6, True)
    data = json.loads(saved.read_bytes()) | {"tool": "99.0"}
    data["sha256"] = seal(data)
    saved.write_text(json.dumps(data, indent=1), encoding="utf-8")
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, "it was saved by loadplan 99.0" in ran.err) == (6, True)


def test_variables_are_frozen_with_the_plan(project: Path, loadplan: Command) -> None:
    """They are given when it is saved, and cannot be given again."""
    (project / "plans/data/accounts_amer.csv").write_text("id,name,rating\nB1,Birch,Hot\n", encoding="utf-8")
    assert loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--var", "region=amer", "--out", "p").exit == 0
    assert loadplan("apply", "p", "--var", "region=emea").exit == 2
    ran = loadplan("apply", "p")
    assert "Rows: 3 sent" in ran.err


def test_show_works_whatever_became_of_the_project(saved: Path, loadplan: Command) -> None:
    """Also when everything it was made of is gone; as text and as JSON."""
    shutil.rmtree(saved.parent / "plans")
    ran = loadplan("show", "crm.lplan")
    assert ran.exit == 0
    assert "Plan: 5 to create, 0 to update, 0 to delete, 1 to extract, in 3 jobs." in ran.out
    assert json.loads(loadplan("show", "crm.lplan", "--json").out)["format"] == "loadplan.saved/1"
    data = json.loads(saved.read_bytes())
    (saved.parent / "next.lplan").write_text(json.dumps(data | {"format": "loadplan.saved/9"}), encoding="utf-8")
    ran = loadplan("show", "next.lplan")
    assert (ran.exit, '"create": 5' in ran.out, "cannot be applied" in ran.err) == (0, True, True)
    (saved.parent / "other.json").write_text('{"a": 1}', encoding="utf-8")
    assert loadplan("show", "other.json").exit == 2


def test_the_file_holds_no_row_and_is_the_same_twice(saved: Path, loadplan: Command) -> None:
    """Two of them for the same org differ in what is left of its limits and in nothing else."""
    text = saved.read_text("utf-8")
    Draft202012Validator(load_schema("saved")).validate(json.loads(text))
    assert "Alder" not in text
    assert "ana@example.com" not in text
    assert loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--out", "again.lplan").exit == 0
    one, other = read_saved(saved), read_saved(saved.parent / "again.lplan")
    for data in (one, other):
        data["document"]["cost"].pop("limits")
        data.pop("sha256")
    assert one == other


def test_a_plan_with_errors_is_not_saved(project: Path, loadplan: Command) -> None:
    """Nobody approves what cannot run."""
    (project / "plans/crm.yaml").write_text(
        (project / "plans/crm.yaml").read_text("utf-8").replace("Rating: rating", "Ratng: rating"), encoding="utf-8"
    )
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--out", "crm.lplan")
    assert ran.exit == 2
    assert not (project / "crm.lplan").exists()
    assert "was not written" in ran.err


def test_expect_takes_the_digest_that_plan_prints(project: Path, loadplan: Command) -> None:
    """Of the plan, its variables and every input; one changed byte of data is another digest."""
    digest = json.loads(loadplan("plan", "plans/crm.yaml", "--offline", "--json").out)["plan"]["digest"]
    assert loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--expect", "sha256:12").exit == 2
    ran = loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--expect", "sha256:" + "0" * 64)
    assert (ran.exit, "LP0763" in ran.err) == (6, True)
    assert loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--expect", digest).exit == 0
    _edit("plans/data/contacts.csv", "Ben", "Bex")(project)
    assert loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--expect", digest).exit == 6


LIMITED = "version: 1\norgs: {twin: {embedded: {}, allow: [upsert, query, delete], limits: {max_delete_rows: 10}}}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "max_delete_rows: 10",
            "max_delete_rows: 50000",
            '{"max_delete_rows": 10} then, {"max_delete_rows": 50000} now',
        ),
        (", limits: {max_delete_rows: 10}", "", "`limits` of org `twin` in orgs.yaml changed"),
        ("query, delete", "query, delete, hardDelete", "`allow` of org `twin` in orgs.yaml changed"),
    ],
)
def test_what_the_org_allows_is_part_of_the_approval(
    old: str, new: str, said: str, project: Path, loadplan: Command
) -> None:
    """Limits that were lifted in orgs.yaml after the approval, or operations that were added: exit 6."""
    orgs = project / "orgs.yaml"
    orgs.write_text(LIMITED, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "twin", "--out", "crm.lplan")
    assert ran.exit == 0, ran.err
    orgs.write_text(LIMITED.replace(old, new), encoding="utf-8")
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, said in ran.err) == (6, True), ran.err
    orgs.write_text(f"# a remark\n{LIMITED}", encoding="utf-8")
    assert loadplan("apply", "crm.lplan").exit == 0


def _resealed(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(file.read_bytes())
    change(data)
    data["sha256"] = seal(data)
    file.write_text(json.dumps(data, indent=1, sort_keys=True), encoding="utf-8")


def _harmless_delete(data: dict[str, Any]) -> None:
    data["document"]["steps"][-1].update(operation="update", destructive=False)


def _fewer_rows(data: dict[str, Any]) -> None:
    data["document"]["steps"][0]["rows_read"] = 1


def _no_delete(data: dict[str, Any]) -> None:
    del data["document"]["steps"][-1]


def _another_org(data: dict[str, Any]) -> None:
    data["document"]["org"] = data["document"]["org"] | {"name": "sandbox"}


def _one_row(data: dict[str, Any]) -> None:
    step = data["document"]["steps"][0]
    step.update(rows=1, parts=[{"rows": 1, "bytes": 20}], creates=1, updates=0)
    data["document"]["totals"]["create"] -= 2


def _fewer_created(data: dict[str, Any]) -> None:
    data["document"]["totals"]["create"] = 1


def _another_name(data: dict[str, Any]) -> None:
    data["document"]["plan"]["name"] = "harmless"


def _another_order(data: dict[str, Any]) -> None:
    data["document"]["order"].reverse()


def _a_sandbox(data: dict[str, Any]) -> None:
    data["document"]["org"]["organization_name"] = data["org"]["organization_name"] = "Sandbox"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_one_row, "what it shows of `accounts` is not the plan's: rows"),
        (_fewer_created, "the totals that it shows are not those of its steps"),
        (_another_name, "what it shows of the plan is not the plan's: name"),
        (_another_order, "the order that it shows is not the plan's"),
        (_a_sandbox, "organization_name of the org is not as it shows: Sandbox there, Embedded Org now"),
        (_harmless_delete, "what it shows of `purge` is not the plan's: destructive, operation"),
        (_fewer_rows, "what it shows of `accounts` is not the plan's: rows_read"),
        (_no_delete, "it does not show the step `purge`"),
        (_another_org, "the org that it shows is not its org"),
    ],
)
def test_a_file_that_shows_something_else_than_it_does_is_refused(
    change: Callable[[dict[str, Any]], None], said: str, saved: Path, loadplan: Command
) -> None:
    """Somebody changed what the reviewer reads, and sealed it again: nothing is sent."""
    _resealed(saved, change)
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, said in ran.err) == (6, True), ran.err


@pytest.mark.parametrize("name", ["plans/crm.yaml", "plans/data/contacts.csv", "nowhere/crm.lplan"])
def test_saving_takes_the_place_of_no_file_of_yours(name: str, project: Path, loadplan: Command) -> None:
    """`--out` with the name of the plan or of a source, or in a folder that is not there: refused before any work."""
    file = project / name
    before = file.read_bytes() if file.is_file() else None
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--out", name)
    assert (ran.exit, "error: --out: " in ran.err) == (2, True), ran.err
    assert (file.read_bytes() if file.is_file() else None) == before
    assert not (project / "nowhere").exists()


def test_a_page_takes_the_place_of_no_file_of_yours(saved: Path, loadplan: Command) -> None:
    """`show --html` writes over an older page, and over nothing else."""
    ran = loadplan("show", "crm.lplan", "--html", "plans/crm.yaml")
    assert (ran.exit, "plans/crm.yaml is there and is no page" in ran.err) == (2, True), ran.err
    for _ in range(2):
        assert loadplan("show", "crm.lplan", "--html", "crm.html").exit == 0


def test_junit_takes_the_place_of_no_file_of_yours(project: Path, loadplan: Command) -> None:
    """`apply --junit` with the name of a plan: refused before anything is sent."""
    ran = loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--junit", "plans/data/contacts.csv")
    assert (ran.exit, "plans/data/contacts.csv is there and is no JUnit report" in ran.err) == (2, True), ran.err
    assert not (project / ".loadplan").exists()
    for _ in range(2):
        ran = loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--junit", "reports/junit.xml")
        assert ran.exit == 0, ran.err


def test_a_text_that_no_terminal_has_is_shown_escaped(saved: Path) -> None:
    """Half of a surrogate pair in a file that somebody edited: shown, in JSON too, and no traceback."""
    _resealed(saved, lambda data: data["document"]["plan"].update(name="crm\ud800"))
    for more in ((), ("--json",)):
        code, out, said = process(saved.parent, os.environ, "show", "crm.lplan", *more)
        assert (code, "crm\\ud800" in out) == (0, True), said


def test_a_run_that_died_before_it_began_used_nothing_up(saved: Path, loadplan: Command) -> None:
    """The plan was claimed, and the machine died before the journal said that the run began: it can be applied. A run that had
    begun keeps it, whatever became of its folder."""
    states, digest = saved.parent / ".loadplan", read_saved(saved)["sha256"]
    claim = states / "saved" / f"{digest}.json"
    claim.parent.mkdir(parents=True, exist_ok=True)
    claim.write_text('{"run": "20261124T101500Z-crm-beef", "begun": false}', encoding="utf-8")
    ran = loadplan("apply", "crm.lplan")
    assert ran.exit == 0, ran.err
    (run,) = (states / "runs").iterdir()
    assert json.loads(claim.read_text("utf-8")) == {"run": run.name, "begun": True}
    shutil.rmtree(run)
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, f"applied already, by {run.name}" in ran.err) == (6, True), ran.err
    claim.write_text("{", encoding="utf-8")
    ran = loadplan("apply", "crm.lplan")
    assert (ran.exit, "whether this plan was applied cannot be read" in ran.err) == (9, True), ran.err
    assert loadplan("show", "crm.lplan").exit == 0


def test_a_run_of_a_saved_plan_goes_on_only_with_the_limits_that_were_approved(
    project: Path, loadplan: Command
) -> None:
    """The org grew, the delete was refused, and somebody lifted the limit: neither retry nor resume escapes the approval."""
    orgs = project / "orgs.yaml"
    orgs.write_text(LIMITED.replace("10", "3"), encoding="utf-8")
    (project / "plans/wipe.yaml").write_text(
        "version: 1\nname: wipe\ndefaults: {poll: {first: 100ms, factor: 1, max: 100ms}}\nsteps:\n"
        "  find: {operation: query, soql: SELECT Id FROM Account}\n"
        "  gone: {object: Account, operation: delete, source: {step: find}}\n",
        encoding="utf-8",
    )
    assert loadplan("plan", "plans/wipe.yaml", "-o", "twin", "--out", "w").exit == 0
    (project / "plans/data/accounts_emea.csv").write_text(
        "id,name,rating\n" + "".join(f"A{i},Name {i},Hot\n" for i in range(5)), encoding="utf-8"
    )
    assert loadplan("apply", "plans/crm.yaml", "-o", "twin").exit in {0, 1}
    assert loadplan("apply", "w").exit == 1
    orgs.write_text(LIMITED.replace("10", "2000"), encoding="utf-8")
    for command in ("retry", "resume"):
        ran = loadplan(
            command, *([next(iter(sorted(p.name for p in (project / ".loadplan/runs").iterdir() if "wipe" in p.name)))])
        )
        assert (ran.exit, "`limits` of org `twin` in orgs.yaml changed" in ran.err) == (6, True), ran.err


def test_what_is_no_file_is_never_replaced_by_one(project: Path, loadplan: Command) -> None:
    """A FIFO (a device would be the same): refused at once, and it stays."""
    os.mkfifo(project / "pipe")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--out", "pipe")
    assert (ran.exit, "pipe is no file" in ran.err) == (2, True), ran.err
    assert (project / "pipe").is_fifo()
    (project / "junit.xml").write_text('<?xml version="1.0"?><testsuite name="pytest"/>', encoding="utf-8")
    assert loadplan("apply", "plans/crm.yaml", "-o", "embedded", "--junit", "junit.xml").exit == 2


def test_a_saved_plan_finds_its_project_from_where_it_lies(project: Path, loadplan: Command) -> None:
    """The project is a folder below, the file lies above it, and SF_TARGET_ORG names another org for other commands."""
    (project / "orgs.yaml").unlink(missing_ok=True)
    (project / "plans" / "orgs.yaml").write_text("version: 1\norgs: {dev: {embedded: {}}}\n", encoding="utf-8")
    assert loadplan("plan", "plans/crm.yaml", "-o", "dev", "--out", "s").exit == 0
    (project / "plans/data/contacts.csv").write_text("id,last,email,account\n", encoding="utf-8")
    ran = loadplan("apply", "s")
    assert (ran.exit, "next: loadplan plan plans/crm.yaml -o dev --out s" in ran.err) == (6, True), ran.err
    assert loadplan("plan", "plans/crm.yaml", "-o", "dev", "--out", "s").exit == 2  # no rows at all
    (project / "plans/data/contacts.csv").write_text("id,last,email,account\nC1,Ana,,A1\n", encoding="utf-8")
    assert loadplan("plan", "plans/crm.yaml", "-o", "dev", "--out", "s").exit == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SF_TARGET_ORG", "other")
        ran = loadplan("apply", "s")
    assert ran.exit == 0, ran.err


def test_variables_outside_the_project_cannot_be_frozen(project: Path, loadplan: Command) -> None:
    """The file could not be found again: refused when it is saved, not when it is applied."""
    outside = project.parent / "outside.yaml"
    outside.write_text("region: emea\n", encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--var-file", str(outside), "--out", "s")
    assert (ran.exit, "is outside the project" in ran.err) == (2, True), ran.err
    assert loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--var-file", str(outside)).exit == 0
