"""Plainrepeats: the rows of a file that is beyond doubt whose keys may stand twice, found in a second pass over its bytes.

Only for a file that the fast pass has walked to its end (`plainscan.py`): records are split without judging them again, and
only those whose key is suspect are decoded. With numpy a block is looked at in one go (`suspectblocks.py`), here one record at a time;
both find the same. It decides nothing about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Set
from itertools import chain, compress
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.sources.evenlines import lines_of
from loadplan.sources.hasher import Hasher
from loadplan.sources.hashing import folded, hash64
from loadplan.sources.plainscan import BOM, Wanted
from loadplan.sources.rawrecords import RawRecords, field_splitter, first_record_end, unquoted
from loadplan.sources.selection import SelectedRow

if TYPE_CHECKING:
    from loadplan.sources.rawshape import RawShape

BLOCK = 1 << 20
"""Bytes looked at at once. Little is done to them, so that larger blocks than those of the first pass cost least."""


class SuspectRows:
    """Iterate once: the rows whose compared key has one of the hashes `suspects`, in order, with their lines and without their
    cells (a row that is not sent has no key). Then `sha256` is that of the whole file. Raises what reading raises, and
    ValueError when the file is another one by now and no longer beyond doubt."""

    def __init__(self, path: Path, wanted: Wanted, suspects: Set[int]) -> None:
        self._path, self._wanted, self.suspects = path, wanted, suspects
        self._delimiter = wanted.delimiter.encode()
        self._fields = field_splitter(self._delimiter, len(wanted.header))
        self._whole = hashlib.sha256()
        self._selected = 0

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._whole.hexdigest()

    def __iter__(self) -> Iterator[SelectedRow]:
        with self._path.open("rb", buffering=0) as file, Hasher() as hasher:
            blocks = self._blocks(file.read, hasher)
            first = next(blocks, b"")
            size = first_record_end(first)
            # Without its header in the first block it is another file than the fast pass has walked.
            if size and self._wanted.shape is None:
                yield from self._in_blocks(first[:size], first[size:], blocks)
            else:
                yield from self._one_by_one(chain([first], blocks))
            hasher.join()

    def _blocks(self, read: Callable[[int], bytes], hasher: Hasher) -> Iterator[bytes]:
        """All of the file, but for its BOM."""
        block = read(BLOCK)
        hasher.update(block, self._whole)
        yield block.removeprefix(BOM)
        while block := read(BLOCK):
            hasher.update(block, self._whole)
            yield block

    def _in_blocks(self, header: bytes, first: bytes, blocks: Iterator[bytes]) -> Iterator[SelectedRow]:
        """With numpy, if the file is of a size that is worth it."""
        crlf = header.endswith(b"\r\n")
        lines = lines_of(self._delimiter, len(self._wanted.header), size=self._path.stat().st_size, crlf=crlf)
        if not lines.has_places:
            yield from self._one_by_one(chain([header + first], blocks))
            return
        from loadplan.sources.suspectblocks import SuspectBlocks

        cell, above = self._wanted.key or 0, 1 + header.count(b"\n")
        found = SuspectBlocks(lines, cell, self.suspects, lambda record: self._cell(record, cell), ids=self._wanted.ids)
        for record, line, key in found.find(chain([first], blocks)):
            yield SelectedRow(record + 1, above + line, key.decode(), [])

    def _one_by_one(self, blocks: Iterator[bytes]) -> Iterator[SelectedRow]:
        line, number = 1, 0  # the header is on line 1 and is no record
        for records in self._records(blocks):
            if number == 0 and line == 1 and records:
                line += _lines(records[:1])
                records = records[1:]
            keys = self._keys(records)
            names = keys if self._wanted.ids else folded(keys)
            passed = 0
            for i in compress(range(len(names)), map(self.suspects.__contains__, map(hash64, names))):
                line += _lines(records[passed:i])
                passed = i
                yield SelectedRow(number + i + 1, line, keys[i].decode(), [])
            line += _lines(records[passed:])
            number += len(records)

    def _records(self, blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
        splitter = RawRecords()
        for block in blocks:
            records = splitter.feed(block)
            if records and records[0].endswith(b"\r"):
                records = [record.removesuffix(b"\r") for record in records]
            yield records
        yield splitter.end()

    def _keys(self, records: list[bytes]) -> list[bytes]:
        """One key a record; none (b"") for a record that is not sent."""
        if self._wanted.shape is not None:
            return [self._shaped_key(record, self._wanted.shape) for record in records]
        key, delimiter = self._wanted.key or 0, self._delimiter
        if key == 0:
            keys = [record.partition(delimiter)[0] for record in records]
            quoted = [i for i, cell in enumerate(keys) if b'"' in cell] if b'"' in b"".join(keys) else []
        else:
            try:
                keys = [record.split(delimiter, key + 1)[key] for record in records]
            except IndexError:
                raise ValueError(f"a record of {self._path} no longer has {len(self._wanted.header)} fields") from None
            quoted = [i for i, record in enumerate(records) if b'"' in record]
        for i in quoted:
            keys[i] = self._cell(records[i], key)
        return keys

    def _cell(self, record: bytes, at: int) -> bytes:
        return unquoted(self._split(record)[at])

    def _shaped_key(self, record: bytes, shape: RawShape) -> bytes:
        if self._wanted.limit is not None and self._selected >= self._wanted.limit:
            return b""
        fields = self._split(record)
        sent = shape.apply(fields)
        if sent is None:
            return b""
        self._selected += 1
        if shape.key_index is not None:
            return unquoted(sent[shape.key_index])
        return unquoted(fields[shape.key_column]) if shape.key_column is not None else b""

    def _split(self, record: bytes) -> list[bytes]:
        fields = self._fields(record)
        if fields is None:
            raise ValueError(f"a record of {self._path} no longer has {len(self._wanted.header)} fields")
        return fields


def _lines(records: list[bytes]) -> int:
    """How many lines of the file they take."""
    return len(records) + b"".join(records).count(b"\n")
