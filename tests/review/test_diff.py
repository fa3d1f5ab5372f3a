"""`loadplan diff`: what a change means, how risky it is, and in a comment that nobody can abuse."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from loadplan.plan.model import Gate
from loadplan.plan.schema import load_schema
from loadplan.review.difftext import LIMIT, code, marker
from loadplan.review.meaning import gate_loosened

from .conftest import Command, commit, edit, git


def changes(command: Command, *arguments: str) -> list[tuple[str, str, str]]:
    """(risk, path, kind) of every change of the only plan."""
    ran = command("diff", "HEAD~1..HEAD", "--format", "json", *arguments)
    assert ran.exit == 0, ran.err
    document = json.loads(ran.out)
    Draft202012Validator(load_schema("diff")).validate(document)
    return [(c["risk"], c["path"], c["kind"]) for p in document["plans"] for c in p["changes"]]


SWAPPED = [("R2", "accounts.columns.Site", "added"), ("R2", "accounts.columns.Rating", "removed")]
PURGE = "  purge:\n    object: Opportunity\n    operation: delete\n    source: {step: stale}\n"
CASES: Sequence[tuple[str, str, str, list[tuple[str, str, str]]]] = [
    ("a comment", "version: 1\n", "version: 1  # reviewed\n", [("R0", "text", "changed")]),
    ("a description", "name: crm\n", "name: crm\ndescription: nightly\n", [("R0", "description", "changed")]),
    ("a mapping", "Rating: rating", "Site: rating", SWAPPED),
    ("another key", "Legacy_Id__c: id, Rating", "Legacy_Id__c: name, Rating", [("R3", "accounts.columns.Legacy_Id__c", "changed")]),
    ("a weaker gate", "max_failed_rows: 2", "max_failed_rows: 20", [("R3", "contacts.gate", "changed")]),
    ("a stricter gate", "max_failed_rows: 2", "max_failed_rows: 1", [("R2", "contacts.gate", "changed")]),
    ("a gate that stops nothing", "max_failed_rows: 2", "max_failed_rows: 2, on_fail: continue", [("R3", "contacts.gate", "changed")]),
    ("more tries", "{max_failed_rows: 2}", "{max_failed_rows: 2}\n    retry: {max_attempts: 9}", [("R2", "contacts.retry", "changed")]),
    ("a wider query under a delete", " WHERE StageName = 'Closed Lost'", "", [("R3", "stale.soql", "changed")]),
    ("a harder delete", "operation: delete", "operation: hardDelete", [("R3", "purge.operation", "changed")]),
    ("another order", "    depends_on: [contacts]\n", "", [("R3", "stale.order", "changed")]),
    ("a step less", PURGE, "", [("R2", "purge", "removed")]),
    ("another API version", "name: crm\n", 'name: crm\napi_version: "65.0"\n', [("R2", "api_version", "changed")]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_change_has_its_class(
    old: str, new: str, expected: list[tuple[str, str, str]], repository: Path, loadplan: Command
) -> None:
    """By what it means, not by how it is written."""
    edit(repository, old, new)
    commit(repository, "two")
    assert changes(loadplan) == expected


def test_two_plans_that_mean_the_same_differ_in_words_only(repository: Path, loadplan: Command) -> None:
    """Keys in another order, quotes, a default that is written out."""
    edit(
        repository,
        "    object: Contact\n    operation: upsert\n",
        "    operation: 'upsert'\n    object: Contact\n    upload: staged\n",
    )
    commit(repository, "two")
    assert changes(loadplan) == [("R0", "text", "changed")]


def test_a_new_delete_step_and_what_feels_it(repository: Path, loadplan: Command) -> None:
    """The step is R3, the steps below the changed one are told as indirect, and the last line is frozen."""
    edit(
        repository,
        "  stale:",
        "  old: {object: Case, operation: delete, source: data/contacts.csv, columns: {Id: id}}\n  stale:",
    )
    edit(repository, "LastName: last", "FirstName: last")
    commit(repository, "two")
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert "R3  + old" in ran.out
    assert "indirect  stale (after contacts)" in ran.out
    assert "indirect  purge (reads stale)" in ran.out
    assert ran.out.splitlines()[-1] == "Diff: 1 step added, 0 removed, 1 changed, 2 indirect; 1 x R3, 2 x R2."


def test_rows_are_compared_by_key_and_their_values_masked(repository: Path, loadplan: Command) -> None:
    """Five numbers, the columns, and no cell unless it is asked for."""
    file = repository / "plans/data/accounts_emea.csv"
    file.write_text("id,name,rating\nA4,Delta,\nA2,Brook Ltd,Hot\nA1,Alder,Hot\n", encoding="utf-8")
    commit(repository, "two")
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert "R1  data/accounts_emea.csv" in ran.out
    assert "added 1   removed 1   changed 1   unchanged 1" in ran.out
    assert "columns   name 1  rating 1" in ran.out
    assert "removed keys are NOT deleted in Salesforce" in ran.out
    assert "Brook" not in ran.out
    assert "name: 'Brook' -> 'Brook Ltd'" in loadplan("diff", "HEAD~1..HEAD", "--show-values").out


def test_many_more_rows_are_more_than_rows(repository: Path, loadplan: Command) -> None:
    """Over 20 % more is R2, and `--fail-on` reaches it."""
    with (repository / "plans/data/accounts_emea.csv").open("a") as file:
        file.write("A4,Delta,\nA5,Echo,\n")
    commit(repository, "two")
    ran = loadplan("diff", "HEAD~1..HEAD", "--fail-on", "R2")
    assert (ran.exit, "67% more rows" in ran.out) == (1, True)
    assert loadplan("diff", "HEAD~1..HEAD", "--fail-on", "R3").exit == 0
    assert loadplan("diff", "HEAD..HEAD", "--fail-on", "R0").exit == 0


def test_what_orgs_yaml_lets_plans_do(repository: Path, loadplan: Command) -> None:
    """A raised limit, a wider `allow`, another org and a lost production guard are R3; secrets are never shown."""
    old = (
        "version: 1\norgs:\n  prod: {instance_url: 'https://a.my.salesforce.com', production: true, allow: [upsert], "
        "limits: {max_delete_rows: 10}, auth: {flow: access_token, token: {env: A_TOKEN}}}\n"
    )
    new = (
        "version: 1\norgs:\n  prod: {instance_url: 'https://b.my.salesforce.com', allow: [upsert, delete], "
        "limits: {max_delete_rows: 99}, auth: {flow: access_token, token: {env: B_TOKEN}}}\n"
    )
    for text in (old, new):
        (repository / "orgs.yaml").write_text(text, encoding="utf-8")
        commit(repository, "orgs")
    document = json.loads(loadplan("diff", "HEAD~1..HEAD", "--format", "json").out)
    assert {(c["risk"], c["path"]) for c in document["orgs"]} == {
        ("R3", f"orgs.prod.{key}") for key in ("instance_url", "auth", "production", "allow", "limits.max_delete_rows")
    }
    assert "TOKEN" not in json.dumps(document)


def test_three_dots_compare_with_where_both_parted(repository: Path, loadplan: Command) -> None:
    """What `main` did meanwhile is not the branch's change."""
    git(repository, "switch", "-q", "-c", "branch")
    edit(repository, "max_failed_rows: 2", "max_failed_rows: 1")
    commit(repository, "branch")
    git(repository, "switch", "-q", "main")
    edit(repository, "Rating: rating", "Site: rating")
    commit(repository, "main")
    two = json.loads(loadplan("diff", "main..branch", "--json").out)
    three = json.loads(loadplan("diff", "main...branch", "--json").out)
    assert [c["path"] for c in three["plans"][0]["changes"]] == ["contacts.gate"]
    assert len(two["plans"][0]["changes"]) == 3


