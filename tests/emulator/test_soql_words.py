"""The grammar of SOQL and what the org says of a query that makes no sense, in Salesforce's words."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from loadplan.emulator.dates import is_date_word, span
from loadplan.emulator.select import Select
from loadplan.emulator.soql import parse
from loadplan.emulator.wire import ApiError

from support.facts import fact
from support.wire import START, Org

HELP = " Please reference your WSDL or the describe call for the appropriate names."
PIECES = re.compile(r"'(?:[^'\\]|\\.)*'|[\w.:+-]+|<=|>=|!=|<>|[=<>(),]")
SOME = [
    "SELECT Id , Name , Parent.Name FROM Account WHERE Name LIKE 'a%' AND ( Site = null OR NOT AnnualRevenue > 5 ) ORDER BY Name",
    "SELECT Id FROM Account WHERE Id IN ( SELECT AccountId FROM Contact WHERE Email != 'x' LIMIT 5 ) LIMIT 10 OFFSET 1",
    "SELECT Subject , Who.Name , What.Type FROM Event WHERE StartDateTime >= LAST_N_DAYS:30 AND Who.Type IN ( 'Lead' , null )",
    "SELECT COUNT() FROM Contact WHERE CreatedDate = TODAY AND HasOptedOutOfEmail = false",
    "SELECT FIELDS(STANDARD) FROM User LIMIT 200",
    "SELECT Name FROM Account a WHERE a.Tags__c INCLUDES ( 'red;green' )",
    "SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01T00:00:00Z ORDER BY Name DESC NULLS LAST , Id",
]
TAGS = [
    {"name": "Tags__c", "type": "multipicklist", "length": 255},
    {"name": "Story__c", "type": "textarea", "length": 3000},
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """Accounts with tags, a contact, a lead, and events about them."""
    folder: Path = tmp_path_factory.mktemp("describe")
    (folder / "Account.json").write_text(json.dumps({"name": "Account", "fields": TAGS}), encoding="utf-8")
    with Org(describe=[folder]) as org:
        acme = org.add(Name="Acme 50%", Legacy_Id__c="A", Tags__c="red;green")
        bolt = org.add(Name="Bolt_x", Legacy_Id__c="B", Tags__c="Blue", ParentId=acme)
        org.add(Name="Core\\back", Legacy_Id__c="C")
        doe = org.add("Contact", LastName="Doe", FirstName="Jane", AccountId=acme, Email="jane@x.example")
        lead = org.add("Lead", LastName="Moe", Company="Moe & Co")
        org.add("Event", Subject="with contact", WhoId=doe, WhatId=acme, StartDateTime="2026-11-23T08:00:00Z")
        org.add("Event", Subject="with lead", WhoId=lead, StartDateTime="2026-10-01T08:00:00Z")
        org.add("Event", Subject="alone", StartDateTime="2025-12-31T08:00:00Z", WhatId=bolt)
        yield org


def rest(org: Org, soql: str) -> list[dict[str, object]]:
    """The records of a REST query."""
    answer = org.call("GET", f"/query?q={quote(soql)}")
    assert answer.status == 200, answer.body
    return list(answer.json["records"])


ACCOUNTS = [
    ("Name LIKE '%50\\%'", ["A"]),
    ("Name LIKE '%\\_%'", ["B"]),
    ("Name LIKE '____\\_x'", ["B"]),
    ("Name LIKE '%\\\\b%'", ["C"]),
    ("Name = 'Core\\\\back'", ["C"]),
    ("Name = '\\u0041cme 50%'", ["A"]),
    ("Tags__c INCLUDES ('RED')", ["A"]),
    ("Tags__c INCLUDES ('red;green', 'blue')", ["A", "B"]),
    ("Tags__c INCLUDES ('red;blue')", []),
    ("Tags__c EXCLUDES ('red')", ["B", "C"]),
    ("Id IN (SELECT AccountId FROM Contact WHERE Email LIKE '%.example')", ["A"]),
    ("Id NOT IN (SELECT AccountId FROM Contact)", ["B", "C"]),
    ("ParentId IN (SELECT Id FROM Account WHERE Legacy_Id__c = 'A')", ["B"]),
    ("Parent.Id IN (SELECT AccountId FROM Contact)", ["B"]),
    ("Legacy_Id__c = 'A' OR (Legacy_Id__c = 'B' AND Parent.Legacy_Id__c = 'A')", ["A", "B"]),
    ("CreatedDate IN (TODAY, LAST_YEAR)", ["A", "B", "C"]),
]


@pytest.mark.parametrize(("where", "expected"), ACCOUNTS, ids=[where for where, _ in ACCOUNTS])
def test_conditions_of_lists_patterns_and_other_queries(filled: Org, where: str, expected: list[str]) -> None:
    """Escapes of LIKE, parts of a multi-select picklist, semi-joins; in bulk as over REST."""
    soql = f"SELECT Legacy_Id__c FROM Account a WHERE {where} ORDER BY a.Legacy_Id__c"
    assert [row[0] for row in filled.select(soql)] == expected
    assert [record["Legacy_Id__c"] for record in rest(filled, soql)] == expected


EVENTS = [
    ("Who.Type = 'Contact'", ["with contact"]),
    ("Who.Name = 'moe'", ["with lead"]),
    ("What.Name LIKE 'A%'", ["with contact"]),
    ("What.Type = 'Account' AND WhoId = null", ["alone"]),
    ("Owner.Username = 'nobody'", []),
    ("StartDateTime = THIS_MONTH", ["with contact"]),
    ("StartDateTime = LAST_MONTH", ["with lead"]),
    ("StartDateTime = LAST_N_QUARTERS:4", ["alone"]),
    ("StartDateTime = THIS_YEAR", ["with contact", "with lead"]),
    ("StartDateTime < N_DAYS_AGO:30", ["alone", "with lead"]),
    ("StartDateTime != LAST_YEAR", ["with contact", "with lead"]),
]


@pytest.mark.parametrize(("where", "expected"), EVENTS, ids=[where for where, _ in EVENTS])
def test_polymorphic_relationships_and_date_literals(filled: Org, where: str, expected: list[str]) -> None:
    """Each record is asked through the object that it points at; months are those of the org's clock."""
    assert sorted(row[0] for row in filled.select(f"SELECT Subject FROM Event WHERE {where}")) == expected


