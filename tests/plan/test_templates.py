"""Templates fill in variables, and nothing in them can do more."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment
from loadplan.plan.model import Cell, Text
from loadplan.plan.template_values import soql_str
from loadplan.plan.templates import MAX_TEMPLATE, TemplateError, names_in, render, row_pieces

ESCAPES = [
    "{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ range(9) }}", "{% for i in x %}{{ i }}{% endfor %}", "{{ 'a'*9 }}",
    "{{ 9**9 }}", "{{ x() }}", "{{ x.y }}", "{{ x|attr('__class__') }}", "{% include 'a' %}", "{% import 'a' as b %}",
    "{% macro m() %}{% endmacro %}", "{% set y = 1 %}", "{{ [1] }}", "{{ {} }}", "{{ x ~ x }}", "{{ x is defined }}",
    "{{ self }}{{ self._TemplateReference__context }}", "{{ x|format }}", "{% block b %}{% endblock %}", "{{ 'a' 'b' + x }}",
    "{{", "{% if x %}", "{% raw %}{{", "{{ x|tojson }}", "{{ x if x }}", "{{ x|upper(1) }}", "{{ x|upper|trim(chars='v') }}",
    "{% filter upper %}a{% endfilter %}", "{{ x[0:1] }}", "{{ -x }}", "{{ (x, x) }}", "{% call x() %}{% endcall %}", "{{ none }}",
    "{% with y = x %}{% endwith %}", "{{ 9" + "9" * 5000 + " }}",
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


HUGE = "x" * 60_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ x }}" * 2300, "result is longer"),
        ("{% if x %}" + "{{ x }}{{ x }}" + "{% endif %}", "result is longer"),
        ("{{ x | soql_str }}" * 900, "result is longer"),
        ("".join(f"{{% if x | upper == '{i}' %}}{{% endif %}}" for i in range(380)), "too much work"),
        ("{{ " + " or ".join(["not x"] * 1500) + " }}", "nested too deeply"),
        ("{{ " + " and ".join(["x"] * 2500) + " }}", "nested too deeply"),
        ("{{ x" + " | upper" * 1500 + " }}", "nested too deeply"),
        ("{% if x %}" * 700 + "{% endif %}" * 700, "nested too deeply"),
        ("{{ " + "not " * 3000 + "x }}", "nested too deeply"),
        ("{{ x if x else " * 900 + "x" + " }}", "template"),
    ],
    ids=["one long value again and again", "in a branch", "filtered", "work without a result", "or", "and", "filters", "ifs",
         "not", "else"],
)  # fmt: skip
def test_a_template_that_would_exhaust_the_machine_ends_early(text: str, message: str) -> None:
    """The result is measured while it grows, and work without a result is counted too."""
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError, match=message):
            render(text, {"x": HUGE})
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


# Filters see no booleans: loadplan writes `true` where jinja2 writes `True`.
EXPRESSIONS = st.recursive(
    st.sampled_from(["s", "t", "n", "m", "b", "l", "'a'", "'b c'", "3", "true",
     "(s | upper)", "(t | trim)", "('Ab' | lower)", "(n | trim)"
    ]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "==", "!=", "<", ">=", "in", "not in"]), inner).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        inner.map(lambda e: f"(not {e})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_a_template_means_what_jinja_means_by_it(expression: str) -> None:
    """Where a template has a result, jinja2's own renderer has the same; booleans alone are written as in YAML."""
    values = {"s": "a", "t": "b c ", "n": 3, "m": 1.5, "b": True, "l": ["a", "x"]}
    text = f"{{{{ {expression} }}}}{{% if {expression} %}}yes{{% elif b %}}no{{% else %}}never{{% endif %}}"
    try:
        result = render(text, values)
    except TemplateError:
        return
    expected = SandboxedEnvironment().from_string(text).render(values)
    assert result.lower() == expected.lower()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% if n > 'a' %}x{% endif %}", "a number is never equal to a text"),
        ("{% if d == '2026-06-30' %}x{% endif %}", "a date is never equal to a text"),
        ("{% if n in s %}x{% endif %}", "not a number in a text"),
        ("{% if b == 1 %}x{% endif %}", "true or false is never equal to a number"),
        ("{{ l }}", "a list has no text of its own"),
        ("{{ l | upper }}", "a list has no text of its own"),
        ("{{ l | soql_str }}", "a list has no text of its own"),
    ],
)
def test_types_that_do_not_fit_are_told(text: str, message: str) -> None:
    """A comparison that can never hold, or a value that has no text, is never worked around."""
    with pytest.raises(TemplateError, match=message):
        render(text, {"n": 5, "s": "a", "d": date(2026, 6, 30), "b": True, "l": ["a"]})


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


