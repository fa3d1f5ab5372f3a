"""Every plan in plans/ runs through the command line against the embedded org."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.processes import ran, typed

PLANS = Path(__file__).parents[2] / "plans"


def loadplan(folder: Path, *arguments: str, by: Any = typed) -> subprocess.CompletedProcess[str]:
    """The command in a folder, as a user would type it; `by` a process of its own (`ran`) or without one."""
    return subprocess.CompletedProcess(arguments, *by(folder, os.environ, *arguments))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PLANS, tmp_path / "plans", ignore=shutil.ignore_patterns("out"))
    (tmp_path / ".git").mkdir()
    return tmp_path


def newest(project: Path) -> Path:
    return max((project / ".loadplan" / "runs").iterdir())


def test_quickstart_passes_its_gates_and_leaves_four_rows_over(project: Path) -> None:
    """The README's first command: 420 rows, four refused by the org, an extract of the rest."""
    done = loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded", by=ran)
    assert done.returncode == 0, done.stderr
    assert (
        "Apply complete! Steps: 3 ok. Rows: 420 sent, 416 ok, 4 failed, 0 unprocessed. Extracted: 296." in done.stderr
    )
    assert "  output      296 rows of landed: plans/quickstart/out/contacts.csv\n" in done.stderr
    run = newest(project)
    book = json.loads((run / "runbook.json").read_text(encoding="utf-8"))
    assert [s["state"] for s in book["steps"]] == ["succeeded", "partial", "succeeded"]
    assert all(s["reconciled"] for s in book["steps"])
    retry = (run / "retry" / "contacts.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in retry] == ["contact_id", "CON-0057", "CON-0118", "CON-0190", "CON-0243"]
    pages = [json.loads(line) for line in (run / "pagination.jsonl").read_text(encoding="utf-8").splitlines()]
    chain = [p for p in pages if p.get("kind") == "query"]
    assert [p["locator_in"] for p in chain] == [None, *[p["locator_out"] for p in chain[:-1]]]
    assert chain[-1]["locator_out"] == "null"
    assert pages[-1]["agree"]
    shared = "".join(
        (run / f).read_text(encoding="utf-8") for f in ("runbook.md", "runbook.json", "pagination.md", "summary.json")
    )
    assert "not-an-address" not in shared
    assert "ACC-9999" not in shared
    assert "Bearer" not in shared
    for path in run.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_crm_migration_breaks_its_circle_and_deletes_child_first(project: Path) -> None:
    """Six objects, a polymorphic lookup, a second pass and a delete of what a query found."""
    done = loadplan(project, "apply", "plans/crm-migration/plan.yaml", "-o", "embedded", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "version"
    settled = {e["step"]: e["state"] for e in lines if e["type"] == "StepSettled"}
    assert set(settled.values()) == {"succeeded"}
    assert len(settled) == 11
    assert lines[-1]["type"] == "RunEnded"


def test_nightly_extract_follows_an_apply(project: Path) -> None:
    """An extract on the org that another run filled: pages joined under one header."""
    assert loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded").returncode == 0
    done = loadplan(project, "apply", "plans/nightly-extract/plan.yaml", "-o", "embedded")
    assert done.returncode == 0, done.stderr
    rows = (project / "plans/nightly-extract/out/contacts.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 297
    assert rows[0] == '"Id","Legacy_Id__c","LastName","Account.Legacy_Id__c","IsDeleted"'
    assert sum(1 for row in rows if row == rows[0]) == 1


def test_a_rerun_of_the_same_plan_updates_and_duplicates_nothing(project: Path) -> None:
    """Upserts by external id: the second run changes no count."""
    for _ in range(2):
        assert loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded").returncode == 0
    rows = (project / "plans/quickstart/out/contacts.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 297


def test_runs_status_and_report_read_a_finished_run(project: Path) -> None:
    """What ran, where it stands, and its renderings made again after they were deleted."""
    loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded")
    assert "succeeded" in loadplan(project, "runs").stdout
    status = json.loads(loadplan(project, "status", "--json").stdout)
    assert [s["step"] for s in status["steps"]] == ["accounts", "contacts", "landed"]
    book = newest(project) / "runbook.md"
    before = book.read_text(encoding="utf-8")
    book.unlink()
    assert loadplan(project, "report").returncode == 0
    assert book.read_text(encoding="utf-8") == before


def test_broken_data_stops_before_anything_is_sent(project: Path) -> None:
    """A ragged row and a duplicate key: exit 2 with file and line, no run folder, no org."""
    data = project / "plans/quickstart/data/accounts.csv"
    lines = data.read_text(encoding="utf-8").splitlines()
    data.write_text("\n".join([*lines, lines[1], "ACC-9,too few"]) + "\n", encoding="utf-8")
    done = loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded")
    assert done.returncode == 2
    assert "accounts.csv:123" in done.stderr
    assert not (project / ".loadplan").exists()


def test_a_broken_plan_stops_before_anything_is_sent(project: Path) -> None:
    """Unknown key and unknown step in one pass, each with its line and a guess at what was meant."""
    plan = project / "plans/quickstart/plan.yaml"
    plan.write_text(plan.read_text(encoding="utf-8").replace("operation: query", "operatoin: query"), encoding="utf-8")
    done = loadplan(project, "validate", "plans/quickstart/plan.yaml", "--format", "concise")
    assert done.returncode == 2
    assert "LP0201 unknown key `operatoin`" in done.stdout
    assert loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded").returncode == 2
    assert not (project / ".loadplan").exists()


def test_rows_left_over_are_never_called_landed_when_their_source_changed(project: Path) -> None:
    """The retry files cannot be written again then; runbook and screen still say what is left and how to send it, and it works."""
    assert loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "embedded").returncode == 0
    contacts = project / "plans/quickstart/data/contacts.csv"
    contacts.write_text(contacts.read_text(encoding="utf-8").replace("a", "e"), encoding="utf-8")
    for _ in range(2):
        done = loadplan(project, "retry", "quickstart")
        assert done.returncode == 0, done.stderr
        assert "4 sent = 0 successful + 4 failed" in done.stdout + done.stderr
        assert "retry files are not up to date" in done.stderr
        (folder,) = (project / ".loadplan/runs").iterdir()
        book = (folder / "runbook.md").read_text(encoding="utf-8")
        assert "every row landed" not in book
        assert f"loadplan retry {folder.name}" in book
        assert f"loadplan retry {folder.name}" in done.stdout + done.stderr


@pytest.mark.parametrize("org", ["embedded", "env"])
def test_a_broken_orgs_file_is_told_also_for_an_org_that_needs_none(project: Path, org: str) -> None:
    """What is written there may have been meant for this run: exit 2 with its line, before the data and before any org."""
    (project / "orgs.yaml").write_text("version: 1\norgs:\n  uat: {embedded: true}\n", encoding="utf-8")
    done = loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", org)
    assert done.returncode == 2
    assert "orgs.yaml:3:19" in done.stderr
    assert "in the data" not in done.stderr
    assert not (project / ".loadplan").exists()
    assert loadplan(project, "org", "check", "-o", org).returncode == 2


def test_a_real_org_needs_credentials_and_an_answer(project: Path) -> None:
    """Without credentials exit 3 names the variable; without an org named exit 2."""
    done = loadplan(project, "apply", "plans/quickstart/plan.yaml", "-o", "env")
    assert done.returncode == 3
    assert "SF_ACCESS_TOKEN" in done.stderr
    assert loadplan(project, "apply", "plans/quickstart/plan.yaml").returncode == 2


def test_help_loads_no_heavy_library(project: Path) -> None:
    """`--help` answers at once: none of the lazy packages is imported for it."""
    code = (
        "import sys; from loadplan.cli.main import run; run(['--help']);"
        "print([m for m in ('yaml','jsonschema','jinja2','networkx','requests','rich') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.strip() == "[]"
