"""A value in a markdown table: it cannot leave its cell or become HTML, and is otherwise as it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.reports.render import cell


@pytest.mark.parametrize("value", ["rows <= 500", "a -> b", "1 < 2 > 1", "x >= y", ""])
def test_what_is_no_tag_stands_as_it_is(value: str) -> None:
    assert cell(value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<img src=x>", "&lt;img src=x>"),
        ("</td>", "&lt;/td>"),
        ("<!-- x", "&lt;!-- x"),
        ("<\x01x", "&lt;?x"),
        ("ends with <", "ends with &lt;"),
        ("> quoted", "&gt; quoted"),
        ("a|b\nc", "a\\|b c"),
        (None, ""),
    ],
)
def test_what_could_be_one_is_escaped(value: str | None, shown: str) -> None:
    assert cell(value) == shown


@given(st.text("<>!/?a= |\n\\\x00"))
def test_no_text_begins_a_tag(value: str) -> None:
    shown = cell(value)
    assert not re.search(r"<[A-Za-z/!?]|<\Z|\n", shown)
    assert not shown.lstrip().startswith(">")