def test_columns_of_a_polymorphic_relationship(filled: Org) -> None:
    """Type, and a field of whichever object it is; both are empty without a record."""
    rows = filled.select("SELECT Subject, Who.Type, Who.Name, What.Name FROM Event ORDER BY Subject")
    assert rows == [["alone", "", "", "Bolt_x"], ["with contact", "Contact", "Jane Doe", "Acme 50%"],
                    ["with lead", "Lead", "Moe", ""]]  # fmt: skip


TODAY = date(2026, 11, 25)  # a Wednesday
SPANS = [
    ("TODAY", "2026-11-25", "2026-11-25"), ("TOMORROW", "2026-11-26", "2026-11-26"),
    ("LAST_90_DAYS", "2026-08-27", "2026-11-25"), ("NEXT_90_DAYS", "2026-11-26", "2027-02-23"),
    ("LAST_N_DAYS:3", "2026-11-22", "2026-11-25"), ("NEXT_N_DAYS:3", "2026-11-26", "2026-11-28"),
    ("N_DAYS_AGO:3", "2026-11-22", "2026-11-22"), ("THIS_WEEK", "2026-11-22", "2026-11-28"),
    ("LAST_WEEK", "2026-11-15", "2026-11-21"), ("NEXT_N_WEEKS:2", "2026-11-29", "2026-12-12"),
    ("LAST_MONTH", "2026-10-01", "2026-10-31"), ("NEXT_MONTH", "2026-12-01", "2026-12-31"),
    ("LAST_N_MONTHS:12", "2025-11-01", "2026-10-31"), ("NEXT_N_MONTHS:2", "2026-12-01", "2027-01-31"),
    ("N_MONTHS_AGO:11", "2025-12-01", "2025-12-31"), ("THIS_QUARTER", "2026-10-01", "2026-12-31"),
    ("LAST_QUARTER", "2026-07-01", "2026-09-30"), ("NEXT_QUARTER", "2027-01-01", "2027-03-31"),
    ("THIS_YEAR", "2026-01-01", "2026-12-31"), ("LAST_N_YEARS:2", "2024-01-01", "2025-12-31"),
    ("NEXT_FISCAL_YEAR", "2027-01-01", "2027-12-31"), ("N_FISCAL_QUARTERS_AGO:4", "2025-10-01", "2025-12-31"),
    ("N_YEARS_AGO:3000", "0001-01-01", "0001-01-01"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "first", "last"), SPANS, ids=[word for word, *_ in SPANS])
