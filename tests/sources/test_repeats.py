"""Keys that stand twice: found at the speed of the fast pass, and told as the careful reader tells them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.plan.model import FileSource, FromColumn, Step, Where
from loadplan.sources import check, evenlines, plaincheck, plainrepeats, plainscan
from loadplan.sources.base import InputDigest
from loadplan.sources.registry import open_source

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
UPSERT = Step("a", "upsert", object="Account", external_id="K", key="K")
ID = "001000000000001AAA"
STEPS = {
    "key first": UPSERT,
    "key in the middle": replace(UPSERT, key="N", columns=(FromColumn("K", "N"), FromColumn("A", "K"))),
    "key last": replace(UPSERT, key="M", columns=(FromColumn("K", "M"),)),
    "where": replace(UPSERT, where=Where("equals", "M", ("x",))),
    "limit": replace(UPSERT, limit=3),
    "key not sent": Step("a", "insert", object="Account", key="K", columns=(FromColumn("Name", "N"), FromColumn("B", "N"))),
    "ids": Step("a", "delete", object="Account", columns=(FromColumn("Id", "I"),)),
}  # fmt: skip
KEY = st.sampled_from(["1", "2", "a", "A", '"a"', '"q""q"', '"l1\nl2"', "ß", "SS", "K", "x" * 40])
OTHER_ID = ID[:14] + "2AAA"
MIXED = st.tuples(KEY, KEY, st.sampled_from(["x", "y", '"x"', '"b\n\n"']), st.sampled_from([ID, OTHER_ID])).map(
    ",".join
)
BARE = st.sampled_from(["1,2,x", "a,1,y", "A,A,x", "ß,SS,x"]).map(lambda row: f"{row},{ID}")
QUOTED = st.sampled_from(['"1","a","x"', '"2","2","y"', '"ss","1","x\n"']).map(lambda row: f'{row},"{OTHER_ID}"')
ROW = st.one_of(MIXED, BARE, QUOTED)


def checked(step: Step) -> check.StepCheck:
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    try:
        return check.check_step(step, reader)
    finally:
        reader.close()


@QUIET
@given(
    name=st.sampled_from(sorted(STEPS)),
    rows=st.lists(ROW, min_size=1, max_size=12),
    crlf=st.booleans(),
    bom=st.booleans(),
    size=st.integers(1, 80),
    much=st.sampled_from([0, evenlines.MUCH]),
)
def test_both_ways_tell_the_same(
    tmp_path: Path, name: str, rows: list[str], crlf: bool, bom: bool, size: int, much: int
) -> None:
    """Lines, order, counts; whatever column the key is in, and whichever rows are sent; with numpy and without."""
    path = tmp_path / "rows.csv"
    ending = "\r\n" if crlf else "\n"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + "".join(f"{r}{ending}" for r in ["K,N,M,I", *rows]).encode())
    step = replace(STEPS[name], source=FileSource("rows.csv", path, "csv", ","))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plainrepeats, "BLOCK", size)
        patch.setattr(evenlines, "MUCH", much)
        fast = checked(step)
        patch.setattr(check, "plain_check", lambda *_: None)
        careful = checked(step)
    assert fast.diagnostics == careful.diagnostics
    assert (fast.ok, fast.digest, fast.rows_selected, fast.distinct_keys) == (
        careful.ok, careful.digest, careful.rows_selected, careful.distinct_keys,
    )  # fmt: skip


def test_they_are_found_without_the_careful_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes five times as long: a file of millions of rows is told about in seconds."""
    path = tmp_path / "rows.csv"
    path.write_text('K,N\n1,"l1\nl2"\n2,b\n1,c\n', encoding="utf-8")
    monkeypatch.setattr(check, "selected_rows", lambda *_: pytest.fail("it was asked"))
    found = checked(replace(UPSERT, source=FileSource("rows.csv", path, "csv", ",")))
    assert [(d.code, d.place.line, d.notes[0].place.line) for d in found.diagnostics] == [("LP0325", 5, 2)]
    assert found.digest is not None
    assert found.digest.ranges == ()


@pytest.mark.parametrize("after", ["K,N\n5,a\n6,b\n", "K,N\n5\n", "K,N\n1,a\n1,b\n3,c\n", None])
def test_a_file_that_changes_before_the_second_look_is_judged_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str | None
) -> None:
    """By the careful reader, as it is then; what the first look saw is forgotten."""
    path = tmp_path / "rows.csv"
    path.write_text("K,N\n1,a\n1,b\n", encoding="utf-8")
    step = replace(UPSERT, source=FileSource("rows.csv", path, "csv", ","))
    scan = plainscan.scan

    def changing(file: Path, wanted: plainscan.Wanted) -> tuple[InputDigest, int]:
        try:
            return scan(file, wanted)
        finally:
            if after is None:
                path.unlink()
            else:
                path.write_text(after, encoding="utf-8")

    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    shape = check.step_shape(step, reader)
    reader.close()
    monkeypatch.setattr(plaincheck, "scan", changing)
    assert plaincheck.plain_check(step, ("K", "N"), shape) is None


def test_a_record_that_lost_its_key_is_another_file(tmp_path: Path) -> None:
    """The key stands behind the first column, and between the two looks a record lost it."""
    path = tmp_path / "rows.csv"
    path.write_text("N,K\na,1\nb\n", encoding="utf-8")
    wanted = plainscan.Wanted(
        header=("N", "K"), delimiter=",", key=1, by_key=True, ids=False, prefix=None, line_ending="\n", max_rows=10, max_bytes=1000,
        unique=True, limit=None, shape=None,
    )  # fmt: skip
    with pytest.raises(ValueError, match="no longer has 2 fields"):
        list(plainrepeats.SuspectRows(path, wanted, {1}))
