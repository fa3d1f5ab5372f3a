"""Traps of CSV: marks, quotes, delimiters, line breaks."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from support.sending import INSERT, UPSERT, Sending
from support.story import Story

BOM = b"\xef\xbb\xbf"
DELETE = "object: Account\noperation: delete\nsource: a.csv\n"


@pytest.mark.parametrize("header", [b"Name,Phone", b'"Name","Phone"'], ids=["plain", "quoted"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain file", "gzip"])
def test_cli_720_dataloader_94_dataloader_182_a_byte_order_mark(sending: Sending, header: bytes, packed: bool) -> None:
    """The mark became part of the first field's name, or hid its quote. It is dropped, and no part begins with one."""
    data = BOM + header + b"\nx,1\n"
    name = "a.csv.gz" if packed else "a.csv"
    sending.write({name: gzip.compress(data) if packed else data})
    body = INSERT.replace("a.csv", name)
    assert sending.bytes(body) == b"Name,Phone\nx,1\n"


def test_dataloader_583_other_encodings_with_a_mark(sending: Sending) -> None:
    """UTF-16 from a spreadsheet: named in the plan, sent as UTF-8 without a mark."""
    sending.write({"a.csv": "Name,Phone\nŽluťoučký,1\n".encode("utf-16")})
    body = INSERT.replace("a.csv", "{path: a.csv, encoding: utf-16}")
    assert sending.bytes(body) == "Name,Phone\nŽluťoučký,1\n".encode()