def test_a_plan_that_moved_is_compared_with_what_it_was(repository: Path, loadplan: Command) -> None:
    """By its name; its deletes are not new."""
    (repository / "plans" / "sub").mkdir()
    git(repository, "mv", "plans/crm.yaml", "plans/sub/crm.yaml")
    git(repository, "mv", "plans/data", "plans/sub/data")
    edit(repository, "max_failed_rows: 2", "max_failed_rows: 1", "plans/sub/crm.yaml")
    commit(repository, "two")
    ran = loadplan("diff", "HEAD~1..HEAD", "--fail-on", "R3")
    assert (ran.exit, "moved from plans/crm.yaml" in ran.out, "stricter gate" in ran.out) == (0, True, True), ran.out


def test_a_change_that_mends_orgs_yaml_is_read(repository: Path, loadplan: Command) -> None:
    """A base that nobody can read says nothing; a head that nobody can read is refused."""
    (repository / "orgs.yaml").write_text("version: 1\norgs: {prod: {allow: [all]}}\n", encoding="utf-8")
    commit(repository, "broken")
    (repository / "orgs.yaml").write_text("version: 1\norgs: {twin: {embedded: {}}}\n", encoding="utf-8")
    commit(repository, "mended")
    assert "+ orgs.twin" in loadplan("diff", "HEAD~1..HEAD").out
    ran = loadplan("diff", "HEAD~2..HEAD~1")
    assert (ran.exit, "orgs.yaml has mistakes" in ran.err, str(repository) in ran.err) == (2, True, False)


