"""Parents in a plan: lookups of every kind, `id_of`, hierarchies, and what to do when a parent fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import check_plan, load_plan
from loadplan.plan.model import Hierarchy, IdOf, Lookup, Plan

PLAN = """\
version: 1
name: demo
steps:
  accounts: {object: Account, operation: insert, key: id, source: a.csv, columns: {Name: name}}
  contacts: {object: Contact, operation: upsert, external_id: Key__c, source: a.csv, columns: {Key__c: id}}
  fresh: {object: Account, operation: update, source: a.csv}
  found: {operation: query, soql: SELECT Id FROM Account}
  loose: {object: Lead, operation: insert, source: a.csv}
  tasks:
    object: Task
    operation: insert
    source: a.csv
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("id,name\n1,x\n", encoding="utf-8")
    return tmp_path


def problems_of(project: Path, text: str) -> list[tuple[str, str]]:
    return [(d.code, f"{d.place.line}:{d.place.column}") for d in diagnostics_of(project, text)]


def diagnostics_of(project: Path, text: str) -> list[Diagnostic]:
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    return check_plan(project / "plan.yaml")[2]


def plan_of(project: Path, text: str) -> Plan:
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    return load_plan(project / "plan.yaml")


def test_every_kind_of_parent_is_understood(project: Path) -> None:
    """By external id, polymorphic, two of one object, a record type by name, and by the ids of steps with a key."""
    lookups = """\
    lookups:
      "Contact:Who.Key__c": who
      Billing__r.Code__c: billing
      Shipping__r.Code__c: shipping
      RecordType.DeveloperName: rt
      WhatId: {id_of: accounts, column: what}
      Helper__c: {id_of: contacts, column: helper}
"""
    plan = plan_of(project, PLAN + lookups)
    tasks = plan.steps["tasks"]
    assert tasks.lookups == (
        Lookup("Contact:Who.Key__c", "who", "Who", "Key__c", "Contact"),
        Lookup("Billing__r.Code__c", "billing", "Billing__r", "Code__c"),
        Lookup("Shipping__r.Code__c", "shipping", "Shipping__r", "Code__c"),
        Lookup("RecordType.DeveloperName", "rt", "RecordType", "DeveloperName"),
    )
    assert tasks.ids == (IdOf("WhatId", "what", "accounts"), IdOf("Helper__c", "helper", "contacts"))
    assert (tasks.on_parent_failure, [x.header for x in tasks.references][-1]) == ("hold", "Helper__c")
    edges = {(e.parent, e.reason, e.detail) for e in compile_graph(plan).edges if e.child == "tasks"}
    assert edges == {("accounts", "id_of", "WhatId"), ("contacts", "id_of", "Helper__c")}


@pytest.mark.parametrize(
    ("hierarchy", "expected"),
    [
        (
            "{lookup: Parent.Key__c, column: up}",
            Hierarchy("Parent.Key__c", "up", Lookup("Parent.Key__c", "up", "Parent", "Key__c")),
        ),
        ("{lookup: ParentId, column: up, max_depth: 8}", Hierarchy("ParentId", "up", None, 8)),
        (
            "{lookup: Boss__r.Key__c, column: up}",
            Hierarchy("Boss__r.Key__c", "up", Lookup("Boss__r.Key__c", "up", "Boss__r", "Key__c")),
        ),
    ],
)
def test_a_hierarchy_finds_parents_by_a_field_or_by_id(project: Path, hierarchy: str, expected: Hierarchy) -> None:
    """Also where the object has no external id; a custom self reference may have any name."""
    text = "version: 1\nname: d\nsteps:\n  a: {object: Account, operation: insert, key: id, source: a.csv, "
    plan = plan_of(project, text + "columns: {Key__c: id}, hierarchy: " + hierarchy + "}\n")
    assert plan.steps["a"].hierarchy == expected
    assert compile_graph(plan).edges == ()


