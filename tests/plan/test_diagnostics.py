"""Suggestions: what was probably meant, and never at any price."""

from __future__ import annotations

import pytest
from loadplan.diagnostics import Diagnostic, Place, closest, did_you_mean, in_order


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("Upsert", ["insert", "upsert"], ["upsert"]),
        ("extenal_id", ["external_id", "key"], ["external_id"]),
        ("zzz", ["insert", "upsert"], []),
        ("contcts", ["contacts", "accounts", "tasks"], ["contacts", "accounts"]),
        ("S12", [f"s{i}" for i in range(2000)], ["s12"]),
        ("load-a", [*(f"s{i}" for i in range(2000)), "load_a"], ["load_a"]),
        ("accountss", [*(f"s{i}" for i in range(2000)), "accounts"], ["accounts"]),
        ("x" * 100_000, ["x"], []),
    ],
)
def test_the_closest_words_are_proposed(word: str, known: list[str], meant: list[str]) -> None:
    """At most two; of thousands only those that differ by a letter."""
    assert closest(word, known) == meant


def test_a_suggestion_is_a_sentence_or_nothing() -> None:
    """It stands alone behind `help:`."""
    assert did_you_mean("dedup", ["dedupe"]) == "did you mean `dedupe`?"
    assert did_you_mean("dedup", ["x"]) == ""


def test_problems_stand_in_the_order_of_the_file_and_once() -> None:
    """By line and column, whichever check found them first."""
    late, early = Diagnostic("LP0201", "b", Place("p", 10, 1)), Diagnostic("LP0204", "a", Place("p", 9, 4))
    assert in_order([late, early, late]) == [early, late]
