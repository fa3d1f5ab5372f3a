"""Plainscan: one fast pass over a CSV file that needs no second look, or the word that it does.

It never reports a problem and never repairs one: whatever it does not like (a ragged row, a stray quote, a mixed line
ending, bytes that are not UTF-8, an empty or perhaps repeated key) makes it give up, and the careful reader judges the
file. So what it accepts must be beyond doubt; a property test holds it to that.

In the same pass the file is hashed and, where it can be sent as it stands, cut into the ranges that are its parts.
"""

from __future__ import annotations

import codecs
import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.lean import dataclass
from loadplan.sources.base import InputDigest, Range
from loadplan.sources.evenlines import Batch, lines_of
from loadplan.sources.hasher import Hasher
from loadplan.sources.keybag import KeyBag
from loadplan.sources.keys import Keys
from loadplan.sources.names import content, total, written
from loadplan.sources.rawrecords import RawRecords, TooLongError, field_splitter, first_record_end, unquoted
from loadplan.sources.rowcode import RowFaultError

if TYPE_CHECKING:
    from hashlib import _Hash

    from loadplan.sources.rawshape import RawShape

BLOCK = 1 << 19
"""Bytes looked at at once: small enough for a processor's cache."""
PIECE = 1 << 13
BOM = codecs.BOM_UTF8
LONGEST_FIELD = 131_072
"""Bytes; a record no longer than Salesforce's longest field keeps every limit of the careful reader."""


ID_LENGTH = 18


class NotPlainError(Exception):
    """The careful reader has to look."""


class RepeatsError(Exception):
    """Nothing is in doubt but keys that may stand twice: what `scan` would have returned, and the keys."""

    def __init__(self, digest: InputDigest, sent: int, keys: KeyBag) -> None:
        super().__init__("keys may stand twice")
        self.digest, self.sent, self.keys = digest, sent, keys


@dataclass(frozen=True)
class Wanted:
    """What the pass is for. `header` are the source's column names as the careful reader read them; `key` the index of
    the key column, `by_key` whether rows are named by it, `ids` whether keys are Salesforce ids (then compared exactly, else
    without case), `unique` whether two rows may not have the same one. `prefix` is the header record as it is sent, None
    when the file cannot be sent as it stands; then there are no ranges. `max_rows` and `max_bytes` (prefix included) cap
    them. With a `shape` every row is shaped, to see which are sent (at most `limit`) and with which key."""

    header: tuple[str, ...]
    delimiter: str
    key: int | None
    by_key: bool
    ids: bool
    prefix: bytes | None
    line_ending: str
    max_rows: int
    max_bytes: int
    unique: bool = True
    limit: int | None = None
    shape: RawShape | None = None


def scan(path: Path, wanted: Wanted) -> tuple[InputDigest, int]:
    """Digest, rows and ranges of the file, and how many of its rows are sent. Raises NotPlainError; RepeatsError when
    nothing but its keys is in doubt; OSError when it cannot be read."""
    with path.open("rb", buffering=0) as file, Hasher() as hasher:
        try:
            return _Scan(wanted, hasher, path.stat().st_size).run(iter(lambda: file.read(BLOCK), b""))
        except (TooLongError, UnicodeDecodeError):
            raise NotPlainError from None


@dataclass
class _Open:
    """The range that is being filled."""

    start: int
    first: int
    hasher: _Hash
    rows: int = 0
    names: int = 0
    size: int = 0