@pytest.mark.parametrize(
    ("line", "code", "place", "words"),
    [
        ("lookups: {WhatId: {id_of: acounts, column: x}}", "LP0207", "13:31", "did you mean `accounts`"),
        ("lookups: {WhatId: {id_of: tasks, column: x}}", "LP0240", "13:31", "{lookup: WhatId, column: x}"),
        ("lookups: {WhatId: {id_of: fresh, column: x}}", "LP0240", "13:31", "under `columns`"),
        ("lookups: {WhatId: {id_of: found, column: x}}", "LP0240", "13:31", "source: {step: found}"),
        ("lookups: {WhatId: {id_of: loose, column: x}}", "LP0241", "13:31", "give `loose` a `key: <source column>`"),
        ("lookups: {What.Key__c: {id_of: accounts, column: x}}", "LP0229", "13:15", "`WhatId: {id_of: accounts"),
        ("lookups: {Site__r.Key__c: {id_of: accounts, column: x}}", "LP0229", "13:15", "`Site__c: {id_of: accounts"),
        ("lookups: {Site__r: {id_of: accounts, column: x}}", "LP0229", "13:15", "`Site__c: {id_of: accounts"),
        ("lookups: {WhatId: x}", "LP0229", "13:15", "belongs under `columns`"),
        ("lookups: {WhatId: {id_of: accounts}}", "LP0202", "13:15", "add `column:`"),
        ("hierarchy: {lookup: Contact:Parent.Key__c, column: x}", "LP0242", "13:25", "belongs under `lookups`"),
        ("hierarchy: {lookup: Account.Key__c, column: x}", "LP0242", "13:25", "belongs under `lookups`"),
        ("hierarchy: {lookup: AccountId, column: x}", "LP0242", "13:25", "belongs under `lookups`"),
        ("hierarchy: {lookup: Parent.Key__c, column: x, max_depth: 0}", "LP0206", "13:62", ""),
        ("hierarchy: {lookup: a.b.c, column: x}", "LP0229", "13:25", "Parent.Legacy_Id__c"),
        ("on_parent_failure: hold", "LP0244", "13:5", "add `lookups`"),
    ],
)
def test_a_parent_that_cannot_be_is_told_where_it_stands(
    project: Path, line: str, code: str, place: str, words: str
) -> None:
    """Each mistake has one diagnostic that says what to write instead."""
    (found,) = diagnostics_of(project, PLAN + f"    {line}\n" + "    key: id\n")
    assert (found.code, f"{found.place.line}:{found.place.column}") == (code, place)
    assert words in found.hint


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("operation: insert, source: a.csv, hierarchy: {lookup: ParentId, column: up}", "LP0241"),
        ("operation: update, source: a.csv, hierarchy: {lookup: ParentId, column: up}", "LP0240"),
        ("operation: delete, source: a.csv, hierarchy: {lookup: Parent.Key__c, column: up}", "LP0210"),
        (
            "operation: insert, source: a.csv, columns: {Name: n}, hierarchy: {lookup: Parent.Key__c, column: up}",
            "LP0243",
        ),
        (
            "operation: insert, source: a.csv, columns: {Key__c: {value: x}}, hierarchy: {lookup: Parent.Key__c, column: up}",
            "LP0243",
        ),
        (
            "operation: insert, source: a.csv, lookups: {Parent.Key__c: x}, hierarchy: {lookup: Parent.Key__c, column: up}",
            "LP0212",
        ),
        (
            "operation: insert, source: a.csv, columns: {parentid: x}, lookups: {ParentId: {id_of: b, column: y}}",
            "LP0212",
        ),
        ("operation: delete, source: a.csv, lookups: {ParentId: {id_of: b, column: y}}", "LP0210"),
        ("operation: insert, source: a.csv, columns: {Id: x}", "LP0328"),
    ],
)
def test_a_step_that_cannot_name_its_parents_is_refused(project: Path, spec: str, code: str) -> None:
    """Rows without a key, a field that is not sent, a field fed twice, a delete."""
    other = "  b: {object: Account, operation: insert, key: id, source: a.csv}\n"
    text = "version: 1\nname: d\nsteps:\n  a: {object: Account, " + spec + "}\n" + other
    assert [c for c, _ in problems_of(project, text)] == [code]


