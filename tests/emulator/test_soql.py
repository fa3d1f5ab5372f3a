"""What a query means: comparisons, nulls, case, dates, relationships, order; over REST with its pages, and in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from support.wire import Org

ACCOUNTS: list[dict[str, Any]] = [
    {"Name": "Acme", "Legacy_Id__c": "A1", "Site": "Berlin", "AnnualRevenue": 100, "NumberOfEmployees": 5},
    {"Name": "acme two", "Legacy_Id__c": "a2", "Site": None, "AnnualRevenue": 1500.5, "NumberOfEmployees": 50},
    {"Name": "Žluť", "Legacy_Id__c": "Ž3", "Site": "berlin", "AnnualRevenue": None, "NumberOfEmployees": None},
    {"Name": 'O\'Neil "x"', "Legacy_Id__c": "b4", "Site": "Rome", "AnnualRevenue": 912260031, "NumberOfEmployees": 7},
]


@pytest.fixture(scope="module")
def filled() -> Iterator[Org]:
    """An org with a few accounts, contacts and events."""
    with Org() as org:
        ids = {}
        for account in ACCOUNTS:
            ids[account["Legacy_Id__c"]] = org.add(
                **{key: value for key, value in account.items() if value is not None}
            )
        org.add("Contact", LastName="Doe", FirstName="Jane", AccountId=ids["A1"], HasOptedOutOfEmail=True)
        org.add("Contact", LastName="Roe")
        org.add("Event", Subject="Today", StartDateTime="2026-11-23T23:59:59Z", ActivityDate="2026-11-23")
        org.add("Event", Subject="Yesterday", StartDateTime="2026-11-22T01:00:00+02:00", ActivityDate="2026-11-22")
        org.add("Event", Subject="Never")
        yield org


WHERE = [
    ("Name = 'ACME'", ["A1"]),
    ("Name = 'žluť'", ["Ž3"]),
    ("Name != 'acme'", ["Ž3", "a2", "b4"]),
    ("Name = 'O\\'Neil \"x\"'", ["b4"]),
    ("Legacy_Id__c = 'A2'", ["a2"]),
    ("Legacy_Id__c IN ('a1', 'ž3', 'none')", ["A1", "Ž3"]),
    ("Legacy_Id__c NOT IN ('a1')", ["Ž3", "a2", "b4"]),
    ("Site = null", ["a2"]),
    ("Site != null", ["A1", "Ž3", "b4"]),
    ("Site = ''", ["a2"]),
    ("Site != 'berlin'", ["a2", "b4"]),
    ("Site IN ('Berlin', null)", ["A1", "Ž3", "a2"]),
    ("Name LIKE 'ac%'", ["A1", "a2"]),
    ("Name LIKE '_cme'", ["A1"]),
    ("Name LIKE 'ŽL%'", ["Ž3"]),
    ("AnnualRevenue > 100", ["a2", "b4"]),
    ("AnnualRevenue >= 100 AND AnnualRevenue < 1e9", None),
    ("NumberOfEmployees <= 7", ["A1", "b4"]),
    ("AnnualRevenue = 1500.5", ["a2"]),
    ("AnnualRevenue = null", ["Ž3"]),
    ("NOT AnnualRevenue > 100", ["A1", "Ž3"]),
    ("(Name = 'acme' OR Site = 'rome') AND NumberOfEmployees > 5", ["b4"]),
    ("NOT (Name LIKE 'a%' OR Site = null)", ["Ž3", "b4"]),
    ("Name > 'b' AND Name < 'p'", ["b4"]),
    ("IsDeleted = false", ["A1", "Ž3", "a2", "b4"]),
    ("IsDeleted = true", []),
    ("CreatedDate = TODAY", ["A1", "Ž3", "a2", "b4"]),
    ("CreatedDate > 2026-11-24T00:00:00Z", []),
    ("CreatedDate >= 2026-11-23T11:15:00+01:00", ["A1", "Ž3", "a2", "b4"]),
    ("CreatedBy.Username = 'ADMIN@embedded.example'", ["A1", "Ž3", "a2", "b4"]),
]


@pytest.mark.parametrize(("where", "expected"), WHERE, ids=[where for where, _ in WHERE])
def test_conditions(filled: Org, where: str, expected: list[str] | None) -> None:
    """Bulk and REST agree; text is compared without case, a null equals nothing."""
    soql = f"SELECT Legacy_Id__c FROM Account WHERE {where}"
    if expected is None:
        assert filled.call("POST", "/jobs/query", {"operation": "query", "query": soql}).error[1] == "MALFORMED_QUERY"
        return
    assert sorted(row[0] for row in filled.select(soql)) == sorted(expected)
    answer = filled.call("GET", f"/query?q={quoted(soql)}").json
    assert sorted(record["Legacy_Id__c"] for record in answer["records"]) == sorted(expected)
    count = filled.call("GET", f"/query?q={quoted(soql.replace('Legacy_Id__c', 'COUNT()', 1))}").json
    assert count == {"totalSize": len(expected), "done": True, "records": []}


def quoted(soql: str) -> str:
    """A query as a parameter."""
    return quote(soql)


DAYS = [
    ("StartDateTime = TODAY", ["Today"]),
    ("StartDateTime = YESTERDAY", []),
    ("ActivityDate = YESTERDAY", ["Yesterday"]),
    ("ActivityDate = LAST_N_DAYS:2", ["Today", "Yesterday"]),
    ("StartDateTime < TODAY", ["Yesterday"]),
    ("ActivityDate != TODAY", ["Never", "Yesterday"]),
    ("ActivityDate >= 2026-11-23", ["Today"]),
    ("StartDateTime = 2026-11-21T23:00:00Z", ["Yesterday"]),
]


@pytest.mark.parametrize(("where", "expected"), DAYS, ids=[where for where, _ in DAYS])
def test_days(filled: Org, where: str, expected: list[str]) -> None:
    """Date literals are days in UTC; offsets are taken into account."""
    assert sorted(row[0] for row in filled.select(f"SELECT Subject FROM Event WHERE {where}")) == expected


ORDERS = [
    ("Name", ["A1", "a2", "b4", "Ž3"]),
    ("Name DESC", ["Ž3", "b4", "a2", "A1"]),
    ("AnnualRevenue", ["Ž3", "A1", "a2", "b4"]),
    ("AnnualRevenue DESC", ["b4", "a2", "A1", "Ž3"]),
    ("AnnualRevenue ASC NULLS LAST", ["A1", "a2", "b4", "Ž3"]),
    ("AnnualRevenue DESC NULLS FIRST", ["Ž3", "b4", "a2", "A1"]),
    ("Site DESC, Name", ["b4", "A1", "Ž3", "a2"]),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS)
def test_orders(filled: Org, order: str, expected: list[str]) -> None:
    """Nulls come first, and last when descending, unless the query says it; LIMIT cuts."""
    soql = f"SELECT Legacy_Id__c FROM Account ORDER BY {order}"
    assert [row[0] for row in filled.select(soql)] == expected
    assert [row[0] for row in filled.select(f"{soql} LIMIT 2")] == expected[:2]
    records = filled.call("GET", f"/query?q={quoted(f'{soql} LIMIT 2 OFFSET 1')}").json["records"]
    assert [record["Legacy_Id__c"] for record in records] == expected[1:3]


def test_values_as_bulk_queries_show_them(filled: Org) -> None:
    """Numbers, booleans, dates, nulls, quotes, parents."""
    rows = filled.select(
        "SELECT Name, AnnualRevenue, NumberOfEmployees, CreatedDate FROM Account ORDER BY Legacy_Id__c"
    )
    stamp = "2026-11-23T10:15:00.000Z"
    assert rows == [
        ["Acme", "100.0", "5", stamp], ["acme two", "1500.5", "50", stamp],
        ["O'Neil \"x\"", "912260031.0", "7", stamp], ["Žluť", "", "", stamp],
    ]  # fmt: skip
    rows = filled.select("SELECT Name, HasOptedOutOfEmail, Account.Name, Contact.LastName FROM Contact ORDER BY Name")
    assert rows == [["Jane Doe", "true", "Acme", "Doe"], ["Roe", "false", "", "Roe"]]


@pytest.mark.parametrize(
    "value", [0.1, 12.345, 1e-7, 123456789.123, 1e15, 1234567890123456.0, -7.5, 0.30000000000000004, 99999999.99]
)
def test_doubles_keep_all_their_digits(org: Org, value: float) -> None:
    """Whatever is sent is read back as the same number."""
    org.add(Name="A", AnnualRevenue=value)
    [[shown]] = org.select("SELECT AnnualRevenue FROM Account")
    assert float(shown) == value


def test_relationships_over_rest(filled: Org) -> None:
    """An object inside the record, null when the lookup is empty; two levels."""
    soql = "SELECT LastName, Account.Name, Account.Owner.Username FROM Contact ORDER BY LastName"
    doe, roe = filled.call("GET", f"/query?q={quoted(soql)}").json["records"]
    assert doe["attributes"]["type"] == "Contact"
    assert (doe["Account"]["Name"], doe["Account"]["Owner"]["Username"]) == ("Acme", filled.server.org.username)
    assert doe["Account"]["attributes"] == {"type": "Account"}
    assert roe["Account"] is None


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Name FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Name, FROM Account", "MALFORMED_QUERY"),
        ("SELECT Name FROM Account LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Name FROM Account extra words", "MALFORMED_QUERY"),
        ("SELECT Name FROM Account WHERE Nothing__c = 1", "INVALID_FIELD"),
        ("SELECT Nothing__r.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Account.Nothing__c FROM Contact", "INVALID_FIELD"),
        ("SELECT Name FROM Account ORDER BY Nothing__c", "INVALID_FIELD"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_queries_that_make_no_sense(filled: Org, soql: str, code: str) -> None:
    """400 over REST and in bulk."""
    assert filled.call("GET", f"/query?q={quoted(soql)}").error[:2] == (400, code)
    assert filled.call("POST", "/jobs/query", {"operation": "query", "query": soql}).error[:2] == (400, code)


def test_a_query_cannot_break_out_of_its_literals(filled: Org) -> None:
    """Quotes of any kind are text."""
    for text in ('x" or 1=1 --', "x\\' OR Name != \\'", '%"); drop table jobs; --'):
        assert filled.select(f"SELECT Id FROM Account WHERE Name = '{text}' OR Name LIKE '{text}'") == []


def test_rest_queries_have_pages() -> None:
    """2,000 records unless a header asks for fewer; each record comes once; deleted ones with queryAll."""
    with Org(rest_page_size=300) as org:
        org.load("Name\n" + "".join(f'"Acme ""{n}"""\n' for n in range(700)))
        org.load(f"Id\n{org.server.org.records('Account')[0]['Id']}\n", operation="delete")
        for path, total in (("query", 699), ("queryAll", 700)):
            for headers, sizes in (
                ({}, [300, 300, total - 600]),
                ({"Sforce-Query-Options": "batchSize=250"}, [250, 250, total - 500]),
            ):
                seen: list[Any] = []
                got = []
                answer = org.call("GET", f"/{path}?q={quoted('SELECT Id, Name FROM Account')}", headers=headers).json
                while True:
                    assert answer["totalSize"] == total
                    got.append(len(answer["records"]))
                    seen += [record["Id"] for record in answer["records"]]
                    if answer["done"]:
                        break
                    url = answer["nextRecordsUrl"].removeprefix("/services/data/v66.0")
                    assert url.startswith("/query/01g")
                    answer = org.call("GET", url).json
                assert got == sizes
                assert len(set(seen)) == total
        for wrong in ("/query/01gEm0000009999IAA-300", "/query/x"):
            assert org.call("GET", wrong).error[:2] == (400, "INVALID_QUERY_LOCATOR")
