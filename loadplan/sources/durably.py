"""Durably: a file of rows on its way to the disk, with its size and digest. That it is whole is `durable.open_atomic`'s."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from loadplan.disk import disk
from loadplan.durable import open_atomic

_AHEAD = 16 << 20
"""Bytes that may be written before the disk has them: it works while the rest is made, and there is little to wait for at the end."""


class CountedFile:
    """A binary file being written. `path` is the name it will have; `bytes` and `sha256` are of what was written."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.bytes = 0
        self._file = file
        self._hasher = hashlib.sha256()
        self._ahead = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hasher.update(data)
        self.bytes += len(data)
        self._ahead += len(data)
        if self._ahead >= _AHEAD:
            self._ahead = 0
            self._file.flush()
            disk().fsync(self._file.fileno())

    def sha256(self) -> str:
        return self._hasher.hexdigest()


@contextmanager
def counted_file(path: Path) -> Iterator[CountedFile]:
    """A file that appears at `path`, durable and whole, when the block ends well. Raises LocalError (exit 9)."""
    with open_atomic(path) as file:
        yield CountedFile(path, file)