ROUND = """\
version: 1
name: demo
steps:
  accounts: {object: Account, operation: insert, key: id, source: a.csv, lookups: {Main__c: {id_of: contacts, column: m}}}
  contacts: {object: Contact, operation: OPERATION, source: a.csv, lookups: {AccountId: {id_of: accounts, column: a}}}
"""


def test_a_circle_of_ids_names_the_second_pass(project: Path) -> None:
    """An insert comes back as an update whose `Id` is looked up; an upsert as the same upsert."""
    (found,) = diagnostics_of(project, ROUND.replace("OPERATION", "insert, key: id"))
    assert found.code == "LP0218"
    assert "move lookup `" in found.hint
    assert "as its lookups" in found.hint
    assert "`Id: {id_of: " in found.hint
    (found,) = diagnostics_of(project, ROUND.replace("OPERATION", "upsert, external_id: Key__c").replace(
        "operation: insert", "operation: upsert, external_id: Key__c"))  # fmt: skip
    assert found.hint.endswith(("depends_on: [accounts, contacts]", "depends_on: [contacts, accounts]"))


def test_a_second_pass_by_id_needs_no_external_id(project: Path) -> None:
    """Two inserts that point at each other: the last step updates what the first one made, found by its key."""
    plan = plan_of(project, """\
version: 1
name: demo
steps:
  main:
    object: Account
    operation: update
    source: a.csv
    columns: {}
    lookups: {Id: {id_of: accounts, column: id}, Main__c: {id_of: contacts, column: main}}
  contacts: {object: Contact, operation: insert, key: id, source: a.csv, lookups: {AccountId: {id_of: accounts, column: a}}}
  accounts: {object: Account, operation: insert, key: id, source: a.csv, columns: {Name: name}}
""")  # fmt: skip
    assert compile_graph(plan).order == ("accounts", "contacts", "main")
    assert plan.steps["main"].key == "id"


def test_a_child_by_external_id_does_not_wait_for_a_second_pass_by_id(project: Path) -> None:
    """The step that makes the records is its parent, not the one that changes them afterwards."""
    plan = plan_of(project, """\
version: 1
name: demo
steps:
  accounts: {object: Account, operation: insert, key: id, source: a.csv}
  again: {object: Account, operation: update, source: a.csv, lookups: {Id: {id_of: accounts, column: id}}}
  contacts: {object: Contact, operation: insert, source: a.csv, lookups: {Account.Key__c: a}}
""")  # fmt: skip
    assert compile_graph(plan).parents("contacts") == ("accounts",)


def test_deletes_go_child_first_by_the_ids_the_plan_looks_up(project: Path) -> None:
    """What a plan says of two custom objects when it loads them holds when it deletes them."""
    plan = plan_of(project, """\
version: 1
name: demo
steps:
  sites: {object: Site__c, operation: insert, key: id, source: a.csv}
  visits: {object: Visit__c, operation: insert, source: a.csv, lookups: {Where__c: {id_of: sites, column: s}}}
  old_sites: {object: Site__c, operation: delete, source: a.csv}
  old_visits: {object: Visit__c, operation: delete, source: a.csv}
""")  # fmt: skip
    order = compile_graph(plan).order
    assert order.index("old_visits") < order.index("old_sites")


def test_columns_that_parents_are_read_from_carry_no_key(project: Path) -> None:
    """Without `columns` the external id passes through, unless its column is the parent's."""
    text = "version: 1\nname: d\nsteps:\n  a: {object: Account, operation: upsert, external_id: Key__c, source: a.csv, "
    hierarchy = "hierarchy: {lookup: Parent.Key__c, column: %s}}\n"
    assert plan_of(project, text + hierarchy % "up").steps["a"].key == "Key__c"
    assert plan_of(project, text + hierarchy % "Key__c").steps["a"].key is None
