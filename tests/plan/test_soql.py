"""What is known of a query's text: its quoted texts are kept to the letter, and what bulk cannot hold is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.plan.soql import Quote, folded, quote_after, refused
from loadplan.plan.template_values import soql_str


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("SELECT Id\n  FROM Account\n", "SELECT Id FROM Account"),
        ("SELECT Id FROM A WHERE Name = 'a  b\tc'", "SELECT Id FROM A WHERE Name = 'a  b\tc'"),
        ("x =  'it\\'s  so'   AND  y = '  '", "x = 'it\\'s  so' AND y = '  '"),
        ("x = '\\\\'  AND y =  1", "x = '\\\\' AND y = 1"),
        ("x = 'two\n  lines'", "x = 'two\n  lines'"),
        ("  'never  closed", "'never  closed"),
    ],
)
def test_blanks_are_folded_only_outside_of_quotes(written: str, sent: str) -> None:
    """A text with two blanks finds only what has two blanks."""
    assert folded(written) == sent


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab '\\\n\t", max_size=12), min_size=1, max_size=4))
def test_folding_never_changes_a_quoted_text(values: list[str]) -> None:
    """Whatever the texts hold, each literal stands in the result as it was written."""
    literals = [soql_str(v) for v in values]
    query = "  \n".join(f"x  = {literal}" for literal in literals)
    assert folded(query) == " ".join(f"x = {literal}" for literal in literals)
    assert quote_after(query) is Quote.OUTSIDE


@pytest.mark.parametrize(
    "query",
    [
        "SELECT Id FROM Account",
        "select Id from Account where Id IN (SELECT AccountId FROM Contact)",
        "SELECT FORMAT(Amount), toLabel(StageName) FROM Opportunity WHERE Id IN (SELECT OpportunityId FROM Quote)",
        "SELECT Offset__c, Group__c FROM A WHERE Name = 'GROUP BY (SELECT'",
        "SELECT Id FROM A ORDER BY Name LIMIT 5",
        "SELECT Id FROM A WHERE Name = 'it\\'s (' AND (X = 1 OR (Y = 2))",
    ],
)
def test_a_query_that_bulk_can_run_is_let_through(query: str) -> None:
    """Words inside quotes and names that begin like a keyword mean nothing; a subquery may filter."""
    assert refused(query)[0] == ""


@pytest.mark.parametrize(
    ("query", "words", "near"),
    [
        ("SELECT Name FROM A GROUP BY Name", "GROUP BY", "GROUP"),
        ("SELECT count(Id) FROM A", "COUNT()", "count"),
        ("SELECT Id FROM A LIMIT 5 OFFSET 10", "OFFSET", "OFFSET"),
        ("SELECT TYPEOF What WHEN Account THEN Phone END FROM Event", "TYPEOF", "TYPEOF"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "subquery", "SELECT"),
        ("SELECT Id FROM A WHERE Name = 'x", "never closed", ""),
        ("SELECT Id FROM A WHERE (X = 1", "never closed", ""),
        ("SELECT Id FROM A WHERE X = 1)", "without its", ""),
        ("SELECT Id", "no FROM", ""),
        ("FIND {x} RETURNING Account", "begins with SELECT", "FIND"),
        ("UPDATE x", "begins with SELECT", "UPDATE"),
    ],
)
def test_what_a_bulk_query_cannot_hold_is_named(query: str, words: str, near: str) -> None:
    """With the word that shows it, and a hint."""
    summary, found, hint = refused(query)
    assert words in summary
    assert found == near
    assert hint
