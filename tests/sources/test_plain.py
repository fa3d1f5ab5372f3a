"""The fast pass and the careful reader are two paths with one truth: the same rows, the same parts, the same refusals."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from loadplan.plan.model import CsvDialect, FileSource, FromColumn, Lookup, PartCaps, Step, Where
from loadplan.sources import check, keybag
from loadplan.sources.base import InputDigest
from loadplan.sources.keybag import KeyBag
from loadplan.sources.leftrows import find_left
from loadplan.sources.names import written
from loadplan.sources.partdata import PartData
from loadplan.sources.parts import cut_parts
from loadplan.sources.rawrecords import RawRecords, field_splitter, unquoted
from loadplan.sources.registry import open_source
from loadplan.sources.tally import Tally

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
UPSERT = Step("a", "upsert", object="Account", external_id="K", key="K")
INSERT = Step("a", "insert", object="Account")
CELL = st.sampled_from(["", "1", "a", '"a"', '"a,b"', '"a""b"', '"l1\nl2"', "Ž", '"é"', '""', "x y", '"\n"', "b" * 30])
LINE = st.lists(CELL, min_size=2, max_size=3).map(",".join)
TEXT = st.builds(
    lambda lines, end, ending: ending.join(["K,N,M", *lines]) + (ending if end else ""),
    st.lists(LINE | st.sampled_from(["", 'a"b,c,d', "a\rb,c,d", '"open,c,d', "\0,c,d"]), max_size=12),
    st.booleans(),
    st.sampled_from(["\n", "\n", "\r\n"]),
)


def source(folder: Path, data: bytes, **rest: object) -> FileSource:
    path = folder / "rows.csv"
    path.write_bytes(data)
    return FileSource("rows.csv", path, "csv", ",", **rest)  # type: ignore[arg-type]


def checked(step: Step, *, fast: bool, monkeypatch: pytest.MonkeyPatch) -> check.StepCheck:
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    with monkeypatch.context() as patch:
        if not fast:
            patch.setattr(check, "plain_check", lambda *_: None)
        try:
            return check.check_step(step, reader)
        finally:
            reader.close()


def parts_of(step: Step, digest: InputDigest) -> list[bytes]:
    """What is sent of the ranges of a digest."""
    assert isinstance(step.source, FileSource)
    ending = {"LF": "\n", "CRLF": "\r\n"}[step.csv.line_ending]
    found = []
    for r in digest.ranges:
        part = PartData(
            step.source.file, r.rows, r.bytes, r.sha256, ending, digest.header.encode(), r.start, r.end, r.first
        )
        with part.open() as body:
            data = b"".join(iter(lambda body=body: body.read(7), b""))  # type: ignore[misc]
            assert len(data) == len(body) == r.bytes
            assert body.is_as_planned
        assert sum(map(len, part.records())) == r.rows
        found.append(data)
    return found


@QUIET
@given(text=TEXT, keyed=st.booleans(), rows=st.integers(1, 4), crlf=st.booleans(), bom=st.booleans())
@example(text="K,N,M\n1,a,b\n2,a,b", keyed=True, rows=1, crlf=False, bom=True)
def test_what_the_fast_pass_accepts_the_careful_reader_accepts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, keyed: bool, rows: int, crlf: bool, bom: bool
) -> None:
    """Same verdict, same counts, same digest, and the ranges hold the rows that the careful path would write."""
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    dialect = CsvDialect(line_ending="CRLF" if crlf else "LF")
    step = replace(
        UPSERT if keyed else INSERT, source=source(tmp_path, data), csv=dialect, parts=PartCaps(max_rows=rows)
    )
    fast = checked(step, fast=True, monkeypatch=monkeypatch)
    careful = checked(step, fast=False, monkeypatch=monkeypatch)
    assert (fast.ok, fast.rows_read, fast.rows_selected) == (careful.ok, careful.rows_read, careful.rows_selected)
    assert fast.diagnostics == careful.diagnostics
    assert fast.digest == careful.digest
    assert fast.distinct_keys == careful.distinct_keys
    if not fast.ok or fast.digest is None or not fast.digest.ranges:
        return
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    written_parts, _ = cut_parts(step, reader, tmp_path / "parts")
    reader.close()

    def read(data: bytes) -> list[list[str]]:
        return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))

    assert [read(d) for d in parts_of(step, fast.digest)] == [read(p.path.read_bytes()) for p in written_parts]
    assert [r.digest for r in fast.digest.ranges] == [p.digest for p in written_parts]


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"K,N\n1,a\n2,b\n", True),
        (b'K,N\n"1","a"\n"2","b\nc"\n', True),
        (b"K,N\r\n1,a\r\n", False),  # the job is told LF
        (b"K,N\n1,a\n2\n", False),
        (b"K,N\n1,a\n\n2,b\n", False),
        (b"K,N\n1,a\n1,b\n", False),
        (b"K,N\na,a\nA,b\n", True),  # a warning: the field may be case sensitive
        (b"K,N\n,a\n", False),
        (b"K,N\n" + b"".join(b"%d,%s\n" % (i, b"x" * 50) for i in range(9000)) + b"z,caf\xe9\n", False),
        (b"K,N\n" + b"".join(b"%d,%s\n" % (i, "Ž".encode() * 25) for i in range(30000)), True),
        (b'K,N\n1,5" pipe\n', False),
        (b"K,N\n", False),
        (b"K,N\n1,a\0\n", False),
    ],
)
def test_a_file_is_sent_as_it_stands_or_looked_at_with_care(tmp_path: Path, data: bytes, accepted: bool) -> None:
    """The fast pass takes what is beyond doubt and nothing else."""
    step = replace(UPSERT, source=source(tmp_path, data))
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    found = check.check_step(step, reader)
    reader.close()
    assert bool(found.digest and found.digest.ranges) == accepted


def test_renamed_columns_in_order_are_still_sent_as_they_stand(tmp_path: Path) -> None:
    """Only the header differs, the lookup's name included."""
    step = replace(
        UPSERT, source=source(tmp_path, b"id,n,parent\n1,a,x\n"), key="id",
        columns=(FromColumn("K", "id"), FromColumn("Name", "n")), lookups=(Lookup("P.K", "parent", "P", "K"),),
    )  # fmt: skip
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    found = check.check_step(step, reader)
    reader.close()
    assert found.digest is not None
    assert parts_of(step, found.digest) == [b"K,Name,P.K\n1,a,x\n"]


