"""Templates fill in variables, and nothing in them can do more."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.plan.model import Cell, Text
from loadplan.plan.templates import MAX_TEMPLATE, TemplateError, names_in, render, row_pieces, soql_str

ESCAPES = [
    "{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ range(9) }}", "{% for i in x %}{{ i }}{% endfor %}", "{{ 'a'*9 }}",
    "{{ 9**9 }}", "{{ x() }}", "{{ x.y }}", "{{ x|attr('__class__') }}", "{% include 'a' %}", "{% import 'a' as b %}",
    "{% macro m() %}{% endmacro %}", "{% set y = 1 %}", "{{ [1] }}", "{{ {} }}", "{{ x ~ x }}", "{{ x is defined }}",
    "{{ self }}{{ self._TemplateReference__context }}", "{{ x|format }}", "{% block b %}{% endblock %}", "{{ 'a' 'b' + x }}",
    "{{", "{% if x %}", "{% raw %}{{", "{{ x|tojson }}",
]  # fmt: skip


@pytest.mark.parametrize("text", ESCAPES)
def test_a_template_that_could_do_more_is_refused(text: str) -> None:
    """Calls, loops, attributes, arithmetic and unknown filters never run."""
    with pytest.raises(TemplateError):
        render(text, {"x": "v"})


def test_a_template_of_brackets_without_end_is_refused() -> None:
    """Depth and length end in a message, not in a crash."""
    for text in ("{{ " + "(" * 3000 + "x" + ")" * 3000 + " }}", "{{ x }}" + "a" * MAX_TEMPLATE):
        with pytest.raises(TemplateError):
            render(text, {"x": "v"})


def test_variables_conditionals_and_filters_are_rendered() -> None:
    """What templates are for."""
    text = "{{ region|upper }}{% if full %}-full{% endif %}-{{ 'a' if region == 'emea' else 'b' }}"
    assert render(text, {"region": "emea", "full": True}) == "EMEA-full-a"
    assert names_in(text) == {"region", "full"}
    assert render("no marks", {}) == "no marks"


def test_an_unknown_variable_is_an_error() -> None:
    """A missing value is never an empty text."""
    with pytest.raises(TemplateError, match="nobody"):
        render("{{ nobody }}", {})


@pytest.mark.parametrize(
    "value", ["{{ x }}", "{{ x|upper }}", "{{ x|soql_str|lower }}", "{{ x|soql_str if x else x }}"]
)
def test_a_value_in_soql_must_pass_a_soql_filter_last(value: str) -> None:
    """An unfiltered value could end the literal and change the query."""
    with pytest.raises(TemplateError, match="soql_str"):
        render(f"SELECT Id FROM Account WHERE Name = {value}", {"x": "v"}, soql=True)


def test_the_soql_filters_write_literals() -> None:
    """Each type has its own form, and refuses the others."""
    given = {"s": "O'Brien", "d": date(2026, 6, 30), "n": 5, "l": ["a", "b'"]}
    text = "{{ s|soql_str }} {{ d|soql_date }} {{ n|soql_number }} {{ l|soql_in }}"
    assert render(text, given, soql=True) == "'O\\'Brien' 2026-06-30 5 ('a','b\\'')"
    for wrong in ("{{ s|soql_date }}", "{{ s|soql_number }}", "{{ s|soql_in }}"):
        with pytest.raises(TemplateError):
            render(wrong, given, soql=True)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text("'\\\"\n\r", max_size=20))
def test_a_literal_never_ends_before_its_last_quote(value: str) -> None:
    """Read as SOQL reads it, the literal has one closing quote, its last character."""
    literal = soql_str(value)
    inside, at = literal[1:-1], 0
    assert literal[0] == literal[-1] == "'"
    while at < len(inside):
        assert inside[at] not in "'\n\r"
        at += 2 if inside[at] == "\\" else 1
    assert at == len(inside)


def test_a_row_template_is_cut_into_texts_and_cells() -> None:
    """Cells are named by attribute or, with blanks, by subscript; nothing else stands in braces."""
    assert row_pieces('{{ row.a }}-{{ row["b c"] }}') == (Cell("a"), Text("-"), Cell("b c"))
    with pytest.raises(TemplateError):
        row_pieces("{{ row.a.__class__ }}")
