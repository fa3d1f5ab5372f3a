"""A snapshot is taken, the org changes, the check says what: as typed commands."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg

from support.processes import typed

TAKE = ("org", "describe", "-o", "env", "--out", "describe", "--all-needed-by", "plan.yaml")
CHECK = ("org", "describe", "-o", "env", "--check", "describe")


@pytest.fixture
def org() -> Iterator[EmbeddedOrg]:
    with EmbeddedOrg() as server:
        yield server


@pytest.fixture
def environ(org: EmbeddedOrg) -> dict[str, str]:
    return {**os.environ, "SF_ACCESS_TOKEN": org.access_token(), "SF_ORG_INSTANCE_URL": org.instance_url}


def change(project: Path, name: str, field: str, **keys: object) -> None:
    """Write another past into the snapshot: the org has gone on since."""
    file = project / "describe" / f"{name}.json"
    raw = json.loads(file.read_text(encoding="utf-8"))
    next(f for f in raw["fields"] if f["name"] == field).update(keys)
    file.write_text(json.dumps(raw), encoding="utf-8")


def test_no_drift_is_exit_0_and_asks_for_the_objects_of_the_snapshot_only(
    project: Path, org: EmbeddedOrg, environ: dict[str, str]
) -> None:
    """In the version in which it was taken; no file is touched."""
    assert typed(project, environ, *TAKE)[0] == 0
    before = {f.name: f.read_bytes() for f in (project / "describe").iterdir()}
    assert sorted(before) == ["Account.json", "Contact.json", "snapshot.toml"]
    org.org.requests.clear()
    code, out, said = typed(project, environ, *CHECK)
    assert (code, out) == (0, "No drift: 2 objects of describe as in env.\n"), said
    asked = [r.path for r in org.org.requests if "/sobjects/" in r.path]
    assert asked == [f"/services/data/v66.0/sobjects/{name}/describe" for name in ("Account", "Contact")]
    assert {f.name: f.read_bytes() for f in (project / "describe").iterdir()} == before


def test_drift_is_exit_1_in_words_and_ends_with_the_command_that_refreshes(
    project: Path, environ: dict[str, str]
) -> None:
    """By object, what can break a load first; after the refresh there is none."""
    typed(project, environ, *TAKE)
    change(project, "Contact", "LastName", length=120)
    change(project, "Contact", "Email", length=40)
    (project / "describe" / "Gone__c.json").write_text('{"name": "Gone__c", "fields": []}', encoding="utf-8")
    code, out, said = typed(project, environ, *CHECK)
    assert code == 1
    assert out.splitlines() == [
        "Contact",
        "  BREAKING  LastName: holds 80 characters, it held 120",
        "  harmless  Email: holds 80 characters, it held 40",
        "",
        "Gone__c",
        "  BREAKING  the object is gone, or this user may no longer see it",
        "",
        "Drift: 3 changes in 2 of 3 objects, 2 can break a load.",
    ]
    assert said.splitlines()[-2:] == [
        "next: loadplan org describe Contact -o env --out describe",
        "next: rm describe/Gone__c.json",
    ]
    (project / "describe" / "Gone__c.json").unlink()
    assert typed(project, environ, "org", "describe", "Contact", "-o", "env", "--out", "describe")[0] == 0
    assert typed(project, environ, *CHECK)[0] == 0


def test_drift_for_programs(project: Path, environ: dict[str, str]) -> None:
    """One document; an object without changes is not in it."""
    typed(project, environ, *TAKE)
    change(project, "Contact", "LastName", length=120)
    code, out, _ = typed(project, environ, *CHECK, "--json")
    assert code == 1
    assert json.loads(out) == {
        "org": "env", "api_version": "66.0", "folder": "describe", "drift": True, "breaking": 1,
        "missing": [],
        "objects": [
            {
                "object": "Contact",
                "changes": [
                    {
                        "field": "LastName", "kind": "shorter", "text": "holds 80 characters, it held 120", "breaking": True,
                    }
                ],
            }
        ],
        "next": ["loadplan org describe Contact -o env --out describe"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--check", "describe", "--out", "describe"), "--check compares what is there"),
        (("--check", "describe", "Lead"), "the snapshot in `describe` has no Lead"),
        (("--check", "empty"), "there is no snapshot in `empty`"),
        (("--check", "nowhere"), "there is no folder `nowhere`"),
        (("Account",), "no folder is named"),
        (("--out", "describe"), "no object is named"),
    ],
)
def test_a_check_of_nothing_is_told(
    arguments: tuple[str, ...], told: str, project: Path, environ: dict[str, str]
) -> None:
    """Exit 2, with the command to type; the org is not asked for an object."""
    typed(project, environ, *TAKE)
    (project / "empty").mkdir()
    code, _, said = typed(project, environ, "org", "describe", "-o", "env", *arguments)
    assert (code, told in said) == (2, True), said
    assert said.splitlines()[-1].startswith("next: loadplan org describe ")


def test_the_objects_of_several_plans_are_one_snapshot(project: Path, environ: dict[str, str]) -> None:
    """As the shell makes it of `plans/*.yaml`."""
    for name, kind in (("a", "Lead"), ("b", "Case")):
        text = f"version: 1\nname: {name}\nsteps:\n  x: {{object: {kind}, operation: insert, source: accounts.csv}}\n"
        (project / f"{name}.yaml").write_text(text, encoding="utf-8")
    code, out, said = typed(project, environ, *TAKE, "a.yaml", "--all-needed-by", "b.yaml", "Task")
    assert code == 0, said
    assert [Path(line).stem for line in out.splitlines()] == ["Account", "Case", "Contact", "Lead", "Task"]


def test_an_object_that_the_org_lacks_is_found_in_its_plan(project: Path, environ: dict[str, str]) -> None:
    """Which of many steps names it, `plan` tells; the variables that the plan cannot do without stand in the command."""
    text = "version: 1\nname: a\nvars: {kind: {type: string}}\nsteps:\n  x: {operation: query, soql: SELECT Id FROM Acount}\n"
    (project / "a b.yaml").write_text(text, encoding="utf-8")
    code, _, said = typed(project, environ, *TAKE[:-1], "a b.yaml", "--var", "kind=x y")
    assert (code, "did you mean `Account`?" in said) == (3, True), said
    commands = [line.removeprefix("next: ") for line in said.splitlines() if line.startswith("next: ")]
    assert commands == ["loadplan plan 'a b.yaml' -o env --var 'kind=x y'"]
    _, told, _ = typed(project, environ, *shlex.split(commands[0])[1:])
    assert "step x: the org has no object `Acount`" in told
    assert "a b.yaml:5" in told
