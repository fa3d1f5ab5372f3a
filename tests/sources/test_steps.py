"""Steps: shape, check, parts, matching and what is left over, from file to fate."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError, StaleError
from loadplan.plan.model import (
    Cell,
    Composed,
    Constant,
    CsvDialect,
    FileSource,
    FromColumn,
    Lookup,
    PartCaps,
    Step,
    StepSource,
    Text,
    Where,
)
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.check import StepCheck, check_step
from loadplan.sources.encode import row_encoder
from loadplan.sources.leftover import rewrite_part, write_retry_file
from loadplan.sources.matching import Fates, ResultPaths, match_results
from loadplan.sources.partdata import PartData
from loadplan.sources.parts import cut_parts
from loadplan.sources.registry import open_source
from loadplan.sources.results import parse_error
from loadplan.sources.rowindex import read_index

ROWS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        st.sampled_from(["", "a,b", "x\ny", "9"]),
    ),
    max_size=25,
)


def reader_of(tmp_path: Path, data: str) -> tuple[FileSource, Reader]:
    path = tmp_path / "rows.csv"
    path.write_bytes(data.encode())
    source = FileSource("rows.csv", path, "csv", ",")
    return source, open_source(source, resolve_step=lambda step: [])


def checked(tmp_path: Path, data: str, step: Step) -> StepCheck:
    source, reader = reader_of(tmp_path, data)
    try:
        return check_step(replace(step, source=source), reader)
    finally:
        reader.close()


UPSERT = Step("accounts", "upsert", object="Account", external_id="Ext__c", key="Ext__c")
INSERT = Step("tasks", "insert", object="Task")
DELETE = Step("purge", "delete", object="Task")


def sent(tmp_path: Path, data: str, step: Step) -> str:
    """The text of all parts of the step, one after the other."""
    _, reader = reader_of(tmp_path, data)
    try:
        return "|".join(p.path.read_bytes().decode() for p in cut_parts(step, reader, tmp_path / "parts")[0])
    finally:
        reader.close()


def test_columns_are_sent_in_plan_order_then_lookups(tmp_path: Path) -> None:
    """Renamed, constant, composed, mapped, emptied and looked up."""
    columns = (
        FromColumn("Name", "n"),
        Constant("Rating", "Hot"),
        Composed("Code__c", (Cell("c"), Text("-"), Cell("n"))),
        FromColumn("Site", "u", empty="#N/A"),
        FromColumn("State__c", "s", values={"A": "Active"}, default="Other"),
    )
    lookups = (Lookup("Parent.Ext__c", "p", "Parent", "Ext__c"),)
    step = replace(INSERT, columns=columns, lookups=lookups)
    text = sent(tmp_path, "n,c,u,s,p\nx,de,,A,\ny,fr,w,B,7\n", step)
    assert text == ("Name,Rating,Code__c,Site,State__c,Parent.Ext__c\nx,Hot,de-x,#N/A,Active,\ny,Hot,fr-y,w,Other,7\n")


def test_pass_through_leaves_out_the_columns_of_lookups(tmp_path: Path) -> None:
    """`account_id` is no field of Salesforce."""
    step = replace(INSERT, lookups=(Lookup("Account.Ext__c", "account_id", "Account", "Ext__c"),))
    assert sent(tmp_path, "account_id,Name\n7,x\n", step) == "Name,Account.Ext__c\nx,7\n"


def test_a_delete_sends_only_the_id(tmp_path: Path) -> None:
    """Whatever columns the source has."""
    assert sent(tmp_path, "Name,Id\nx,001000000000001\n", DELETE) == "Id\n001000000000001\n"


@pytest.mark.parametrize(("dedupe", "names"), [("first", "a\nc"), ("last", "b\nc")])
def test_dedupe_keeps_the_row_it_says(tmp_path: Path, dedupe: str, names: str) -> None:
    """By key, in source order."""
    step = replace(UPSERT, dedupe=dedupe)  # type: ignore[arg-type]
    rows = sent(tmp_path, "Ext__c,Name\n1,a\n1,b\n2,c\n", step).splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == names.split()


def test_where_comes_before_limit(tmp_path: Path) -> None:
    """The first N of the rows that are wanted."""
    step = replace(INSERT, where=Where("present", "n"), limit=2)
    assert sent(tmp_path, "n,m\n,1\na,2\nb,3\nc,4\n", step) == "n,m\na,2\nb,3\n"


@pytest.mark.parametrize(
    ("data", "step", "code", "line"),
    [
        ("a,b\n1,2\n", replace(INSERT, columns=(FromColumn("N", "B"),)), "LP0320", 1),
        ("a,b\n1,2\n", replace(INSERT, where=Where("present", "c")), "LP0320", 1),
        ("a,b\n1,2\n", replace(INSERT, columns=(FromColumn("N", "a"), FromColumn("N", "b"))), "LP0321", 1),
        ("id,b\n1,2\n", DELETE, "LP0322", 1),
        ("id,b\n1,2\n", replace(DELETE, operation="update"), "LP0322", 1),
        ("id,b\n1,2\n", INSERT, "LP0328", 1),
        ("a,s\n1,A\n2,Z\n", replace(INSERT, columns=(FromColumn("S", "s", values={"A": "x"}),)), "LP0323", 3),
        ("Ext__c,N\n1,2\n,3\n", UPSERT, "LP0324", 3),
        ("Ext__c,N\n1,2\n1,3\n", UPSERT, "LP0325", 3),
        ("Id\n001D000000IRFma\n001D000000IRFmaIAH\n", DELETE, "LP0325", 3),
        ("Ext__c,N\na,2\nA,3\n", UPSERT, "LP0326", 3),
        ("Name,N\na,2\n", replace(UPSERT, key=None), "LP0327", 1),
        ("N" * 32_001 + "\nx\n", INSERT, "LP0310", 1),
        ("Ext__c,N\n", UPSERT, "LP0307", 1),
        ("Ext__c,N\n1,2\n2\n", UPSERT, "LP0311", 3),
    ],
)
def test_bad_rows_are_found_with_file_and_line(tmp_path: Path, data: str, step: Step, code: str, line: int) -> None:
    """One pass, before anything is sent; only keys that differ in case are no more than a warning."""
    check = checked(tmp_path, data, step)
    assert [(d.code, d.place.file, d.place.line) for d in check.diagnostics] == [(code, "rows.csv", line)]
    assert check.ok == (code == "LP0326")


def test_many_problems_are_shown_twenty_and_counted(tmp_path: Path) -> None:
    """332 ragged rows and 30 duplicates do not drown the screen."""
    data = "Ext__c,N\n" + "1\n" * 332 + "7,x\n" * 31
    found = checked(tmp_path, data, UPSERT).diagnostics
    ragged = [d for d in found if d.code == "LP0311"]
    repeated = [d for d in found if d.code == "LP0325"]
    assert (len(ragged), len(repeated)) == (21, 21)
    assert "and 312 more" in ragged[-1].summary
    assert "lines 334 and 335" in repeated[0].summary
    assert "and 10 more" in repeated[-1].summary


def test_a_query_step_without_rows_is_no_fault(tmp_path: Path) -> None:
    """Nothing to purge is a good answer, with a header or without a byte."""
    page = tmp_path / "1.csv"
    for data in (b"", b'"Id"\n'):
        page.write_bytes(data)
        step = replace(DELETE, source=StepSource("q"))
        check = check_step(step, open_source(StepSource("q"), resolve_step=lambda step: [page]))
        assert (check.ok, check.rows_selected) == (True, 0)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=ROWS, max_rows=st.integers(1, 7), ending=st.sampled_from(["LF", "CRLF"]))
def test_rows_survive_cutting(tmp_path: Path, rows: list[tuple[str, str]], max_rows: int, ending: str) -> None:
    """Rows in equal rows out across the parts, no part over a cap, the index names the source records."""
    encode = row_encoder(",", "\n")
    _, reader = reader_of(tmp_path, b"".join(map(encode, [("A", "B"), *rows])).decode())
    step = replace(INSERT, parts=PartCaps(max_rows, 120), csv=CsvDialect("PIPE", ending))  # type: ignore[arg-type]
    back: list[list[str]] = []
    records: list[int] = []
    for part in cut_parts(step, reader, tmp_path / "parts")[0]:
        source = FileSource("p", part.path, "csv", "|")
        cells = [row.cells for row in open_source(source, resolve_step=lambda step: [])]
        assert len(cells) == part.rows <= max_rows
        assert part.path.stat().st_size == part.bytes <= 120
        back += cells
        records += read_index(part.index)
    assert back == [list(row) for row in rows]
    assert records == list(range(1, len(rows) + 1))


def test_one_row_over_the_cap_is_an_error_with_its_line(tmp_path: Path) -> None:
    """A record is never cut in two."""
    with pytest.raises(InvalidInputError) as caught:
        sent(tmp_path, "N\nx\n" + "y" * 50 + "\n", replace(INSERT, parts=PartCaps(9, 40)))
    assert (caught.value.code, caught.value.diagnostics[0].place.line) == ("LP0330", 3)


def test_a_source_that_changed_is_refused(tmp_path: Path) -> None:
    """Between the check and the cut."""
    digest = checked(tmp_path, "N\nx\n", INSERT).digest
    _, reader = reader_of(tmp_path, "N\ny\n")
    with pytest.raises(StaleError):
        cut_parts(INSERT, reader, tmp_path / "parts", expected=digest)


def write_results(folder: Path, rows: list[list[str]], kinds: list[str], seed: int) -> ResultPaths:
    """Result files as an org writes them: shuffled, every value quoted."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    heads = {"successful": "sf__Id,sf__Created,A,B", "failed": "sf__Id,sf__Error,A,B", "unprocessed": "A,B"}
    paths = {}
    for kind, head in heads.items():
        own = {"successful": lambda i: [f"id{i}", "true"], "failed": lambda i: ["", "CODE_X:a:b:F,G --"]}.get(kind)
        lines = [
            ",".join('"' + c.replace('"', '""') + '"' for c in [*(own(i) if own else []), *rows[i]])
            for i in order
            if kinds[i] == kind
        ]
        paths[kind] = folder / f"{kind}.csv"
        paths[kind].write_bytes("\n".join([head, *lines]).encode())
    return ResultPaths(**paths)


