"""A project made by `init` works as it is, and what automates it keeps the rules: no secret in review, nothing interpolated into a
script, loadplan in the shell's place."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loadplan.plan.document import parse_document
from loadplan.version import __version__

from support.processes import typed

ROOT = Path(__file__).parents[2]
SCAFFOLD = ROOT / "loadplan" / "cli" / "scaffold"
PLAN = "plans/first-load/plan.yaml"
CI = {"github": ".github/workflows/loadplan.yml", "gitlab": ".gitlab-ci.yml"}


def yaml(text: str) -> Any:
    """A YAML file that is not a plan, by the door that every YAML passes here."""
    document, problems = parse_document(text.encode(), "file")
    assert problems == []
    assert document is not None
    return document.data


@pytest.mark.parametrize("ci", sorted(CI))
def test_a_new_project_validates_is_in_the_one_style_and_applies_on_the_embedded_org(tmp_path: Path, ci: str) -> None:
    """In a folder that is not there yet; both of its variables' values; a second time changes nothing."""
    code, out, said = typed(tmp_path, os.environ, "init", "new/project", "--ci", ci)
    assert code == 0, said
    assert said.splitlines()[-1] == f"next: cd new/project && loadplan apply {PLAN} -o embedded"
    project = tmp_path / "new" / "project"
    made = {line.split()[1].removeprefix("new/project/") for line in out.splitlines()}
    assert {PLAN, "orgs.yaml", ".gitignore", CI[ci], "schemas/plan.schema.json"} <= made
    assert made == {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}
    assert __version__ in (project / CI[ci]).read_text(encoding="utf-8")
    checked = f"1 plan checked: 0 errors, 0 warnings\nnext: loadplan plan {PLAN} --offline   # reads the rows too\n"
    assert typed(project, os.environ, "validate", PLAN) == (0, "", checked)
    assert typed(project, os.environ, "fmt", "--check", PLAN)[0] == 0
    for region, rows in (("emea", 7), ("amer", 4)):
        code, _, said = typed(project, os.environ, "apply", PLAN, "-o", "embedded", "--var", f"region={region}")
        assert code == 0, said
        assert f"Rows: {rows} sent, {rows} ok, 0 failed, 0 unprocessed." in said
    git = subprocess.run(["git", "init", "-q"], cwd=project, check=False)
    if git.returncode == 0:
        seen = subprocess.run(
            ["git", "status", "--short", "-uall"], cwd=project, capture_output=True, text=True, check=True
        )
        assert ".loadplan" not in seen.stdout


