"""The files of a plan: outputs never go over what is not theirs, sources are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.files import find_root
from loadplan.plan.load import check_plan


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a plan folder, data, variables, a git folder and links."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    for folder in ("plans/out", "plans/data", ".git", "plans/sub/.git"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "plans/data/a.csv").write_text("Id\n1\n", encoding="utf-8")
    (tmp_path / "plans/vars.yaml").write_text("region: emea\n", encoding="utf-8")
    (tmp_path / "plans/link.csv").symlink_to("../orgs.yaml")
    (tmp_path / "plans/way").symlink_to("../.git")
    os.link(tmp_path / "plans/data/a.csv", tmp_path / "plans/hard.csv")
    return tmp_path


def problems(project: Path, *outputs: str, state: Path | None = None) -> list[Diagnostic]:
    steps = "".join(
        f"  q{i}: {{operation: query, soql: SELECT Id FROM A, output: {output!r}}}\n"
        for i, output in enumerate(outputs)
    )
    text = (
        "version: 1\nname: demo\nvars: {region: {type: string, default: emea}}\ndescription: '{{ region }}'\nsteps:\n"
        f"{steps}  load: {{object: Account, operation: insert, source: data/a.csv}}\n"
    )
    (project / "plans/plan.yaml").write_text(text, encoding="utf-8")
    return check_plan(project / "plans/plan.yaml", var_files=[project / "plans/vars.yaml"], state_folder=state)[2]


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        ("plan.yaml", "LP0220", "would overwrite the plan itself"),
        ("PLAN.yaml", "LP0220", "would overwrite the plan itself"),
        ("sub/../plan.yaml", "LP0220", "would overwrite the plan itself"),
        ("../orgs.yaml", "LP0220", "would overwrite orgs.yaml"),
        ("link.csv", "LP0220", "would overwrite orgs.yaml"),
        ("vars.yaml", "LP0220", "would overwrite the variables file vars.yaml"),
        ("../.git/config", "LP0220", "lies in `.git`"),
        ("../.GIT/config", "LP0220", "lies in `.git`"),
        ("way/config", "LP0220", "lies in `.git`"),
        ("sub/.git/hooks/x", "LP0220", "lies in `.git`"),
        ("../.loadplan/runs/x.csv", "LP0220", "the folder where runs are kept"),
        ("../.LoadPlan", "LP0220", "the folder where runs are kept"),
        ("../state/x.csv", "LP0220", "the folder where runs are kept"),
        ("out", "LP0220", "is a folder"),
        (".", "LP0220", "is a folder"),
        ("data/a.csv/x.csv", "LP0220", "needs the folder `a.csv`, which is a file"),
        ("data/a.csv", "LP0215", "`load` reads this file"),
        ("hard.csv", "LP0215", "`load` reads this file"),
        ("DATA/A.csv", "LP0215", "`load` reads this file"),
        ("../../x.csv", "LP0226", "leaves the project"),
        ("/tmp/x.csv", "LP0226", "leaves the project"),
        ("", "LP0226", "the path is empty"),
        (" ", "LP0226", "the path is empty"),
    ],
)
def test_an_output_never_goes_over_what_is_not_its_own(project: Path, output: str, code: str, words: str) -> None:
    """By its name in any case, over dots, through links of both kinds; told where the output is written."""
    found = problems(project, output, state=project / "state")
    assert [(p.code, p.place.line) for p in found] == [(code, 6)], found
    assert words in found[0].summary
    assert found[0].hint


def test_two_outputs_never_meet(project: Path) -> None:
    """Not as the same file, and not as a file where the other needs a folder."""
    assert [(p.code, p.place.line) for p in problems(project, "out/x.csv", "out/./X.csv")] == [("LP0215", 7)]
    found = problems(project, "out/x.csv", "out/x.csv/y.csv", "out/x.csv/z/y.csv")
    assert [(p.code, p.place.line) for p in found] == [("LP0215", 7), ("LP0215", 8)]
    found = problems(project, "out/x/", "out/x/y.csv")
    assert [(p.code, p.place.line) for p in found] == [("LP0215", 7)]
    assert "holds nothing else" in found[0].summary


def test_an_output_of_its_own_is_let_through(project: Path) -> None:
    """Also in a folder that does not exist yet, and over the file of an earlier run."""
    (project / "plans/out/old.csv").write_text("Id\n", encoding="utf-8")
    assert problems(project, "out/old.csv", "new/deep/x.csv", "../y.csv", ".gitx/a.csv", "../.loadplanner/a.csv") == []


@pytest.mark.parametrize("name", ["a" * 300 + ".csv", "loop.csv", "gone/x.csv", "data"])
def test_a_source_that_cannot_be_looked_at_is_a_diagnostic(project: Path, name: str) -> None:
    """A name that is too long, a link to itself, a folder: never an exception."""
    (project / "plans/loop.csv").symlink_to("loop.csv")
    text = f"version: 1\nname: demo\nsteps:\n  a: {{object: Account, operation: insert, source: {{path: {name}, format: csv}}}}\n"
    (project / "plans/plan.yaml").write_text(text, encoding="utf-8")
    found = check_plan(project / "plans/plan.yaml")[2]
    assert [p.code for p in found] == ["LP0301"]
    assert text.splitlines()[3][found[0].place.column - 1 :].startswith(name)


def test_the_project_is_the_nearest_folder_that_is_marked(project: Path) -> None:
    """By orgs.yaml or .git; else the plan's own folder."""
    assert find_root(project / "plans/plan.yaml") == project
    assert find_root(project / "plans/sub/plan.yaml") == project / "plans/sub"
