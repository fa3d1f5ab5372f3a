"""Rows put together from stretches of a plain file are those that go through the shape, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.plan.model import Column, Constant, CsvDialect, FileSource, FromColumn, IdOf, Lookup, PartCaps, Step
from loadplan.sources import evenlines
from loadplan.sources.check import check_step, step_shape
from loadplan.sources.chosen import Chooser
from loadplan.sources.columnvalues import column_values
from loadplan.sources.evenarrays import ArrayLines
from loadplan.sources.parts import cut_parts
from loadplan.sources.rawrecords import unquoted
from loadplan.sources.registry import open_source
from loadplan.sources.rowsfile import RowsFile, put_aside, step_over
from loadplan.sources.sentrows import Finder, spans_of

CELL = st.sampled_from(["", "1", "a", '"a"', '"a,b"', '"a""b"', '"l1\nl2"', "Ž", '"é"', '""', "x y", "b" * 30])
QUOTED = st.sampled_from(['"a"', '"a,b"', '","', '"l1\nl2"', '""', '"Ž"'])
LINES = st.lists(
    st.lists(CELL, min_size=2, max_size=2) | st.lists(QUOTED, min_size=2, max_size=2), min_size=1, max_size=12
)


def cut(step: Step, folder: Path) -> list[tuple[bytes, bytes, str]]:
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    checked = check_step(step, reader)
    reader.close()
    assert checked.ok, checked.diagnostics
    reader = open_source(step.source, resolve_step=lambda _: [])
    parts, digest = cut_parts(step, reader, folder, expected=checked.digest)
    reader.close()
    assert digest.plain
    return [(p.path.read_bytes(), p.index.read_bytes(), p.digest) for p in parts]


def both(step: Step, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes, str]]:
    """What both ways write, which has to be the same."""
    with monkeypatch.context() as patch:
        patch.setattr(evenlines, "MUCH", 0)
        quick = cut(step, folder / "quick")
        patch.setattr(ArrayLines, "has_places", False)
        assert quick == cut(step, folder / "careful")
    return quick


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    lines=LINES, crlf=st.booleans(), sent_crlf=st.booleans(), keyed=st.booleans(), rows=st.integers(1, 5),
    picks=st.permutations(["K", "N", "M", "P"]), taken=st.integers(2, 4),
    constants=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["", "Hot", "a,b", 'q"'])), max_size=2), quoted=st.booleans(),
)  # fmt: skip
def test_stretches_and_shape_make_the_same_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[list[str]], crlf: bool, sent_crlf: bool, keyed: bool, rows: int,
    picks: list[str], taken: int, constants: list[tuple[int, str]], quoted: bool,
) -> None:  # fmt: skip
    """Whatever columns are picked in whatever order; index and digest included."""
    ending = "\r\n" if crlf else "\n"
    if crlf:
        lines = [[cell.replace("\n", " ") for cell in line] for line in lines]
    rest = [(f'"{at}"', f'"p{at % 3}"') if quoted else (f"{at}", f"p{at % 3}") for at in range(len(lines))]
    written = [f"{k},{n},{m},{p}" for (k, p), (n, m) in zip(rest, lines, strict=True)]
    text = ending.join(["K,N,M,P", *written, ""])
    (tmp_path / "rows.csv").write_bytes(text.encode())
    source = FileSource("rows.csv", tmp_path / "rows.csv", "csv", ",")
    columns: list[Column] = [FromColumn(f"{name}__c", name) for name in sorted({"K", *picks[:taken]}, key=picks.index)]
    for at, value in constants:
        columns.insert(at, Constant(f"C{len(columns)}__c", value))
    step = (
        Step("a", "upsert", object="Account", external_id="K__c", key="K")
        if keyed
        else Step("a", "insert", object="Account")
    )
    step = replace(
        step, source=source, columns=tuple(columns), lookups=(Lookup("X.P", "P", "X", "P"),), parts=PartCaps(max_rows=rows),
        csv=CsvDialect(line_ending="CRLF" if sent_crlf else "LF"),
    )  # fmt: skip
    both(step, tmp_path, monkeypatch)


def find_all(ids: dict[bytes, bytes], keys: list[bytes]) -> list[bytes | None]:
    return [ids.get(key) for key in keys]


class Known:
    """Parents of which some landed; what `run/family.py` knows, without a run."""

    def __init__(self, fields: dict[int, dict[bytes, bytes]], *, holds: bool) -> None:
        self.fields, self.holds, self.has_nothing_to_say = fields, holds, not fields

    def place(self, fields: list[bytes]) -> str:
        for at, ids in self.fields.items():
            key = unquoted(fields[at])
            if key and (found := ids.get(key)) is not None:
                fields[at] = found
            elif key and self.holds:
                return "no parent"
        return ""

    def finders(self) -> Mapping[int, Finder]:
        return {at: partial(find_all, ids) for at, ids in self.fields.items()}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    lines=st.lists(st.tuples(CELL, st.sampled_from(["", '""', "p1", "p2", '"p1"', "lost"]), QUOTED), min_size=1, max_size=12),
    all_quoted=st.booleans(), holds=st.booleans(), keyed=st.booleans(), constant=st.booleans(), rows=st.integers(1, 5),
    two=st.booleans(),
)  # fmt: skip
def test_ids_of_parents_are_put_into_stretches_as_into_shaped_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[tuple[str, str, str]], all_quoted: bool, holds: bool, keyed: bool,
    constant: bool, rows: int, two: bool,
) -> None:  # fmt: skip
    """Rows without a parent, with one that did not land, held back or sent as they are; held rows are the same too."""

    def quote(cell: str) -> str:
        return cell if cell.startswith('"') or not all_quoted else f'"{cell}"'

    text = "K,N,P,M\n" + "".join(
        ",".join([quote(str(at)), quote(a), quote(parent), m]) + "\n" for at, (a, parent, m) in enumerate(lines)
    )
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8", newline="")
    columns: list[Column] = [
        FromColumn("N__c", "N"),
        FromColumn("K__c", "K"),
        *([Constant("C__c", 'q"')] if constant else []),
    ]
    columns += [FromColumn("M__c", "M")] if two else []
    step = (
        Step("a", "upsert", object="Task", external_id="K__c", key="K") if keyed else Step("a", "insert", object="Task")
    )
    step = replace(
        step, source=FileSource("rows.csv", tmp_path / "rows.csv", "csv", ","), columns=tuple(columns),
        ids=(IdOf("WhatId", "P", "parents"),), parts=PartCaps(max_rows=rows),
    )  # fmt: skip
    at = len(columns)
    family = Known({at: {b"p1": b"001000000000001AAA", b"p2": b"001000000000002AAA"}}, holds=holds)

    def made(folder: Path) -> list[object]:
        assert step.source is not None
        reader = open_source(step.source, resolve_step=lambda _: [])
        with put_aside(folder / "held.csv", reader.header, ",") as held:
            parts, digest = cut_parts(step, reader, folder, plain=True, family=family, held=held)
        reader.close()
        sent = [(p.path.read_bytes(), p.index.read_bytes(), p.digest) for p in parts]
        return [sent, digest, (folder / "held.csv").read_bytes(), list(held.records), held.why]

    with monkeypatch.context() as patch:
        patch.setattr(evenlines, "MUCH", 0)
        quick = made(tmp_path / "quick")
        patch.setattr(ArrayLines, "has_places", False)
        assert quick == made(tmp_path / "careful")


def test_a_file_of_parents_alone_sends_each_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent and what keeps rows together are the same ids, in two lists."""
    (tmp_path / "rows.csv").write_text('P\np1\n"p2"\np1\n', encoding="utf-8")
    step = Step(
        "a", "insert", object="Task", source=FileSource("rows.csv", tmp_path / "rows.csv", "csv", ","), columns=(),
        ids=(IdOf("WhatId", "P", "parents"),),
    )  # fmt: skip
    family = Known({0: {b"p1": b"001000000000001AAA", b"p2": b"001000000000002AAA"}}, holds=True)
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    monkeypatch.setattr(evenlines, "MUCH", 0)
    (part,), _ = cut_parts(step, reader, tmp_path / "parts", plain=True, family=family)
    reader.close()
    assert part.path.read_text() == "WhatId\n001000000000001AAA\n001000000000002AAA\n001000000000001AAA\n"


