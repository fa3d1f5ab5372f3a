"""Aggregate functions, groups, functions of dates and the clauses behind a query, over REST; and what bulk says of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from support.facts import fact
from support.wire import Org

DEALS: list[dict[str, Any]] = [
    {"Name": "a", "StageName": "Won", "CloseDate": "2026-01-31", "Amount": 10},
    {"Name": "b", "StageName": "Lost", "CloseDate": "2026-05-01", "Amount": 30},
    {"Name": "c", "StageName": "Won", "CloseDate": "2025-12-31", "Amount": 20},
    {"Name": "d", "StageName": "Open", "CloseDate": "2026-05-08"},
]


@pytest.fixture
def sold(org: Org) -> Org:
    """Four opportunities, one of them without an amount, two of one account."""
    account = org.add("Account", Name="Acme")
    for deal in DEALS:
        org.add("Opportunity", **deal, **({"AccountId": account} if deal["StageName"] == "Won" else {}))
    return org


def records(org: Org, soql: str, path: str = "query") -> list[dict[str, Any]]:
    """The records of an answer, without what every one has."""
    answer = org.call("GET", f"/{path}?q={quote(soql)}")
    assert answer.status == 200, answer.body
    return [{key: value for key, value in record.items() if key != "attributes"} for record in answer.json["records"]]


@fact("aggregate-result", "aggregate-null")
def test_aggregates_answer_one_record(sold: Org) -> None:
    """Named by their number or their alias; null does not count."""
    soql = "SELECT MIN(Amount), MAX(Amount) most, SUM(Amount), AVG(Amount) mean, COUNT(Amount), COUNT(Id) n, MAX(CloseDate), MIN(Name)"
    answer = sold.call("GET", f"/query?q={quote(f'{soql} FROM Opportunity')}").json
    assert (answer["totalSize"], answer["done"]) == (1, True)
    assert answer["records"] == [{
        "attributes": {"type": "AggregateResult"}, "expr0": 10.0, "most": 30.0, "expr1": 60.0, "mean": 20.0, "expr2": 3, "n": 4,
        "expr3": "2026-05-08", "expr4": "a",
    }]  # fmt: skip
    assert records(sold, "SELECT SUM(Amount), COUNT(Id) FROM Opportunity WHERE Name = 'z'") == [
        {"expr0": None, "expr1": 0}
    ]
    assert records(sold, "SELECT COUNT_DISTINCT(StageName) FROM Opportunity") == [{"expr0": 3}]


@fact("group-by")
def test_groups_have_a_record_each(sold: Org) -> None:
    """By fields, by those of a parent, by functions of dates; in the order that is asked for."""
    soql = "SELECT StageName, COUNT(Id) n, SUM(Amount) FROM Opportunity GROUP BY StageName ORDER BY COUNT(Id) DESC, StageName"
    assert records(sold, soql) == [
        {"StageName": "Won", "n": 2, "expr0": 30.0}, {"StageName": "Lost", "n": 1, "expr0": 30.0}, {"StageName": "Open",
        "n": 1, "expr0": None},
    ]  # fmt: skip
    assert records(sold, "SELECT Account.Name, COUNT(Id) FROM Opportunity GROUP BY Account.Name ORDER BY Account.Name NULLS LAST") == [
        {"Name": "Acme", "expr0": 2}, {"Name": None, "expr0": 2},
    ]  # fmt: skip
    assert records(sold, "SELECT CALENDAR_YEAR(CloseDate) y, COUNT(Id) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)") == [
        {"y": 2025, "expr0": 1}, {"y": 2026, "expr0": 3},
    ]  # fmt: skip
    assert records(sold, "SELECT IsWon FROM Opportunity GROUP BY IsWon") == [{"IsWon": False}]
    assert records(
        sold, "SELECT StageName s FROM Opportunity GROUP BY StageName ORDER BY StageName LIMIT 1 OFFSET 1"
    ) == [{"s": "Open"}]


DAYS = [
    ("CALENDAR_YEAR(CloseDate) = 2025", "c"), ("CALENDAR_QUARTER(CloseDate) = 2", "bd"), ("CALENDAR_MONTH(CloseDate) IN (1, 12)", "ac"),
    ("DAY_IN_MONTH(CloseDate) = 31", "ac"), ("DAY_IN_WEEK(CloseDate) = 6", "bd"), ("DAY_IN_YEAR(CloseDate) = 31", "a"),
    ("WEEK_IN_MONTH(CloseDate) = 2", "d"), ("WEEK_IN_YEAR(CloseDate) = 5", "a"), ("FISCAL_YEAR(CloseDate) != 2026", "c"),
    ("DAY_ONLY(CreatedDate) = 2026-11-23", "abcd"), ("DAY_ONLY(CreatedDate) = TODAY", "abcd"),
    ("DAY_ONLY(CreatedDate) < 2026-11-23", ""),
    ("HOUR_IN_DAY(CreatedDate) = 10", "abcd"), ("CALENDAR_YEAR(Account.CreatedDate) = 2026", "ac"),
]  # fmt: skip


@fact("date-functions")
@pytest.mark.parametrize(("where", "expected"), DAYS, ids=[where for where, _ in DAYS])
def test_functions_of_dates_are_conditions(sold: Org, where: str, expected: str) -> None:
    """Over REST and in bulk, which refuses them only where something is grouped."""
    soql = f"SELECT Name FROM Opportunity WHERE {where} ORDER BY Name"
    assert "".join(record["Name"] for record in records(sold, soql)) == expected
    assert "".join(row[0] for row in sold.select(soql)) == expected


REFUSED = [
    ("SELECT Name, COUNT(Id) FROM Opportunity", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
    ("SELECT Name, COUNT(Id) FROM Opportunity GROUP BY StageName", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
    ("SELECT CALENDAR_YEAR(CloseDate) FROM Opportunity", "MALFORMED_QUERY", "aggregated: CALENDAR_YEAR(CloseDate)"),
    ("SELECT COUNT(Id) FROM Opportunity LIMIT 5", "MALFORMED_QUERY", "Non-grouped query that uses overall aggregate functions cannot"),
    ("SELECT SUM(Name) FROM Opportunity", "MALFORMED_QUERY", "field Name does not support aggregate operator SUM"),
    ("SELECT MAX(IsWon) FROM Opportunity", "MALFORMED_QUERY", "field IsWon does not support aggregate operator MAX"),
    ("SELECT Amount FROM Opportunity GROUP BY Amount", "INVALID_FIELD", "field 'Amount' can not be grouped in a query call"),
    ("SELECT COUNT(Nothing__c) FROM Opportunity", "INVALID_FIELD", "No such column 'Nothing__c' on entity 'Opportunity'."),
    ("SELECT COUNT(Id) n, MAX(Id) n FROM Opportunity", "MALFORMED_QUERY", "duplicate alias: n"),
    ("SELECT StageName FROM Opportunity GROUP BY StageName ORDER BY Name", "MALFORMED_QUERY", "Ordered field must be grouped"),
    ("SELECT StageName FROM Opportunity GROUP BY StageName HAVING COUNT(Id) > 1", "MALFORMED_QUERY", "does not know HAVING"),
    ("SELECT StageName FROM Opportunity GROUP BY ROLLUP(StageName)", "MALFORMED_QUERY", "does not know GROUP BY ROLLUP"),
    ("SELECT COUNT() FROM Opportunity GROUP BY StageName", "MALFORMED_QUERY", "unexpected token: GROUP"),
    ("SELECT toLabel(StageName) FROM Opportunity", "MALFORMED_QUERY", "does not know the function toLabel()"),
    ("SELECT COUNT(CALENDAR_YEAR(CloseDate)) FROM Opportunity", "MALFORMED_QUERY", "does not know the function CALENDAR_YEAR()"),
    ("SELECT Id FROM Opportunity OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE",
     "Maximum SOQL offset allowed for apiName Opportunity is 2000"),
    ("SELECT Id FROM Opportunity FOR NOTHING", "MALFORMED_QUERY", "unexpected token: NOTHING"),
    ("SELECT StageName, (SELECT Id FROM OpportunityLineItems) FROM Opportunity GROUP BY StageName", "MALFORMED_QUERY",
     "Grouped query cannot use child relationships"),
]  # fmt: skip


@fact(
    "group-needs-field",
    "date-functions-grouped",
    "aggregate-limit",
    "aggregate-types",
    "group-types",
    "offset-2000",
    "group-texts",
)
@pytest.mark.parametrize(("soql", "code", "text"), REFUSED, ids=[soql for soql, *_ in REFUSED])
def test_what_cannot_be_grouped_is_told(sold: Org, soql: str, code: str, text: str) -> None:
    """In the org's words, or in words that say what the embedded org does not know."""
    found = sold.call("GET", f"/query?q={quote(soql)}").error
    assert (found[:2], text in found[2]) == ((400, code), True), found


