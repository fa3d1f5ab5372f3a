"""Spool: what does not fit in memory, as blocks of bytes filed under small numbers, in one nameless file.

The file has no name, so that nothing is left of it when the process dies. It decides nothing about what is in a block;
`pack` and `unpack` are the one layout its users share: columns of numbers, then columns of texts.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from types import TracebackType

from loadplan.durable import local_error, make_private


class Spool:
    """Blocks by number. Raises LocalError (exit 9) when the disk refuses. Close it, or use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when missing; the file lives on its disk."""
        self._folder = folder
        self._places: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        make_private(folder)
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise local_error(error, folder) from error
        self.bytes = 0

    def put(self, number: int, block: bytes) -> None:
        """File `block` under `number`, after those already there."""
        try:
            self._file.write(block)
        except OSError as error:
            raise local_error(error, self._folder) from error
        self._places[number].append((self.bytes, len(block)))
        self.bytes += len(block)

    def count(self, number: int) -> int:
        """How many blocks are filed under `number`."""
        return len(self._places[number])

    def blocks(self, number: int) -> Iterator[bytes]:
        """The blocks filed under `number`, in the order they were put. Several walks may be under way at once."""
        try:
            self._file.flush()
            for at, size in self._places[number]:
                block = os.pread(self._file.fileno(), size, at)
                if len(block) != size:
                    raise OSError(5, "the file is shorter than what was written to it")
                yield block
        except OSError as error:
            raise local_error(error, self._folder) from error

    def forget(self, first: int) -> None:
        """Empty the numbers from `first` on; the bytes stay on disk until the spool is closed."""
        for number in [n for n in self._places if n >= first]:
            del self._places[number]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # bytes that no longer fit are bytes nobody will read
            self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def pack(numbers: Sequence[array[int]], texts: Sequence[Sequence[bytes]]) -> bytes:
    """Columns of one length, at least one of each kind, as one block."""
    pieces = [array("Q", [len(numbers[0])]).tobytes(), *(column.tobytes() for column in numbers)]
    for column in texts:
        pieces.append(array("I", map(len, column)).tobytes())
        pieces.extend(column)
    return b"".join(pieces)


def unpack(block: bytes, codes: str, texts: int) -> tuple[list[array[int]], list[list[bytes]]]:
    """The columns of a packed block. `codes` are the array codes of the numbers, one each; `texts` counts the others."""
    count = int.from_bytes(block[:8], sys.byteorder)
    at = 8
    columns = []
    for code in codes:
        column: array[int] = array(code)
        column.frombytes(block[at : (at := at + count * column.itemsize)])
        columns.append(column)
    found = []
    for _ in range(texts):
        sizes: array[int] = array("I")
        sizes.frombytes(block[at : (at := at + count * sizes.itemsize)])
        ends = list(accumulate(sizes, initial=at))
        found.append([block[start:end] for start, end in pairwise(ends)])
        at = ends[-1]
    return columns, found
