"""The language of validation rules: what each piece means, and what is told of a formula that cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from loadplan.emulator.formula_functions import FormulaError, Row
from loadplan.emulator.formulas import FUNCTIONS, compile_formula

VALUES: dict[str, Any] = {
    "Name": "Acme", "Site": None, "Amount": 10.0, "Active": True, "Stage": "Won", "Tags": "a;b",
    "Close": date(2026, 11, 20), "Seen": datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
}  # fmt: skip
BEFORE = {**VALUES, "Amount": 5.0}
FIELDS = {name.lower(): name for name in VALUES}
NOW = 1_795_428_900.0  # 2026-11-23T10:15:00Z

TRUE = [
    "Name = 'Acme'", 'Name = "Acme"', "Name <> 'acme'", "name == \"Acme\"", "ISBLANK(Site)", "Site = null", "NOT(ISBLANK(Name))",
    "Amount > 9 && Amount <= 10", "Amount < 5 || Active", "OR(Amount < 5, Active)", "AND(Active, Amount = 10, TRUE)",
    "!(Amount > 10)", "Amount + 2 * 3 = 16", "(Amount + 2) * 3 = 36", "Amount / 4 = 2.5", "-Amount < 0",
    "ISPICKVAL(Stage, 'Won')", "INCLUDES(Tags, 'b')", "LEN(Name) = 4", "LEN(Site) = 0", "REGEX(Name, '[A-Z][a-z]+')",
    "NOT(REGEX(Name, '[A-Z]'))", "CONTAINS(Name, 'cm')", "BEGINS(Name, 'Ac')", "Name & '!' = 'Acme!'",
    "Close < TODAY()", "TODAY() - Close = 3", "Close + 3 = TODAY()", "Close >= DATE(2026, 11, 20)", "YEAR(Close) = 2026",
    "Seen < NOW()", "MONTH(Close) = 11 && DAY(Close) = 20", "IF(Active, 1, 2) = 1", "CASE(Stage, 'Lost', 1, 'Won', 2, 3) = 2",
    "CASE(Stage, 'Lost', 1, 3) = 3", "UPPER(Name) = 'ACME'", "LEFT(Name, 2) & RIGHT(Name, 1) = 'Ace'", "MID(Name, 2, 2) = 'cm'",
    "VALUE('12') = 12", "ISNUMBER('12')", "TEXT(Amount) = '10'", "BLANKVALUE(Site, 'x') = 'x'", "ROUND(2.345, 2) < 2.4",
    "MAX(1, Amount, 3) = 10", "MIN(1, Amount) = 1", "MOD(Amount, 3) = 1", "FLOOR(2.7) = 2", "CEILING(2.1) = 3", "ABS(0 - 2) = 2",
    "TRIM(' x ') = 'x'", "LOWER(Name) = 'acme'", "ISCHANGED(Amount)", "PRIORVALUE(Amount) = 5", "NOT(ISCHANGED(Name))",
    "NOT(ISNEW())", "Name = /* with a remark */ 'Acme'", "NOT(Site > 'a')", "NOT(1 / 0 = 1)", "DATE(2026, 2, 30) = null",
]  # fmt: skip


@pytest.mark.parametrize("text", TRUE)
def test_formulas_that_are_true(text: str) -> None:
    """And their contrary is not."""
    row = Row(VALUES, BEFORE, False, NOW)
    assert compile_formula(text, FIELDS).holds(row)
    assert not compile_formula(f"NOT({text})", FIELDS).holds(row)


def test_a_new_record_has_no_values_before() -> None:
    """ISNEW is true, nothing has changed, and the prior value is the value."""
    row = Row(VALUES, {}, True, NOW)
    assert compile_formula("ISNEW() && NOT(ISCHANGED(Amount)) && PRIORVALUE(Amount) = 10", FIELDS).holds(row)


def test_every_function_is_shown_above() -> None:
    """None is offered that no test has called."""
    called = " ".join(TRUE)
    assert [name for name in FUNCTIONS if f"{name}(" not in called and name != "ISNULL"] == []
    assert compile_formula("ISNULL(Site)", FIELDS).holds(Row(VALUES, {}, True, NOW))


WRONG = [
    ("Nothing__c = 1", "the object has no field 'Nothing__c'"), ("VLOOKUP(Name)", "VLOOKUP is no function"),
    ("LEN()", "LEN takes 1 values, not 0"), ("IF(Active, 1)", "IF takes 3 values, not 2"), ("Name = ", "it ends where"),
    ("(Name", "it ends where ')' is wanted"), ("Name Name", "unexpected 'Name'"), ("Name = #", "unexpected '#'"),
    ("LEN(Name,)", "LEN lacks a value"), ("ISCHANGED('x')", "ISCHANGED takes the name of a field"),
    ("CASE(Name, 1, 2, 3, 4)", "CASE takes a value, pairs"), ("(" * 200 + "1" + ")" * 200, "nested too deeply"),
    ("__import__('os')", "__import__ is no function"), ("Name.upper", "unexpected '.'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text[:30] for text, _ in WRONG])
def test_formulas_that_cannot_be_read(text: str, told: str) -> None:
    """The reason is named, nothing is executed."""
    with pytest.raises(FormulaError) as caught:
        compile_formula(text, FIELDS)
    assert told in str(caught.value)


def test_a_formula_names_its_fields() -> None:
    """In the spelling of the object, those of ISCHANGED too."""
    assert compile_formula("ISCHANGED(AMOUNT) || LEN(name) > 3", FIELDS).fields == {"Amount", "Name"}


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("'('", "cannot be read"),
        ("UPPER(Site)", "must be a text, not a field"),
        ("'(a+)+$'", "repeats what repeats itself"),
        ("'((ab*)|c)+'", "repeats what repeats itself"),
        ("'(x+){2,}'", "repeats what repeats itself"),
    ],
)
def test_a_pattern_that_would_not_count_or_not_end_is_refused(pattern: str, told: str) -> None:
    """When the org starts: not a rule that is off in silence, nor one row that keeps every client waiting."""
    with pytest.raises(FormulaError, match=told):
        compile_formula(f"REGEX(Name, {pattern})", FIELDS)


@pytest.mark.parametrize("pattern", ["[A-Z+]+(x|y)*", "([0-9]{3}-)+[0-9]{4}", "(ab?)+", "[(a+)]+", "([+*])+"])
def test_a_pattern_that_ends_is_taken(pattern: str) -> None:
    """Repeated groups of fixed parts, classes that hold signs."""
    assert compile_formula(f"REGEX(Name, '{pattern}')", FIELDS)


KINDS = {
    "name": "Text",
    "amount": "Number",
    "active": "Boolean",
    "close": "Date",
    "seen": "DateTime",
    "stage": "Text",
    "site": "Text",
}
NEVER_TRUE = [
    ("AND(Name, Active)", "incorrect parameter type for function 'AND()'. Expected Boolean, received Text"),
    ("Active || Amount", "incorrect parameter type for operator '||'. Expected Boolean, received Number"),
    ("NOT(Name)", "function 'NOT()'. Expected Boolean, received Text"), ("!Close", "Expected Boolean, received Date"),
    ("IF(Name, TRUE, FALSE)", "function 'IF()'. Expected Boolean, received Text"),
    ("Name > 5", "operator '>'. Expected Text, received Number"), ("Amount = 'x'", "Expected Number, received Text"),
    ("Active = 'true'", "Expected Boolean, received Text"), ("Close = '2026-01-01'", "Expected Date, received Text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), NEVER_TRUE, ids=[text for text, _ in NEVER_TRUE])
def test_a_formula_whose_pieces_do_not_fit_is_told(text: str, told: str) -> None:
    """It would be a rule that never refuses anything."""
    with pytest.raises(FormulaError) as caught:
        compile_formula(text, FIELDS, KINDS)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Name", "Text"), ("Amount + 1", "Number"), ("Close + 1", "Date"), ("Close - TODAY()", "Number"), ("IF(Active, 'a', Name)",
        "Text"),
        ("IF(Active, 1, 'a')", ""), ("CASE(Stage, 'a', 1, 'b', 2, NULL)", "Number"), ("NULL", "null"), ("Name & 'x'", "Text"),
        ("BLANKVALUE(Active, TRUE)", "Boolean"), ("PRIORVALUE(Amount)", "Number"), ("ISCHANGED(Name)", "Boolean"), ("-Amount",
        "Number"),
        ("Seen > Close", "Boolean"), ("Site = NULL", "Boolean"), ("Close + NULL", ""), ("LEN(Name)", "Number"), ("NOW()", "DateTime"),
    ],
)  # fmt: skip
def test_a_formula_has_a_kind(text: str, kind: str) -> None:
    """That of its value; none where branches differ."""
    assert compile_formula(text, FIELDS, KINDS).kind == kind
