"""The page of facts and the tests that show them say the same."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent.parent / "docs" / "reference" / "protocol-facts.md"


def shown() -> dict[str, list[str]]:
    """Fact -> the tests that carry its mark."""
    found: dict[str, list[str]] = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"emulator.{path.stem}")
        for name, test in vars(module).items():
            for mark in getattr(test, "pytestmark", []) if name.startswith("test_") else []:
                for fact in mark.args if mark.name == "fact" else ():
                    found.setdefault(fact, []).append(f"{path.stem}::{name}")
    return found


def rows() -> list[str]:
    """The names in the first column of the page's tables."""
    return re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_fact_of_the_page_has_a_test_and_every_marked_test_a_fact() -> None:
    """Once each on the page."""
    assert len(rows()) == len(set(rows()))
    assert set(rows()) - set(shown()) == set()
    assert set(shown()) - set(rows()) == set()
