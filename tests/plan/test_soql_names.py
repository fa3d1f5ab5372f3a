"""Names in a query: which are fields of which object, and which are not fields at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.plan.soql_names import Asked, asked_by


def named(soql: str) -> tuple[str, list[str], list[str]]:
    """The object, what is shown, and what is only compared or ordered by."""
    asked = asked_by(soql)
    assert asked is not None
    return asked.object, [n.path for n in asked.names if n.shown], [n.path for n in asked.names if not n.shown]


@pytest.mark.parametrize(
    ("soql", "object_name", "shown", "compared"),
    [
        ("SELECT Id FROM Account", "Account", ["Id"], []),
        ("select id , name\nfrom account", "account", ["id", "name"], []),
        ("SELECT Id, Account.Owner . Name FROM Contact", "Contact", ["Id", "Account.Owner.Name"], []),
        ("SELECT a.Id, a.Owner.Name FROM Account a WHERE a.Name = 'x'", "Account", ["Id", "Owner.Name"], ["Name"]),
        ("SELECT Account.Id FROM Account AS acc WHERE acc.Site = null", "Account", ["Id"], ["Site"]),
        ("SELECT Id FROM Order ORDER BY Name DESC NULLS LAST, CreatedDate", "Order", ["Id"], ["Name", "CreatedDate"]),
        ("SELECT Order.Name FROM OrderItem LIMIT 5", "OrderItem", ["Order.Name"], []),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 200", "Account", [], []),
        ("SELECT toLabel(Rating), FORMAT(convertCurrency(Amount)) a FROM Opportunity", "Opportunity", ["Rating", "Amount"], []),
        (
            "SELECT Id FROM Lead WHERE IsActive = true AND (Rating IN ('Hot', 'FROM X') OR NOT Name LIKE '%a\\'b = c%')",
            "Lead", ["Id"], ["IsActive", "Rating", "Name"],
        ),
        (
            "SELECT Id FROM Case WHERE CreatedDate > LAST_N_DAYS:5 AND ClosedDate <= TODAY OR A__c >= -5.5 AND B__c < USD500",
            "Case", ["Id"], ["CreatedDate", "ClosedDate", "A__c", "B__c"],
        ),
        (
            "SELECT Id FROM Case WHERE CreatedDate > 2026-01-01T00:00:00Z AND Kind__c INCLUDES ('a;b', 'c') AND Name NOT IN ('x')",
            "Case", ["Id"], ["CreatedDate", "Kind__c", "Name"],
        ),
        (
            "SELECT Id FROM Task WHERE CALENDAR_YEAR(convertTimezone(CreatedDate)) = 1 AND DISTANCE(A__c, GEOLOCATION(1,2), 'm') < 2",
            "Task", ["Id"], ["CreatedDate"],
        ),
        ("SELECT Id FROM Lead USING SCOPE mine WHERE Name = 'x' WITH SECURITY_ENFORCED", "Lead", ["Id"], ["Name"]),
        ("SELECT Id FROM Lead WHERE Name = 'x' ALL ROWS", "Lead", ["Id"], ["Name"]),
        ("SELECT Id FROM Lead WITH USER_MODE LIMIT 7", "Lead", ["Id"], []),
        ("SELECT Id FROM Group", "Group", ["Id"], []),
    ],
)  # fmt: skip
def test_fields_of_a_query(soql: str, object_name: str, shown: list[str], compared: list[str]) -> None:
    assert named(soql) == (object_name, shown, compared)


def test_queries_in_conditions_have_names_of_their_own() -> None:
    asked = asked_by(
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Title = 'x' AND Id NOT IN "
        "(SELECT WhoId FROM Task)) AND Site = 'y'"
    )
    assert asked is not None
    told = [(a.object, [n.path for n in a.names]) for a in asked.all()]
    assert told == [("Account", ["Id", "Id", "Site"]), ("Contact", ["AccountId", "Title", "Id"]), ("Task", ["WhoId"])]


@pytest.mark.parametrize(
    "soql", ["", "SELECT Id", "DELETE FROM X", "SELECT Id FROM 5", "SELECT c.Id FROM Account a, a.Contacts c"]
)
def test_what_cannot_be_told_names_nothing(soql: str) -> None:
    assert asked_by(soql) is None


PIECES = [
    "SELECT",
    "FROM",
    "WHERE",
    "ORDER",
    "BY",
    "(",
    ")",
    ",",
    "=",
    "IN",
    "NOT",
    "A",
    "B.C",
    "'x",
    "'y'",
    "LIMIT",
    "5",
    "FORMAT",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25))
def test_any_text_is_read_to_its_end(pieces: list[str]) -> None:
    """What is no query is Salesforce's to refuse, or `refused`'s."""
    asked = asked_by("SELECT " + " ".join(pieces))
    assert asked is None or isinstance(asked, Asked)


def test_a_query_that_is_nested_without_end_is_read_too() -> None:
    """Plans are untrusted: nobody writes this by hand."""
    many = 20_000
    assert named(f"SELECT {'FORMAT(' * many}Name{')' * many} FROM Account") == ("Account", ["Name"], [])
    deep = asked_by("SELECT Id FROM A WHERE Id IN (" * 2_000 + "SELECT Id FROM A" + ")" * 2_000)
    assert deep is not None
    assert len(list(deep.all())) == 6
