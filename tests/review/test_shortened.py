"""Two long texts, cut so that a reader sees what tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.review.shortened import LONGEST, short, shown_pair


def test_texts_that_differ_behind_the_cut_are_cut_around_the_difference() -> None:
    """Their beginnings are the same, so the beginnings are left out."""
    one, other = shown_pair("SELECT " + "a" * 300 + " WHERE x = 1", "SELECT " + "a" * 300 + " WHERE x = 2")
    assert (one[0], one[-5:], other[-5:]) == ("…", "x = 1", "x = 2")


def test_a_text_that_only_goes_on_is_shown_where_it_does() -> None:
    """The shorter one ends there."""
    one, other = shown_pair("a" * 300, "a" * 300 + " OR Id != null")
    assert (one.endswith("a"), other.endswith(" OR Id != null")) == (True, True)


@pytest.mark.parametrize(
    ("before", "after"),
    [("a b", "a\nb"), ("a b", "a  b"), ("a b", "a\u00a0b"), ("paul", "p\u0430ul"), ("ab", "a\u200bb")],
    ids=["a line end", "two blanks", "another blank", "another script", "a sign without width"],
)
def test_texts_that_look_alike_do_not_look_alike(before: str, after: str) -> None:
    """Blanks and letters that a reader cannot tell apart."""
    one, other = shown_pair(before, after)
    assert one != other
    assert one.isascii()
    assert other.isascii()


def test_short_texts_stay_as_they_are() -> None:
    """Nothing is cut, and accents stay."""
    assert shown_pair("café", "cafés") == ("café", "cafés")
    assert short("a\n b") == "a b"


@given(st.text("ab \n", max_size=400), st.text("ab \n", max_size=400))
def test_what_is_shown_differs_when_the_texts_do(before: str, after: str) -> None:
    """And fits on a line."""
    one, other = shown_pair(before, after)
    assert (one == other) == (before == after)
    assert max(len(one), len(other)) <= LONGEST + 10
    assert "\n" not in one + other