def test_two_files_side_by_side(project: Path, loadplan: Command) -> None:
    """Without git."""
    (project / "plans/new.yaml").write_text(
        (project / "plans/crm.yaml").read_text("utf-8").replace("max_failed_rows: 2", "max_failed_rows: 9"),
        encoding="utf-8",
    )
    ran = loadplan("diff", "plans/crm.yaml", "plans/new.yaml", "--fail-on", "R3")
    assert (ran.exit, "weaker gate" in ran.out) == (1, True)
    assert loadplan("diff", "plans/crm.yaml").exit == 2


def test_only_plans_that_something_happened_to_are_shown(repository: Path, loadplan: Command) -> None:
    """A plan is touched by its own text, its sources and its value tables; a new one counts as added."""
    text = "version: 1\nname: other\nsteps:\n  a: {object: Case, operation: insert, source: data/other.csv}\n"
    (repository / "plans/other.yaml").write_text(text, encoding="utf-8")
    (repository / "plans/data/other.csv").write_text("Subject\nx\n", encoding="utf-8")
    (repository / "ci.yaml").write_text("version: 1\njobs: {}\n", encoding="utf-8")
    commit(repository, "two")
    document = json.loads(loadplan("diff", "HEAD~1..HEAD", "--json").out)
    assert [(p["file"], p["status"]) for p in document["plans"]] == [("plans/other.yaml", "added")]
    (repository / "plans/data/other.csv").write_text("Subject\nx\ny\n", encoding="utf-8")
    commit(repository, "three")
    assert [p["file"] for p in json.loads(loadplan("diff", "HEAD~1..HEAD", "--json").out)["plans"]] == [
        "plans/other.yaml"
    ]
    assert [
        p["status"] for p in json.loads(loadplan("diff", "HEAD~1..HEAD", "plans/crm.yaml", "--json").out)["plans"]
    ] == ["same"]


def test_a_base_with_mistakes_does_not_hide_the_change(repository: Path, loadplan: Command) -> None:
    """Every step counts as added then, and the note says why."""
    edit(repository, "operation: upsert", "operation: upsrt")
    commit(repository, "broken")
    edit(repository, "operation: upsrt", "operation: upsert")
    commit(repository, "mended")
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert ran.exit == 0
    assert "the base version has mistakes" in ran.out
    ran = loadplan("diff", "HEAD~2..HEAD~1")
    assert (ran.exit, "LP0204" in ran.err) == (2, True)


