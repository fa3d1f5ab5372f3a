"""Changes of a plan with a large effect, and the class each has at least; and harmless ones, which stay R0."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from loadplan.plan.model import Step
from loadplan.review.meaning import aspects

from .conftest import Command, commit, git

BIG = """\
version: 1
name: nightly
vars: {reg: {type: string, default: emea}}
steps:
  made:
    object: Account
    operation: insert
    key: id
    idempotency: {field: Loadplan_Key__c}
    source: data/rows.csv
    columns: {Name: name, Rating: rating}
  changed:
    object: Contact
    operation: update
    source: data/rows.csv
    columns: {Id: cid, LastName: name, Phone: phone}
    mask: {LastName: hash, Phone: blank}
    where: {any: [{column: rating, in: [Hot, Cold]}, {column: name, is: present}]}
  found:
    operation: query
    soql: "SELECT Id FROM Contact WHERE Region__c = {{ reg | soql_str }}{% if reg == 'apac' %} AND Old__c = true{% endif %}"
  touched:
    object: Contact
    operation: update
    source: {step: found}
    columns: {Id: Id, Title: {value: old}}
  purge:
    object: Contact
    operation: delete
    source: {results_of: touched, kind: successful}
    columns: {Id: sf__Id}
  purge2:
    object: Account
    operation: delete
    source: data/rows.csv
    columns: {Id: {column: key, map: data/map.csv}}
    depends_on: [made]
  kept:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/rows_{{ reg }}.csv
    columns:
      Legacy_Id__c: {column: id, map: {file: data/map.csv, from: from, to: to}}
      LastName: {column: name, map: {a: x, b: y}, default: z}
    limit: 10
    dedupe: last
