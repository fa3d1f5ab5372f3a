"""Traps of values: nulls, empty cells, dates, numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.sending import INSERT, UPSERT, Sending

UPDATE = "object: Account\noperation: update\nsource: a.csv\n"


def test_wavelink_45_a_blank_in_the_first_row_dropped_the_column(sending: Sending) -> None:
    """The header was made from the first record. Here the source's header decides, whatever the rows hold."""
    sending.write({"a.csv": "k,Phone\n1,\n2,0170\n3,\n"})
    assert sending.bytes(INSERT + "columns: {K__c: k, Phone: Phone}\n") == b"K__c,Phone\n1,\n2,0170\n3,\n"


@pytest.mark.parametrize("rows", [1, 199, 200, 201, 2000, 2001])
def test_wavelink_45_the_number_of_rows_changed_what_a_blank_means(sending: Sending, rows: int) -> None:
    """Above 2,000 rows (200 elsewhere) another API was used, and `clear` did nothing. There is one API and one meaning."""
    sending.write({"a.csv": "k,p\n" + "".join(f"{i},\n" for i in range(rows))})
    body = UPSERT + "columns: {Key__c: k, Keep__c: p, Clear__c: {column: p, empty: '#N/A'}}\n"
    sent = sending.rows(body)
    assert len(sent) == rows
    assert {(r["Keep__c"], r["Clear__c"]) for r in sent} == {("", "#N/A")}


def test_sfdmu_857_blank_cells_of_an_update_cleared_fields(sending: Sending) -> None:
    """Blanks that were only missing wiped values. An empty cell stays empty, which Salesforce ignores."""
    sending.write({"a.csv": 'Id,Phone,Fax\n001000000000001AAA,,""\n'})
    assert sending.rows(UPDATE) == [{"Id": "001000000000001AAA", "Phone": "", "Fax": ""}]


@pytest.mark.parametrize("text", ["null", "NULL", "None", "nan", "NA", "N/A", "undefined", "-", "\\N"])
def test_cli_1447_action_destinations_930_a_null_as_a_text(sending: Sending, text: str) -> None:
    """`null` was written as a word, or a word was read as nothing. A word is a word unless the plan says otherwise."""
    sending.write({"a.csv": f'k,v\n1,{text}\n2,"{text}"\n3,x\n'})
    columns = "columns: {K__c: k, V__c: v, C__c: {column: v, empty: '#N/A'}}\n"
    assert sending.column(INSERT + columns, "V__c") == [text, text, "x"]
    listed = INSERT.replace("a.csv", f"{{path: a.csv, 'null': ['{text}']}}") + columns
    assert sending.column(listed, "V__c") == ["", "", "x"]
    assert sending.column(listed, "C__c") == ["#N/A", "#N/A", "x"]


def test_fabric_emulator_56_the_mark_of_null_passes(sending: Sending) -> None:
    """`#N/A` and an empty cell are two meanings; both go out as they came."""
    sending.write({"a.csv": 'k,v\n1,#N/A\n2,"#N/A"\n3,\n4,#N/A \n'})
    assert sending.column(INSERT + "columns: {K__c: k, V__c: v}\n", "V__c") == ["#N/A", "#N/A", "", "#N/A "]


EXACT = [
    "007", "0600000", "12345678901234567890", "1.10", "1.0", "1e5", "-0", "+49", "0x1F", "1_000", "1,5", "TRUE", "False", " x", "x ",
    "\t", "'", "=SUM(A1)", "@home", "😀", "a\u200bb", "\ufeffx", "ﬁ", "é",
]  # fmt: skip


@pytest.mark.parametrize("value", EXACT)
def test_supabase_12666_csvkit_977_values_were_taken_for_numbers(sending: Sending, value: str) -> None:
    """Leading zeros, long digits and blanks were lost, letters were composed anew. Nothing has a type, nothing is trimmed."""
    sending.write({"a.csv": f'k,v\n1,"{value}"\n'})
    assert sending.column(INSERT + "columns: {K__c: k, V__c: v}\n", "V__c") == [value]


@pytest.fixture(params=["Asia/Calcutta", "Asia/Tokyo", "America/New_York", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process in another time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_dataloader_280_456_684_dates_moved_by_a_day(sending: Sending) -> None:
    """Dates went back or ahead with the zone of the machine, or at a change of summer time. They are not read as dates."""
    dates = [
        "2022-03-25",
        "2022-03-25T08:00:00",
        "2022-03-25T09:00:00Z",
        "25/03/2022",
        "2022-03-27T02:30:00+01:00",
        "2021-10-31",
    ]
    sending.write({"a.csv": "k,d\n" + "".join(f"{i},{d}\n" for i, d in enumerate(dates))})
    assert sending.column(INSERT + "columns: {K__c: k, D__c: d}\n", "D__c") == dates
