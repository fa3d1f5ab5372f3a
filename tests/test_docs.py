"""The pages under docs/reference say what the code says, and the README's commands can be pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from loadplan.cli.main import COMMANDS

from support.generate_docs import PAGES, REFERENCE, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MARKDOWN = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_committed_reference_page_equals_the_generated_text(page: str) -> None:
    """A change of the code without `python tests/support/generate_docs.py` fails here."""
    assert (REFERENCE / page).read_text(encoding="utf-8") == PAGES[page]()


def test_every_command_has_a_section() -> None:
    """A new command cannot be left out of the reference."""
    headings = set(re.findall(r"^## (loadplan \S+)$", (REFERENCE / "commands.md").read_text("utf-8"), re.MULTILINE))
    assert {f"loadplan {name}" for name in COMMANDS} <= headings


def test_the_readme_begins_with_two_one_line_commands_whose_files_exist() -> None:
    """The first two code blocks of the README are the two commands, and the plan and the extra they name are there."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    first, second = (b.strip() for b in blocks[:2])
    assert "\n" not in first
    assert "\n" not in second
    plans = re.findall(r"\S+\.yaml", first)
    assert plans == ["plans/quickstart/plan.yaml"]
    assert all((ROOT / p).is_file() for p in plans)
    assert "\ntest = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert second == ".venv/bin/pytest -q -n 2"
    assert (ROOT / "tests").is_dir()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    """A page that moves takes its links along."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