@pytest.mark.parametrize(
    "text",
    [
        "WHERE Name = '{{ x | soql_str }}'",
        "WHERE Name LIKE '{{ x | soql_str }}%'",
        "WHERE Name = 'a\\'{{ x | soql_str }}'",
        "WHERE Name = '{% if x %}{{ x | soql_str }}{% endif %}'",
        "WHERE Name = '{{ x | soql_str if x else x | soql_str }}'",
        "WHERE A = 'ok' AND D = '{{ d | soql_date }}'",
    ],
)
def test_a_value_inside_of_quotes_is_refused(text: str) -> None:
    """The filter writes the whole literal: inside of the author's quotes its own would end theirs."""
    with pytest.raises(TemplateError, match="inside quotes") as caught:
        render(f"SELECT Id FROM A {text}", {"x": "v", "d": date(2026, 6, 30)}, soql=True)
    assert "remove the quotes" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "WHERE name = '{{ x | sql_str }}'",
        'SELECT "{{ x | sql_str }}" FROM t',
        "WHERE name = 'it''s {{ x | sql_str }}'",
        "SELECT 1 -- {{ x | sql_str }}\n",
        "SELECT 1 /* {{ x | sql_str }} */",
        "SELECT $$ {{ x | sql_str }} $$",
        "SELECT $tag$ $$ {{ x | sql_str }} $tag$",
    ],
)
def test_a_value_inside_of_quotes_or_a_comment_of_sql_is_refused(text: str) -> None:
    """SQL knows names in quotes, comments and dollar quotes too: a value in one of them could end it."""
    with pytest.raises(TemplateError, match="inside quotes"):
        render(text, {"x": "v"}, sql=True)


def test_a_value_between_the_quotes_of_sql_is_a_literal_of_its_own() -> None:
    """A backslash is no escape in SQL, an apostrophe is doubled, and a comment may be the last word."""
    text = "SELECT 'a\\', \"b\" FROM t WHERE n = {{ x | sql_str }} AND d > {{ d | sql_date }} -- done"
    given = {"x": "O'Brien\\", "d": date(2026, 6, 30)}
    assert render(text, given, sql=True) == (
        "SELECT 'a\\', \"b\" FROM t WHERE n = 'O''Brien\\' AND d > '2026-06-30' -- done"
    )
    with pytest.raises(TemplateError, match="sql_str"):
        render("SELECT {{ x | soql_str }}", given, sql=True)


def test_a_quote_that_is_closed_in_one_branch_only_is_refused() -> None:
    """What follows could be inside or outside; a text made in branches is fine."""
    for text in (
        "'a{% if x %}'{% endif %}",
        "{% if x %}'a{% else %}'b'{% endif %}",
        "WHERE N = '{% if x %}a{% endif %}",
    ):
        with pytest.raises(TemplateError, match="quote"):
            render(text, {"x": "v"}, soql=True)
    text = "WHERE N = '{% if x %}a  b{% elif x %}c{% else %}d{% endif %}' AND M = {{ x | soql_str }}"
    assert render(text, {"x": "v"}, soql=True) == "WHERE N = 'a  b' AND M = 'v'"


def test_a_time_keeps_its_milliseconds_and_a_number_has_no_exponent() -> None:
    """Nothing is rounded away, and SOQL reads every digit."""
    at = datetime(2026, 6, 30, 12, 0, 0, 250_000, tzinfo=UTC)
    text = "{{ a | soql_date }} {{ b | soql_date }} {{ n | soql_number }} {{ m | soql_number }}"
    given = {"a": at, "b": at.replace(microsecond=0), "n": 1e22, "m": 1e-7}
    assert render(text, given, soql=True) == (
        "2026-06-30T12:00:00.250Z 2026-06-30T12:00:00Z 10000000000000000000000 0.0000001"
    )


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
