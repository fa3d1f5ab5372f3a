"""Rows put together from stretches of a plain file are those that go through the shape, byte for byte."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.plan.model import Column, Constant, CsvDialect, FileSource, FromColumn, Lookup, PartCaps, Step
from loadplan.sources import evenlines
from loadplan.sources.check import check_step
from loadplan.sources.evenarrays import ArrayLines
from loadplan.sources.parts import cut_parts
from loadplan.sources.registry import open_source
from loadplan.sources.sentrows import spans_of

CELL = st.sampled_from(["", "1", "a", '"a"', '"a,b"', '"a""b"', '"l1\nl2"', "Ž", '"é"', '""', "x y", "b" * 30])
QUOTED = st.sampled_from(['"a"', '"a,b"', '"l1\nl2"', '""', '"Ž"'])
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
        patch.setattr(ArrayLines, "has_stretches", False)
        assert quick == cut(step, folder / "careful")
    return quick


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    lines=LINES, crlf=st.booleans(), sent_crlf=st.booleans(), keyed=st.booleans(), rows=st.integers(1, 5),
    picks=st.permutations(["K", "N", "M", "P"]), taken=st.integers(2, 4),
    constants=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["", "Hot", "a,b", 'q"'])), max_size=2),
)  # fmt: skip
def test_stretches_and_shape_make_the_same_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[list[str]], crlf: bool, sent_crlf: bool, keyed: bool, rows: int,
    picks: list[str], taken: int, constants: list[tuple[int, str]],
) -> None:  # fmt: skip
    """Whatever columns are picked in whatever order; index and digest included."""
    ending = "\r\n" if crlf else "\n"
    if crlf:
        lines = [[cell.replace("\n", " ") for cell in line] for line in lines]
    text = ending.join(["K,N,M,P", *(f"{at},{line[0]},{line[1]},p{at % 3}" for at, line in enumerate(lines)), ""])
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


def test_columns_that_stay_side_by_side_are_one_stretch() -> None:
    """As few pieces a row as can be."""
    assert spans_of((b"x", 1, 2, b"", 3)) == [b"x", (1, 2), b"", (3, 3)]
    assert spans_of((1, 0, 2, 3, 5)) == [(1, 1), (0, 0), (2, 3), (5, 5)]
    assert spans_of((0, 1, 2)) == [(0, 2)]