def test_days_of_a_date_literal(word: str, first: str, last: str) -> None:
    """Today is among the last days; the last weeks, months and longer units end before the one that runs."""
    assert is_date_word(word)
    assert tuple(day.isoformat() for day in span(word, TODAY)) == (first, last)


def test_words_that_are_no_date_literals() -> None:
    """A count is wanted where one is, and nowhere else."""
    for word in ("LAST_DAY", "LAST_N_DAYS", "TODAY:1", "THIS_N_DAYS:2", "NEXT_N_DECADES:1", "LAST_N_DAYS:-1"):
        assert not is_date_word(word)
        with pytest.raises(ValueError, match="no date literal"):
            span(word, TODAY)


@fact("fields-function", "fields-duplicate", "fields-limit", "fields-none")
def test_fields_function(filled: Org) -> None:
    """ALL and CUSTOM want a limit of at most 200; a field that is named beside them is there twice."""
    [first, *_] = rest(filled, "SELECT FIELDS(ALL) FROM Account ORDER BY Legacy_Id__c LIMIT 200")
    assert (first["Name"], first["Tags__c"]) == ("Acme 50%", "red;green")
    [first, *_] = rest(filled, "SELECT Id, FIELDS(CUSTOM) FROM Account ORDER BY Legacy_Id__c LIMIT 3")
    assert "Name" not in first
    assert "Tags__c" in first
    refused = {
        "SELECT FIELDS(ALL) FROM Account": ("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200"),
        "SELECT Id, FIELDS(ALL) FROM User LIMIT 200": ("INVALID_FIELD", "duplicate field selected: Id"),
        "SELECT FIELDS(CUSTOM) FROM User LIMIT 9": (
            "MALFORMED_QUERY", "'FIELDS(...)' expansion function must result in at least one field being selected."
        ),
    }  # fmt: skip
    for soql, expected in refused.items():
        assert filled.call("GET", f"/query?q={quote(soql)}").error == (400, *expected)


@fact("fields-compound-refused")
def test_fields_function_in_bulk(filled: Org) -> None:
    """FIELDS(STANDARD) is known, with the compound fields in it refused; the others are refused."""
    assert "Username" in filled.page(filled.query("SELECT FIELDS(STANDARD) FROM User")).rows[0]
    create = {"operation": "query", "query": "SELECT FIELDS(STANDARD) FROM Account"}
    text = "Selecting compound data not supported in Bulk Query"
    assert filled.call("POST", "/jobs/query", create).error == (400, "API_ERROR", text)
    create["query"] = "SELECT FIELDS(ALL) FROM User LIMIT 200"
    assert filled.call("POST", "/jobs/query", create).error[1] == "MALFORMED_QUERY"


TYPES = [
    ("NumberOfEmployees = '5'", "NumberOfEmployees", "must be of type int and should not be enclosed in quotes"),
    ("AnnualRevenue > 'x'", "AnnualRevenue", "must be of type double and should not be enclosed in quotes"),
    ("IsDeleted = 'false'", "IsDeleted", "must be of type boolean and should not be enclosed in quotes"),
    ("CreatedDate > '2026-01-01'", "CreatedDate", "must be of type dateTime and should not be enclosed in quotes"),
    ("CreatedDate > 2026-01-01", "CreatedDate", "must be of type dateTime and should not be enclosed in quotes"),
    ("Name = 5", "Name", "must be of type string and should be enclosed in quotes"),
    ("Name = TODAY", "Name", "must be of type string and should be enclosed in quotes"),
    ("Name IN ('a', true)", "Name", "must be of type string and should be enclosed in quotes"),
    ("Parent.Name = 5", "Parent.Name", "must be of type string and should be enclosed in quotes"),
]


