"""Two ways to find even records, one truth: the records of a CSV reader, whatever the blocks they come in."""

from __future__ import annotations

import csv
import io
from array import array
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loadplan.sources import evenlines
from loadplan.sources.evenarrays import ArrayLines
from loadplan.sources.evenlines import Batch, EvenLines, Lines, lines_of
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content, total
from loadplan.sources.rawrecords import LONGEST, RawRecords, TooLongError, field_splitter, unquoted

WAYS = pytest.mark.parametrize("way", [EvenLines, ArrayLines])
CELL = st.sampled_from(
    ["", "a", "bb", "a,b", 'say "x"', '"', "l1\nl2", "x,y,z\n1,2,3", "\n", '","', '"\n"', "Ž", "c" * 40]
)
STYLES = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])


def written(rows: list[list[str]], styles: list[int], ending: str) -> bytes:
    out = io.StringIO(newline="")
    for row, style in zip(rows, styles * len(rows), strict=False):
        csv.writer(out, lineterminator=ending, quoting=style).writerow(row)  # type: ignore[arg-type]
    return out.getvalue().encode()


def collected(
    lines: Lines, data: bytes, size: int, at: int, width: int
) -> tuple[Counter[bytes], Counter[bytes], bytes, int]:
    """Values of one cell, names of whole rows, the bytes taken, and the records."""
    fields = field_splitter(b",", width)
    values: Counter[bytes] = Counter()
    names: Counter[bytes] = Counter()
    taken, count = b"", 0
    batches = [(lines.feed(data[i : i + size]), lines.taken) for i in range(0, len(data), size)]
    batches.append((lines.end(), lines.taken))
    for batch, piece in batches:
        if not batch.count:
            continue
        others = [fields(record) for record in batch.others]
        assert None not in others
        values.update(batch.values(at) + [unquoted(o[at]) for o in others if o])
        names.update(batch.contents(0) + [content([unquoted(c) for c in o]) for o in others if o])
        same_hashes(batch, width)
        ends = batch.ends()
        assert len(ends) == batch.count
        assert batch.longest <= len(piece) + 1  # a last record is given its line end
        for start, end in zip([0, *ends], ends, strict=False):
            whole = RawRecords()
            assert len(whole.feed(piece[start:end]) + whole.end()) == 1
        taken, count = taken + piece, count + batch.count
    assert not lines.ends_open
    return values, names, taken, count


def same_hashes(batch: Batch, width: int) -> None:
    """Keys and names that are only hashed are those that are handed out."""
    for at in range(width):
        pairs = (batch.keys(at), batch.values(at)), (batch.content_keys(at), batch.contents(at))
        for keys, texts in pairs:
            assert len(keys) == len(texts)
            assert (keys.total() - total(texts)) % (1 << 64) == 0
            assert Counter(array("Q", keys.exact())) == Counter(map(hash64, texts))
            sizes = [len(text) for text in texts]
            assert (keys.shortest, keys.longest) == (min(sizes, default=0), max(sizes, default=0))


@settings(deadline=None, max_examples=300)
@given(
    rows=st.integers(1, 3).flatmap(lambda w: st.lists(st.lists(CELL, min_size=w, max_size=w), min_size=1, max_size=9)),
    styles=st.lists(STYLES, min_size=1, max_size=3),
    size=st.integers(1, 60),
    at=st.integers(0, 2),
    crlf=st.booleans(),
    ended=st.booleans(),
)
@example(rows=[["a", "x,y\nb"], ["c", "d"]], styles=[csv.QUOTE_MINIMAL], size=60, at=0, crlf=False, ended=True)
@WAYS
def test_every_record_is_found_however_it_is_quoted(
    way: type[Lines], rows: list[list[str]], styles: list[int], size: int, at: int, crlf: bool, ended: bool
) -> None:
    """Cells that hold delimiters, quotes, line breaks and whole rows included."""
    rows = [row if row != [""] else ["e"] for row in rows]  # an empty row of one cell is a blank line
    ending = "\r\n" if crlf else "\n"
    data = written(rows, styles, ending)
    if not ended:
        data = data.removesuffix(ending.encode())
    width = len(rows[0])
    at = min(at, width - 1)
    values, names, taken, count = collected(way(b",", width, crlf=crlf), data, size, at, width)
    assert values == Counter(row[at].encode() for row in rows)
    assert names == Counter(content([cell.encode() for cell in row]) for row in rows)
    assert (taken, count) == (data, len(rows))


@settings(deadline=None, max_examples=300)
@given(
    data=st.text(st.sampled_from('a",\n\r'), max_size=60).map(str.encode), width=st.integers(1, 3), crlf=st.booleans()
)
@WAYS
def test_what_is_called_even_has_one_reading(way: type[Lines], data: bytes, width: int, crlf: bool) -> None:
    """Of any bytes: a batch's even cells are those of the strict field splitter, and it loses no record."""
    lines, fields = way(b",", width, crlf=crlf), field_splitter(b",", width)
    batch, piece = lines.feed(data), lines.taken
    records = RawRecords().feed(piece)
    assert batch.count == len(records)
    cut = [record.removesuffix(b"\r") if crlf else record for record in records]
    assert not Counter(batch.others) - Counter(cut)
    even = list((Counter(cut) - Counter(batch.others)).elements())
    cells = [fields(record) for record in even]
    assert None not in cells
    for at in range(width):
        assert Counter(batch.values(at)) == Counter(unquoted(c[at]) for c in cells if c)
    assert Counter(batch.contents(0)) == Counter(content([unquoted(f) for f in c]) for c in cells if c)
    same_hashes(batch, width)


@WAYS
def test_plain_rows_are_even(way: type[Lines]) -> None:
    """Both ways find nearly all rows of ordinary files: that is what they are for."""
    bare = b"".join(b"%d,name %d,x\n" % (i, i) for i in range(1000))
    full = b"".join(b'"%d","name %d","x"\n' % (i, i) for i in range(1000))
    odd = b'7,"a ""b""",c\n'
    assert way(b",", 3).feed(bare + odd + bare).others == [odd[:-1]]
    assert way(b",", 3).feed(full + odd + full).others == [odd[:-1]]
    assert way(b",", 3, crlf=True).feed(full.replace(b"\n", b"\r\n")).others == []
    assert way(b",", 3, crlf=True).feed(bare.replace(b"\n", b"\r\n")).others == []


@WAYS
def test_a_quote_that_is_never_closed_is_not_read_for_ever(way: type[Lines]) -> None:
    """Nor is it taken for a record."""
    lines = way(b",", 2)
    assert lines.feed(b'1,"a\n2,b\n').count == 0
    assert lines.end().count == 0
    assert lines.ends_open
    lines = way(b",", 2)
    with pytest.raises(TooLongError):
        lines.feed(b'1,"' + b"a\n" * LONGEST)


def test_without_numpy_and_for_little_texts_bytes_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `fast` is a matter of speed only."""
    assert isinstance(lines_of(b",", 2, size=evenlines.MUCH), ArrayLines)
    assert isinstance(lines_of(b",", 2, size=1000), EvenLines)
    monkeypatch.setitem(__import__("sys").modules, "loadplan.sources.evenarrays", None)
    assert isinstance(lines_of(b",", 2, size=evenlines.MUCH), EvenLines)