@fact("refused-aggregate")
@pytest.mark.parametrize("text", ["COUNT(Id)", "COUNT_DISTINCT(Id)", "MAX(Amount)", "CALENDAR_YEAR(CloseDate)"])
def test_bulk_knows_no_functions_in_the_field_list(org: Org, text: str) -> None:
    """In the words that it has for aggregates."""
    asked = {"operation": "query", "query": f"SELECT {text} FROM Opportunity"}
    assert org.call("POST", "/jobs/query", asked).error == (
        400,
        "API_ERROR",
        "Aggregate Relationships not supported in Bulk Query",
    )


@fact("aggregate-one-page")
def test_more_groups_than_a_page_are_refused(org: Org) -> None:
    """An aggregate query has one page."""
    org.load("Name\n" + "".join(f"A{number}\n" for number in range(2_001)))
    found = org.call("GET", f"/query?q={quote('SELECT Name FROM Account GROUP BY Name')}").error
    assert found[:2] == (400, "EXCEEDED_ID_LIMIT")
    assert "does not support queryMore()" in found[2]
    assert len(records(org, "SELECT Name FROM Account GROUP BY Name LIMIT 2000")) == 2_000


@fact("for-view", "clauses-of-apex")
@pytest.mark.parametrize("clause", ["WITH SECURITY_ENFORCED", "WITH USER_MODE", "WITH SYSTEM_MODE", "FOR VIEW", "FOR REFERENCE",
"FOR UPDATE",
                                    "UPDATE TRACKING", "UPDATE VIEWSTAT", "LIMIT 4 FOR UPDATE"])  # fmt: skip