"""
ROWS = "id,cid,cid2,name,rating,phone,key\nA1,003000000000001AAA,003000000000002AAA,Alder,Hot,1,k1\n"


@pytest.fixture
def big(repository: Path) -> Path:
    (repository / "plans/crm.yaml").write_text(BIG, encoding="utf-8")
    (repository / "plans/data/rows.csv").write_text(ROWS, encoding="utf-8")
    (repository / "plans/data/rows_emea.csv").write_text(ROWS, encoding="utf-8")
    (repository / "plans/data/map.csv").write_text("from,to,more\nk1,001000000000001AAA,x\nA1,B1,x\n", encoding="utf-8")
    commit(repository, "big")
    return repository


def told(command: Command, *arguments: str) -> dict[str, Any]:
    ran = command("diff", "HEAD~1..HEAD", "--json", *arguments)
    assert ran.exit == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


def classes(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """path -> (class, why) of every change of the plans."""
    return {c["path"]: (c["risk"], c["why"]) for p in document["plans"] for c in p["changes"]}


NEW = "every row becomes a new record"
CASES: Sequence[tuple[str, str, str, str, str, str]] = [
    (
        "a renamed plan with idempotency",
        "name: nightly",
        "name: daily",
        "name",
        "R3",
        "every row of made becomes a new record",
    ),
    ("another field of idempotency", "field: Loadplan_Key__c", "field: Other__c", "made.idempotency", "R3", NEW),
    ("another key of idempotency", "key: id", "key: name", "made.idempotency", "R3", NEW),
    ("no idempotency", "    idempotency: {field: Loadplan_Key__c}\n", "", "made.idempotency", "R3", NEW),
    ("the Id of an update", "Id: cid,", "Id: cid2,", "changed.columns.Id", "R3", "other records"),
    (
        "the column of an external id",
        "{column: id, map: {file",
        "{column: cid, map: {file",
        "kept.columns.Legacy_Id__c",
        "R3",
        "other records",
    ),
    (
        "another column of its map",
        "from: from, to: to",
        "from: from, to: more",
        "kept.columns.Legacy_Id__c",
        "R3",
        "other records",
    ),
    (
        "a query far above a delete",
        "FROM Contact WHERE",
        "FROM Contact WHERE Name != null AND",
        "found.soql",
        "R3",
        "delete purge",
    ),
    (
        "an update between them",
        "source: {step: found}",
        "source: {step: found}\n    where: {column: Id, is: present}",
        "touched.where",
        "R3",
        "delete purge",
    ),
    (
        "a mask less",
        "mask: {LastName: hash, Phone: blank}",
        "mask: {LastName: hash}",
        "changed.mask.Phone",
        "R3",
        "personal",
    ),
    ("a weaker mask", "Phone: blank", "Phone: hash", "changed.mask.Phone", "R3", "weaker mask"),
    (
        "a masked column in another field",
        "LastName: name, Phone: phone",
        "LastName: name, Phone: phone, Fax: phone",
        "changed.unmasked phone",
        "R3",
        "only ever sent masked",
    ),
    ("a delete that waits no more", "    depends_on: [made]\n", "", "purge2.order", "R3", "no longer waits"),
    ("a branch of a template", "Old__c = true", "Old__c = false", "found.soql", "R3", "template changed"),
    (
        "a variable that takes more",
        "default: emea}",
        "default: emea, values: [emea, amer]}",
        "vars.reg.values",
        "R2",
        "other values",
    ),
    ("a looser filter", "in: [Hot, Cold]", "in: [Hot, Cold, Warm]", "changed.where", "R2", "other rows"),
    ("a filter that reads alike", "in: [Hot, Cold]", "in: ['Hot, Cold']", "changed.where", "R2", "other rows"),
    ("a map that reads alike", "map: {a: x, b: y}", "map: {a: 'x, b: y'}", "kept.columns.LastName", "R2", "mapping"),
    (
        "an empty cell that wipes",
        "Rating: rating",
        "Rating: {column: rating, empty: '#N/A'}",
        "made.columns.Rating",
        "R2",
        "mapping",
    ),
    ("a constant for every row", "{value: old}", "{value: new}", "touched.columns.Title", "R2", "mapping"),
    ("another default", "default: z", "default: q", "kept.columns.LastName", "R2", "mapping"),
    ("no limit", "    limit: 10\n", "", "kept.limit", "R2", "other rows"),
    ("another duplicate", "dedupe: last", "dedupe: first", "kept.dedupe", "R2", "other rows"),
    (
        "update to insert",
        "operation: update\n    source: data/rows.csv\n    columns: {Id: cid, ",
        "operation: insert\n    source: data/rows.csv\n    columns: {",
        "changed.operation",
        "R2",
        "operation",
    ),
    (
        "another encoding under a delete",
        "source: data/rows.csv\n    columns: {Id: {c",
        "source: {path: data/rows.csv, encoding: latin-1}\n    columns: {Id: {c",
        "purge2.source",
        "R3",
        "delete of other rows",
    ),
    (
        "a null spelling",
        "source: data/rows.csv\n    columns: {Name",
        "source: {path: data/rows.csv, 'null': [Hot]}\n    columns: {Name",
        "made.source",
        "R2",
        "other rows",
    ),
    (
        "another format",
        "source: data/rows.csv\n    columns: {Name",
        "source: {path: data/rows.csv, format: tsv}\n    columns: {Name",
        "made.source",
        "R2",
        "other rows",
    ),
    (
        "parents that failed",
        "    limit: 10\n",
        "    limit: 10\n    on_parent_failure: send\n",
        "kept.on_parent_failure",
        "R2",
        "parent",
    ),
]


@pytest.mark.parametrize(("old", "new", "path", "risk", "why"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_change_with_a_large_effect_has_a_high_class(
    old: str, new: str, path: str, risk: str, why: str, big: Path, loadplan: Command
) -> None:
    """And a reason that says what it does."""
    change(big, old, new)
    found = classes(told(loadplan))
    assert path in found, found
    assert found[path][0] == risk
    assert why in found[path][1]


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "plans/crm.yaml"
    text = file.read_text("utf-8")
    assert text.count(old) >= 1, old
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    commit(folder, "two")


HARMLESS = [
    ("a comment", "  made:", "  made:  # nightly"),
    ("the order of columns", "{Name: name, Rating: rating}", "{Rating: rating, Name: name}"),
    ("the order of a list", "in: [Hot, Cold]", "in: [Cold, Hot]"),
    (
        "the order of a filter",
        "any: [{column: rating, in: [Hot, Cold]}, {column: name, is: present}]",
        "any: [{column: name, is: present}, {column: rating, in: [Hot, Cold]}]",
    ),
    ("the order of a map", "{a: x, b: y}", "{b: y, a: x}"),
    ("blanks in a template", "{{ reg | soql_str }}", "{{reg|soql_str}}"),
    ("a long form", "Name: name", "Name: {column: name}"),
    (
        "a default that is written out",
        "    limit: 10\n",
        "    limit: 10\n    retry: {max_attempts: 3, codes: [UNABLE_TO_LOCK_ROW]}\n",
    ),
    ("the long form of a source", "source: data/rows_{{ reg }}.csv", "source: {path: 'data/rows_{{ reg }}.csv'}"),
    ("the order of edges", "depends_on: [made]", "depends_on: [made, found]"),
]


@pytest.mark.parametrize(("old", "new"), [c[1:] for c in HARMLESS[:-1]], ids=[c[0] for c in HARMLESS[:-1]])
def test_what_means_the_same_is_words_only(old: str, new: str, big: Path, loadplan: Command) -> None:
    """Comments, order, another way to write it."""
    change(big, old, new)
    assert {c[0] for c in classes(told(loadplan)).values()} == {"R0"}


def test_a_delete_that_waits_for_more_is_no_loss(big: Path, loadplan: Command) -> None:
    """Order, and nothing that stood before it is gone."""
    change(big, *HARMLESS[-1][1:])
    assert classes(told(loadplan)) == {"purge2.order": ("R2", "order")}


def test_a_renamed_plan_without_idempotency_is_words(repository: Path, loadplan: Command) -> None:
    """Nothing is made of its name."""
    change(repository, "name: crm", "name: crm-nightly")
    assert classes(told(loadplan)) == {"name": ("R0", "words")}


def test_a_renamed_step_is_one_step(big: Path, loadplan: Command) -> None:
    """It is told once, with who follows it; what else changed of it is told too."""
    text = (big / "plans/crm.yaml").read_text("utf-8").replace("  touched:", "  marked:")
    text = text.replace("results_of: touched", "results_of: marked").replace("value: old", "value: older")
    (big / "plans/crm.yaml").write_text(text, encoding="utf-8")
    commit(big, "two")
    document = told(loadplan)
    found = classes(document)
    assert found["marked.id"][0] == "R2"
    assert "purge follows" in found["marked.id"][1]
    assert set(found) == {"marked.id", "marked.columns.Title"}
    assert document["steps"]["added"] == document["steps"]["removed"] == 0
    assert "renamed                        touched -> marked" in loadplan("diff", "HEAD~1..HEAD").out


def test_two_renamed_steps_find_each_other(big: Path, loadplan: Command) -> None:
    """The most alike first; a step that does something else is no rename."""
    text = (big / "plans/crm.yaml").read_text("utf-8")
    text = (
        text.replace("  purge2:", "  clean:")
        .replace("  made:", "  create:")
        .replace("depends_on: [made]", "depends_on: [create]")
    )
    (big / "plans/crm.yaml").write_text(text, encoding="utf-8")
    commit(big, "two")
    found = classes(told(loadplan))
    assert (found["clean.id"][0], found["create.id"][0]) == ("R2", "R3")
    assert NEW in found["create.id"][1]
    change(big, "  kept:\n    object: Contact", "  other:\n    object: Lead")
    found = classes(told(loadplan))
    assert ("other" in found, "kept" in found, "other.id" in found) == (True, True, False)


def test_very_many_renamed_steps(repository: Path, loadplan: Command) -> None:
    """A thousand steps under other ids, each found in one pass."""
    for letter in "ab":
        steps = "".join(
            f"  {letter}{n}: {{object: Case, operation: insert, source: data/contacts.csv, limit: {n + 1}}}\n"
            for n in range(1_000)
        )
        (repository / "plans/crm.yaml").write_text(f"version: 1\nname: many\nsteps:\n{steps}", encoding="utf-8")
        commit(repository, letter)
    found = classes(told(loadplan))
    assert set(found) == {f"b{n}.id" for n in range(1_000)}


def test_a_plan_that_moved_under_another_name(big: Path, loadplan: Command) -> None:
    """Most of its steps are what they were: it is compared with that, and its idempotency values are others."""
    text = (big / "plans/crm.yaml").read_text("utf-8").replace("name: nightly", "name: daily")
    (big / "plans/crm.yaml").unlink()
    (big / "plans/daily.yaml").write_text(text, encoding="utf-8")
    commit(big, "two")
    document = told(loadplan)
    assert classes(document)["name"][0] == "R3"
    note = "moved from plans/crm.yaml; compared with reg = emea"
    assert (document["steps"]["added"], document["plans"][0]["note"]) == (0, note)


def test_a_step_that_a_delete_waited_for_is_gone(repository: Path, loadplan: Command) -> None:
    """Its gate stopped the delete."""
    text = (repository / "plans/crm.yaml").read_text("utf-8")
    start, end = text.index("  contacts:"), text.index("  stale:")
    text = (text[:start] + text[end:]).replace("    depends_on: [contacts]\n", "")
    (repository / "plans/crm.yaml").write_text(text, encoding="utf-8")
    commit(repository, "two")
    assert classes(told(loadplan))["contacts"] == (
        "R3", "step removed; the delete purge waited for it, and for its gate",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "risk", "why"),
    [
        ("from,to,more\nk1,001000000000009AAA,x\nA1,B1,x\n", "purge2.map data/map.csv", "R3", "a delete of other rows"),
        ("from,to,more\nk1,001000000000001AAA,x\nA1,B2,x\n", "kept.map data/map.csv", "R3", "rows find other records"),
    ],
)
def test_a_value_table_that_decides_which_records(
    text: str, path: str, risk: str, why: str, big: Path, loadplan: Command
) -> None:
    """Of the Id of a delete, of an external id."""
    (big / "plans/data/map.csv").write_text(text, encoding="utf-8")
    commit(big, "two")
    found = classes(told(loadplan))[path]
    assert (found[0], why in found[1]) == (risk, True)


def test_a_default_that_a_given_value_hides(big: Path, loadplan: Command) -> None:
    """`--var` gives both sides the same; a run without it gets the new default."""
    change(big, "default: emea", "default: amer")
    assert classes(told(loadplan, "--var", "reg=emea"))["vars.reg.default"][0] == "R3"
    assert "vars.reg.default" not in classes(told(loadplan))


def test_a_file_of_variables_is_that_of_its_revision(big: Path, loadplan: Command) -> None:
    """It is part of the change where it is committed; one that no revision has is the same on both sides."""
    (big / "vars.yaml").write_text("reg: emea\n", encoding="utf-8")
    commit(big, "one")
    (big / "vars.yaml").write_text("reg: amer\n", encoding="utf-8")
    commit(big, "two")
    assert classes(told(loadplan, "--var-file", "vars.yaml")) == {
        "found.soql": ("R3", "the delete purge takes its rows from here"),
        "kept.source": ("R2", "other rows"),
    }
    (big / "other.yaml").write_text("reg: amer\n", encoding="utf-8")
    assert told(loadplan, "--var-file", "other.yaml")["plans"] == []
    (big / "vars.yaml").write_text("reg: [\n", encoding="utf-8")
    commit(big, "three")
    ran = loadplan("diff", "HEAD~1..HEAD", "plans/crm.yaml", "--var-file", "vars.yaml")
    head = git(big, "rev-parse", "HEAD")[:12]
    assert (ran.exit, f"{head}:vars.yaml" in ran.err, "loadplan-diff-" in ran.err) == (2, True, False), ran.err


STEPS = "{a: {object: Account, operation: delete, source: data/contacts.csv, columns: {Id: id}}}"


@pytest.mark.parametrize(
    "text",
    [
        f'"version": 1\nname: x\n"steps": {STEPS}\n',
        f"{{version: 1, name: x, steps: {STEPS}}}\n",
        f"  version: 1\n  name: x\n  steps: {STEPS}\n",
    ],
    ids=["quotes", "braces", "blanks"],
)
def test_a_new_plan_is_seen_however_its_keys_are_written(text: str, repository: Path, loadplan: Command) -> None:
    """It deletes all the same."""
    (repository / "plans/x.yaml").write_text(text, encoding="utf-8")
    (repository / ".github/workflows").mkdir(parents=True)
    (repository / ".github/workflows/ci.yaml").write_text("version: 1\nsteps: [{run: x}]\n", encoding="utf-8")
    (repository / ".github/x.yaml").write_text(text, encoding="utf-8")
    commit(repository, "two")
    found = [(p["file"], p["risk"]) for p in told(loadplan)["plans"]]
    assert found == [(".github/x.yaml", "R3"), ("plans/x.yaml", "R3")]


@pytest.mark.parametrize(
    "name", ["plans/plan.json", "plans/PLAN.YML", "plans/x.yaml.bak", "plans/plan.txt", "plans/x.yaml"]
)
def test_a_new_plan_is_seen_whatever_it_is_called(name: str, repository: Path, loadplan: Command) -> None:
    """`apply` takes any name, so diff does; a page that shows a plan is none, and nor is a program that speaks of one."""
    steps = {"a": {"object": "Account", "operation": "delete", "source": "data/contacts.csv", "columns": {"Id": "id"}}}
    text = json.dumps({"version": 1, "name": "x", "steps": steps}).replace('"steps"', '"st\\u0065ps"')
    (repository / name).write_text(text, encoding="utf-8")
    (repository / "README.md").write_text("# Plans\n\nversion: 1\nsteps: {}\n", encoding="utf-8")
    (repository / "tool.py").write_text("version = 1\nsteps = {}\n", encoding="utf-8")
    commit(repository, "two")
    assert [(p["file"], p["risk"]) for p in told(loadplan)["plans"]] == [(name, "R3")]


def test_a_step_whose_header_passes_what_was_masked(big: Path, loadplan: Command) -> None:
    """A new step reads the same file without a mask."""
    change(big, "  found:", "  bare: {object: Lead, operation: insert, source: data/rows.csv}\n  found:")
    found = classes(told(loadplan))
    assert {path: c[0] for path, c in found.items()} == {"bare": "R2", "bare.unmasked phone": "R3"}


def test_a_renamed_step_with_another_source(big: Path, loadplan: Command) -> None:
    """It is the same step while the rest is: its new source is told, and its new records."""
    text = (big / "plans/crm.yaml").read_text("utf-8").replace("depends_on: [made]", "depends_on: [make]")
    text = text.replace("  made:", "  make:").replace("source: data/rows.csv", "source: data/others.csv", 1)
    (big / "plans/crm.yaml").write_text(text, encoding="utf-8")
    (big / "plans/data/others.csv").write_text(ROWS, encoding="utf-8")
    commit(big, "two")
    found = classes(told(loadplan))
    assert {path: c[0] for path, c in found.items() if path.startswith("make.")} == {
        "make.id": "R3",
        "make.source": "R2",
    }


def test_a_query_whose_output_a_delete_of_another_plan_reads(repository: Path, loadplan: Command) -> None:
    """The file is in no revision: it is made by one plan and read by the other."""
    query = "version: 1\nname: a\nsteps: {q: {operation: query, soql: SELECT Id FROM Case, output: ../out/q.csv}}\n"
    purge = "version: 1\nname: b\nsteps: {d: {object: Case, operation: delete, source: ../out/q.csv}}\n"
    (repository / "plans/a.yaml").write_text(
        query.replace("FROM Case", "FROM Case WHERE IsClosed = true"), encoding="utf-8"
    )
    (repository / "plans/b.yaml").write_text(purge, encoding="utf-8")
    commit(repository, "one")
    (repository / "plans/a.yaml").write_text(query, encoding="utf-8")
    commit(repository, "two")
    assert classes(told(loadplan)) == {"q.soql": ("R3", "the delete d of b takes its rows from here")}


ORGS = "version: 1\norgs:\n  prod: {{instance_url: 'https://a.my.salesforce.com', {guards}auth: {{flow: sf-cli, alias: a}}}}\n"


@pytest.mark.parametrize(
    ("new", "paths"),
    [
        (
            ORGS.format(guards="").replace("prod:", "live:"),
            {"orgs.live": "R2", "orgs.live.limits.max_delete_rows": "R3"},
        ),
        (ORGS.format(guards=""), {"orgs.prod.limits.max_delete_rows": "R3"}),
        (ORGS.format(guards="limits: {max_delete_rows: 9}, "), {"orgs.prod.limits.max_delete_rows": "R3"}),
        (ORGS.format(guards="limits: {max_delete_rows: 1}, "), {"orgs.prod.limits.max_delete_rows": "R2"}),
        (
            ORGS.format(guards="limits: {max_delete_rows: 5}, ")
            + "  b: {instance_url: 'https://A.my.salesforce.com/', auth: {flow: sf-cli, alias: b}}\n",
            {"orgs.b": "R2", "orgs.b.auth": "R3", "orgs.b.limits.max_delete_rows": "R3"},
        ),
        (
            "version: 1\norgs: {twin: {embedded: {}}, x: {embedded: {}}}\n",
            {"orgs.prod": "R3", "orgs.twin": "R2", "orgs.x": "R2"},
        ),
        (ORGS.format(guards="limits: {max_delete_rows: 5}, sql_sources: true, "), {"orgs.prod.sql_sources": "R3"}),
    ],
    ids=["renamed", "removed", "raised", "lowered", "a second name", "gone", "sql"],
)
def test_guards_of_an_org_follow_it(new: str, paths: dict[str, str], repository: Path, loadplan: Command) -> None:
    """Under another name too; an org that is gone leaves its name to the sf CLI."""
    (repository / "orgs.yaml").write_text(ORGS.format(guards="limits: {max_delete_rows: 5}, "), encoding="utf-8")
    commit(repository, "one")
    (repository / "orgs.yaml").write_text(new, encoding="utf-8")
    commit(repository, "two")
    assert {c["path"]: c["risk"] for c in told(loadplan)["orgs"]} == paths


def test_an_orgs_yaml_nearer_to_the_plan(repository: Path, loadplan: Command) -> None:
    """It takes the place of the one above, and of its limits."""
    text = ORGS.format(guards="limits: {max_delete_rows: 5}, ")
    (repository / "orgs.yaml").write_text(text, encoding="utf-8")
    commit(repository, "one")
    (repository / "plans/orgs.yaml").write_text(ORGS.format(guards=""), encoding="utf-8")
    commit(repository, "two")
    assert {c["path"]: c["risk"] for c in told(loadplan)["orgs"]} == {"orgs.prod.limits.max_delete_rows": "R3"}


KNOWN_ELSEWHERE = {
    "id",
    "gate",
    "depends_on",
    "place",
    "output_file",
    "output_format",
    "ids",
    "lookups",
    "masks",
    "idempotency",
    "hierarchy",
    "columns",
}


def test_no_key_of_a_step_is_forgotten() -> None:
    """Each field of a step is one of its aspects, or is looked at in a way of its own."""
    step = Step("a", "update", object="Account")
    told_of = set(aspects(dataclasses.replace(step, external_id="x", key="k", limit=1, soql="s", output="o", max_records=1,
                                              assignment_rule_id="r", description="d", source=None, where=None)))  # fmt: skip
    missing = {f.name for f in dataclasses.fields(Step)} - told_of - KNOWN_ELSEWHERE - {"source", "where"}
    assert missing == set()
