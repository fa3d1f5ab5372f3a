"""The hashes of many pieces of a text are those of each, bit for bit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from loadplan.sources.arrays import np
from loadplan.sources.hasharrays import LONGEST, hash_all
from loadplan.sources.hashing import folded
from xxhash import xxh3_64_intdigest

BYTES = bytes(range(256))


def _hashes(pieces: list[bytes], *, fold: bool = False) -> list[int]:
    text, right = b"".join(pieces), np.cumsum([len(piece) for piece in pieces])
    left = right - [len(piece) for piece in pieces]
    found: list[int] = hash_all(text, left, right, fold=fold).tolist()
    return found


def test_pieces_of_every_length_that_is_hashed_in_one_go() -> None:
    """And of some lengths beyond, all in one text and each length by itself."""
    for times in (1, 7):
        pieces = [(BYTES * 2)[i : i + size] for size in range(LONGEST + 4) for i in range(times)]
        assert _hashes(pieces) == [xxh3_64_intdigest(piece) for piece in pieces]
    for size in range(LONGEST + 4):
        pieces = [(BYTES * 2)[3 * i : 3 * i + size] for i in range(5)]
        assert _hashes(pieces) == [xxh3_64_intdigest(piece) for piece in pieces]


@given(st.lists(st.binary(max_size=200), max_size=12))
def test_any_pieces(pieces: list[bytes]) -> None:
    """Of any bytes, in any order of their lengths."""
    assert _hashes(pieces) == [xxh3_64_intdigest(piece) for piece in pieces]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40), max_size=12))
def test_pieces_that_are_compared_without_case(texts: list[str]) -> None:
    """Letters of ASCII in bulk, all others as Python folds them."""
    pieces = [text.encode() for text in texts]
    assert _hashes(pieces, fold=True) == [xxh3_64_intdigest(piece) for piece in folded(pieces)]


def test_every_byte_of_ascii_without_case() -> None:
    """Only letters change."""
    pieces = [bytes([i]) * size for i in range(128) for size in (1, 5, 9, 20)]
    assert _hashes(pieces, fold=True) == [xxh3_64_intdigest(piece.lower()) for piece in pieces]
