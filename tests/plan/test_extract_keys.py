"""The keys of a query step: pages at a time, sizes, and where the rows go."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.diagnostics import Diagnostic
from loadplan.plan.load import check_plan, load_plan

PLAN = """\
version: 1
name: demo
api_version: "VERSION"
steps:
  a:
    operation: query
    soql: SELECT Id FROM Account
"""


def problems_of(folder: Path, lines: str, version: str = "66.0") -> list[Diagnostic]:
    (folder / "plan.yaml").write_text(PLAN.replace("VERSION", version) + lines, encoding="utf-8")
    return check_plan(folder / "plan.yaml")[2]


@pytest.mark.parametrize(("lines", "wide"), [("", 1), ("    parallel_pages: 1\n", 1), ("    parallel_pages: 5\n", 5)])
def test_one_page_at_a_time_is_the_default(tmp_path: Path, lines: str, wide: int) -> None:
    """Up to five are allowed."""
    assert problems_of(tmp_path, lines) == []
    assert load_plan(tmp_path / "plan.yaml").steps["a"].parallel_pages == wide


@pytest.mark.parametrize("value", ["0", "6", "1.5", '"2"', "many"])
def test_other_numbers_of_pages_are_refused(tmp_path: Path, value: str) -> None:
    """Salesforce names five links at a time."""
    found = problems_of(tmp_path, f"    parallel_pages: {value}\n")
    assert [(d.code, d.place.line) for d in found] in ([("LP0206", 8)], [("LP0203", 8)])


def test_several_pages_at_a_time_need_api_58(tmp_path: Path) -> None:
    """`resultPages` came with it; one at a time needs no version."""
    assert problems_of(tmp_path, "    parallel_pages: 2\n", "58.0") == []
    assert problems_of(tmp_path, "    parallel_pages: 1\n", "57.0") == []
    found = problems_of(tmp_path, "    parallel_pages: 2\n", "57.0")
    assert [(d.code, d.place.line) for d in found] == [("LP0213", 8)]
    assert "needs API version 58.0 or later, the plan says 57.0" in found[0].summary


def test_the_org_cuts_the_pages_that_it_names(tmp_path: Path) -> None:
    """`max_records` would cut them elsewhere."""
    assert problems_of(tmp_path, "    max_records: 10\n    parallel_pages: 1\n") == []
    found = problems_of(tmp_path, "    max_records: 10\n    parallel_pages: 2\n")
    assert [(d.code, d.place.line) for d in found] == [("LP0260", 8)]


def test_pages_at_a_time_belong_to_queries(tmp_path: Path) -> None:
    """Result files of ingest jobs have no pages."""
    (tmp_path / "a.csv").write_text("Name\nx\n", encoding="utf-8")
    text = PLAN.replace("VERSION", "66.0").replace("query\n    soql: SELECT Id FROM Account", "insert")
    (tmp_path / "plan.yaml").write_text(text + "    object: Account\n    source: a.csv\n    parallel_pages: 2\n")
    assert [d.code for d in check_plan(tmp_path / "plan.yaml")[2]] == ["LP0205"]


@pytest.mark.parametrize("output", ["out/a.csv", "out/a.csv.gz", "out/a.csv.zst", "out/a.parquet", "out/a/"])
def test_the_forms_of_an_output(tmp_path: Path, output: str) -> None:
    """Told by the ending; a slash is a folder."""
    assert problems_of(tmp_path, f"    output: {output}\n") == []


@pytest.mark.parametrize("output", ["out/a", "out/a.tsv", "out/a.json", "out/a.gz"])
def test_an_output_of_no_known_form_is_refused(tmp_path: Path, output: str) -> None:
    """Before this was told, it would have been CSV under another name."""
    found = problems_of(tmp_path, f"    output: {output}\n")
    assert [(d.code, d.place.line) for d in found] == [("LP0261", 8)]


def test_nobody_writes_into_a_folder_of_pages(tmp_path: Path) -> None:
    """It is replaced as a whole."""
    other = "  b: {operation: query, soql: SELECT Id FROM Contact, output: out/a/b.csv}\n"
    found = problems_of(tmp_path, "    output: out/a/\n" + other)
    assert [(d.code, d.place.line) for d in found] == [("LP0215", 9)]
