"""The page of a saved plan: what an approval is about, in one file that asks for nothing and shows no row."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loadplan.review.saved import read_saved, seal

from support import browser
from support.pages import Tree, assert_sound, words

from .conftest import Command

MOST = 100_000
"""Bytes of the page of sixty steps."""
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def saved(project: Path, loadplan: Command) -> Path:
    """A plan that was approved for the embedded org, with a contact that nobody can load."""
    with (project / "plans/data/contacts.csv").open("a", encoding="utf-8") as file:
        file.write("C3,Zed,notmail,A999\n")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "embedded", "--out", "crm.lplan", "--var", "region=emea")
    assert ran.exit == 0, ran.err
    return project / "crm.lplan"


def edited(file: Path, edit: Edit, *, sealed: bool = True) -> str:
    """A saved plan that says something else; its name."""
    data = read_saved(file)
    edit(data)
    if sealed:
        data["sha256"] = seal(data)
    file.with_name("edited.lplan").write_text(json.dumps(data), encoding="utf-8")
    return "edited.lplan"


def page(loadplan: Command, file: str = "crm.lplan") -> str:
    ran = loadplan("show", file, "--html", "page.html")
    assert (ran.exit, ran.out) == (0, "page.html\n"), ran.err
    return Path("page.html").read_text(encoding="utf-8")


def test_a_reviewer_reads_what_will_happen_in_which_org_and_how_to_apply_it(saved: Path, loadplan: Command) -> None:
    """From the verdict to the command: what is deleted stands before the rest, and each finding has rule, place and fix."""
    text = page(loadplan)
    said = words(text)
    data = read_saved(saved)
    for part in (
        "crm for embedded", "Embedded Org 00D000000000001EAA", "May delete data",
        "Plan: 6 to create, 0 to update, 0 to delete, 1 to extract, in 3 jobs.", "Checks: 0 errors, 2 warnings.",
        "purge 4 - delete Opportunity 0 now", "accounts 1 ± upsert Account Legacy_Id__c 3 3 0 1 failed rows &lt;= 0 –",
        "contacts 2 ± upsert Contact Legacy_Id__c 3 3 0 1 failed rows &lt;= 2 accounts",
        "stale 3 &lt; query – 0 now – – 1 rows &lt;= 500",
        "warning LP0728 · contacts · Email · 1 row Email is not an email address At data/contacts.csv:4 . What to do: correct it",
        "2 ingest, 1 query", "API requests (24 h) 18", "plans/data/contacts.csv 3", "Variable region emea",
        data["approval"], data["plan_sha256"], data["inputs"]["contacts"]["sha256"], f"sha256:{data['sha256']}",
        "Next: loadplan apply crm.lplan",
    ):  # fmt: skip
        assert part in said, part
    assert said.index("purge") < said.index("accounts 1")
    assert 'class="box is-destructive"' in text


def test_the_page_is_private_and_names_its_style_by_digest(saved: Path, loadplan: Command) -> None:
    """0600, like the saved plan; the policy allows that one style sheet and nothing else."""
    text = page(loadplan)
    assert stat.S_IMODE(Path("page.html").stat().st_mode) == 0o600
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'" in text
    )


def test_no_value_of_a_row_stands_in_the_page(saved: Path, loadplan: Command) -> None:
    """Not in the findings either: they lead to the line."""
    text = page(loadplan)
    assert [value for value in ("Alder", "notmail", "A999", "ana@example.com", "Zed") if value in text] == []


def test_its_sections_are_these_and_it_can_be_read_without_eyes(saved: Path, loadplan: Command) -> None:
    """The structure of the page, which links in other people's comments may rest on."""
    text = page(loadplan)
    assert_sound(text)
    assert re.findall(r'<h2 id="([a-z]+)">', text) == [
        "counts", "destructive", "steps", "order", "checks", "cost", "inputs", "apply",
    ]  # fmt: skip
    assert [a["href"] for a in Tree(text).named("a") if not (a["href"] or "").startswith("#")] == []


def test_a_plan_that_was_applied_says_by_which_run(saved: Path, loadplan: Command) -> None:
    """There is no command to apply it again."""
    assert loadplan("apply", "crm.lplan").exit in {0, 1}
    run = next((saved.parent / ".loadplan" / "runs").iterdir()).name
    said = words(page(loadplan))
    assert "Applied already Plan: 6 to create, 0 to update, 0 to delete, 1 to extract, in 3 jobs." in said
    assert f"loadplan status {run}" in said
    assert "loadplan apply" not in said


def _production(data: dict[str, Any]) -> None:
    data["org"]["production"] = data["document"]["org"]["production"] = True
    data["document"]["steps"][-1]["rows"] = data["document"]["totals"]["delete"] = 1_234


