"""A document becomes a plan: defaults merged, variables filled in, paths kept inside the project."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.load import check_plan, load_plan
from loadplan.plan.model import FileSource, Plan, Step

STEP = """\
version: 1
name: demo
steps:
  a:
    object: Account
    operation: upsert
    external_id: Key__c
    source: a.csv
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with one data file."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("Key__c,Name\n1,x\n", encoding="utf-8")
    return tmp_path


def problems_of(project: Path, text: str) -> list[Diagnostic]:
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    return check_plan(project / "plan.yaml")[2]


def plan_of(project: Path, text: str, **variables: str) -> Plan:
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    return load_plan(project / "plan.yaml", variables=variables)


def step_of(project: Path, text: str, **variables: str) -> Step:
    return plan_of(project, text, **variables).steps["a"]


def test_the_smallest_step_gets_every_default(project: Path) -> None:
    """No failed row is tolerated, and nothing is unlimited by accident."""
    step = step_of(project, STEP)
    assert (step.gate.max_failed_rows, step.gate.on_fail, step.upload, step.dedupe) == (0, "stop", "staged", "error")
    assert (step.key, step.parts.max_bytes, step.retry.max_attempts) == ("Key__c", 90_000_000, 3)
    assert isinstance(step.source, FileSource)
    assert (step.source.format, step.source.delimiter, step.source.compression) == ("csv", ",", None)


def test_a_step_merges_its_settings_with_the_defaults_key_by_key(project: Path) -> None:
    """poll, retry, parts and csv take each key from the step, else from the defaults."""
    defaults = (
        "defaults: {poll: {first: 1s, max: 9s}, parts: {max_rows: 10}, csv: {line_ending: CRLF}, "
        "retry: {max_attempts: 5, backoff: {first: 3s}}}\n"
    )
    own = "    poll: {max: 4s}\n    csv: {delimiter: PIPE}\n    retry: {backoff: {max: 60s}}\n"
    step = step_of(project, defaults + STEP + own)
    assert (step.poll.first, step.poll.max, step.parts.max_rows) == (1.0, 4.0, 10)
    assert (step.csv.line_ending, step.csv.delimiter) == ("CRLF", "PIPE")
    assert (step.retry.max_attempts, step.retry.backoff.first, step.retry.backoff.max) == (5, 3.0, 60.0)


def test_a_gate_replaces_the_thresholds_of_the_defaults(project: Path) -> None:
    """A step that names one threshold is judged by that one only; on_fail is inherited by itself."""
    defaults = "defaults: {gate: {max_failed_rows: 5, on_fail: continue}}\n"
    inherited = step_of(project, defaults + STEP).gate
    assert (inherited.max_failed_rows, inherited.max_failed_percent, inherited.on_fail) == (5, None, "continue")
    own = step_of(project, defaults + STEP + "    gate: {max_failed_percent: 2}\n").gate
    assert (own.max_failed_rows, own.max_failed_percent, own.on_fail) == (None, 2, "continue")


@pytest.mark.parametrize("path", ["../../x.csv", "/etc/x.csv", "link.csv", "out/../../x.csv"])
def test_a_path_never_leaves_the_project(project: Path, path: str) -> None:
    """Not by dots, not as an absolute path, not through a symbolic link."""
    (project / "link.csv").symlink_to("/etc/hostname")
    found = problems_of(project, STEP.replace("a.csv", path))
    assert "LP0226" in [p.code for p in found]
    assert all(p.place.line == 8 for p in found)


def test_a_refused_template_is_the_only_problem_of_its_path(project: Path) -> None:
    """The missing text has no ending to complain about."""
    found = problems_of(project, STEP.replace("a.csv", '"{{ range(9) }}.csv"'))
    assert [p.code for p in found] == ["LP0225"]


def test_a_template_outside_its_places_is_refused(project: Path) -> None:
    """A braced object name would reach Salesforce as it is."""
    found = problems_of(project, STEP.replace("Key__c", '"{{ x }}"'))
    assert {"LP0224", "LP0206"} & {p.code for p in found}


def test_a_variable_is_filled_in_and_keeps_its_digits(project: Path) -> None:
    """A value from the command line goes into the path; a constant keeps its zeros."""
    variables = "vars: {which: {type: string, default: b}}\n"
    text = (
        variables + STEP.replace("a.csv", '"{{ which }}.csv"') + "    columns: {Key__c: id, Zip__c: {value: 01234}}\n"
    )
    step = step_of(project, text, which="a")
    assert isinstance(step.source, FileSource)
    assert step.source.path == "a.csv"
    assert [getattr(c, "value", None) for c in step.columns or ()] == [None, "01234"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("    columns: {Key__c: {column: a, value: b}}\n", "LP0228"),
        ("    lookups: {Account: x}\n", "LP0229"),
        ("    where: {column: a}\n", "LP0230"),
        ("    parts: {max_bytes: 200MB}\n", "LP0231"),
        ("    depends_on: [b]\n", "LP0207"),
        ("    depends_on: [a]\n", "LP0207"),
        ("    columns: {Name: n}\n", "LP0209"),
        ("    gate: {min_rows: 1}\n", "LP0216"),
        ("    source_typo: 1\n", "LP0201"),
    ],
)
def test_a_rule_that_is_broken_is_told_on_its_line(project: Path, line: str, code: str) -> None:
    """Each mistake has one diagnostic, on the line that holds it."""
    found = problems_of(project, STEP + line)
    assert [(p.code, p.place.line) for p in found] == [(code, 9)]


def test_every_problem_is_told_in_one_pass(project: Path) -> None:
    """Mistakes in two steps come together, in the order of the file."""
    text = STEP.replace("a.csv", "none.csv") + STEP[STEP.index("  a:") :].replace("  a:", "  b:").replace(
        "a.csv", "../../b.csv"
    )
    assert [(p.code, p.place.line) for p in problems_of(project, text)][:2] == [("LP0301", 8), ("LP0226", 13)]
