"""Rows at rest in a file beside an index of where each ends, so that any page of them is a range of bytes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

_WIDTH = 8


class Spool:
    """Rows of text, each with its own ending. Written once from the start, then read by ranges."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = path.with_suffix(".ends")
        self._size = 0

    def clear(self) -> None:
        """Begin anew."""
        self.path.write_bytes(b"")
        self._index.write_bytes(b"")
        self._size = 0

    def add(self, rows: Sequence[str]) -> int:
        """Add rows; answers how many bytes they take."""
        text = "".join(rows)
        data = text.encode()
        sizes = map(len, rows) if len(data) == len(text) else (len(row.encode()) for row in rows)
        ends = array("Q", list(accumulate(sizes, initial=self._size))[1:])
        with self.path.open("ab") as file:
            file.write(data)
        with self._index.open("ab") as file:
            ends.tofile(file)
        self._size += len(data)
        return len(data)

    def range(self, start: int, count: int) -> tuple[int, int]:
        """(first byte, bytes) of `count` rows from row `start` on; fewer at the end."""
        with self._index.open("rb") as file:
            rows = file.seek(0, 2) // _WIDTH
            last = min(start + count, rows)
            if start >= last:
                return 0, 0
            first = _end(file, start - 1) if start else 0
            return first, _end(file, last - 1) - first


def _end(file: BinaryIO, row: int) -> int:
    found = array("Q")
    file.seek(row * _WIDTH)
    found.fromfile(file, 1)
    return found[0]
