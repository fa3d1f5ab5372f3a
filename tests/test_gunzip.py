"""gzip read to its last byte, by both libraries: members, cuts, checksums, garbage, bombs."""

from __future__ import annotations

import gzip
import importlib
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan import gunzip
from loadplan.gunzip import BLOCK, Gunzip, GzipError, compressor

TEXT = b"".join(b'"%d","row %d"\n' % (i, i * i) for i in range(60_000))
ZIPPED = gzip.compress(TEXT, 6)


@pytest.fixture(params=["zlib", "isal"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Each test runs with either library; they must agree."""
    module = zlib if request.param == "zlib" else importlib.import_module("isal.isal_zlib")
    monkeypatch.setattr(gunzip, "_library", lambda: module)
    return module


def unzipped(data: bytes, size: int = 1 << 16) -> bytes:
    """`data` fed in pieces."""
    stream = Gunzip()
    plain: list[bytes] = []
    for at in range(0, len(data), size):
        plain += stream.feed(data[at : at + size])
    return b"".join([*plain, *stream.finish()])


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_a_whole_stream_comes_out_as_it_went_in(library: Any, size: int) -> None:
    """However it is cut into pieces on the way."""
    data = ZIPPED if size > 7 else gzip.compress(TEXT[:5000])
    assert unzipped(data, size) == (TEXT if size > 7 else TEXT[:5000])


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
def test_several_members_are_one_text(library: Any, size: int) -> None:
    """Compressors that work in parallel write such files; an empty member is one too."""
    members = gzip.compress(b"one\n") + gzip.compress(b"") + gzip.compress(b"two\n")
    assert unzipped(members, size) == b"one\ntwo\n"


def test_nothing_at_all_is_whole(library: Any) -> None:
    """An answer without a body has no member."""
    assert unzipped(b"") == b""


@pytest.mark.parametrize("kept", [1, 9, 10, 12, len(ZIPPED) // 2, len(ZIPPED) - 8, len(ZIPPED) - 1])
def test_a_stream_that_is_cut_anywhere_is_told(library: Any, kept: int) -> None:
    """In the member's header, in its data, in its checksum."""
    with pytest.raises(GzipError, match="cut short"):
        unzipped(ZIPPED[:kept])


def test_a_second_member_that_is_cut_is_told(library: Any) -> None:
    """The first one is whole, and still the text is not."""
    with pytest.raises(GzipError, match="cut short"):
        unzipped(gzip.compress(b"one\n") + ZIPPED[:-1])


@pytest.mark.parametrize("at", [-1, -5, -8])
def test_a_wrong_checksum_or_length_is_told(library: Any, at: int) -> None:
    """The last eight bytes are the CRC and the length of the plain text."""
    data = bytearray(ZIPPED)
    data[at] ^= 1
    with pytest.raises(GzipError, match="damaged"):
        unzipped(bytes(data))


@pytest.mark.parametrize("more", [b"\0", b"\0" * 512, b"more", b"\x1f", b"\x1f\x8b"])
@pytest.mark.parametrize("size", [5, 1 << 20])
def test_bytes_behind_the_last_member_are_told(library: Any, more: bytes, size: int) -> None:
    """Padding, text, the beginning of another member: nothing may follow."""
    with pytest.raises(GzipError, match=r"follow the end|cut short"):
        unzipped(gzip.compress(b"one\n") + more, size)


def test_what_expands_a_thousand_times_comes_in_small_blocks(library: Any) -> None:
    """The receiver can stop at its own limit: never more than a block is unpacked at once."""
    stream, sizes = Gunzip(), []
    bomb = gzip.compress(b"\0" * 20_000_000, 9)
    for at in range(0, len(bomb), 1 << 16):
        sizes += [len(block) for block in stream.feed(bomb[at : at + (1 << 16)])]
    sizes += [len(block) for block in stream.finish()]
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= BLOCK


def test_written_gzip_names_no_file_and_no_time(library: Any) -> None:
    """The same text makes the same bytes today and tomorrow, and any gunzip reads them."""
    made = []
    for _ in range(2):
        pack = compressor()
        made.append(pack.compress(TEXT) + pack.flush())
    assert made[0] == made[1]
    assert made[0][:4] == b"\x1f\x8b\x08\0"
    assert made[0][4:8] == b"\0\0\0\0"
    assert gzip.decompress(made[0]) == TEXT


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 5000), st.data())
def test_one_byte_less_or_another_byte_is_never_taken(parts: list[bytes], size: int, data: st.DataObject) -> None:
    """Any cut is told; any flipped bit is told or lies in a header field that holds no text."""
    whole = b"".join(gzip.compress(p, mtime=0) for p in parts)
    assert unzipped(whole, size) == b"".join(parts)
    if not whole:
        return
    ends = {0}
    for part in parts:
        ends.add(max(ends) + len(gzip.compress(part, mtime=0)))
    kept = data.draw(st.integers(0, len(whole) - 1))
    if kept not in ends:
        with pytest.raises(GzipError):
            unzipped(whole[:kept], size)
    flipped = bytearray(whole)
    flipped[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert unzipped(bytes(flipped), size) == b"".join(parts)
    except GzipError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
