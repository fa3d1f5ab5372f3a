"""Every code that a message can carry is explained, and nothing is explained that no message carries."""

from __future__ import annotations

import re
from pathlib import Path

import loadplan
import pytest
from loadplan.codes import CODES, explain

PACKAGE = Path(loadplan.__file__).parent


def test_the_codes_in_the_sources_are_the_registered_ones() -> None:
    """A code raised without an explanation, or explained and never raised, fails here."""
    used: set[str] = set()
    for file in PACKAGE.rglob("*.py"):
        if file.name != "codes.py":
            used |= set(re.findall(r"LP0[0-9]{3}", file.read_text(encoding="utf-8")))
    assert used == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_explanation_is_whole(code: str) -> None:
    """The title is one line without a full stop; the rest are sentences."""
    found = CODES[code]
    assert found.title
    assert "\n" not in found.title
    assert not found.title.endswith(".")
    assert found.meaning.endswith(".")
    assert found.way_out.endswith((".", "`"))


def test_a_code_is_found_in_any_case() -> None:
    """`loadplan explain lp0105` works; an unknown code has no explanation."""
    assert explain("lp0105") is explain("LP0105") is CODES["LP0105"]
    assert explain("LP9999") is None


def test_the_codes_stand_in_order() -> None:
    """The table reads from the first code to the last."""
    assert list(CODES) == sorted(CODES)
