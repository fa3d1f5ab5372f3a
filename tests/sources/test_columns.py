"""Columns: what a plan says about them, and what is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.plan.model import FromColumn, InputFile
from loadplan.sources.rowcode import Code

from support.sending import INSERT, UPSERT, Sending


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    return Sending(tmp_path)


# -- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("01234", "01234"), ("1.10", "1.10"), ("1e5", "1e5"), ("Hot", "Hot"), ("true", "true"), ("'#N/A'", "#N/A"), ("''", ""),
        ("'a, \"b\"'", 'a, "b"'), ("12345678901234567890123", "12345678901234567890123"),
    ],
)  # fmt: skip
def test_a_constant_is_sent_as_it_is_written(sending: Sending, written: str, expected: str) -> None:
    """In every row, with its zeros and its digits."""
    sending.write({"a.csv": "n\nx\ny\n"})
    body = INSERT + f"columns: {{Name: n, K__c: {{value: {written}}}}}\n"
    assert sending.column(body, "K__c") == [expected, expected]


def test_a_template_joins_cells_and_texts(sending: Sending) -> None:
    """Each row has its own value; names with blanks are written in brackets."""
    sending.write({"a.csv": 'country,id,a name\nde,1,"x, y"\nfr,,z\n'})
    body = INSERT + "columns: {C__c: {template: '{{ row.country }}-{{row.id}}: {{ row[\"a name\"] }}!'}}\n"
    assert sending.column(body, "C__c") == ["de-1: x, y!", "fr-: z!"]


def test_a_template_that_names_no_column_of_the_source_says_which_is_near(sending: Sending) -> None:
    """`row.contry` is an error with a suggestion, before anything is sent."""
    sending.write({"a.csv": "country,id\nde,1\n"})
    (problem,) = sending.found(INSERT + "columns: {C__c: {template: '{{ row.contry }}-{{ row.id }}'}}\n")
    assert (problem.code, problem.place.line) == ("LP0320", 1)
    assert "did you mean `country`?" in problem.hint


@pytest.mark.parametrize("template", ["{{ row.a | upper }}", "{{ region }}-{{ row.a }}", "{% if row.a %}x{% endif %}"])
def test_a_template_of_a_row_holds_only_cells(sending: Sending, template: str) -> None:
    """No filter, no variable, no condition: they would have to run for every row."""
    sending.write({"a.csv": "a\n1\n"})
    found = sending.found(INSERT + f"columns:\n  C__c: {{template: '{template}'}}\n")
    assert [(d.code, d.place.line) for d in found] == [("LP0225", 9)]


def test_an_empty_cell_becomes_what_the_plan_says_quoted_or_not(sending: Sending) -> None:
    """`""` is an empty cell; a blank is a text."""
    sending.write({"a.csv": 'k,u\n1,\n2,""\n3," "\n4,x\n'})
    body = INSERT + "columns: {Name: k, Url__c: {column: u, empty: '#N/A'}, Plain__c: u}\n"
    assert sending.column(body, "Url__c") == ["#N/A", "#N/A", " ", "x"]
    assert sending.column(body, "Plain__c") == ["", "", " ", "x"]


# -- maps ----------------------------------------------------------------------------------------------------------

MAPPED = "columns:\n  S__c: {column: s, map: %s}\n"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("{A: Active, X: Closed}, default: Open", ["Active", "Closed", "Open", ""]),
        ("{A: Active, X: 010, Z: ''}", ["Active", "010", "", ""]),
        ("{A: Active, X: X, Z: Z, '': None}", ["Active", "X", "Z", "None"]),
        ("{A: Active, X: X, Z: Z}, empty: '#N/A'", ["Active", "X", "Z", "#N/A"]),
        ("{A: Active, '': None}, empty: '#N/A', default: Open", ["Active", "Open", "Open", "None"]),
    ],
    ids=["default", "spelling", "empty entry", "empty", "entry before empty"],
)
def test_a_map_turns_texts_into_values(sending: Sending, extra: str, expected: list[str]) -> None:
    """An unknown text takes the default; an empty cell is asked for only when the table has it, and takes no default."""
    sending.write({"a.csv": "k,s\n1,A\n2,X\n3,Z\n4,\n"})
    assert sending.column(INSERT + MAPPED % extra, "S__c") == expected


def test_a_text_outside_the_map_is_an_error_with_its_line(sending: Sending) -> None:
    """Every one of them, before anything is sent."""
    sending.write({"a.csv": "k,s\n1,A\n2,B\n3,A\n4,C\n"})
    found = sending.found(INSERT + MAPPED % "{A: Active}")
    assert [(d.code, d.place.file, d.place.line) for d in found] == [("LP0323", "a.csv", 3), ("LP0323", "a.csv", 5)]
    assert "`B`" in found[0].summary
    assert "default" in found[0].hint


TABLE = "code,label,note\nA,Active,x\nX,Closed,y\n,None,z\n"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("map.csv", "map.csv"),
        ("{file: map.csv}", "map.csv"),
        ("{file: map.csv, from: code, to: label}", "map.csv"),
        ("tables/map.tsv", "tables/map.tsv"),
    ],
)
def test_a_table_may_stand_in_a_file(sending: Sending, written: str, name: str) -> None:
    """A path alone means its first two columns."""
    sending.write({"a.csv": "k,s\n1,A\n2,X\n3,\n", name: TABLE.replace(",", "\t") if name.endswith("tsv") else TABLE})
    assert sending.column(INSERT + MAPPED % written, "S__c") == ["Active", "Closed", "None"]


def test_columns_of_a_table_are_taken_by_name(sending: Sending) -> None:
    """In whatever order they stand."""
    sending.write({"a.csv": "k,s\n1,x\n2,y\n", "map.csv": TABLE})
    body = INSERT + MAPPED % "{file: map.csv, from: note, to: code}, default: none"
    assert sending.column(body, "S__c") == ["A", "X"]


def test_files_of_tables_are_inputs_of_the_step(sending: Sending) -> None:
    """A run that goes on must find them as they were."""
    sending.write({"a.csv": "k,s,t\n1,A,A\n", "map.csv": TABLE, "other.csv": TABLE})
    columns = "".join(
        f"  F{i}__c: {{column: s, map: {f}}}\n" for i, f in enumerate(["map.csv", "other.csv", "map.csv"])
    )
    step = sending.step(INSERT + "columns:\n" + columns)
    assert step.input_files == (
        InputFile("map.csv", sending.folder / "map.csv"),
        InputFile("other.csv", sending.folder / "other.csv"),
    )
    assert sending.step(UPSERT + "columns: {Key__c: k}\n").input_files == ()


@pytest.mark.parametrize(
    ("table", "written", "code", "line"),
    [
        ("code,label\nA,1\nB,2\nA,3\n", "map.csv", "LP0340", 4),
        ("code,label\nA,1\nA,1\n", "map.csv", "LP0340", 3),
        ("code\nA\n", "map.csv", "LP0342", 1),
        ("code;label\nA;1\n", "map.csv", "LP0342", 1),
        ("code,label\n", "map.csv", "LP0342", 1),
        (TABLE, "{file: map.csv, from: cod}", "LP0342", 1),
        (TABLE, "{file: map.csv, to: lable}", "LP0342", 1),
        (TABLE, "{file: map.csv, from: label}", "LP0342", 1),
        ("code,label\nA,1\nB\n", "map.csv", "LP0311", 3),
        ('code,label\nA,"1\nB,2\n', "map.csv", "LP0313", 2),
        ("code,label\nA,caf\udce9\n", "map.csv", "LP0303", 2),
        ("", "map.csv", "LP0306", 0),
    ],
    ids=["twice", "twice alike", "narrow", "wrong delimiter", "no entries", "from", "to", "one column twice", "ragged", "open",
         "encoding", "nothing"],
)  # fmt: skip
def test_a_table_that_cannot_be_trusted_is_refused(
    sending: Sending, table: str, written: str, code: str, line: int
) -> None:
    """With the file and the line of the table, before anything is sent."""
    sending.write({"a.csv": "k,s\n1,A\n", "map.csv": table.encode("utf-8", "surrogateescape")})
    assert [p[:3] for p in sending.places(INSERT + MAPPED % written)] == [(code, "map.csv", line)]


def test_all_repeats_of_a_table_are_told_in_one_pass(sending: Sending) -> None:
    """Twenty in full, the others counted; each with the line it repeats."""
    sending.write({"a.csv": "k,s\n1,A\n", "map.csv": "code,label\n" + "".join(f"K{i},1\nK{i},2\n" for i in range(30))})
    found = sending.found(INSERT + MAPPED % "map.csv")
    assert len(found) == 21
    assert "lines 2 and 3" in found[0].summary
    assert "10 more" in found[-1].summary


def test_a_table_too_large_to_keep_is_refused(sending: Sending) -> None:
    """It holds records, not spellings."""
    sending.write({"a.csv": "k,s\n1,A\n", "map.csv": "code,label\n" + "".join(f"{i},x\n" for i in range(100_001))})
    assert [p[:3] for p in sending.places(INSERT + MAPPED % "map.csv")] == [("LP0342", "map.csv", 100_002)]


def test_a_table_that_changes_is_read_again(sending: Sending) -> None:
    """Nothing stale is kept between two looks at a step."""
    sending.write({"a.csv": "k,s\n1,A\n", "map.csv": TABLE})
    body = INSERT + MAPPED % "map.csv"
    assert sending.column(body, "S__c") == ["Active"]
    sending.write({"map.csv": TABLE.replace("Active", "Awake")})
    assert sending.column(body, "S__c") == ["Awake"]


@pytest.mark.parametrize(
    ("written", "code", "column"),
    [
        ("none.csv", "LP0301", 30),
        ("{file: none.csv, from: a}", "LP0301", 30),
        ("tables", "LP0227", 30),
        ("{file: Status}", "LP0227", 37),
        ("../../map.csv", "LP0226", 30),
        ("{}", "LP0206", 30),
    ],
)
def test_a_path_of_a_table_is_checked_with_the_plan(sending: Sending, written: str, code: str, column: int) -> None:
    """By `validate`, offline, on the line of the plan."""
    sending.write({"a.csv": "k,s\n1,A\n"})
    found = sending.plan(INSERT + MAPPED % written)[1]
    assert [(d.code, d.place.line, d.place.column) for d in found if d.code != "LP0301" or code == "LP0301"] == [
        (code, 9, column)
    ]


def test_a_table_in_the_plan_may_hold_the_words_of_the_other_form(sending: Sending) -> None:
    """`file`, `from` and `to` beside other texts are texts."""
    sending.write({"a.csv": "k,s\n1,file\n2,x\n"})
    step = sending.step(INSERT + MAPPED % "{file: File, x: Y}")
    assert step.columns is not None
    assert isinstance(step.columns[0], FromColumn)
    assert step.columns[0].values == {"file": "File", "x": "Y"}


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("{value: x, empty: y}", "empty"),
        ("{value: x, map: {A: b}}", "map"),
        ("{template: '{{ row.k }}', default: y}", "default"),
        ("{template: '{{ row.k }}', empty: y}", "empty"),
        ("{column: k, default: y}", "default"),
    ],
)
def test_a_key_without_effect_is_an_error(sending: Sending, column: str, key: str) -> None:
    """What does nothing is never ignored."""
    sending.write({"a.csv": "k\n1\n"})
    found = sending.plan(INSERT + f"columns:\n  F__c: {column}\n")[1]
    assert [(d.code, d.place.line) for d in found] == [("LP0250", 9)]
    assert f"`{key}` has no effect" in found[0].summary


# -- where, dedupe, limit ------------------------------------------------------------------------------------------

FILTERED = "k,s\n1,open\n2,\n3,closed\n4,Open\n5, \n"


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("{column: s, is: present}", "1345"),
        ("{column: s, is: absent}", "2"),
        ("{column: s, equals: open}", "1"),
        ("{column: s, not_equals: open}", "2345"),
        ("{column: s, in: [open, closed]}", "13"),
        ("{column: s, not_in: [open, '']}", "345"),
        ("{column: k, equals: 1}", "1"),
        ("{all: [{column: s, is: present}, {column: k, not_in: [1, 5]}]}", "34"),
        ("{any: [{column: s, is: absent}, {column: k, in: [5]}]}", "25"),
        ("{not: {any: [{column: s, is: absent}, {column: k, in: [5]}]}}", "134"),
    ],
)
def test_a_filter_lets_the_wanted_rows_through(sending: Sending, where: str, keys: str) -> None:
    """Texts are compared exactly; a blank is present."""
    sending.write({"a.csv": FILTERED})
    assert "".join(sending.column(INSERT + f"columns: {{K__c: k}}\nwhere: {where}\n", "K__c")) == keys


def test_a_filter_on_an_unknown_column_is_told(sending: Sending) -> None:
    """It would leave out every row, or none."""
    sending.write({"a.csv": FILTERED})
    (problem,) = sending.found(INSERT + "where: {column: S, is: present}\n")
    assert problem.code == "LP0320"
    assert "it has `s`" in problem.hint


@pytest.mark.parametrize(
    ("dedupe", "expected"), [("first", ["a", "c", "e", "f"]), ("last", ["b", "d", "e", "f"])], ids=["first", "last"]
)
def test_of_rows_with_one_key_the_first_or_the_last_is_sent(sending: Sending, dedupe: str, expected: list[str]) -> None:
    """Told by a key that only the source has; rows without a key are alike to none. `where` comes before, `limit` after."""
    sending.write({"a.csv": "id,n\n1,a\n2,c\n1,b\n,e\n,f\n2,d\n2,x\n"})
    body = INSERT + f"key: id\ndedupe: {dedupe}\ncolumns: {{Name: n}}\nwhere: {{column: n, not_equals: x}}\n"
    step = sending.step(body)
    assert step.key == "id"
    assert sorted(sending.column(body, "Name")) == expected
    assert len(sending.rows(body + "limit: 1\n")) == 1


@pytest.mark.parametrize("dedupe", ["first", "last"])
def test_duplicates_without_a_key_cannot_be_told(sending: Sending, dedupe: str) -> None:
    """An insert has a key only when the step names one; the setting is not ignored."""
    sending.write({"a.csv": "n\n1\n1\n"})
    found = sending.plan(INSERT + f"dedupe: {dedupe}\n")[1]
    assert [(d.code, d.place.line) for d in found] == [("LP0254", 8)]
    assert "key:" in found[0].hint


@pytest.mark.parametrize(("limit", "code"), [("0", "LP0206"), ("-1", "LP0206"), ("ten", "LP0203"), ("1.5", "LP0203")])
def test_a_limit_is_one_row_at_least(sending: Sending, limit: str, code: str) -> None:
    """A step that sends nothing is taken out of the plan."""
    sending.write({"a.csv": "n\n1\n"})
    assert [d.code for d in sending.plan(INSERT + f"limit: {limit}\n")[1]] == [code]


@pytest.mark.parametrize(("limit", "rows"), [(1, 1), (3, 3), (4, 3)])
def test_a_limit_takes_the_first_rows(sending: Sending, limit: int, rows: int) -> None:
    """As many as there are when the limit is higher; problems behind it are found all the same."""
    sending.write({"a.csv": "n\n1\n2\n3\n"})
    assert sending.column(INSERT + f"limit: {limit}\n", "n") == ["1", "2", "3"][:rows]


# -- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("Name;Phone", 'delimiter: ";"'),
        ("Name|Phone", 'delimiter: "|"'),
        ("Name\tPhone", 'delimiter: "\\t"'),
        (" Name", "columns:"),
        ("Company Name", "columns:"),
        ("1st", "columns:"),
    ],
)
def test_a_header_that_cannot_be_fields_is_found_before_anything_is_sent(
    sending: Sending, header: str, hint: str
) -> None:
    """Without `columns` the header passes through: a wrong delimiter shows in it."""
    sending.write({"a.csv": f"{header}\nx\n"})
    (problem,) = sending.found(INSERT)
    assert (problem.code, problem.place.file, problem.place.line) == ("LP0341", "a.csv", 1)
    assert hint in problem.hint


def test_columns_that_are_not_sent_may_have_any_name(sending: Sending) -> None:
    """Only what is sent must be a field."""
    sending.write({"a.csv": "Company Name,1st\nx,y\n"})
    assert sending.rows(INSERT + "columns: {Name: Company Name}\n") == [{"Name": "x"}]


# -- compiled ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ['"text"', "x.__class__", "f'{x}'", "x[0] @ x[1]", "{}", "x\\y", "x;y", "x[-1]"])
def test_row_code_takes_only_positions_and_names(expression: str) -> None:
    """A text could never get into it, whatever a later change does."""
    with pytest.raises(ValueError, match="row code"):
        Code().function(expression)
