"""Copy arrays: the same bytes as slices of the text make, and not one beside them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="the extra `fast` is not installed")

from loadplan.sources.copyarrays import joined, put  # noqa: E402

SIZES = st.one_of(
    st.integers(0, 3), st.integers(0, 40), st.integers(100, 200), st.sampled_from((0, 1, 255, 256, 4095, 4096, 9000))
)
TEXT = bytes(i * 7 % 251 for i in range(20_000))


@st.composite
def stretches(draw: st.DrawFn, count: int) -> tuple[Any, Any]:
    """Where pieces of TEXT begin and end: of any sizes, or of about one."""
    one = draw(st.integers(0, 120))
    sizes = draw(st.lists(st.one_of(SIZES, st.integers(one, one + 9)), min_size=count, max_size=count))
    left = [draw(st.integers(0, len(TEXT) - size)) for size in sizes]
    return np.array(left, np.int64), np.array(left, np.int64) + np.array(sizes, np.int64)


@st.composite
def rows(draw: st.DrawFn) -> tuple[list[Any], int, dict[int, bytes]]:
    count = draw(st.integers(0, 40))
    pieces = draw(st.lists(st.one_of(stretches(count), st.binary(max_size=5)), max_size=4))
    places = draw(st.sets(st.integers(0, count - 1), max_size=5)) if count else set()
    return pieces, count, {place: draw(st.binary(max_size=9)) for place in places}


@given(rows())
def test_rows_are_the_bytes_of_their_pieces(case: tuple[list[Any], int, dict[int, bytes]]) -> None:
    pieces, count, odd = case
    want = [
        odd[row] if row in odd
        else b"".join(p if isinstance(p, bytes) else TEXT[int(p[0][row]) : int(p[1][row])] for p in pieces)
        for row in range(count)
    ]  # fmt: skip
    assert joined(TEXT, pieces, np.array([len(row) for row in want], np.int64), odd) == b"".join(want)


@given(st.integers(0, 60).flatmap(stretches), st.randoms())
def test_a_copy_touches_no_byte_beside_its_piece(case: tuple[Any, Any], random: Any) -> None:
    """With a byte between two of them, and in any order."""
    left, right = case
    order = list(range(len(left)))
    random.shuffle(order)
    where = np.zeros(len(left), np.int64)
    want = bytearray(b"\xff")
    for at in order:
        where[at] = len(want)
        want += TEXT[int(left[at]) : int(right[at])] + b"\xff"
    out = np.full(len(want), 255, np.uint8)
    put(out, where, TEXT, left, right)
    assert out.tobytes() == want


def test_a_piece_may_be_all_of_the_text() -> None:
    nine = np.zeros(20, np.int64)
    assert joined(b"123456789", [(nine, nine + 9)], nine + 9) == b"123456789" * 20
    assert joined(b"", [(nine, nine), b""], nine) == b""


def test_rows_that_are_all_odd_need_no_room_for_what_the_others_share() -> None:
    assert joined(b"", [b"Customer,"], np.array([1, 0], np.int64), {0: b"x", 1: b""}) == b"x"
