"""A query is held against the org like a load: a name that is not there is told before anything is asked for."""

from __future__ import annotations

import json
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