def test_production_and_deletes_are_loud(saved: Path, loadplan: Command) -> None:
    """The command names the org's id, as apply will ask."""
    said = words(page(loadplan, edited(saved, _production)))
    assert "crm for embedded PRODUCTION" in said
    assert "Deletes data Plan: 6 to create, 0 to update, 1,234 to delete" in said
    assert "loadplan apply edited.lplan --confirm-org 00D000000000001EAA" in said


HOSTILE = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}`a`\x1b[31m\u202e\x00"


def _hostile(value: Any, key: str = "") -> Any:
    """Every text of a document that a plan, a file's name or an org may have chosen."""
    kept = {"format", "severity", "code", "digest", "basis", "on_fail", "split", "symbol", "operation"}
    if isinstance(value, dict):
        return {k: v if k in kept else _hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_hostile(v, key) for v in value]
    return HOSTILE + value if isinstance(value, str) else value


def _poisoned(data: dict[str, Any]) -> None:
    data["document"] = _hostile(data["document"])
    for part in ("org", "var_files", "plan_file", "plan_sha256", "tool"):
        data[part] = _hostile(data[part])
    for part in ("variables", "files", "beside", "describe"):
        data[part] = {HOSTILE + k: HOSTILE for k in ("a", *data[part])}


def test_text_of_a_plan_or_an_org_stays_text(saved: Path, loadplan: Command) -> None:
    """Markup, template code, terminal escapes and direction marks in every text: the page has the same elements as before."""
    before, text = page(loadplan), page(loadplan, edited(saved, _poisoned))
    assert_sound(text)
    assert {t for t, _ in Tree(text).tags} <= {t for t, _ in Tree(before).tags}
    assert len(Tree(text).named("style")) == 1
    assert "{{ 7 * 7 }}" in text
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text) == []


def _many(data: dict[str, Any]) -> None:
    steps = data["document"]["steps"]
    for i in range(56):
        step = copy.deepcopy(steps[0]) | {"step": f"load_{i:02d}_of_a_long_name", "levels": [1, 20, 3_000]}
        step |= {"after": [steps[-1 - i % 3]["step"]], "wave": 5 + i, "split": "sampled 2,000 keys"}
        steps.append(step)


def test_sixty_steps_are_all_shown_and_small(saved: Path, loadplan: Command) -> None:
    """Nothing that is to be approved is folded away; the page weighs less than a picture."""
    text = page(loadplan, edited(saved, _many))
    assert_sound(text)
    assert len(text.encode()) < MOST
    assert "<details" not in text
    said = words(text)
    assert "load_55_of_a_long_name 60 ± upsert Account levels 1 / 20 / 3,000 split: sampled 2,000 keys" in said
    assert "about 3 about 0 1 failed rows" in said


ODD: dict[str, tuple[Edit, bool, str]] = {
    "edited after it was saved": (lambda d: d["document"]["totals"].update(delete=0, create=1), False, "its seal does not fit"),
    "of another version": (lambda d: d.update(format="loadplan.saved/9"), True, "its format is loadplan.saved/9"),
    "without a part": (lambda d: d["document"].pop("cost"), True, "it lacks a part"),
    "with a step that waits for nobody we know": (
        lambda d: d["document"]["steps"][0].update(after=["ghost"]), True, "its parts do not fit together",
    ),
    "with a step twice": (
        lambda d: d["document"]["steps"].append(d["document"]["steps"][0]), True, "its parts do not fit together",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", ODD)
def test_no_page_is_made_of_what_nobody_should_approve(how: str, saved: Path, loadplan: Command) -> None:
    """Exit 2 with the reason and the command that shows it as it is; no file is left."""
    edit, sealed, why = ODD[how]
    ran = loadplan("show", edited(saved, edit, sealed=sealed), "--html", "page.html")
    assert (ran.exit, ran.out) == (2, "")
    assert "error[LP0760]: no page can be made of this saved plan: " in ran.err
    assert why in ran.err
    assert "next: loadplan show edited.lplan\n" in ran.err
    assert not Path("page.html").exists()


def test_the_page_never_takes_the_place_of_the_plan(saved: Path, loadplan: Command) -> None:
    """A slip in the command line costs nothing that was approved."""
    before = saved.read_bytes()
    ran = loadplan("show", "crm.lplan", "--html", "./crm.lplan")
    assert (ran.exit, saved.read_bytes()) == (2, before)
    assert "next: loadplan show crm.lplan --html crm.html" in ran.err


@pytest.mark.skipif(browser.find() is None, reason="no Chromium on this machine (apt-get install chromium)")
@pytest.mark.browser
def test_a_browser_without_network_asks_for_nothing_and_complains_of_nothing(
    saved: Path, loadplan: Command, tmp_path: Path
) -> None:
    """No request and no line on the console, whatever texts the plan has."""
    for file in ("crm.lplan", edited(saved, _poisoned)):
        page(loadplan, file)
        seen = browser.visit(Path("page.html"), tmp_path)
        assert (seen.asked, seen.console) == ((), ())
        assert "Cost and limits" in seen.tree
