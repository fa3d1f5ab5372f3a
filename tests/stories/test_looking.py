"""Looking at runs: `runs`, `status` and `report` tell where each stands, also of runs that were killed, damaged or outlived
by their plan."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.processes import APPLY, started, typed
from support.stalling import StallingWire

EMBEDDED = ("apply", "plan.yaml", "-o", "embedded")


def runs_of(project: Path) -> list[Path]:
    """The oldest first. Two of one second have names in any order."""
    return sorted(
        (project / ".loadplan" / "runs").iterdir(), key=lambda run: (run / "journal.jsonl").stat().st_mtime_ns
    )


def test_before_the_first_run_there_is_a_first_command(project: Path) -> None:
    """`runs` is no error; `status` and `report` of nothing are, and say how to begin."""
    code, out, said = typed(project, os.environ, "runs")
    assert (code, out) == (0, "")
    assert said.endswith("next: loadplan apply PLAN -o embedded\n")
    for command in ("status", "report"):
        code, _, said = typed(project, os.environ, command)
        assert (code, "next: loadplan apply" in said) == (2, True)


def test_runs_are_told_in_columns_with_the_next_command_last(project: Path) -> None:
    """A long name of a plan moves every line; the newest run decides what to type."""
    assert typed(project, os.environ, *EMBEDDED)[0] == 0
    text = (project / "plan.yaml").read_text(encoding="utf-8")
    (project / "plan.yaml").write_text(text.replace("name: two", "name: two-with-a-rather-long-name"), encoding="utf-8")
    assert typed(project, os.environ, *EMBEDDED)[0] == 1
    code, out, said = typed(project, os.environ, "runs")
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[1] for line in lines] == ["ORG", "embedded", "embedded"]
    assert len({line.index("embedded") for line in lines[1:]}) == 1
    assert lines[2].split()[2:] == ["2", "2", "1", "failed"]
    assert said == f"next: loadplan retry {runs_of(project)[-1].name} --rows accounts\n"


def test_a_status_lists_every_step_of_the_plan_and_why_a_gate_is_shut(project: Path) -> None:
    """Steps that did not begin too; the next command last."""
    typed(project, os.environ, *EMBEDDED)
    assert typed(project, os.environ, *EMBEDDED)[0] == 1
    code, out, said = typed(project, os.environ, "status")
    assert code == 0
    first, *lines = out.splitlines()
    assert first.endswith("on embedded: failed, exit 1")
    assert [line.split() for line in lines[:3]] == [
        ["STEP", "STATE", "SENT", "SUCCESSFUL", "FAILED", "UNPROCESSED", "GATE"],
        ["accounts", "failed", "2", "0", "2", "0", "shut"],
        ["contacts", "blocked", "0", "0", "0", "0", "held", "by", "accounts"],
    ]
    assert lines[3].startswith("accounts: 2 rows did not land")
    assert said.startswith("next: loadplan retry ")
    document = json.loads(typed(project, os.environ, "status", "--json")[1])
    assert (document["exit"], document["next"]) == (1, said.removeprefix("next: ").strip())
    assert [(s["step"], s["gate"], s["blocked_by"]) for s in document["steps"]] == [
        ("accounts", "shut", None), ("contacts", None, "accounts"),
    ]  # fmt: skip


def test_a_run_is_running_while_its_process_lives_and_stopped_when_it_was_killed(
    project: Path, served: dict[str, str]
) -> None:
    """Who runs it, from `status`, `runs` and `report`; a kill -9 leaves no word, and the process is gone."""
    with (
        StallingWire(served["SF_ORG_INSTANCE_URL"], rb"^GET \S+/jobs/ingest/\w+ ") as wire,
        started(project, {**served, "SF_ORG_INSTANCE_URL": wire.url}, *APPLY) as process,
    ):
        assert wire.silent.wait(30)
        _, out, said = typed(project, served, "status")
        assert ": running\n" in out
        assert f"pid {process.pid}" in said
        assert "next:" not in said
        assert typed(project, served, "runs")[1].splitlines()[-1].split()[-1] == "running"
        code, _, said = typed(project, served, "report")
        assert (code, f"pid {process.pid}" in said) == (0, True)
        process.kill()
        process.communicate()
    _, out, said = typed(project, served, "status")
    assert ": stopped\n" in out
    assert "accounts: 750" in out
    assert said.startswith("next: loadplan resume ")


@pytest.mark.parametrize("journal", [b"", b'{"torn', b'{"format":"loadplan.journal"}\n{"seq":1}\n'])
def test_a_run_that_cannot_be_read_does_not_hide_the_others(project: Path, journal: bytes) -> None:
    """It is listed as what it is; its own status says what is wrong and what to do."""
    assert typed(project, os.environ, *EMBEDDED)[0] == 0
    bad = project / ".loadplan" / "runs" / "20300101T000000Z-bad-0000"
    bad.mkdir()
    (bad / "journal.jsonl").write_bytes(journal)
    code, out, said = typed(project, os.environ, "runs")
    assert code == 0, said
    assert [line.split()[0] for line in out.splitlines()[1:]] == [r.name for r in runs_of(project)]
    assert out.splitlines()[-1].split("  ")[-1].strip() in {"damaged", "never began"}
    code, _, said = typed(project, os.environ, "status")
    assert (code, "next: " in said) == (9, True)


# -- report --------------------------------------------------------------------------------------------------------


def test_a_report_is_made_from_the_journal_whatever_became_of_the_plan(project: Path) -> None:
    """The plan is edited for the next run, a source is gone: the runbook of the last run is made again all the same."""
    typed(project, os.environ, *EMBEDDED)
    typed(project, os.environ, *EMBEDDED)
    run = runs_of(project)[-1]
    kept = {
        name: (run / name).read_bytes() for name in ("runbook.md", "runbook.json", "pagination.jsonl", "summary.json")
    }
    for name in kept:
        (run / name).unlink()
    (project / "plan.yaml").write_text("name: another\n", encoding="utf-8")
    (project / "contacts.csv").unlink()
    code, out, said = typed(project, os.environ, "report")
    assert code == 0, said
    assert "Apply failed!" in out
    assert said.splitlines()[-1] == f"next: loadplan retry {run.name} --rows accounts"
    assert {name: (run / name).read_bytes() for name in kept} == kept


def test_a_report_does_not_fill_the_retry_file_from_a_source_that_changed(project: Path) -> None:
    """Row 2 of the file is another row by now: the file that was written after the run stays as it is."""
    typed(project, os.environ, *EMBEDDED)
    typed(project, os.environ, *EMBEDDED)
    retry = runs_of(project)[-1] / "retry" / "accounts.csv"
    before = retry.read_bytes()
    assert b"Alder" in before
    (project / "accounts.csv").write_text("Name,Legacy_Id__c\nEve,E1\nMallory,E2\nBrook,A2\n", encoding="utf-8")
    code, _, said = typed(project, os.environ, "report")
    assert code == 0, said
    assert "the retry files are left as they are" in said
    assert retry.read_bytes() == before


# -- the embedded org ----------------------------------------------------------------------------------------------


def test_an_embedded_org_of_another_version_is_told_and_not_a_bug(project: Path) -> None:
    """Exit 9 with the folder to remove; then it begins anew."""
    data = project / ".loadplan" / "embedded" / "embedded"
    data.mkdir(parents=True)
    with closing(sqlite3.connect(data / "org.db")) as db:
        db.execute("create table old (a)")
        db.execute("pragma user_version = 999")
    code, _, said = typed(project, os.environ, "org", "check", "-o", "embedded")
    assert (code, "error[LP0604]" in said) == (9, True), said
    command = said.splitlines()[-1].removeprefix("next: ")
    assert command == f"rm -r {data}"
    shutil.rmtree(data)
    assert typed(project, os.environ, "org", "check", "-o", "embedded")[0] == 0


def test_a_report_page_is_in_the_run_folder_and_where_it_is_asked_for(project: Path) -> None:
    """Its links lead to the run folder from wherever it lies; an address in the rows is on no page."""
    assert typed(project, os.environ, *EMBEDDED)[0] == 0
    run = runs_of(project)[-1]
    first = (run / "report.html").read_text(encoding="utf-8")
    assert "Every row landed and every gate passed." in first
    assert 'href="runbook.md"' in first
    (project / "public").mkdir()
    code, out, said = typed(project, os.environ, "report", "--html", "public/run.html")
    assert code == 0, said
    assert out.splitlines()[-1] == "public/run.html"
    page = (project / "public" / "run.html").read_text(encoding="utf-8")
    assert f'href="../.loadplan/runs/{run.name}/runbook.md"' in page
    assert "Chloe" not in page
    assert (run / "report.html").read_text(encoding="utf-8") == first
