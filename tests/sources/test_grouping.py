"""Grouping: rows of one parent stand together, in memory or by way of the disk, and nothing of it stays there."""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.sources import grouparrays, grouping
from loadplan.sources.arrays import np
from loadplan.sources.grouping import ParentOrder, group_rows
from loadplan.sources.placedrows import PlacedRows
from loadplan.sources.sentrows import Sent

Row = tuple[bytes, int, int, bytes]
ROWS = st.lists(
    st.tuples(st.sampled_from([b"", b"a", b"b", b"ab", b"\xff", b"10", b"9"]), st.binary(max_size=6)),
    max_size=80,
)


@pytest.fixture(params=["numpy", "bytes"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With numpy and without it."""
    if request.param == "bytes":
        monkeypatch.setitem(sys.modules, "loadplan.sources.grouparrays", None)


def batches(rows: Iterable[Row], size: int) -> Iterator[Sent]:
    taken = iter(rows)
    while batch := list(islice(taken, size)):
        parents, records, names, data = zip(*batch, strict=True)
        yield Sent(records, names, data, parents)


def grouped(rows: Iterable[Row], folder: Path, memory: int, size: int = 500) -> list[Row]:
    found: list[Row] = []
    for batch in group_rows(batches(rows, size), folder, memory=memory):
        found += rows_of(batch)
    return found


def rows_of(batch: Sent | PlacedRows) -> list[Row]:
    if isinstance(batch, Sent):
        return list(zip(batch.parents, batch.records, batch.names, batch.data, strict=True))
    assert batch.parents is not None
    ends = [0, *np.cumsum(batch.sizes).tolist()]
    text = batch.written(0, batch.rows, b"\n")
    data = [text[start:end].removesuffix(b"\n") for start, end in pairwise(ends)]
    return list(zip(batch.parents.tolist(), batch.records.tolist(), batch.names.tolist(), data, strict=True))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS, memory=st.sampled_from([1, 700, 5000, 40_000_000]), block=st.integers(1, 200), size=st.integers(1, 9),
    ranges=st.integers(2, 5),
)  # fmt: skip
def test_rows_are_ordered_by_parent_and_keep_their_order_within_one(
    tmp_path: Path, rows: list[tuple[bytes, bytes]], memory: int, block: int, size: int, ranges: int
) -> None:
    """The answer is that of a stable sort, wherever batches, blocks and ranges end."""
    given_rows = [(key, record, record * 7, data) for record, (key, data) in enumerate(rows, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_BLOCK", block)
        patch.setattr(grouparrays, "_MANY", block)
        for module in (grouping, grouparrays):
            patch.setattr(module, "_RANGES", ranges)
        assert grouped(given_rows, tmp_path, memory, size) == sorted(given_rows, key=itemgetter(0))
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_far_too_long_costs_no_memory_in_other_rows(tmp_path: Path) -> None:
    """No key of a parent has so many bytes: rows are put in order by its beginning, and none is lost."""
    rows: list[Row] = [(b"b" * 400_000 if n == 3 else b"c" if n % 2 else b"a", n, n, b"row") for n in range(2_000)]
    tracemalloc.start()
    try:
        found = grouped(rows, tmp_path, 40_000_000, size=2_000)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [row[1] for row in found] == [*range(0, 2_000, 2), 3, *range(1, 3, 2), *range(5, 2_000, 2)]
    assert most < 20_000_000


def many(count: int, parents: int) -> list[Row]:
    rnd = random.Random(5)
    return [(b"p%d" % rnd.randrange(parents), n, n, b"row %d" % n) for n in range(count)]


@pytest.mark.parametrize("parents", [1, 3, 5000])
def test_many_rows_go_by_way_of_the_disk_whatever_the_number_of_parents(tmp_path: Path, parents: int) -> None:
    """One parent of all rows is the case in which no range of keys is small enough."""
    rows = many(20_000, parents)
    assert grouped(rows, tmp_path, 500_000) == sorted(rows, key=itemgetter(0))


def test_rows_that_begin_unlike_the_rest_are_dealt_again(tmp_path: Path) -> None:
    """The first rows suggest the ranges; when all others fall into one, that one is divided in turn."""
    rows = [(b"a%d" % n, n, n, b"x") for n in range(3000)] + [
        (b"z%d" % (n * 7919 % 20_000), n, n, b"x") for n in range(20_000)
    ]
    assert grouped(rows, tmp_path, 500_000) == sorted(rows, key=itemgetter(0))


def test_a_source_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    """What the source raises comes through, after the disk was used."""

    def broken() -> Iterator[Row]:
        yield from many(9000, 10)
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        grouped(broken(), tmp_path, 300_000)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_stops_early_frees_the_disk(tmp_path: Path) -> None:
    """A closed iteration closes its file."""
    rows = group_rows(batches(many(9000, 10), 500), tmp_path, memory=300_000)
    assert rows_of(next(rows))[0][0] == b"p0"
    rows.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def in_parent_order(keys: list[bytes], size: int) -> bool:
    order = ParentOrder()
    for at in range(0, len(keys), size):
        order.see(keys[at : at + size])
    return order.in_order


@pytest.mark.parametrize(
    ("keys", "in_order"),
    [
        ([], True),
        (["a", "a", "b", "b"], True),
        (["", "", "a"], True),
        (["9", "9", "10", "11", "100"], True),
        (["10", "100", "11", "9"], True),
        (["a", "b", "a"], False),
        (["b", "a"], False),
        (["a", ""], False),
        (["9", "10", "1"], False),
    ],
)
def test_rows_in_order_of_their_parents_are_recognised(keys: list[str], in_order: bool) -> None:
    """By text or by number; whatever is recognised has the rows of each parent together."""
    for size in (1, 2, 100):
        assert in_parent_order([key.encode() for key in keys], size) is in_order


@given(keys=st.lists(st.sampled_from([b"", b"a", b"b", b"ab", b"9", b"10"]), max_size=12))
def test_what_is_recognised_as_in_order_is_grouped(keys: list[bytes]) -> None:
    """No parent's rows are in two places."""
    if in_parent_order(keys, 3):
        changes = [key for at, key in enumerate(keys) if not at or keys[at - 1] != key]
        assert len(changes) == len(set(changes))


@pytest.mark.parametrize(("many", "at_once"), [(100, 1_200_000), (1_000, 6_000_000)])
def test_long_rows_are_given_out_few_at_a_time(tmp_path: Path, many: int, at_once: int) -> None:
    """A row may have a hundred kilobytes: memory is counted in bytes, not in rows. From memory, and of one parent and many by way of
    the disk."""
    rows = ((b"p%d" % (n % 2 or n % 97), n, n, b"x" * 60_000) for n in range(many))
    tracemalloc.start()
    try:
        records = []
        for batch in group_rows(batches(rows, 20), tmp_path, memory=8_000_000):
            assert len(batch.written(0, batch.rows, b"\n")) < at_once
            records += [batch.record(at) for at in range(batch.rows)]
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sorted(records) == list(range(many))
    assert most < 40_000_000
