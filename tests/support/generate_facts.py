"""Fills the last column of docs/reference/protocol-facts.md: which tests show a fact; and the count of facts.

    python tests/support/generate_facts.py

The rest of the page is written by hand; tests/emulator/test_facts.py fails when page and tests differ.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "protocol-facts.md"
FOLDER = ROOT / "tests" / "emulator"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|(.*?)\|[^|]*\|$", re.MULTILINE)
_COUNT = re.compile(r"\*\*\d+ of \d+\*\*(?: \(\d+ of them scripted\))?")
_SHOWABLE = "## Confirmed, and not shown"
_OTHERS = "## Shown, though only inferred or by choice"


def shown() -> dict[str, list[str]]:
    """Fact -> the tests that carry its mark, as `module::test`."""
    found: dict[str, list[str]] = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"emulator.{path.stem}")
        for name, test in vars(module).items():
            if getattr(test, "__module__", "") != module.__name__:
                continue
            for mark in getattr(test, "pytestmark", []) if name.startswith("test_") else []:
                for fact in mark.args if mark.name == "fact" else ():
                    found.setdefault(fact, []).append(f"{path.stem}::{name}")
    return found


def names(text: str) -> list[str]:
    """The facts of the page's tables."""
    return [match[1] for match in _ROW.finditer(text)]


def page(text: str) -> str:
    """The page with the tests of each fact, and the count: shown of what is confirmed and a server can show."""
    tests = shown()

    def row(match: re.Match[str]) -> str:
        listed = ", ".join(f"`{test}`" for test in tests.get(match[1], ()))
        return f"| `{match[1]}` |{match[2]}| {listed} |"

    filled = _ROW.sub(row, text)
    confirmed = len(names(filled.partition(_OTHERS)[0]))
    scripted = filled.partition(_OTHERS)[0].count("| scripted |")
    missing = filled.partition(_SHOWABLE)[2].count("\n| ") - 1
    return _COUNT.sub(f"**{confirmed} of {confirmed + missing}** ({scripted} of them scripted)", filled)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