@QUIET
@given(
    rows=st.lists(st.lists(st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"])), min_size=2, max_size=2)),
    size=st.integers(1, 9),
)  # fmt: skip
def test_raw_records_are_those_of_a_csv_reader(rows: list[list[str]], size: int) -> None:
    """Whatever the size of the blocks."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    data, splitter = out.getvalue().encode(), RawRecords()
    records = [r for i in range(0, len(data), size) for r in splitter.feed(data[i : i + size])] + splitter.end()
    fields = field_splitter(b",", 2)
    found = [fields(record) for record in records]
    assert [[unquoted(c).decode() for c in cells or ()] for cells in found] == rows


@QUIET
@given(keys=st.lists(st.binary(max_size=2)))
@pytest.mark.parametrize("many", [0, keybag.MANY])
@pytest.mark.parametrize("most", [1, 3, keybag.MOST])
def test_a_key_bag_names_the_keys_that_came_twice(
    monkeypatch: pytest.MonkeyPatch, many: int, most: int, keys: list[bytes]
) -> None:
    """And no other, with numpy and without, in memory and in a file."""
    monkeypatch.setattr(keybag, "MANY", many)
    monkeypatch.setattr(keybag, "MOST", most)
    bag = KeyBag()
    bag.update(keys[::2])
    for key in keys[1::2]:
        bag.add(key)
    assert len(bag) == len(keys)
    assert len(bag.repeated()) == len({k for k in keys if keys.count(k) > 1})
    assert bag.has_repeats == (len(set(keys)) < len(keys))
    assert bag.distinct() == len(set(keys))


def result(kind: str, rows: list[list[str]]) -> bytes:
    own = {"successful": '"sf__Id","sf__Created",', "failed": '"sf__Id","sf__Error",', "unprocessed": ""}[kind]
    quoted = [",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    return (own + "K,N\n" + "".join(f"{line}\n" for line in quoted)).encode()


@pytest.mark.parametrize("key", ["K", None])
def test_sums_of_results_equal_the_sum_of_what_was_sent(tmp_path: Path, key: str | None) -> None:
    """Rows in any order over three files, quotes and line breaks in cells included; a lost row shows."""
    data = b'K,N\n1,a\n2,"b ""q"" c"\n3,"l1\nl2"\n4,\n'
    step = replace(UPSERT if key else INSERT, source=source(tmp_path, data))
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda _: [])
    found = check.check_step(step, reader)
    reader.close()
    assert found.digest is not None
    (sent,) = found.digest.ranges
    files = {
        "successful": result("successful", [["001x", "true", "4", ""], ["001y", "true", "2", 'b "q" c']]),
        "failed": result("failed", [["", "A_B:x:--", "3", "l1\nl2"]]),
        "unprocessed": result("unprocessed", [["1", "a"]]),
    }

    def total(files: dict[str, bytes]) -> str:
        names = 0
        for kind, content in files.items():
            tally = Tally(kind, ("K", "N"), key, ",")
            for i in range(0, len(content), 5):
                tally.feed(content[i : i + 5])
            taken = tally.result()
            assert taken.names is not None
            names += taken.names
        return written("key" if key else "row", names)

    assert total(files) == sent.digest
    assert total({**files, "unprocessed": result("unprocessed", [["5", "a"]])}) != sent.digest
    paths = {}
    for kind, content in files.items():
        paths[kind] = tmp_path / f"{kind}.csv"
        paths[kind].write_bytes(content)
    assert isinstance(step.source, FileSource)
    part = PartData(
        step.source.file, sent.rows, sent.bytes, sent.sha256, "\n", b"K,N\n", sent.start, sent.end, sent.first
    )
    left = find_left(part, ("K", "N"), key, CsvDialect(), paths["failed"], paths["unprocessed"])
    assert left is not None
    assert {i: f.kind for i, f in left.items()} == {0: "unprocessed", 2: "failed"}


@pytest.mark.parametrize("rest", [{"limit": 100}, {"where": Where("equals", "K", ("7",))}], ids=["limit", "where"])
def test_blocks_of_which_no_row_is_sent_hold_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: dict[str, Any]
) -> None:
    """Several blocks without a sent row are no repeated key."""
    data = b"K,N\n" + b"".join(b"%d,%s\n" % (at, b"x" * 60) for at in range(20_000))
    step = replace(UPSERT, source=source(tmp_path, data), **rest)
    fast = checked(step, fast=True, monkeypatch=monkeypatch)
    careful = checked(step, fast=False, monkeypatch=monkeypatch)
    assert fast.ok
    assert (fast.rows_selected, fast.distinct_keys) == (careful.rows_selected, careful.distinct_keys)


def test_dedupe_with_a_limit_is_judged_on_the_rows_that_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second sent row is the third of the file, and has no key."""
    step = replace(UPSERT, source=source(tmp_path, b"K,N\na,1\na,2\n,3\nb,4\n"), dedupe="first", limit=2)
    assert "LP0324" in [d.code for d in checked(step, fast=True, monkeypatch=monkeypatch).diagnostics]