@pytest.mark.parametrize(("where", "name", "text"), TYPES, ids=[where for where, *_ in TYPES])
def test_values_of_another_type(filled: Org, where: str, name: str, text: str) -> None:
    """INVALID_FIELD, with the caret under the field."""
    soql = f"SELECT Id FROM Account WHERE {where}"
    message = f"\n{soql}\n{' ' * 29}^\nERROR at Row:1:Column:30\nvalue of filter criterion for field '{name}' {text}"
    assert filled.call("GET", f"/query?q={quote(soql)}").error == (400, "INVALID_FIELD", message)


REFUSED = [
    ("SELECT Id FROM Account WHERE Story__c = 'x'", "INVALID_FIELD", "field 'Story__c' can not be filtered in a query call"),
    ("SELECT Id FROM Account ORDER BY Story__c", "INVALID_FIELD", "field 'Story__c' can not be sorted in a query call"),
    ("SELECT Id FROM Account WHERE Id = 'acme'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: acme"),
    ("SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"),
    ("SELECT Id FROM Account WHERE AnnualRevenue LIKE '1%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on currency field"),
    ("SELECT Id FROM Account WHERE Name INCLUDES ('x')", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on string field"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT LastName FROM Contact)", "MALFORMED_QUERY", "point to the same object type"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact)", "MALFORMED_QUERY", "point to the same object type"),
    ("SELECT Id FROM Account WHERE Name = 'a' AND Site = 'b' OR Site = 'c'", "MALFORMED_QUERY", "unexpected token: OR"),
    ("SELECT Id FROM Account WHERE Name = 'a\\q'", "MALFORMED_QUERY", "Illegal character sequence '\\q' in string literal."),
    ("SELECT Name n FROM Account", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
    ("SELECT Id Name FROM Account", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
    ("SELECT Id, id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
    ("SELECT Id FROM Account LIMIT 2147483648", "MALFORMED_QUERY", "numeric value out of range: 2147483648"),
    ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Account WHERE CreatedDate > 1990-13-01T00:00:00Z", "MALFORMED_QUERY", "Invalid datetime: 1990-13-01T00:00:00Z"),
    ("SELECT Id FROM Opportunity WHERE CloseDate = 1990-13-01", "MALFORMED_QUERY", "Invalid date: 1990-13-01"),
    ("SELECT Id FROM Opportunity WHERE CloseDate = 2023-02-29", "MALFORMED_QUERY", "Invalid date: 2023-02-29"),
    ("SELECT Id FROM Account WHERE LOWER(Name) = 'x'", "MALFORMED_QUERY", "the embedded org does not know the function LOWER()"),
    ("SELECT Id FROM Account WHERE CALENDAR_YEAR(Name) = 1", "INVALID_FIELD", "field 'Name' is no date or dateTime"),
    ("SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = '1'", "INVALID_FIELD",
    "must be of type int and should not be enclosed"),
    ("SELECT Id FROM Account USING SCOPE mine", "MALFORMED_QUERY", "the embedded org does not know USING SCOPE"),
    ("SELECT Id FROM Account WITH DATA CATEGORY x AT y", "MALFORMED_QUERY", "the embedded org does not know WITH DATA"),
    ("SELECT Id FROM Account ORDER BY CALENDAR_YEAR(CreatedDate)", "MALFORMED_QUERY", "Ordered field must be grouped or aggregated"),
    ("SELECT Who.Nothing__c FROM Event", "INVALID_FIELD", "No such column 'Nothing__c' on entity 'Name'."),
]  # fmt: skip


@pytest.mark.parametrize(("soql", "code", "text"), REFUSED, ids=[soql for soql, *_ in REFUSED])
def test_queries_that_are_refused(filled: Org, soql: str, code: str, text: str) -> None:
    """Over REST and in bulk alike."""
    over_rest = filled.call("GET", f"/query?q={quote(soql)}").error
    assert (over_rest[:2], text in over_rest[2]) == ((400, code), True), over_rest
    assert filled.call("POST", "/jobs/query", {"operation": "query", "query": soql}).error == over_rest


def test_the_caret_stands_under_the_word_that_is_wrong_and_not_under_its_like(filled: Org) -> None:
    """On its own line of a query of several, and not at the same text in a literal."""
    soql = "SELECT Id\nFROM Account\nWHERE Name = 'Bacon__c' AND Bacon__c = 1"
    text = filled.call("GET", f"/query?q={quote(soql)}").error[2]
    assert "ERROR at Row:3:Column:29\nNo such column 'Bacon__c' on entity 'Account'." in text
    soql = "SELECT Nothing__r.Name FROM Account"
    text = filled.call("GET", f"/query?q={quote(soql)}").error[2]
    told = "Didn't understand relationship 'Nothing__r' in field path. If you are attempting to use a custom relationship, be sure"
    assert text.endswith(
        f"ERROR at Row:1:Column:8\n{told} to append the '__r' after the custom relationship name.{HELP}"
    )


def test_a_semi_join_is_no_subquery_of_the_field_list(filled: Org) -> None:
    """Bulk takes the one and refuses the other."""
    assert filled.select("SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact)") == [["Acme 50%"]]
    refused = filled.call(
        "POST", "/jobs/query", {"operation": "query", "query": "SELECT Id, (SELECT Id FROM Contacts) FROM Account"}
    ).error
    assert refused[2] == "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"


def test_long_and_deep_queries_are_answered_or_refused(filled: Org) -> None:
    """Thousands of conditions in a row are taken; brackets in brackets and too many characters are not."""
    many = " OR ".join(f"Name = 'x{number}'" for number in range(4_000))
    body = {"operation": "query", "query": f"SELECT Id FROM Account WHERE {many} OR Legacy_Id__c = 'A'"}
    job = filled.call("POST", "/jobs/query", body).json
    assert filled.info(job["id"], "query")["numberRecordsProcessed"] == 1
    deep = {**body, "query": f"SELECT Id FROM Account WHERE {'(' * 500}Name = 'x'{')' * 500}"}
    assert filled.call("POST", "/jobs/query", deep).error[:2] == (400, "QUERY_TOO_COMPLICATED")
    long = {**body, "query": f"SELECT Id FROM Account WHERE Name = '{'x' * 100_000}'"}
    assert filled.call("POST", "/jobs/query", long).error == (
        400, "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters.",
    )  # fmt: skip


def test_queries_with_pieces_missing_twice_or_moved_are_answered_or_refused(filled: Org) -> None:
    """Never an error of the org itself: five thousand queries that are almost right, the same ones each time."""
    org = filled.server.org
    words = [word for soql in SOME for word in PIECES.findall(soql)]
    chance = random.Random(20261123)
    seen: Counter[str] = Counter()
    for _ in range(5_000):
        pieces = PIECES.findall(chance.choice(SOME))
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(pieces))
            change = chance.randrange(4)
            pieces[place : place + 1] = (
                [],
                pieces[place : place + 1] * 2,
                [chance.choice(words)],
                pieces[place:][:2][::-1],
            )[change]
            pieces = pieces or ["SELECT"]
        soql = " ".join(pieces)
        try:
            select = Select(org.schema, parse(soql), START, bulk=chance.random() < 0.5, deleted=chance.random() < 0.5)
        except ApiError as refused:
            seen[refused.code] += 1
            continue
        text, values = select.statement(select.columns())
        with org.lock:
            org.store.db.execute(text, values).fetchall()
        seen["answered"] += 1
    assert min(seen[code] for code in ("answered", "MALFORMED_QUERY", "INVALID_FIELD", "INVALID_TYPE")) > 50, seen
