"""A snapshot that a person, or the author of a pull request, edited: told with its file, and nothing of it becomes a command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import typed

ORGS = "version: 1\norgs:\n  prod: {embedded: {}}\n  twin: {embedded: {describe: describe}}\n"
PLAN = """\
version: 1
name: load
defaults: {poll: {first: 50ms, factor: 1, max: 50ms}}
steps:
  accounts:
    object: account
    operation: upsert
    external_id: Legacy_Id__c
    source: a.csv
    hierarchy: {lookup: Parent.Legacy_Id__c, column: up}
"""
CHECK = ("org", "describe", "--check", "describe", "-o", "prod")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A snapshot of two objects, and a plan that has a twin of them."""
    for name, text in (("orgs.yaml", ORGS), ("plan.yaml", PLAN), ("a.csv", "Legacy_Id__c,Name,up\nA1,Alder,\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    code, _, said = typed(
        tmp_path, os.environ, "org", "describe", "Account", "Contact", "-o", "prod", "--out", "describe"
    )
    assert code == 0, said
    return tmp_path


def changed(key: str, value: object) -> Callable[[Path], None]:
    """Puts a value into the description of the account."""

    def change(folder: Path) -> None:
        file = folder / "Account.json"
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), key: value}), encoding="utf-8")

    return change


def twice(folder: Path) -> None:
    (folder / "Zed.json").write_text((folder / "Account.json").read_text(encoding="utf-8"), encoding="utf-8")


BROKEN = {
    "a name that leads elsewhere": changed("name", "../../../x; rm -rf"), "a number for a list": changed("recordTypeInfos", 5),
    "a field that is none": changed("fields", [3]), "a field without a name": changed("fields", [{"name": 7}]),
    "one object twice": twice,
}  # fmt: skip


@pytest.mark.parametrize("change", BROKEN.values(), ids=list(BROKEN))
def test_a_description_that_is_none_is_told_with_its_file(project: Path, change: Callable[[Path], None]) -> None:
    """Exit 2, and no command that removes a file is proposed."""
    change(project / "describe")
    code, _, said = typed(project, os.environ, *CHECK)
    assert code == 2, said
    assert "error[LP0710]" in said
    assert "next: rm" not in said
    assert ".json" in said


MANIFESTS = [
    "org = 5", 'org = "a\\u001b[31mE\\nnext rm"', 'org = "-x"', "records = 3", "[records]\nAccount = -5", "[records]\nAccount = true",
    "[records]\nUser = 3.5", '[records]\n"x; y" = 3', "api_version = 66", 'api_version = "9.9; x"', "= bad",
]  # fmt: skip


@pytest.mark.parametrize("text", MANIFESTS)
@pytest.mark.parametrize("words", [CHECK, ("apply", "plan.yaml", "-o", "twin")], ids=["check", "apply"])
def test_a_manifest_that_is_none_is_told_before_anything_is_sent(
    project: Path, words: tuple[str, ...], text: str
) -> None:
    """Wrong types, counts below zero, names with control characters: exit 2 in both commands, and there is no run."""
    (project / "describe" / "snapshot.toml").write_text(text, encoding="utf-8")
    code, _, said = typed(project, os.environ, *words)
    assert code == 2, said
    assert "error[LP0710]" in said
    assert not list((project / ".loadplan").glob("runs/*/journal.jsonl"))


def test_a_name_of_an_org_that_a_shell_would_run_is_quoted(project: Path) -> None:
    """The name comes from a file of the repository, and the line is made to be copied."""
    (project / "describe" / "snapshot.toml").write_text('org = "x; touch y"', encoding="utf-8")
    _, _, said = typed(project, os.environ, "apply", "plan.yaml", "-o", "twin")
    assert "next        loadplan plan plan.yaml -o 'x; touch y'   #" in said


def test_half_a_snapshot_is_not_called_free_of_drift(project: Path) -> None:
    """The object is counted in snapshot.toml, and its file is gone: nothing of it was compared, so the check does not pass."""
    (project / "describe" / "Contact.json").unlink()
    code, told, said = typed(project, os.environ, *CHECK)
    assert code == 1
    assert "No drift" not in told
    assert "Contact" in told
    assert "next: loadplan org describe Contact -o prod --out describe" in said
    _, told, _ = typed(project, os.environ, *CHECK, "--json")
    document = (
        json.loads(told.splitlines()[-1]) if told.count("\n") > 1 and told.startswith('{"type"') else json.loads(told)
    )
    assert (document["drift"], document["missing"]) == (False, ["Contact"])


def test_an_object_in_two_spellings_is_one(project: Path) -> None:
    """`account` of a step and `Account` of a lookup: asked once, and listed once."""
    code, told, said = typed(
        project, os.environ, "org", "describe", "--all-needed-by", "plan.yaml", "-o", "prod", "--out", "again"
    )
    assert (code, told) == (0, "again/Account.json\n"), said