def test_jsforce_616_a_file_in_another_encoding_is_never_guessed(sending: Sending) -> None:
    """Pound signs arrived as two characters. A byte that is not UTF-8 is found with its line; named, the text is exact."""
    sending.write({"a.csv": "Name,K__c\nx,1\n££,2\n".encode("cp1252")})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0303", "a.csv", 3)]
    assert sending.column(INSERT.replace("a.csv", "{path: a.csv, encoding: cp1252}"), "Name") == ["x", "££"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("asked", ["LF", "CRLF"])
def test_cli_3113_line_endings_follow_the_plan_not_the_machine(sending: Sending, ending: str, asked: str) -> None:
    """The default depended on the client's system. Here the job and the file always agree, and breaks inside a cell stay."""
    sending.write({"a.csv": ending.join(["Name,Text__c", 'x,"one\r\ntwo\nthree"', "y,", ""])})
    sent = sending.bytes(INSERT + f"csv: {{line_ending: {asked}}}\n")
    own = {"LF": b"\n", "CRLF": b"\r\n"}[asked]
    assert sent == own.join([b"Name,Text__c", b'x,"one\r\ntwo\nthree"', b"y,", b""])


def test_techdivision_196_lines_that_end_with_cr_alone(sending: Sending) -> None:
    """A whole file was read as its header. It is refused by name."""
    sending.write({"a.csv": "Name,Phone\rx,1\ry,2\r"})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0317", "a.csv", 1)]


def test_plugin_data_1151_a_file_of_one_column(sending: Sending) -> None:
    """A delimiter could not be detected. Nothing is detected: the plan says it, and one column has none."""
    sending.write({"a.csv": "Id\n001000000000001AAA\n001000000000002AAA\n"})
    assert sending.bytes(DELETE) == b"Id\n001000000000001AAA\n001000000000002AAA\n"


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_plugin_data_1098_a_file_with_another_delimiter(sending: Sending, delimiter: str) -> None:
    """The job failed in Salesforce after 12 seconds. It is found in the header, with the words to write."""
    sending.write({"a.csv": f"Name{delimiter}Key__c\nx, y{delimiter}1\n"})
    found = sending.found(INSERT)[0]
    assert (found.code, found.place.file, found.place.line) == ("LP0341", "a.csv", 1)
    assert "delimiter:" in found.hint
    assert {"LP0341", "LP0327"} <= {p[0] for p in sending.places(UPSERT)}
    named = delimiter.replace("\t", "\\t")
    body = INSERT.replace("a.csv", f'{{path: a.csv, delimiter: "{named}"}}')
    assert sending.bytes(body) == b'Name,Key__c\n"x, y",1\n'


@pytest.mark.parametrize("locale", ["es_ES.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "C"])
def test_jetstream_563_the_locale_chose_the_delimiter(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    """A Spanish browser sent semicolons. What is sent does not depend on who sends it."""
    for name in ("LC_ALL", "LANG", "LANGUAGE"):
        monkeypatch.setenv(name, locale)
    sending.write({"a.csv": "Name;Amount__c\nx;1,5\n"})
    body = INSERT.replace("a.csv", '{path: a.csv, delimiter: ";"}')
    assert sending.bytes(body) == b'Name,Amount__c\nx,"1,5"\n'


def test_cli_3103_jsforce_1740_text_after_a_closing_quote(sending: Sending) -> None:
    """ "Invalid Closing Quote" without a row's name. Each such cell is found, with its line and column."""
    sending.write({"a.csv": 'Name,Note__c\nx,"ok"\ny,"say "A" now"\nz,"fine ""A"" now"\nw,"end" \n'})
    assert sending.places(INSERT) == [("LP0314", "a.csv", 3, 9), ("LP0314", "a.csv", 5, 8)]


def test_inspector_748_words_in_quotes(sending: Sending) -> None:
    """The character after a quote made the row fail; the user searched 12,000 rows by hand. Doubled quotes pass."""
    sending.write({"a.csv": 'Name,Note__c\n"The ""Best"" Co","""quoted"""\n'})
    assert sending.rows(INSERT) == [{"Name": 'The "Best" Co', "Note__c": '"quoted"'}]


def test_csv_parse_skipped_malformed_rows_in_silence(sending: Sending) -> None:
    """With `skip_records_with_error` a file of five rows gave two, and no word. All three are named, and nothing is sent."""
    sending.write({"a.csv": 'Name,Note__c\ngood,1\nshort\n5" pipe,2\nlong,3,4\ngood,5\n'})
    assert sending.places(INSERT) == [
        ("LP0311", "a.csv", 3, 0),
        ("LP0314", "a.csv", 4, 2),
        ("LP0311", "a.csv", 5, 0),
    ]


BREAKS = 'Name,Note__c\nx,"one\ntwo"\ny,"\n"\nz,"a\r\nb\n\nc, ""d"""\n'


@pytest.mark.parametrize("rows", [1, 2, 500_000])
def test_simple_salesforce_684_735_736_forcecli_439_spark_salesforce_53_breaks_inside_cells(
    sending: Sending, rows: int
) -> None:
    """Files were cut at line breaks, and half records were sent. A part holds whole records, however small it is."""
    sending.write({"a.csv": BREAKS})
    body = INSERT + f"parts: {{max_rows: {rows}}}\n"
    assert len(sending.parts(body)) == -(-3 // rows)
    assert sending.column(body, "Note__c") == ["one\ntwo", "\n", 'a\r\nb\n\nc, "d"']


def test_breaks_and_quotes_reach_the_org(tmp_path: Path) -> None:
    """The same texts, asked back from the org that took them."""
    plan = "version: 1\nname: story\nsteps:\n  a: {object: Account, operation: insert, source: a.csv}\n"
    values = ["one\ntwo", 'a\r\nb\n\nc, "d"', "tab\there", "😀 \u2028 \u0085 é", "#N/A not", "=1+1"]
    with Story(
        tmp_path, plan, {"a.csv": [["Name", "Description"], *[[f"N{i}", v] for i, v in enumerate(values)]]}
    ) as told:
        told.drive()
        landed = {r["Name"]: r["Description"] for r in told.org.org.records("Account")}
    assert [landed[f"N{i}"] for i in range(len(values))] == values


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_simple_salesforce_results_characters_that_python_takes_for_line_ends(sending: Sending, mark: str) -> None:
    """`str.splitlines` cut a value in two. Only LF ends a line."""
    sending.write({"a.csv": f'Name,Note__c\nx,a{mark}b\ny,"c{mark}d"\n'})
    assert sending.column(INSERT, "Note__c") == [f"a{mark}b", f"c{mark}d"]


def test_simple_salesforce_702_spark_salesforce_73_commas_in_values(sending: Sending) -> None:
    """Rows with commas and quotes failed in each batch, or moved into the next column."""
    sending.write({"a.csv": 'Name,Mix__c,K__c\nx,"Text 08 20 15,05B,05Cu,1Mn,1Zn",1\ny,"""text with, comma""",2\n'})
    assert sending.column(INSERT, "Mix__c") == ["Text 08 20 15,05B,05Cu,1Mn,1Zn", '"text with, comma"']
    assert sending.column(INSERT, "K__c") == ["1", "2"]


def test_action_destinations_930_quotes_are_doubled(sending: Sending) -> None:
    """One unescaped quote aborted the whole batch. A quote that another dialect leaves alone is doubled on the way."""
    sending.write({"a.csv": "Name,Note__c\nx,this is a \"quote\"\ny,'a,b'\n"})
    body = INSERT.replace("a.csv", '{path: a.csv, quote: "\'"}')
    assert sending.bytes(body) == b'Name,Note__c\nx,"this is a ""quote"""\ny,"a,b"\n'


def test_dataloader_127_a_carriage_return_inside_a_cell(sending: Sending) -> None:
    """A CR without LF hung the wizard in silence. It is a character like others; it goes out in quotes."""
    sending.write({"a.csv": "Name,Note__c,K__c\nx,a\r,1\n"})
    assert sending.bytes(INSERT) == b'Name,Note__c,K__c\nx,"a\r",1\n'


def test_dataloader_127_a_line_break_before_a_comma(sending: Sending) -> None:
    """The same with CRLF cuts the record in two: both halves are named."""
    sending.write({"a.csv": "Name,Note__c,K__c\r\nx,a\r\n,1\r\ny,b,2\r\n"})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0311", "a.csv", 2), ("LP0311", "a.csv", 3)]


def test_rforcecom_59_unmatched_marks(sending: Sending) -> None:
    """650,000 of 2.5 million rows were read, after a `#` or a lone apostrophe. Both are text."""
    sending.write({"a.csv": "Name,Note__c\n#1 O'Brien,it's\n# x,'\ny,#\n"})
    assert [tuple(row.values()) for row in sending.rows(INSERT)] == [("#1 O'Brien", "it's"), ("# x", "'"), ("y", "#")]


def test_rforcecom_59_a_quote_that_is_never_closed(sending: Sending) -> None:
    """ "EOF within quoted string" named no line. It is the line on which the quote opens."""
    sending.write({"a.csv": 'Name,Note__c\nx,1\ny,"open\nz,2\n' + "w,3\n" * 100})
    assert sending.places(INSERT)[0][:3] == ("LP0313", "a.csv", 3)


@pytest.mark.parametrize(
    ("header", "code"), [("Name,,K__c", "LP0309"), ("Name,K__c,", "LP0309"), ("Name,K__c,Name", "LP0308")]
)
def test_dataloader_232_distil_2243_a_header_with_holes(sending: Sending, header: str, code: str) -> None:
    """A column without a name was a line in a log; one named twice won or lost by chance."""
    sending.write({"a.csv": f"{header}\n1,2,3\n"})
    assert [p[:3] for p in sending.places(INSERT)] == [(code, "a.csv", 1)]


def test_cartodb_6178_a_blank_line_in_the_middle(sending: Sending) -> None:
    """Blank lines were left out, or kept as rows of nothing, as it came. It is named; at the end it does no harm."""
    sending.write({"a.csv": "Name,K__c\nx,1\n\ny,2\n\n\n"})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0312", "a.csv", 3)]


def test_dataharmonizer_40_a_file_that_begins_with_a_blank_line(sending: Sending) -> None:
    """Headers were looked for in the wrong row."""
    sending.write({"a.csv": "\nName,K__c\nx,1\n"})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0312", "a.csv", 1)]


def test_dataloader_53_a_file_that_cannot_be_read_exits_0(tmp_path: Path) -> None:
    """An invalid file ended with exit 0 for seven years. It is 2, the file and the line are told, and there is no run."""
    (tmp_path / "plan.yaml").write_text(f"version: 1\nname: demo\nsteps:\n  a:\n{_indented(INSERT)}", encoding="utf-8")
    (tmp_path / "a.csv").write_text('Name,Note__c\nx,1\ny,"2\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "loadplan", "apply", "plan.yaml", "-o", "embedded"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "a.csv:3" in done.stderr
    assert not (tmp_path / ".loadplan" / "runs").exists()


def _indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.splitlines())