def test_rows_put_aside_keep_the_null_texts_of_their_source(tmp_path: Path) -> None:
    """They stand there as in the source, and are read as it was."""
    source = FileSource("rows.csv", tmp_path / "rows.csv", "csv", ",", null=("NULL",))
    over = step_over(Step("a", "insert", object="Task", source=source), RowsFile(tmp_path / "held.csv", 1, ","))
    assert isinstance(over.source, FileSource)
    assert over.source.null == ("NULL",)


def test_many_rows_of_scattered_parents_come_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways see that the parents do not stand together, and begin again."""
    rnd = random.Random(3)
    rows = [
        f'{at},"n ""{at}""",p{rnd.randrange(500)}\n' if at % 50 == 7 else f"{at},n,p{rnd.randrange(500)}\n"
        for at in range(12_000)
    ]
    (tmp_path / "rows.csv").write_text("K,N,P\n" + "".join(rows), encoding="utf-8")
    step = Step(
        "a", "upsert", object="Account", external_id="K", key="K", source=FileSource("rows.csv", tmp_path / "rows.csv", "csv", ","),
        columns=(FromColumn("N", "N"), FromColumn("K", "K")), lookups=(Lookup("X.P", "P", "X", "P"),), parts=PartCaps(max_rows=5_000),
    )  # fmt: skip
    parts = both(step, tmp_path, monkeypatch)
    parents = [line.rsplit(b",", 1)[1] for data, _, _ in parts for line in data.splitlines()[1:]]
    assert len(parents) == 12_000
    assert parents == sorted(parents)


