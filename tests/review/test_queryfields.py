"""A query is held against the org like a load: a name that is not there is told before anything is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command

PLAN = """\
version: 1
name: pull
steps:
  pull: {{operation: query, soql: "{soql}", output: out/pull.csv}}
"""


@pytest.fixture
def told(project: Path, loadplan: Command) -> Any:
    def run(soql: str, *arguments: str) -> list[tuple[str, str, str, str]]:
        (project / "plans/pull.yaml").write_text(PLAN.format(soql=soql), encoding="utf-8")
        ran = loadplan("plan", "plans/pull.yaml", "--json", *(arguments or ("-o", "embedded")))
        assert ran.out, ran.err
        findings = json.loads(ran.out)["checks"]["findings"]
        assert ran.exit == (2 if any(f["severity"] == "error" for f in findings) else 0), ran.err
        return [(f["code"], f["severity"], f["column"], f["hint"]) for f in findings]

    return run


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id, Name, Account.Owner.Name, CreatedBy.Username, Account.Parent.Name FROM Contact WHERE Account.Name != null",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Email != null) ORDER BY Name",
        "SELECT Id, Owner.Name, What.Name FROM Task WHERE CALENDAR_YEAR(CreatedDate) = 2026",
    ],
)
def test_what_is_there_is_not_spoken_of(told: Any, soql: str) -> None:
    assert told(soql) == []


@pytest.mark.parametrize(
    ("soql", "code", "column", "hint"),
    [
        ("SELECT Id FROM Acount", "LP0701", "", "custom objects end in __c; the user needs at least Read on the object"),
        ("SELECT Id, Nme FROM Account", "LP0702", "Nme", "did you mean `Name`?"),
        ("SELECT Id FROM Account WHERE Nmae = 'x'", "LP0702", "Nmae", "did you mean `Name`?"),
        ("SELECT Id FROM Account ORDER BY Rtaing", "LP0702", "Rtaing", "did you mean `Rating`?"),
        ("SELECT Id, Acount.Name FROM Contact", "LP0708", "Acount.Name", "did you mean `Account`?"),
        ("SELECT Id, Account.Parent.Nam FROM Contact", "LP0702", "Account.Parent.Nam", "did you mean `Name`?"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT AcountId FROM Contact)", "LP0702", "AcountId", "did you mean `AccountId`?"),
        (
            "SELECT Id, BillingAddress FROM Account", "LP0711", "BillingAddress",
            "name its parts: BillingCity, BillingCountry, BillingPostalCode, BillingState, BillingStreet",
        ),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_with_a_way_out(told: Any, soql: str, code: str, column: str, hint: str) -> None:
    assert told(soql) == [(code, "error", column, hint)]


def test_a_snapshot_in_git_tells_as_much(told: Any, project: Path, loadplan: Command) -> None:
    (project / "plans/pull.yaml").write_text(PLAN.format(soql="SELECT Id, Account.Name FROM Contact"), encoding="utf-8")
    made = loadplan("org", "describe", "--all-needed-by", "plans/pull.yaml", "-o", "embedded", "--out", "snap")
    assert made.exit == 0, made.err
    snapshot = ("--offline", "--describe", "snap")
    assert told("SELECT Id, Account.Name FROM Contact", *snapshot) == []
    assert told("SELECT Id, Account.Nome FROM Contact", *snapshot)[0][:3] == ("LP0702", "error", "Account.Nome")
    assert told("SELECT Id FROM Lead", *snapshot)[0][:2] == ("LP0710", "warning")
    assert told("SELECT Id, Nonsense FROM Lead", "--offline") == []


@pytest.fixture
def snapshot(told: Any, project: Path, loadplan: Command) -> Any:
    """A query against a snapshot in which the descriptions of Contact and Account are changed before."""
    made = loadplan("org", "describe", "Contact", "Account", "User", "-o", "embedded", "--out", "snap")
    assert made.exit == 0, made.err

    def run(soql: str, change: Callable[[str, dict[str, Any]], None]) -> list[tuple[str, str, str, str]]:
        for name in ("Contact", "Account"):
            file = project / f"snap/{name}.json"
            data = json.loads(file.read_text("utf-8"))
            for entry in data["fields"]:
                change(name, entry)
            file.write_text(json.dumps(data), encoding="utf-8")
        answer: list[tuple[str, str, str, str]] = told(soql, "--offline", "--describe", "snap")
        return answer

    return run


@pytest.mark.parametrize("flag", ["polymorphicForeignKey", "namePointing"])
def test_a_relationship_that_could_lead_to_others_is_salesforces_to_judge(snapshot: Any, flag: str) -> None:
    """It has a Type and not the fields of its only object."""

    def change(name: str, entry: dict[str, Any]) -> None:
        if entry["name"] == "OwnerId":
            entry[flag] = True

    assert snapshot("SELECT Id, Owner.Type FROM Account", change) == []


def test_names_without_the_namespace_are_warned_of(snapshot: Any) -> None:
    """An org that has the namespace itself takes them."""

    def change(name: str, entry: dict[str, Any]) -> None:
        if entry["name"] == "Legacy_Id__c":
            entry["name"] = "acme__Legacy_Id__c"
        if entry["name"] == "AccountId":
            entry["relationshipName"] = "acme__Firm__r"

    found = snapshot("SELECT Id, Legacy_Id__c, Firm__r.Name FROM Contact WHERE Firm__r.Legacy_Id__c != null", change)
    assert sorted(found) == [
        ("LP0702", "warning", "Firm__r.Legacy_Id__c", "write `acme__Legacy_Id__c`, unless the org has this namespace itself"),
        ("LP0702", "warning", "Legacy_Id__c", "write `acme__Legacy_Id__c`, unless the org has this namespace itself"),
        ("LP0708", "warning", "Firm__r.Legacy_Id__c", "write `acme__Firm__r`, unless the org has this namespace itself"),
        ("LP0708", "warning", "Firm__r.Name", "write `acme__Firm__r`, unless the org has this namespace itself"),
    ]  # fmt: skip
    assert snapshot("SELECT Id, Nonsense__c FROM Contact", change)[0][:2] == ("LP0702", "error")
    assert snapshot("SELECT Id, other__Legacy_Id__c FROM Contact", change)[0][:2] == ("LP0702", "error")


def test_a_snapshot_holds_what_aliases_and_inner_queries_lead_to(project: Path, loadplan: Command) -> None:
    """The names are read as `plan` reads them; a text that looks like a query is a text."""
    soql = (
        "SELECT c.Id, c.Account.Parent.Name FROM Contact c WHERE c.LastName != ' FROM Case ' AND c.AccountId IN "
        "(SELECT AccountId FROM Opportunity WHERE Account.Name != null)"
    )
    (project / "plans/pull.yaml").write_text(PLAN.format(soql=soql), encoding="utf-8")
    made = loadplan("org", "describe", "--all-needed-by", "plans/pull.yaml", "-o", "embedded", "--out", "snap")
    assert made.exit == 0, made.err
    written = {path.stem for path in (project / "snap").glob("*.json")}
    assert {"Contact", "Account", "Opportunity"} <= written
    assert "Case" not in written
    ran = loadplan("plan", "plans/pull.yaml", "--offline", "--describe", "snap")
    assert (ran.exit, "LP07" in ran.out) == (0, False), ran.out
