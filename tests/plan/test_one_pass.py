"""All errors of a plan come in one pass: those of shape, of variables, templates, paths, rules and order, and none that only
follows from another."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.load import check_plan

HEAD = "version: 1\nname: demo\nsteps:\n"
CIRCLE = (
    "  x: {object: Case, operation: insert, source: a.csv, depends_on: [y]}\n"
    "  y: {object: Lead, operation: insert, source: none.csv, depends_on: [x], limit: 0}\n"
)
GOOD = "  good: {object: Account, operation: upsert, external_id: Key__c, source: a.csv}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with one data file."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("Key__c,Name\n1,x\n", encoding="utf-8")
    return tmp_path


def problems(project: Path, text: str) -> list[Diagnostic]:
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    return check_plan(project / "plan.yaml")[2]


def found(project: Path, text: str) -> list[tuple[str, int]]:
    """Codes and lines."""
    return [(p.code, p.place.line) for p in problems(project, text)]


def test_five_mistakes_of_five_kinds_come_together(project: Path) -> None:
    """A misspelt key, a wrong type, a template, a missing file, a step that is not there; in the order of the file."""
    text = HEAD + (
        "  a: {object: Account, operation: insert, source: a.csv, limt: 5}\n"
        "  b: {object: Account, operation: insert, source: a.csv, limit: ten}\n"
        '  c: {operation: query, soql: "SELECT Id FROM A WHERE B = {{ c | soql_str }}"}\n'
        "  d: {object: Account, operation: insert, source: none.csv}\n"
        "  e: {object: Account, operation: insert, source: a.csv, depends_on: [f]}\n"
    )
    expected = [("LP0201", 4), ("LP0203", 5), ("LP0221", 6), ("LP0301", 7), ("LP0207", 8)]
    assert found(project, text) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # a reference to a step that was left out
        ("  bad: 5\n  x: {object: Case, operation: insert, source: a.csv, depends_on: [bad]}\n", [("LP0203", 4)]),
        ("  Bad: {operation: query, soql: SELECT Id FROM A}\n  x: {object: Case, operation: delete, source: {step: Bad}}\n",
         [("LP0206", 4)]),
        # what a misspelt operation needs, and nothing for another operation
        ("  x: {object: Case, operation: Upsert, source: a.csv}\n", [("LP0202", 4), ("LP0204", 4)]),
        ("  x: {object: Case, operation: load, source: a.csv, columns: {Name: n}, gate: {min_rows: 1}}\n", [("LP0204", 4)]),
        ("  x: {soql: SELECT Id FROM A, output: a.out}\n", [("LP0202", 4)]),
        # a misspelt key is not also a missing one, and what it holds is looked at
        ("  x: {object: Case, operation: upsert, source: a.csv, externl_id: Key__c, colums: {Name: n}}\n",
         [("LP0201", 4), ("LP0201", 4), ("LP0209", 4)]),
        ("  x: {object: Case, operation: insert, source: a.csv, depend_on: [y]}\n", [("LP0201", 4), ("LP0207", 4)]),
        # a part that was left out makes no rule untrue
        ("  x: {object: Case, operation: upsert, external_id: K, source: a.csv, columns: {K: 5, Name: n}}\n", [("LP0203", 4)]),
        ("  x: {object: Case, operation: insert, source: {path: a, format: xls}}\n", [("LP0204", 4)]),
        ("  x: {object: Case, operation: insert, source: a.csv, where: {column: a, is: there}}\n", [("LP0204", 4)]),
        ("  x: {object: Case, operation: insert, source: a.csv, columns: {N: {value: [1]}}}\n", [("LP0203", 4)]),
        # a template where none is rendered is not also a wrong name
        ('  x: {object: "{{ o }}", operation: insert, source: a.csv}\n', [("LP0224", 4)]),
        # the rest of a list is looked at, at its own place
        ("  x: {object: Case, operation: insert, source: a.csv,\n      depends_on: [5,\n        nobody]}\n",
         [("LP0203", 5), ("LP0207", 6)]),
        # a circle among sound steps, whatever else is wrong
        (CIRCLE, [("LP0218", 4), ("LP0301", 5), ("LP0206", 5)]),
    ],
    ids=["broken step", "badly named step", "operation in another case", "unknown operation", "no operation", "misspelt keys",
         "misspelt dependency", "broken external id", "unknown format", "broken filter", "broken value", "stray template",
         "broken item", "circle"],
)  # fmt: skip
def test_nothing_is_said_that_only_follows_from_another_mistake(
    project: Path, lines: str, expected: list[tuple[str, int]]
) -> None:
    """Each mistake once, and the sound step beside it never."""
    assert found(project, HEAD + lines + GOOD) == expected


def test_a_broken_dependency_makes_no_circle_of_a_second_pass(project: Path) -> None:
    """Derived edges are looked at only when everything they rest on is known."""
    text = HEAD + (
        "  accounts: {object: Account, operation: upsert, external_id: K, source: a.csv}\n"
        "  contacts: {object: Contact, operation: upsert, external_id: K, source: a.csv, lookups: {Account.K: a}}\n"
        "  second: {object: Account, operation: upsert, external_id: K, source: a.csv, lookups: {Contact__r.K: c}, depends_on: 5}\n"
    )
    assert found(project, text) == [("LP0203", 6)]


def test_variables_and_the_templates_that_use_them_are_told_together(project: Path) -> None:
    """A variable with a wrong default is told once, an unknown one at every use, with its own column."""
    text = (
        "version: 1\nname: demo\nvars:\n  day: {type: date, default: June}\n  reg: {typ: string, default: a}\nsteps:\n"
        '  q: {operation: query, soql: "SELECT Id FROM A WHERE B = {{ day | soql_date }}", output: "{{ reg }}/{{ rag }}.csv"}\n'
    )
    (day, typ, rag) = problems(project, text)
    assert (day.code, day.place.line) == ("LP0223", 4)
    assert (typ.code, typ.place.line) == ("LP0201", 5)
    assert (rag.code, rag.place.line) == ("LP0221", 7)
    assert text.splitlines()[6][rag.place.column - 1 : rag.place.end_column - 1] == "rag"
    assert rag.hint == "did you mean `reg`?"


def test_what_the_yaml_door_refuses_does_not_hide_the_rest(project: Path) -> None:
    """Anchors, aliases and duplicate keys are told together with the mistakes of the steps around them."""
    text = HEAD + (
        "  a: &a {object: Account, operation: insert, source: a.csv}\n"
        "  b: *a\n"
        "  c: {object: Case, object: Lead, operation: insert, source: a.csv, depends_on: [b, nobody]}\n"
        "  d: {object: Case, operation: insert, source: none.csv}\n"
        "  e: {<<: *a, operation: insert}\n"
    )
    assert found(project, text) == [
        ("LP0103", 4), ("LP0103", 5), ("LP0105", 6), ("LP0207", 6), ("LP0301", 7), ("LP0103", 8), ("LP0103", 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "5\n", "- a\n", "steps: 5\n", "steps: {}\n", "vars: 1\nsteps: [a]\n", "{}\n", "~\n"]
)
def test_a_file_that_is_hardly_a_plan_has_diagnostics(project: Path, text: str) -> None:
    """Whatever stands at the top, each thing that lacks or is wrong is named."""
    told = problems(project, text)
    assert told
    assert all(p.hint for p in told)
    assert len(told) == len({(p.code, p.summary) for p in told})


def test_hundreds_of_wrong_steps_are_told_at_once(project: Path) -> None:
    """1,500 steps that all name a step that is not there: no suggestion is worth a minute."""
    lines = "".join(
        f"  s{i}: {{object: Case, operation: insert, source: a.csv, depends_on: [t{i}]}}\n" for i in range(1500)
    )
    assert len(problems(project, HEAD + lines)) == 1500


def test_the_contracts_example_has_no_problem(project: Path) -> None:
    """Accounts, contacts, tasks and the primary contact as a second pass, as the contract writes them."""
    text = HEAD + (
        "  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: a.csv}\n"
        "  contacts:\n    object: Contact\n    operation: upsert\n    external_id: Legacy_Id__c\n    source: a.csv\n"
        "    columns: {LastName: last_name, Legacy_Id__c: id}\n    lookups: {Account.Legacy_Id__c: account_id}\n"
        "    depends_on: [accounts]\n"
        '  tasks: {object: Task, operation: insert, source: a.csv, lookups: {"Contact:Who.Legacy_Id__c": contact_id}}\n'
        "  primary_contact:\n    object: Account\n    operation: upsert\n    external_id: Legacy_Id__c\n    source: a.csv\n"
        "    where: {column: primary_contact_id, is: present}\n    columns: {Legacy_Id__c: id}\n"
        "    lookups: {Primary_Contact__r.Legacy_Id__c: primary_contact_id}\n    depends_on: [accounts, contacts]\n"
    )
    assert problems(project, text) == []
    (warning,) = problems(project, text.replace("[accounts, contacts]", "[accounts]"))
    assert (warning.code, warning.severity.value, warning.place.line) == ("LP0219", "warning", 21)
    assert "add `depends_on: [contacts]` to `primary_contact`" in warning.hint
