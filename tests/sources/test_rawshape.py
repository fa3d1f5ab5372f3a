"""The raw path and the decoded path give the same rows, the same choices and the same faults, and those that the docs say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.plan.model import (
    DELIMITERS,
    Cell,
    Column,
    Composed,
    Constant,
    CsvDialect,
    FileSource,
    FromColumn,
    Lookup,
    Masks,
    Step,
    Text,
    Where,
)
from loadplan.sources.encode import row_encoder
from loadplan.sources.masks import masker
from loadplan.sources.rawshape import RawShape, compile_raw
from loadplan.sources.records import NO_LIMITS, RecordSplitter
from loadplan.sources.registry import open_source
from loadplan.sources.shape import RowFaultError, compile_shape

DIALECTS: st.SearchStrategy[Any] = st.sampled_from(["COMMA", "PIPE"]) | st.sampled_from(list(DELIMITERS))
KEY = "0123456789abcdef-the-key-of-the-tests"
INSERT = Step("a", "insert", object="Account")
POOL = ["", "A", '"A"', "NULL", " x ", "a,b", "a|b", "l1\nl2", "\r"]
"""Few texts, so that cells, tables, filters and null texts meet."""
TEXTS = st.sampled_from(POOL)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
SOME = ["#N/A", 'say "hi"', "a;b|c\td^e`f", "l1\r\nl2", "é😀", "ada@example.com", "2001-02-03", "007"]
FEW = ["", "A", "a|b"]
CELLS = st.sampled_from(FEW) | TEXTS | st.text('aA|," \n', max_size=3) | ANY_TEXT | st.sampled_from(SOME)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADPLAN_MASK_KEY", KEY)


@st.composite
def wheres(draw: st.DrawFn, width: int, depth: int = 2) -> Where:
    test = draw(st.sampled_from(["present", "absent", "equals", "not_equals", "in", "not_in", "all", "any", "not"]))
    if test in {"all", "any", "not"} and depth:
        count = 1 if test == "not" else draw(st.integers(1, 3))
        return Where(test, parts=tuple(draw(wheres(width, depth - 1)) for _ in range(count)))
    column = f"C{draw(st.integers(0, width - 1))}"
    if test in {"present", "absent", "all", "any", "not"}:
        return Where("present" if test == "present" else "absent", column)
    count = 1 if "equals" in test else draw(st.integers(1, 3))
    return Where(test, column, tuple(draw(TEXTS) for _ in range(count)))


@st.composite
def columns(draw: st.DrawFn, field: str, width: int, kinds: str) -> Column:
    name = f"C{draw(st.integers(0, width - 1))}"
    match draw(st.sampled_from(kinds.split())):
        case "plain":
            return FromColumn(field, name)
        case "empty":
            return FromColumn(field, name, empty=draw(TEXTS))
        case "map":
            table = draw(st.dictionaries(CELLS, TEXTS, max_size=4))
            return FromColumn(field, name, draw(st.none() | TEXTS), table, draw(st.none() | TEXTS))
        case "value":
            return Constant(field, draw(TEXTS))
    pieces = draw(
        st.lists(
            st.sampled_from(["", "-", " ", "|", '"']).map(Text)
            | st.integers(0, width - 1).map(lambda i: Cell(f"C{i}")),
            max_size=4,
        )
    )
    return Composed(field, tuple(pieces))


@st.composite
def cases(draw: st.DrawFn, kinds: str) -> tuple[Step, tuple[str, ...], list[list[bytes]], str]:
    """A step, a header, the raw fields of some records, and the delimiter they are read with."""
    width = draw(st.integers(1, 4))
    header = tuple(f"C{i}" for i in range(width))
    delimiter, dialect = DELIMITERS[draw(DIALECTS)], CsvDialect(draw(DIALECTS))
    own = None
    if "plain" not in kinds or draw(st.booleans()):
        own = tuple(draw(columns(f"F{i}", width, kinds)) for i in range(draw(st.integers(1, 4))))
    lookups = (Lookup("P.E__c", draw(st.sampled_from(header)), "P", "E__c"),) if draw(st.booleans()) else ()
    looked_up = {look.column for look in lookups}
    sent = [c.field for c in own] if own is not None else [n for n in header if n not in looked_up]
    targets = [*sent, *(look.header for look in lookups)]
    how: Any = (
        draw(st.dictionaries(st.sampled_from(targets), st.sampled_from(["hash", "fake", "blank"]), max_size=2))
        if draw(st.booleans())
        else {}
    )
    step = Step(
        "a",
        "insert",
        object="Account",
        key=draw(st.none() | st.sampled_from(header)),
        source=FileSource(
            "a.csv", Path("a.csv"), "csv", delimiter, null=tuple(draw(st.lists(st.sampled_from(FEW), max_size=2)))
        ),
        columns=own,
        lookups=lookups,
        masks=Masks(how, Path("/nowhere/orgs.yaml")) if how else None,
        where=draw(st.none() | wheres(width)),
        csv=dialect,
    )
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=3, max_size=6))
    fields = [[raw(draw, cell, delimiter, alone=width == 1) for cell in row] for row in rows]
    return step, header, fields, delimiter


def raw(draw: st.DrawFn, cell: str, delimiter: str, *, alone: bool) -> bytes:
    """A cell as it may stand in a file: in quotes when it must, and sometimes when it need not."""
    needed = any(c in cell for c in f'"\r\n{delimiter}') or (alone and not cell)
    quoted = needed or draw(st.booleans())
    return ('"' + cell.replace('"', '""') + '"' if quoted else cell).encode()


@pytest.mark.parametrize("kinds", ["plain plain empty map value template", "template", "map", "empty"])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(data=st.data())
def test_both_paths_give_the_same_rows_and_faults(tmp_path: Path, data: st.DataObject, kinds: str) -> None:
    """Whatever the file holds and whatever the step does: read back, what is sent is the same as done by hand."""
    step, header, rows, delimiter = data.draw(cases(kinds))
    shape, raw_shape = compile_shape(step, header, "a.csv"), compile_raw(step, header, delimiter)
    assert not shape.diagnostics
    assert raw_shape is not None
    assert raw_shape.header == shape.header
    file = tmp_path / "a.csv"
    file.write_bytes(b"\n".join(delimiter.encode().join(r) for r in [[h.encode() for h in header], *rows]) + b"\n")
    assert isinstance(step.source, FileSource)
    reader = open_source(replace(step.source, file=file), resolve_step=lambda step: [])
    read = list(reader)
    reader.close()
    assert len(read) == len(rows)
    sent = DELIMITERS[step.csv.delimiter]
    for row, fields in zip(read, rows, strict=True):
        before = list(fields)
        expected = by_hand(step, dict(zip(header, row.cells, strict=True)))
        assert outcome(shape.apply, row.cells) == expected
        assert outcome_raw(raw_shape, fields, sent) == expected
        assert fields == before
        check_facts(raw_shape, fields)


def by_hand(step: Step, row: dict[str, str]) -> object:
    """What the page on columns says, done step by step: the values sent, None, or the fault."""
    if step.where is not None and not wanted(step.where, row):
        return None
    sent = []
    columns = step.columns
    if columns is None:
        columns = tuple(FromColumn(n, n) for n in row if n not in {look.column for look in step.lookups})
    for column in (*columns, *(FromColumn(look.header, look.column) for look in step.lookups)):
        how = step.mask_of(column.field)
        match column:
            case Constant():
                value = column.value
            case Composed():
                value = "".join([p.text if isinstance(p, Text) else row[p.column] for p in column.pieces])
            case FromColumn():
                value = row[column.column]
                if column.values is not None and value in column.values:
                    value = column.values[value]
                elif not value:
                    value = column.empty or ""
                elif column.values is not None:
                    if column.default is None:
                        what = f"the text `{value}`" if how is None else "a text"
                        summary = f"`columns.{column.field}` has no entry for {what} of column `{column.column}`"
                        return "LP0323", summary, "add it to `map`, or give a `default`"
                    value = column.default
        sent.append(masker(how, column.field, KEY.encode()).of_text(value) if how is not None else value)
    return sent


def wanted(where: Where, row: dict[str, str]) -> bool:
    parts = [wanted(part, row) for part in where.parts]
    cell = row[where.column] if where.column is not None else ""
    return {
        "all": all(parts), "any": any(parts), "not": not any(parts), "present": cell != "", "absent": cell == "",
        "equals": cell in where.values, "in": cell in where.values, "not_equals": cell not in where.values,
        "not_in": cell not in where.values,
    }[where.test]  # fmt: skip


def outcome(apply: Any, cells: Any) -> object:
    try:
        found = apply(cells)
    except RowFaultError as fault:
        return fault.code, fault.summary, fault.hint
    return list(found) if found is not None else None


def outcome_raw(shape: RawShape, fields: list[bytes], sent: str) -> object:
    """The same, the raw fields read back as the receiver reads them."""
    found = outcome(shape.apply, fields)
    if not isinstance(found, list):
        return found
    text = row_encoder(sent, "\n")(shape.header).decode() + sent.encode().join(found).decode() + "\n"
    splitter = RecordSplitter([text], sent, '"', NO_LIMITS)
    splitter.first()
    ((_, cells),) = splitter.rest(len(shape.header))
    return cells


def check_facts(shape: RawShape, fields: list[bytes]) -> None:
    """What the shape says about itself holds for this record."""
    if shape.is_identity:
        assert shape.apply(fields) == fields
        assert shape.picks == tuple(range(len(fields)))
    if shape.picks is not None and (found := outcome(shape.apply, fields)) is not None:
        assert found == [i if isinstance(i, bytes) else fields[i] for i in shape.picks]


def test_a_renamed_file_is_an_identity() -> None:
    """Every column in its place: only the header differs."""
    step = replace(INSERT, columns=(FromColumn("A", "a"), FromColumn("B", "b")))
    shape = compile_raw(step, ("a", "b"), ",")
    assert shape is not None
    assert (shape.is_identity, shape.picks, shape.header) == (True, (0, 1), ("A", "B"))


@pytest.mark.parametrize(
    "step",
    [
        replace(INSERT, columns=(FromColumn("B", "b"), FromColumn("A", "a"))),
        replace(INSERT, columns=(FromColumn("A", "a"),)),
        replace(INSERT, columns=(FromColumn("A", "a"), FromColumn("B", "b", empty="x"))),
        replace(INSERT, where=Where("present", "a")),
        replace(INSERT, csv=CsvDialect("PIPE")),
        replace(INSERT, source=FileSource("a.csv", Path("a.csv"), "csv", ",", null=("NULL",))),
        replace(INSERT, masks=Masks({"a": "hash"}, Path("/nowhere/orgs.yaml"))),
    ],
    ids=["order", "dropped", "empty", "where", "delimiter", "null", "mask"],
)
def test_anything_done_to_a_row_is_no_identity(step: Step) -> None:
    """Reordered, dropped, filled, left out, written in another way or masked."""
    shape = compile_raw(step, ("a", "b"), ",")
    assert shape is not None
    assert not shape.is_identity


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (INSERT, (None, None)),
        (replace(INSERT, key="b"), (1, None)),
        (replace(INSERT, key="b", columns=(FromColumn("X", "a"),)), (None, 1)),
        (replace(INSERT, operation="upsert", external_id="E", columns=(FromColumn("X", "a"), FromColumn("E", "b"))), (1, None)),
        (replace(INSERT, key="b", masks=Masks({"b": "hash"}, Path("/nowhere/orgs.yaml"))), (None, 1)),
    ],
)  # fmt: skip
def test_the_key_is_found_where_it_stands(step: Step, expected: tuple[int | None, int | None]) -> None:
    """In the sent field that carries it unchanged, or only in the source."""
    shape = compile_raw(step, ("a", "b"), ",")
    assert shape is not None
    assert (shape.key_index, shape.key_column) == expected


@pytest.mark.parametrize(
    "source", [{"quote": "'"}, {"encoding": "cp1252"}, {"encoding": "ascii"}, {"encoding": "no-such"}]
)
def test_another_dialect_must_be_decoded(source: dict[str, str]) -> None:
    """The raw path is for RFC 4180 in UTF-8."""
    step = replace(INSERT, source=FileSource("a.csv", Path("a.csv"), "csv", ",", **source))  # type: ignore[arg-type]
    assert compile_raw(step, ("a", "b"), ",") is None


def test_a_header_that_does_not_fit_is_for_the_other_path_to_tell() -> None:
    """The diagnostics come from `compile_shape`."""
    assert compile_raw(replace(INSERT, columns=(FromColumn("A", "nope"),)), ("a",), ",") is None


def test_untouched_fields_keep_their_bytes() -> None:
    """Needless quotes, blanks and an empty pair of quotes stay as they are."""
    step = replace(
        INSERT, columns=(Constant("K", "x"), FromColumn("A", "a"), FromColumn("B", "b"), FromColumn("C", "c"))
    )
    shape = compile_raw(step, ("a", "b", "c"), ",")
    assert shape is not None
    assert shape.apply([b'"plain"', b'""', b" blank "]) == [b"x", b'"plain"', b'""', b" blank "]


@pytest.mark.parametrize("cell", [b" x", b"x\t", b'" x"', b'"a""b"', b'"a,b"'])
def test_a_composed_value_is_quoted_where_it_needs_it(cell: bytes) -> None:
    """A blank at an edge, a break, a quote or a delimiter."""
    shape = compile_raw(replace(INSERT, columns=(Composed("A", (Cell("a"), Text("1"), Cell("a"))),)), ("a", "b"), ",")
    assert shape is not None
    value = cell[1:-1] if cell[:1] == b'"' else cell
    assert shape.apply([cell, b""]) == [b'"' + value + b"1" + value + b'"']


def test_a_single_empty_field_is_not_a_blank_line() -> None:
    """A row of one empty cell is written as a pair of quotes."""
    shape = compile_raw(replace(INSERT, columns=(FromColumn("A", "a"),)), ("a", "b"), ",")
    assert shape is not None
    assert shape.apply([b"", b"x"]) == [b'""']


def test_a_field_is_quoted_for_the_delimiter_it_is_sent_with() -> None:
    """A pipe in a comma file needs quotes once the pipe is the delimiter."""
    shape = compile_raw(replace(INSERT, csv=CsvDialect("PIPE")), ("a", "b"), ",")
    assert shape is not None
    assert shape.apply([b"x|y", b'"1|2"']) == [b'"x|y"', b'"1|2"']


def test_no_text_of_the_plan_reaches_the_compiled_source() -> None:
    """A constant, a column or a filter that reads like Python is a value like any other."""
    evil = '__import__("os").system("true")]) or [x'
    step = Step(
        "a",
        "insert",
        object="Account",
        columns=(Constant("A", evil), FromColumn("B", evil, values={evil: "1"}, default=evil), Composed("C", (Text(evil), Cell(evil)))),
        where=Where("equals", evil, (evil,)),
    )  # fmt: skip
    quoted = ('"' + evil.replace('"', '""') + '"').encode()
    shape = compile_raw(step, (evil,), ",")
    assert shape is not None
    found = shape.apply([quoted])
    assert found is not None
    assert found[:2] == [quoted, b"1"]
    assert re.fullmatch(rb'"(?:[^"]|"")*"', found[2])