def test_a_broken_plan_that_nobody_changed_stops_nothing(repository: Path, loadplan: Command) -> None:
    """Another tool's file with `steps:`, or an example of a mistake: it is looked at when it is named, and when it changes."""
    (repository / "codefresh.yml").write_text('version: "1.0"\nsteps:\n  test: {image: alpine}\n', encoding="utf-8")
    commit(repository, "two")
    edit(repository, "Rating: rating", "Rating: {value: Hot}")
    commit(repository, "three")
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert (ran.exit, "codefresh" in ran.out, "accounts" in ran.out) == (0, False, True), ran.err
    assert loadplan("diff", "HEAD~1..HEAD", "codefresh.yml").exit == 2
    assert loadplan("diff", "HEAD~2..HEAD~1").exit == 2


def test_revisions_and_names_of_a_repository_are_never_options(repository: Path, loadplan: Command) -> None:
    """Nor paths out of the folder, nor links that are followed out of it, nor commands to the log of a CI job."""
    outside = repository.parent / "outside.csv"
    outside.write_text("id,last,email,account\nX,secret,,\n", encoding="utf-8")
    for name in ("--output=x.yaml", "::error::x.yaml", "a\nb.yaml", "$(touch hacked).yaml"):
        (repository / name).write_text(
            "version: 1\nname: n\nsteps: {a: {object: Case, operation: insert, source: s.csv}}\n"
        )
    (repository / "plans/data/contacts.csv").unlink()
    (repository / "plans/data/contacts.csv").symlink_to(outside)
    commit(repository, "two")
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert ran.exit == 0, ran.err
    assert "cannot be compared: in head, `plans/data/contacts.csv` leads out of the repository" in ran.out
    assert not any(line.startswith("::") for line in ran.out.splitlines())
    assert "a b.yaml" in ran.out
    assert not (repository / "hacked").exists()
    assert loadplan("diff", "--upload-pack=x..HEAD").exit == 2
    assert loadplan("diff", "nothing..HEAD").exit == 2
    ran = loadplan("diff", "nothing..HEAD")
    assert ("LP0770" in ran.err, "no revision `nothing`" in ran.err, "git branch -a" in ran.err) == (True, True, True)
    assert "git fetch origin release/7" in loadplan("diff", "origin/release/7..HEAD").err


def test_the_comment_shows_hostile_texts_and_obeys_none(repository: Path, loadplan: Command) -> None:
    """Markdown, HTML, mentions, the marker itself: everything from outside stands in <code>, encoded."""
    evil = "<!-- loadplan:diff --> | @admin </details> **ok** `x` [a](http://e.x) R0"
    edit(repository, "Rating: rating", f"Rating: {{value: '{evil}'}}")
    commit(repository, "two")
    text = loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out
    assert text.splitlines()[0] == "<!-- loadplan:diff -->"
    assert text.count("<!--") == 1
    assert text.count("</details>") == 1
    bare = re.sub(r"<code>.*?</code>", "", text)
    assert "@admin" not in bare
    assert "http" not in bare
    assert evil in html.unescape(text).replace("<i></i>", "")


def test_addresses_in_the_comment_are_no_links(repository: Path, loadplan: Command) -> None:
    """GitHub makes links of `www.`, of addresses, and mentions of what stands behind an `@`, after it decoded the signs."""
    edit(repository, "Rating: rating", "Rating: {value: 'www.evil.example ana@evil.example @admin #1'}")
    commit(repository, "two")
    text = loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out
    assert "www." not in text
    assert re.search(r"(@|&#64;|&#35;)(?!<i></i>)", text) is None
    assert "www.evil.example" in html.unescape(text)


def test_the_comment_says_what_the_change_would_do(repository: Path, loadplan: Command) -> None:
    """The plan against an org, from a job that may ask it, joins the comment: rows created, updated and deleted."""
    commit(repository, "two")
    planned = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--json").out
    (repository / "planned.json").write_text(planned, encoding="utf-8")
    text = loadplan("diff", "HEAD~1..HEAD", "--format", "markdown", "--planned", "planned.json").out
    assert "### <code>crm</code> on <code>embedded</code>" in text
    assert "| <code>contacts</code> | upsert | <code>Contact</code> | 2 | 2 / 0 |" in text
    assert "**Deletes data:** <code>Opportunity</code> 0 now" in text
    assert text.count("<!--") == 1
    both = json.loads(loadplan("diff", "HEAD~1..HEAD", "--json", "--planned", "planned.json").out)
    Draft202012Validator(load_schema("diff")).validate(both)
    assert both["planned"][0]["totals"]["create"] == 5
    assert loadplan("diff", "HEAD~1..HEAD", "--planned", "plans/crm.yaml").exit == 2