@pytest.mark.parametrize("quick", [True, False])
def test_values_of_columns_come_in_the_order_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: bool
) -> None:
    """Without a row being put together, or by way of its fields; the key of an insert too, which is not sent."""
    monkeypatch.setattr(evenlines, "MUCH", 0)
    monkeypatch.setattr(ArrayLines, "has_places", quick)
    rows = [f'{at},"n ""{at}""",p{at % 7}\n' if at % 5 == 2 else f"{at},n{at},p{at % 7}\n" for at in range(200)]
    (tmp_path / "rows.csv").write_text("K,N,P\n" + "".join(rows), encoding="utf-8")
    step = Step(
        "a", "insert", object="Account", key="K", source=FileSource("rows.csv", tmp_path / "rows.csv", "csv", ","),
        columns=(FromColumn("N__c", "N"), FromColumn("P__c", "P")),
    )  # fmt: skip
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    chooser = Chooser(step, step_shape(step, reader), reader, plain=True)
    keys, names = [], []
    for key, name in column_values(chooser, [None, 0]):
        keys += key
        names += name
    reader.close()
    assert keys == [b"%d" % at for at in range(200)]
    assert names == [b'n "%d"' % at if at % 5 == 2 else b"n%d" % at for at in range(200)]


def test_columns_that_stay_side_by_side_are_one_stretch() -> None:
    """As few pieces a row as can be."""
    assert spans_of((b"x", 1, 2, b"", 3)) == [b"x", (1, 2), b"", (3, 3)]
    assert spans_of((1, 0, 2, 3, 5)) == [(1, 1), (0, 0), (2, 3), (5, 5)]
    assert spans_of((0, 1, 2)) == [(0, 2)]
