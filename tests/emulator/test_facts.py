"""The page of facts and the tests that show them say the same."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from loadplan.emulator import settings
from loadplan.emulator.settings import Settings

from support.generate_facts import PAGE, names, page, shown

HERE = re.compile(r"^\| `([a-z0-9-]+)` \|[^|]*\|[^|]*\| (always|scripted|description|settings? [^|]+) \|", re.MULTILINE)


def text() -> str:
    """The page."""
    return PAGE.read_text(encoding="utf-8")


def test_every_fact_of_the_page_has_a_test_and_every_marked_test_a_fact() -> None:
    """Once each on the page."""
    facts = names(text())
    assert len(facts) == len(set(facts))
    assert set(facts) - set(shown()) == set()
    assert set(shown()) - set(facts) == set()


def test_the_page_names_the_tests_that_there_are() -> None:
    """`python tests/support/generate_facts.py` writes them."""
    assert page(text()) == text()


def test_every_fact_says_how_it_is_emulated() -> None:
    """Always, by a script of faults, by a description, or by settings that there are."""
    found = dict(HERE.findall(text()))
    assert set(names(text())) - set(found) == set()
    known = {entry.name for entry in fields(Settings)}
    for name, here in found.items():
        if here.startswith("setting"):
            named = set(re.findall(r"`(\w+)`", here))
            assert named, name
            assert named <= known, name


def test_every_setting_that_answers_an_open_question_is_on_the_page() -> None:
    """Those whose comment says unknown, disputed or inferred; and no setting is named that there is not."""
    table = text().partition("## Unknown or disputed")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z0-9_]+)`(?:,| \|$)", table, re.MULTILINE))
    assert named <= {entry.name for entry in fields(Settings)}
    source = Path(settings.__file__).read_text(encoding="utf-8")
    marked = set(re.findall(r"^    (\w+): .+  # (?:unknown|disputed|inferred|undocumented)", source, re.MULTILINE))
    assert marked - named == set()