def test_clauses_that_change_no_answer_are_taken(sold: Org, clause: str) -> None:
    """Rights are those of the settings, and nobody else waits for a record."""
    assert len(records(sold, f"SELECT Id FROM Opportunity {clause}")) == 4


@fact("clauses-of-apex")
def test_all_rows_are_the_deleted_ones_too(sold: Org) -> None:
    """As by queryAll."""
    gone = sold.server.org.records("Opportunity")[0]["Id"]
    assert sold.call("DELETE", f"/sobjects/Opportunity/{gone}").status == 204
    assert len(records(sold, "SELECT Id FROM Opportunity")) == 3
    assert len(records(sold, "SELECT Id FROM Opportunity ALL ROWS")) == 4
    assert records(sold, "SELECT COUNT(Id) n FROM Opportunity", "queryAll") == [{"n": 4}]


@fact("clauses-of-apex")
@pytest.mark.parametrize(("clause", "told"), [("FOR UPDATE", "FOR UPDATE"), ("ALL ROWS", "ALL ROWS")])
def test_bulk_does_not_know_what_only_apex_knows(org: Org, clause: str, told: str) -> None:
    """A rehearsal promises nothing that no document does; queryAll is there for deleted records."""
    found = org.call("POST", "/jobs/query", {"operation": "query", "query": f"SELECT Id FROM Account {clause}"}).error
    assert found == (
        400,
        "API_ERROR",
        f"Implementation restriction: the embedded org does not know {told} in Bulk Query",
    )


def test_the_columns_of_groups_are_described(sold: Org) -> None:
    """The Salesforce CLI asks for them beside every query."""
    soql = quote("SELECT StageName, COUNT(Id) n, MAX(CloseDate) FROM Opportunity GROUP BY StageName")
    found = sold.call("GET", f"/query?q={soql}&columns=true").json
    assert [(column["columnName"], column["displayName"], column["aggregate"]) for column in found["columnMetadata"]] == [
        ("StageName", "StageName", False), ("n", "COUNT(Id)", True), ("expr0", "MAX(CloseDate)", True),
    ]  # fmt: skip
    assert (found["groupBy"], found["idSelected"]) == (True, False)