def matched(tmp_path: Path, rows: list[list[str]], results: ResultPaths, key: str | None) -> Fates:
    encode = row_encoder(",", "\n")
    part = tmp_path / "0001.csv"
    part.write_bytes(b"".join(map(encode, [["A", "B"], *rows])))
    return match_results(part, results, dialect=CsvDialect(), key=key)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data(), by_key=st.booleans())
def test_shuffled_fates_are_recovered(tmp_path: Path, data: st.DataObject, by_key: bool) -> None:
    """Whatever the order of the results, each row gets its own fate, by key or by content."""
    keys = data.draw(st.lists(st.text('abcAB,\n"7 0.', min_size=1, max_size=5), unique=True, max_size=12))
    table = [[key, data.draw(st.sampled_from(["", "x", "é\n"]))] for key in keys]
    kinds = [data.draw(st.sampled_from(["successful", "failed", "unprocessed"])) for _ in table]
    results = write_results(tmp_path, table, kinds, data.draw(st.integers(0, 99)))
    fates = matched(tmp_path, table, results, "A" if by_key else None)
    assert fates.agree, fates.problem
    assert [fate.kind for fate in fates.rows if fate] == kinds
    assert all(f.sf_id == f"id{i}" for i, f in enumerate(fates.rows) if f and f.kind == "successful")