def test_a_comment_fits_however_much_changed(repository: Path, loadplan: Command) -> None:
    """3,000 steps: within GitHub's 65,536 characters, with the number of lines that are left out."""
    steps = "".join(f"  s{n}: {{object: Case, operation: insert, source: data/contacts.csv}}\n" for n in range(3_000))
    (repository / "plans/many.yaml").write_text(f"version: 1\nname: many\nsteps:\n{steps}", encoding="utf-8")
    commit(repository, "two")
    text = loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out
    assert len(text) <= LIMIT + 100
    assert "more lines do not fit here" in text
    assert text.startswith("<!-- loadplan:diff -->\n## ")


def test_the_marker_names_the_plans_that_were_asked_for(repository: Path, loadplan: Command) -> None:
    """Two checks of one pull request update two comments."""
    commit(repository, "two")
    text = loadplan("diff", "HEAD~1..HEAD", "plans/crm.yaml", "--format", "markdown").out
    assert text.splitlines()[0] == "<!-- loadplan:diff plans/crm.yaml -->"
    assert code("a|b") == "<code>a&#124;b</code>"
    assert marker(["x -->"]) == "<!-- loadplan:diff x___ -->"


def test_a_plan_whose_variables_nobody_gave_is_compared_all_the_same(repository: Path, loadplan: Command) -> None:
    """With made-up values, and said so; a variable of one plan is not asked of another."""
    edit(
        repository,
        "  region: {type: string, default: emea}",
        "  region: {type: string, default: emea}\n  cutoff: {type: date}",
    )
    edit(repository, "StageName = 'Closed Lost'", "CloseDate < {{ cutoff | soql_date }}")
    text = "version: 1\nname: other\nsteps:\n  a: {object: Case, operation: insert, source: data/contacts.csv}\n"
    (repository / "plans/other.yaml").write_text(text, encoding="utf-8")
    commit(repository, "two")
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert (ran.exit, "compared with made-up values of cutoff" in ran.out) == (0, True), ran.err
    ran = loadplan("diff", "HEAD~1..HEAD", "--var", "cutoff=2026-06-30")
    assert (ran.exit, "CloseDate < 2026-06-30" in ran.out, "made-up" in ran.out) == (0, True, False), ran.err


@pytest.mark.parametrize(
    ("before", "after", "loose"),
    [
        (Gate(0, None), Gate(0, 5.0), False),
        (Gate(0, 1.0), Gate(0, 10.0), False),
        (Gate(50, 1.0), Gate(50, 10.0), True),
        (Gate(50, 1.0), Gate(None, 1.0), True),
        (Gate(50, 1.0), Gate(20, 1.0), False),
        (Gate(None, 1.0), Gate(None, 0.5), False),
        (Gate(50, None), Gate(50, 0.0), False),
    ],
)
def test_the_effective_gate_decides(before: Gate, after: Gate, loose: bool) -> None:
    """A threshold that never bound is no loosening; both must hold."""
    assert gate_loosened(before, after, is_query=False) is loose


def test_a_query_gate_is_a_range(repository: Path, loadplan: Command) -> None:
    """More rows allowed, or fewer asked for, is weaker."""
    assert gate_loosened(Gate(min_rows=1, max_rows=10), Gate(min_rows=1, max_rows=11), is_query=True)
    assert gate_loosened(Gate(min_rows=1), Gate(), is_query=True)
    assert not gate_loosened(Gate(max_rows=10), Gate(max_rows=9), is_query=True)
