"""In CI: what GitHub, GitLab and a test tab are given, within their limits, and nothing in it that they would obey."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from loadplan import github
from loadplan.diagnostics import Diagnostic, Place, Severity

from support.processes import typed

EMBEDDED = ("apply", "plan.yaml", "-o", "embedded")


@pytest.fixture
def actions(project: Path) -> dict[str, str]:
    """The environment of a step on GitHub Actions."""
    return {
        **os.environ, "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_WORKSPACE": str(project.parent),
        "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
    }  # fmt: skip


def summary(project: Path) -> str:
    return (project / "summary.md").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """The lines that the runner would take for a command (its own rule: `::` behind blanks, or `##[` anywhere)."""
    return [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def test_a_run_tells_its_outcome_in_the_summary_of_the_step(project: Path, actions: dict[str, str]) -> None:
    """A good run and a failed one: both stand there, with the counts and what to type; a shut gate is an annotation."""
    code, _, said = typed(project, actions, *EMBEDDED)
    assert (code, commands(said)) == (0, [])
    assert "## ✅ two on embedded: Complete" in summary(project)
    assert "**5 sent = 5 successful + 0 failed + 0 unprocessed**" in summary(project)
    code, _, said = typed(project, actions, *EMBEDDED)
    assert code == 1
    (line,) = commands(said)
    place = f"{project.name}/plan.yaml"
    assert line.startswith(f"::error file={place},line=5,col=3,title=gate of accounts is shut::2 rows did not land")
    text = summary(project).partition("❌")[2]
    assert "| accounts | insert Account | failed | 2 | 0 | 2 | 0 | shut: 2 rows did not land" in text
    assert "DUPLICATE" in text
    assert re.search(r"Next: `loadplan retry \S+-two-\w+ --rows accounts`", text)


def test_no_output_but_the_summary_changes_where_there_is_no_github(project: Path) -> None:
    """On a terminal or elsewhere there is no annotation."""
    typed(project, os.environ, *EMBEDDED)
    code, out, said = typed(project, {**os.environ, "GITHUB_STEP_SUMMARY": str(project / "summary.md")}, *EMBEDDED)
    assert (code, commands(out + said)) == (1, [])
    assert not (project / "summary.md").exists()


def test_a_stream_of_events_stays_pure_json_on_github(project: Path, actions: dict[str, str]) -> None:
    """Annotations go to the other stream."""
    typed(project, actions, *EMBEDDED)
    code, out, said = typed(project, actions, *EMBEDDED, "--json")
    assert code == 1
    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    assert kinds[0] == "version"
    assert len(commands(said)) == 1


def test_text_of_a_plan_cannot_command_the_runner(project: Path, actions: dict[str, str]) -> None:
    """A file name and a value that look like commands are shown, escaped, and obeyed nowhere."""
    text = (project / "plan.yaml").read_text(encoding="utf-8")
    hostile = '"x\\n::add-mask::e\\n ##[error]y\\n::stop-commands::z.csv"'
    (project / "plan.yaml").write_text(text.replace("source: accounts.csv", f"source: {hostile}"), encoding="utf-8")
    for form in ([], ["--format", "concise"], ["--format", "github"], ["--json"]):
        code, out, said = typed(project, actions, "validate", "plan.yaml", *form)
        assert code == 2
        found = commands(out) + commands(said)
        assert [line for line in found if not line.startswith("::error file=")] == [], form
        assert [line for line in found if "##[" in line and "\n" in line] == []
    code, out, said = typed(project, actions, *EMBEDDED)
    assert code == 2
    assert [line for line in commands(out + said) if not line.startswith("::error file=")] == []
    assert "\n::" not in summary(project)


def test_more_than_ten_annotations_are_nine_and_a_count_and_the_log_has_all() -> None:
    """GitHub would drop the eleventh without a word."""
    found = [Diagnostic("LP0204", f"wrong {n}", Place("p.yaml", n + 1, 1)) for n in range(30)]
    found += [Diagnostic("LP0217", "unused", Place("p.yaml", 50, 1), severity=Severity.WARNING)]
    lines = github.as_github(found).splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == github.MOST_ANNOTATIONS
    assert errors[-1].endswith("::21 more errors are in the log")
    assert lines[10].startswith("::warning file=p.yaml,line=50")
    assert [f"p.yaml:{n + 1}:1: error LP0204 wrong {n}" for n in range(9, 30)] == lines[11:]


def test_a_summary_stays_below_what_github_takes() -> None:
    """Cut at a line, and saying so; what other commands wrote before counts."""
    text = "".join(f"| row {n} |\n" for n in range(200_000))
    cut = github.within_budget(text)
    assert len(cut.encode()) <= github.MOST_OF_A_SUMMARY
    assert cut.startswith("| row 0 |\n")
    assert "Cut here" in cut
    assert len(github.within_budget(text, 899_000).encode()) <= 1_000
    assert github.within_budget(text, 950_000) == ""
    assert github.within_budget("short") == "short"


@pytest.mark.parametrize("text", ["::error::x", "  ::debug::x", "a ##[group]b", "a\n\t::x::y"])
def test_neutral_text_is_no_command(text: str) -> None:
    """Whatever it looked like before."""
    assert commands(github.neutral(text)) == []
    assert json.loads(github.neutral_json(json.dumps(text))) == text


def test_gitlab_gets_a_report_whose_fingerprints_stay_when_lines_move(project: Path) -> None:
    """Each problem once, with its file and line; a comment above it changes no fingerprint."""
    text = (project / "plan.yaml").read_text(encoding="utf-8")

    def report(plan: str) -> list[dict[str, object]]:
        (project / "plan.yaml").write_text(plan, encoding="utf-8")
        code, out, _ = typed(project, os.environ, "validate", "plan.yaml", "--format", "gitlab")
        assert code == 2
        found: list[dict[str, object]] = json.loads(out)
        return found

    first = report(text.replace("insert", "inzert"))
    moved = report("# a comment\n" + text.replace("insert", "inzert"))
    assert len(first) == 2
    assert {f["severity"] for f in first} == {"major"}
    assert len({f["fingerprint"] for f in first}) == 2
    assert [f["fingerprint"] for f in first] == [f["fingerprint"] for f in moved]
    assert [f["location"]["lines"]["begin"] + 1 for f in first] == [f["location"]["lines"]["begin"] for f in moved]  # type: ignore[index]


def test_a_run_is_a_suite_of_tests_with_a_case_for_each_step(project: Path) -> None:
    """Open gates pass, a shut gate fails, a step that was not reached is skipped; the file is there after a failure too."""
    junit = project / "out" / "run.xml"
    assert typed(project, os.environ, *EMBEDDED, "--junit", str(junit))[0] == 0
    suite = ElementTree.fromstring(junit.read_bytes())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "0")
    assert typed(project, os.environ, *EMBEDDED, "--junit", str(junit))[0] == 1
    suite = ElementTree.fromstring(junit.read_bytes())
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "2",
        "1",
        "0",
        "1",
    )
    accounts, contacts = suite.iter("testcase")
    failure = accounts.find("failure")
    assert accounts.get("name") == "accounts: insert Account"
    assert failure is not None
    assert "2 sent = 0 successful + 2 failed + 0 unprocessed" in (failure.text or "")
    assert "DUPLICATE" in (failure.text or "")
    assert "Alder" not in junit.read_text(encoding="utf-8")
    assert contacts.find("skipped") is not None
    first = junit.read_bytes()
    junit.unlink()
    code, out, _ = typed(project, os.environ, "report", "--junit", str(junit), "--summary")
    assert (code, junit.read_bytes()) == (0, first)
    assert out.splitlines()[-1] == str(junit)
