"""The plans on the how-to pages are plans: each is validated with the files it names in place. A walk-through is walked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from loadplan.plan.load import check_plan
from loadplan.plan.schema import load_schema

from support.walkthrough import run

HOWTOS = Path(__file__).parent.parent / "docs" / "howto"
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLANS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in sorted(HOWTOS.glob("*.md"))
    for number, text in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
    if text.startswith("version:") and re.search(r"^steps:", text, re.MULTILINE)
]


@pytest.mark.parametrize("text", PLANS)
def test_a_plan_on_a_page_is_valid(text: str, tmp_path: Path) -> None:
    """Not even a warning."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    for name in re.findall(r"data/[\w.-]+", text):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    assert check_plan(tmp_path / "plan.yaml")[2] == []


def test_each_kind_of_source_has_a_page() -> None:
    """Every key of a source, and every format, stands in a plan of some page."""
    written = "\n".join(parameter.values[0] for parameter in PLANS)  # type: ignore[misc]
    source = load_schema("plan")["$defs"]["source"]["properties"]
    lacking = [key for key in source if f"{key}:" not in written and key != "quote"]
    assert lacking == []
    endings = [".csv", "jsonl", ".parquet", ".sqlite"]
    assert [ending for ending in endings if ending not in written] == []


def test_the_way_from_a_pull_request_to_an_approved_apply_is_walked(tmp_path: Path) -> None:
    """Every command of the page, in a git repository of its own and against the embedded org, prints what stands there."""
    walked = list(run(HOWTOS / "review.md", tmp_path))
    assert len(walked) > 10
    for command, written, real in walked:
        assert real == written, command


def test_a_load_is_rehearsed_from_the_snapshot_to_the_drift(tmp_path: Path) -> None:
    """Every command of the page, with an embedded org for the real one, prints what stands there."""
    walked = list(run(HOWTOS / "rehearse.md", tmp_path))
    assert len(walked) > 6
    for command, written, real in walked:
        assert real == written, command
