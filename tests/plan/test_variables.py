"""Values of variables: each type takes what it looks like, as it was written, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.load import check_plan
from loadplan.plan.schema import load_schema
from loadplan.plan.variables import WANTED, convert


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "12", 12), ("number", "-0.5", -0.5), ("number", "+7", 7), ("number", "1e3", 1000.0), ("number", " 3 ", 3),
        ("boolean", "true", True), ("boolean", "FALSE", False), ("date", "2026-06-30", date(2026, 6, 30)),
        ("datetime", "2026-06-30T12:00:00Z", datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("datetime", "2026-06-30 12:00+00:00", datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("list", "a, b ,,c", ["a", "b", "c"]), ("list", ["a, b"], ["a, b"]), ("string", " 01234 ", " 01234 "), ("string", "", ""),
    ],
)  # fmt: skip
def test_a_value_of_its_type_is_taken(kind: str, text: object, value: object) -> None:
    """Texts keep every character; a list from the command line is cut at commas."""
    found = convert(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("number", t) for t in ["nan", "inf", "-Infinity", "1_000", "٣", "１２", "0x10", "1e400", "007", "1.", ".5", "1 2", "", "--1",
                                  "9" * 60, "1e+", "²"]),
        *(("boolean", t) for t in ["yes", "1", "on", "", "truе"]),
        *(("date", t) for t in ["20260630", "2026-W26-2", "2026-13-01", "2026-02-30", "٢٠٢٦-٠٦-٣٠", "2026-6-3",
                                "2026-06-30T00:00", "0000-01-01"]),
        *(("datetime", t) for t in ["2026-06-30", "2026-06-30T12:00:00", "2026-06-30T12:00:00+99:00", "2026-06-30T25:00:00Z", "now"]),
        *(("string", t) for t in [None, ["a"], "x" * 70_000]),
        *(("list", t) for t in [None, ["a", None], [["a"]], "x" * 70_000]),
        *(("number", t) for t in [None, ["1"], 5, True]),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_words(kind: str, text: object) -> None:
    """Never a number that SOQL cannot read, a date by luck, or an exception of Python's own."""
    with pytest.raises(ValueError, match=r"^[a-z]") as caught:
        convert(kind, text)
    assert "Error" not in str(caught.value)


def test_the_types_of_the_schema_are_the_ones_that_are_read() -> None:
    """A type cannot be allowed and unknown."""
    schema = load_schema("plan")["properties"]["vars"]["additionalProperties"]
    assert schema["properties"]["type"]["enum"] == list(WANTED)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    return tmp_path


def problems(
    project: Path, declared: str, given: dict[str, str] | None = None, file: str | None = None
) -> list[Diagnostic]:
    text = (
        f"version: 1\nname: demo\nvars:\n  v: {declared}\n"
        "steps: {q: {operation: query, soql: SELECT Id FROM A, description: '{% if v %}x{% endif %}'}}\n"
    )
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    files = []
    if file is not None:
        (project / "vars.yaml").write_text(file, encoding="utf-8")
        files = [project / "vars.yaml"]
    return check_plan(project / "plan.yaml", variables=given, var_files=files)[2]


@pytest.mark.parametrize(
    ("declared", "at", "words"),
    [
        ("{type: number, values: [1, nan, 3], default: 1}", "nan, 3", "an allowed value of `v` must be a number"),
        ("{type: date, values: [2026-01-01, June], default: 2026-01-01}", "June],", "must be a date"),
        ("{type: boolean, default: yes}", "yes", "must be true or false"),
        ("{type: number, default: 1_000}", "1_000", "must be a number"),
        ("{type: string, values: [a, b], default: c}", "c}", "cannot be `c`"),
        ("{type: list, values: [a, b], default: [a, c]}", "[a, c]", "cannot be `c`"),
        ("{type: list, default: [a, [b]]}", "[a, [b]]", "must be a list of texts"),
        ("{type: string, default: [a]}", "[a]", "must be one text"),
    ],
)  # fmt: skip
def test_a_declaration_is_checked_where_it_stands(project: Path, declared: str, at: str, words: str) -> None:
    """Allowed values and defaults, one by one, of every type."""
    (problem,) = problems(project, declared)
    assert problem.code == "LP0223"
    assert words in problem.summary
    assert problem.place.line == 4
    assert f"  v: {declared}"[problem.place.column - 1 :].startswith(at)


def test_a_wrong_default_is_told_also_when_another_value_is_given(project: Path) -> None:
    """It would be used the next time."""
    (problem,) = problems(project, "{type: number, default: x}", {"v": "5"})
    assert (problem.code, problem.place.column) == ("LP0223", 30)


def test_a_number_among_the_allowed_ones_is_found_however_it_is_written(project: Path) -> None:
    """1.0 is 1."""
    assert problems(project, "{type: number, values: [1, 2.50], default: 1}", {"v": "2.5"}) == []
    assert problems(project, "{type: number, values: [1, 2.50], default: 1}", {"v": "1.0"}) == []


@pytest.mark.parametrize(
    ("file", "place", "words"),
    [
        ("v:\n", "vars.yaml:1:", "must be one text"),
        ("v: {a: 1}\n", "vars.yaml:1:4", "must be one text"),
        ("v: [a, ~]\n", "vars.yaml:1:4", "must be one text"),
        ("w: 1\n", "vars.yaml:1:1", "has no variable `w`"),
        ("- a\n", "vars.yaml:1:1", "must be a map"),
        ("v: 1\nv: 2\n", "vars.yaml:2:1", "written twice"),
    ],
)
def test_a_variables_file_with_odd_values_is_told_at_its_place(
    project: Path, file: str, place: str, words: str
) -> None:
    """A null, a map or a nested list is no text, and is never written out as Python would."""
    found = problems(project, "{type: string}", file=file)
    assert [p for p in found if words in p.summary and place in str(p.place)], found


def test_a_list_from_a_file_keeps_its_spelling(project: Path) -> None:
    """Items that look like numbers or booleans are texts as they were written."""
    plan = (
        "version: 1\nname: demo\nvars: {v: {type: list, default: [x]}}\n"
        "steps: {q: {operation: query, soql: 'SELECT Id FROM A WHERE B IN {{ v | soql_in }}'}}\n"
    )
    (project / "plan.yaml").write_text(plan, encoding="utf-8")
    (project / "vars.yaml").write_text("v: [01, 1.10, true, 'a  b']\n", encoding="utf-8")
    found, _, wrong = check_plan(project / "plan.yaml", var_files=[project / "vars.yaml"])
    assert wrong == []
    assert found is not None
    assert found.steps["q"].soql == "SELECT Id FROM A WHERE B IN ('01','1.10','true','a  b')"


@pytest.mark.parametrize("name", ["not", "true", "if", "in"])
def test_a_word_of_the_templates_cannot_be_a_name(project: Path, name: str) -> None:
    """`{{ true }}` would not be the variable."""
    text = f"version: 1\nname: demo\nvars: {{{name}: {{type: string, default: a}}}}\n"
    text += "steps: {q: {operation: query, soql: SELECT Id FROM A}}\n"
    (project / "plan.yaml").write_text(text, encoding="utf-8")
    found = check_plan(project / "plan.yaml")[2]
    assert ("LP0206", 3, 8) in [(p.code, p.place.line, p.place.column) for p in found]


def test_a_variable_without_a_value_is_told_once(project: Path) -> None:
    """The templates that use it do not repeat it."""
    found: Any = problems(project, "{type: string}")
    assert [(p.code, p.place.line) for p in found] == [("LP0222", 4)]
    assert found[0].hint.startswith("--var v=VALUE")