def test_values_in_another_spelling_still_match(tmp_path: Path) -> None:
    """912260031 comes back as 9.12260031E8, and a ragged row with blank cells."""
    results = write_results(tmp_path, [["9.12260031E8", "x"], ["", ""]], ["successful", "failed"], 1)
    fates = matched(tmp_path, [["5", "y"], ["912260031", "x"]], results, None)
    assert fates.agree
    assert [fate.kind for fate in fates.rows if fate] == ["failed", "successful"]


def test_missing_and_unknown_rows_are_named(tmp_path: Path) -> None:
    """A row in no file is missing, a key that was not sent is unknown."""
    results = write_results(tmp_path, [["1", "x"], ["9", "x"]], ["successful", "failed"], 1)
    fates = matched(tmp_path, [["1", "x"], ["2", "x"]], results, "A")
    assert (fates.missing, dict(fates.extra), fates.agree) == (1, {"failed": 1}, False)
    assert "1 of 2 sent rows" in fates.problem


def test_an_error_is_taken_apart() -> None:
    """The message may hold colons; fields may be none."""
    assert parse_error("A_B:x: y:F,G --") == ("A_B", "x: y", ("F", "G"))
    assert parse_error("A_B:x:--") == ("A_B", "x", ())


def test_leftover_rows_keep_their_bytes_and_lines(tmp_path: Path) -> None:
    """The retry part is a subset of the part; the retry file has the source's columns."""
    data = 'N,M\n"a\nb",1\nc,2\nd,3\n'
    step = replace(INSERT, columns=(FromColumn("Name", "N"),))
    _, reader = reader_of(tmp_path, data)
    ((part,), _) = cut_parts(step, reader, tmp_path / "parts")
    data_of_part = PartData(part.path, part.rows, part.bytes, part.sha256, index=part.index)
    again = rewrite_part([(data_of_part, [2, 0])], tmp_path / "retry" / "0001.csv", number=1)
    assert again.path.read_bytes() == b'Name\n"a\nb"\nd\n'
    assert list(read_index(again.index)) == [1, 3]
    _, reader = reader_of(tmp_path, data)
    retry = write_retry_file(reader, read_index(again.index), tmp_path / "retry.csv", expected=reader_digest(tmp_path))
    assert retry.path.read_bytes() == b'N,M\n"a\nb",1\nd,3\n'
    assert retry.lines == (2, 5)


def reader_digest(tmp_path: Path) -> InputDigest:
    path = tmp_path / "rows.csv"
    reader = open_source(FileSource("rows.csv", path, "csv", ","), resolve_step=lambda step: [])
    assert len(list(reader)) == 3
    return reader.digest()


def test_a_wide_source_is_fine_when_few_of_its_columns_are_sent(tmp_path: Path) -> None:
    """Salesforce's limit on the header is on what is sent."""
    step = replace(INSERT, columns=(FromColumn("Name", "n"),))
    assert checked(tmp_path, "x" * 40_000 + ",n\n1,2\n", step).ok


def test_a_source_that_changes_while_it_is_checked_is_refused(tmp_path: Path) -> None:
    """Between the pass that sees a duplicate and the one that looks for its first place."""
    # The blank line at the end is for the careful reader, which reads the file twice.
    source, reader = reader_of(tmp_path, "Ext__c\n1\n1\n\n")
    reopen = reader.reopen

    def changed() -> Reader:
        source.file.write_bytes(b"Ext__c\n5\n6\n")
        return reopen()

    reader.reopen = changed  # type: ignore[method-assign]
    check = check_step(replace(UPSERT, source=source), reader)
    reader.close()
    assert [d.code for d in check.diagnostics] == ["LP0331"]
    assert not check.ok