class _Scan:
    def __init__(self, wanted: Wanted, hasher: Hasher, size: int) -> None:
        self._wanted = wanted
        self._hasher = hasher
        self._whole = hashlib.sha256()
        self._delimiter = wanted.delimiter.encode()
        self._width = len(wanted.header)
        self._fields = field_splitter(self._delimiter, self._width)
        self._bag = KeyBag()
        self._kind = "key" if wanted.by_key else "row"
        self._size = size
        self._position = 0
        self._rows = self._selected = 0
        self._crlf = False
        self._ranges: list[Range] = []
        self._range: _Open | None = None
        self._room = wanted.max_bytes - len(wanted.prefix or b"")

    def run(self, blocks: Iterator[bytes]) -> tuple[InputDigest, int]:
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        lines = None
        for block in blocks:
            self._check_text(block, decoder)
            if lines is None:
                block = self._take_header(self._without_bom(block))
                lines = self._lines
            batch = lines.feed(block)
            self._piece(batch, lines.taken)
        decoder.decode(b"", final=True)
        if lines is None:
            raise NotPlainError
        last = lines.end()
        if lines.ends_open:
            raise NotPlainError
        self._room -= 2  # a last record without its newline is given one when it is sent
        self._piece(last, lines.taken)
        if not self._rows:
            raise NotPlainError
        self._close_range(tail=bool(last.count))
        self._hasher.join()
        whole = self._whole.hexdigest()
        prefix = (self._wanted.prefix or b"").decode()
        digest = InputDigest(whole, self._position, self._rows, tuple(self._ranges), prefix, plain=True)
        sent = self._rows if self._wanted.shape is None else self._selected
        if self._wanted.unique and self._bag.has_repeats:
            raise RepeatsError(digest, sent, self._bag)
        return digest, sent

    def _check_text(self, block: bytes, decoder: codecs.IncrementalDecoder) -> None:
        if b"\0" in block:
            raise NotPlainError
        if block.isascii() and not decoder.getstate()[0]:
            return
        # In small pieces: most of them are ASCII, and decoding one takes no memory worth naming.
        for at in range(0, len(block), PIECE):
            piece = block[at : at + PIECE]
            if not piece.isascii() or decoder.getstate()[0]:
                decoder.decode(piece)

    def _without_bom(self, block: bytes) -> bytes:
        if not block.startswith(BOM):
            return block
        self._whole.update(BOM)
        self._position = len(BOM)
        return block[len(BOM) :]

    def _piece(self, batch: Batch, piece: bytes) -> None:
        """Records and the bytes they stand in."""
        if not batch.count:
            return
        if self._crlf:
            # A line break inside quotes could be either kind: the careful reader knows.
            ends = batch.count if piece.endswith(b"\n") else batch.count - 1
            if not (piece.count(b"\r") == piece.count(b"\r\n") == piece.count(b"\n") == ends):
                raise NotPlainError
        elif b"\r" in piece:
            raise NotPlainError
        if batch.longest > LONGEST_FIELD or batch.longest + 2 > self._room or b"" in batch.others:
            raise NotPlainError
        self._distribute(batch, piece)

    def _take_header(self, block: bytes) -> bytes:
        """What stands behind the header in the first block."""
        size = first_record_end(block)
        record, piece = block[: size - 1], block[:size]
        self._crlf = record.endswith(b"\r")
        cells = self._fields(record[:-1] if self._crlf else record) if size else None
        if cells is None or tuple(unquoted(c).decode() for c in cells) != self._wanted.header:
            raise NotPlainError
        if ("\r\n" if self._crlf else "\n") != self._wanted.line_ending:
            self._wanted = replace(self._wanted, prefix=None)  # it cannot be sent as it stands
        self._hasher.update(piece, self._whole)
        self._position += len(piece)
        self._open_range()
        self._lines = lines_of(self._delimiter, self._width, size=self._size, crlf=self._crlf)
        return block[size:]

    # -- ranges ----------------------------------------------------------------------------------------------------

    def _distribute(self, batch: Batch, piece: bytes) -> None:
        """The records into the open range, and into further ones where it is full."""
        while True:
            now = self._range
            assert now is not None
            if now.rows + batch.count <= self._wanted.max_rows and now.size + len(piece) <= self._room:
                self._take(now, batch, piece)
                return
            ends = batch.ends()
            count = min(bisect_right(ends, self._room - now.size), self._wanted.max_rows - now.rows)
            if count:
                size = ends[count - 1]
                self._take(now, self._lines.again(piece[:size]), piece[:size])
                piece = piece[size:]
                batch = self._lines.again(piece)
            self._close_range(tail=False)
            self._open_range()
            if not batch.count:
                return

    def _take(self, now: _Open, batch: Batch, piece: bytes) -> None:
        now.names += self._judge(batch, piece)
        now.rows += batch.count
        now.size += len(piece)
        self._rows += batch.count
        self._position += len(piece)
        self._hasher.update(piece, self._whole, now.hasher)

    def _open_range(self) -> None:
        self._range = _Open(self._position, self._rows + 1, hashlib.sha256(self._wanted.prefix or b""))

    def _close_range(self, *, tail: bool) -> None:
        now, prefix = self._range, self._wanted.prefix
        self._range = None
        if now is None or not now.rows or prefix is None:
            return
        end = self._wanted.line_ending.encode() if tail else b""
        self._hasher.update(end, now.hasher)
        self._hasher.join()
        self._ranges.append(
            Range(
                now.start, now.start + now.size, now.first, now.rows, len(prefix) + now.size + len(end),
                now.hasher.hexdigest(), written(self._kind, now.names),
            )
        )  # fmt: skip

    # -- rows ------------------------------------------------------------------------------------------------------

    def _judge(self, batch: Batch, piece: bytes) -> int:
        """The sum of the records' names. Raises NotPlainError for a record that is not beyond doubt."""
        if self._wanted.shape is not None:
            self._judge_shaped(piece, self._wanted.shape)
            return 0
        key = self._wanted.key
        others = list(self._cells_of(batch.others))
        if key is not None:
            sum_of_keys = self._see_keys(batch.keys(key))
            if others:
                sum_of_keys += self._see_keys(Keys([unquoted(cells[key]) for cells in others]))
            if self._wanted.by_key:
                return sum_of_keys
        names = batch.content_keys(0).total()
        return names + total(content([unquoted(c) for c in cells]) for cells in others)

    def _cells_of(self, records: list[bytes]) -> Iterator[list[bytes]]:
        for record in records:
            cells = self._fields(record)
            if cells is None:
                raise NotPlainError
            yield cells

    def _judge_shaped(self, piece: bytes, shape: RawShape) -> None:
        at, column, limit = shape.key_index, shape.key_column, self._wanted.limit
        keys: list[bytes] = []
        splitter = RawRecords()
        for record in splitter.feed(piece) + splitter.end():
            fields = self._fields(record.removesuffix(b"\r"))
            if fields is None:
                raise NotPlainError
            if limit is not None and self._selected >= limit:
                continue
            try:
                sent = shape.apply(fields)
            except RowFaultError:
                raise NotPlainError from None
            if sent is None:
                continue
            self._selected += 1
            if at is not None:
                keys.append(unquoted(sent[at]))
            elif column is not None:
                keys.append(unquoted(fields[column]))
        if at is not None or column is not None:
            self._see_keys(Keys(keys))

    def _see_keys(self, keys: Keys) -> int:
        """Remember them. The sum of their hashes, when rows are named by them."""
        if not len(keys):
            return 0
        if not keys.shortest:
            raise NotPlainError
        if not self._wanted.ids:
            self._bag.update_hashes(keys.without_case())
        elif not keys.shortest == keys.longest == ID_LENGTH:
            raise NotPlainError  # 15 and 18 characters may be one record
        else:
            self._bag.update_hashes(keys.exact())
        return keys.total() if self._wanted.by_key else 0
