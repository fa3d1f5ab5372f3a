"""One file out of pieces of others: what is read is handed to a thread that hashes it while it is written.

Every byte is read once and written once. To let the kernel copy instead and to hash what was written, as it was done before, means to
read all of it twice: a tenth more time, measured on a disk and in memory.
"""

from __future__ import annotations

import errno
import hashlib
import os
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import BinaryIO

BLOCK = 1 << 19
BLOCKS = 4
"""So many are read before the first of them was hashed."""
_NO_COPY = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}


class Joined:
    """Fills `file`, which nobody else writes. In a `with`; the digest is whole after it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._full: SimpleQueue[tuple[bytearray, int] | None] = SimpleQueue()
        self._thread = Thread(target=self._hash, name="loadplan-joined", daemon=True)

    def __enter__(self) -> Joined:
        for _ in range(BLOCKS):
            self._free.put(bytearray(BLOCK))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._full.put(None)
        self._thread.join()

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), BLOCK):
            block, piece = self._free.get(), data[at : at + BLOCK]
            block[: len(piece)] = piece
            self._put(block, len(piece))

    def copy(self, source: BinaryIO, at: int, end: int) -> bool:
        """The bytes of `source`, which has no buffer, from `at` to `end`. False when it ends before."""
        source.seek(at)
        while at < end:
            block = self._free.get()
            with memoryview(block) as view:
                count = source.readinto(view[: end - at])  # type: ignore[attr-defined]
            if not count:
                return False
            self._put(block, count)
            at += count
        return True

    def _put(self, block: bytearray, size: int) -> None:
        """The thread reads what is written here, and changes nothing."""
        self._full.put((block, size))
        with memoryview(block) as view:
            self._file.write(view[:size])

    def _hash(self) -> None:
        while (full := self._full.get()) is not None:
            block, size = full
            with memoryview(block) as view:
                self._digest.update(view[:size])
            self._free.put(block)


def copied_by_kernel(source: BinaryIO, target: BinaryIO, at: int, end: int) -> int:
    """How far the kernel copied `source` to where `target` is written next; the rest is for a loop. Some file systems and systems
    cannot. `target` has nothing in its buffer."""
    if not hasattr(os, "copy_file_range"):
        return at
    try:
        while at < end:
            count = os.copy_file_range(source.fileno(), target.fileno(), end - at, at)
            if not count:
                break
            at += count
    except OSError as error:
        if error.errno not in _NO_COPY:
            raise
    return at