def test_init_changes_no_file_that_is_there(tmp_path: Path) -> None:
    """What was there is named; a .gitignore that lets runs be committed is told."""
    (tmp_path / "orgs.yaml").write_text("mine", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("*.pyc\n", encoding="utf-8")
    code, out, said = typed(tmp_path, os.environ, "init")
    assert code == 0
    assert (tmp_path / "orgs.yaml").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "*.pyc\n"
    assert "= orgs.yaml  (was there, left as it is)" in out
    assert "add the line `.loadplan/`" in said
    document = json.loads(typed(tmp_path, os.environ, "init", "--json")[1])
    assert document["made"] == []
    assert PLAN in document["kept"]


# -- rules of everything that runs by itself -----------------------------------------------------------------------


def steps_of(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            yield name, step


def github_workflows() -> list[Any]:
    """The workflows of init, of the how-to page and of this project."""
    found = [pytest.param((SCAFFOLD / "github" / CI["github"]).read_text(encoding="utf-8"), id="init")]
    blocks = re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / "docs/howto/ci.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    found += [
        pytest.param(b, id=f"page-{n}")
        for n, b in enumerate(blocks, 1)
        if b.startswith(("name:", "on:")) and "\njobs:" in b
    ]
    return [*found, pytest.param((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"), id="own")]


@pytest.mark.parametrize("text", github_workflows())
def test_no_script_of_a_workflow_has_anything_interpolated_into_it(text: str) -> None:
    """An input or a title in a script is a script: values come by the environment. Permissions are named, and none can write."""
    workflow = yaml(text)
    assert len(list(steps_of(workflow))) > 0
    assert [s["run"] for _, s in steps_of(workflow) if "${{" in s.get("run", "")] == []
    assert workflow["permissions"] == {"contents": "read"}
    assert "write" not in json.dumps([job.get("permissions", {}) for job in workflow["jobs"].values()])
    assert "pull_request_target" not in text


@pytest.mark.parametrize("text", github_workflows())
def test_review_has_no_secret_and_what_applies_stands_behind_an_environment(text: str) -> None:
    """Whatever a pull request brings along, there is nothing to take; a load is never cancelled for a newer one, and its runs
    are in the shell's place."""
    for job in yaml(text)["jobs"].values():
        body = json.dumps(job)
        if "secrets." in body:
            assert "environment" in job
            assert "pull_request" not in job.get("if", "")
        runs = [
            line
            for s in job["steps"]
            for line in s.get("run", "").splitlines()
            if re.search(r"loadplan (apply|resume|retry)\b", line)
        ]
        if runs:
            assert all("exec loadplan" in line for line in runs)
            assert job["concurrency"]["cancel-in-progress"] is False


def test_the_workflow_of_gitlab_keeps_the_same_rules() -> None:
    """Review on merge requests without an environment; apply and resume by hand, one at a time, never interrupted."""
    pipeline = yaml((SCAFFOLD / "gitlab" / CI["gitlab"]).read_text(encoding="utf-8"))
    assert "environment" not in pipeline["review"]
    assert "merge_request_event" in pipeline["review"]["rules"][0]["if"]
    for job in ("apply", "resume"):
        assert pipeline[job]["rules"][0]["when"] == "manual"
        assert pipeline[job]["interruptible"] is False
        assert pipeline[job]["resource_group"] == "loadplan-uat"
        assert pipeline[job]["script"][-1].startswith("exec loadplan ")


def test_the_action_execs_the_tool_and_its_inputs_come_by_the_environment() -> None:
    """No `${{ }}` in a script; the last line hands the shell's place over."""
    action = yaml((ROOT / "action.yml").read_text(encoding="utf-8"))
    steps = action["runs"]["steps"]
    assert action["runs"]["using"] == "composite"
    assert [s["run"] for s in steps if "${{" in s["run"]] == []
    assert all(s["shell"] == "bash" for s in steps)
    assert steps[-1]["run"].splitlines()[-1] == 'exec "$RUNNER_TEMP/loadplan/bin/loadplan" "$@"'
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == set(action["inputs"])


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"COMMAND": "validate", "PLAN": "plans/*.yaml"}, ["validate", "plans/a.yaml", "plans/b c.yaml"]),
        ({"COMMAND": "apply", "PLAN": "plans/b c.yaml", "ORG": "uat", "ARGS": "--auto-approve\n--var\nx=$(touch bad) `id`;\"'"},
         ["apply", "plans/b c.yaml", "--target-org", "uat", "--auto-approve", "--var", "x=$(touch bad) `id`;\"'"]),
        ({"COMMAND": "runs"}, ["runs"]),
        ({"COMMAND": "validate", "PLAN": "none/*.yaml\nplans/a.yaml"}, ["validate", "none/*.yaml", "plans/a.yaml"]),
    ],
)  # fmt: skip
def test_the_action_passes_its_inputs_on_as_they_are(
    tmp_path: Path, given: dict[str, str], arguments: list[str]
) -> None:
    """Patterns of plans are matched, blanks and shell characters mean nothing; run with a program that shows its arguments."""
    script = yaml((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"][-1]["run"]
    (tmp_path / "plans").mkdir()
    for name in ("a.yaml", "b c.yaml"):
        (tmp_path / "plans" / name).touch()
    tool = tmp_path / "loadplan" / "bin" / "loadplan"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n", encoding="utf-8")
    tool.chmod(0o755)
    names = {f"LOADPLAN_{key}": given.get(key, "") for key in ("COMMAND", "PLAN", "ORG", "ARGS")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=tmp_path, env={**os.environ, **names, "RUNNER_TEMP": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == arguments
    assert not (tmp_path / "bad").exists()


def test_the_image_runs_the_tool_itself_and_not_as_root() -> None:
    """Exec form, so that loadplan is process 1; a user by number, as clusters ask for; nothing but the sources is copied."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    last = {first: rest for first, rest in words if first in {"USER", "ENTRYPOINT", "CMD"}}
    assert json.loads(last["ENTRYPOINT"]) == ["loadplan"]
    assert json.loads(last["CMD"]) == ["--help"]
    assert int(last["USER"]) > 0
    copied = [rest.split()[:-1] for first, rest in words if first == "COPY" and not rest.startswith("--from")]
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for source in (s for group in copied for s in group):
        assert (ROOT / source).exists()
        assert f"!{source.removeprefix('./')}\n" in allowed


def test_the_hooks_of_pre_commit_are_commands_of_loadplan() -> None:
    """Each runs on files that are called like plans, and passes on a plan that is well."""
    hooks = yaml((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {h["id"] for h in hooks} == {"loadplan-validate", "loadplan-fmt"}
    for hook in hooks:
        assert hook["language"] == "python"
        assert re.search(hook["files"], "plans/quickstart/plan.yaml")
        assert re.search(hook["files"], "crm.loadplan.yml")
        assert not re.search(hook["files"], "deploy/floorplan.yaml")
        program, *arguments = hook["entry"].split()
        assert program == "loadplan"
        assert typed(ROOT, os.environ, *arguments, "plans/quickstart/plan.yaml")[0] == 0


def test_every_file_of_a_new_project_travels_with_the_package() -> None:
    """The patterns of pyproject.toml reach hidden files and folders too; a wheel without them would make half a project."""
    import tomllib

    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"][
        "loadplan.cli"
    ]
    hidden = {
        p
        for p in SCAFFOLD.rglob("*")
        if p.is_file() and any(part.startswith(".") for part in p.relative_to(SCAFFOLD).parts[:-1])
    }
    named = {
        found for pattern in patterns if "/." in pattern for found in SCAFFOLD.parent.glob(pattern) if found.is_file()
    }
    assert hidden
    assert hidden <= named


def test_a_folder_that_leads_elsewhere_gets_nothing(tmp_path: Path) -> None:
    """A link in the project to a folder outside it: no file is written there, nor anywhere else. A link for a file is left alone."""
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (project / "orgs.yaml").symlink_to(outside / "orgs.yaml")
    code, out, said = typed(project, os.environ, "init")
    assert (code, "orgs.yaml  (was there" in out) == (0, True), said
    assert not list(outside.iterdir())
    other = tmp_path / "other"
    other.mkdir()
    (other / "plans").symlink_to(outside)
    code, _, said = typed(other, os.environ, "init")
    assert (code, "plans is a link that leads out of" in said) == (2, True), said
    assert [p.name for p in other.iterdir()] == ["plans"]
    assert not list(outside.iterdir())
