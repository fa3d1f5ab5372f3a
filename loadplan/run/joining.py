"""One file out of pieces of others: the kernel copies them, and a thread behind hashes what has been written.

Neither goes through this process twice: a copy within the kernel is as fast as one gets, and what is hashed is still in the system's
cache. The digest is of the file as it is, not of what was meant to be in it.
"""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO

BLOCK = 1 << 18
STRETCH = 4 << 20
"""Bytes that are copied before they are hashed: a part of what the processors' shared cache holds."""
_NO_COPY = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}


class Joined:
    """Fills `file`, which is empty, open to be read too, and written by nobody else. In a `with`; the digest is whole after it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0
        self._pool = ThreadPoolExecutor(1, "loadplan-joined")
        self._hashed: list[Future[None]] = []

    def __enter__(self) -> Joined:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            for hashed in self._hashed:
                hashed.result()

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._written(len(data))

    def copy(self, source: BinaryIO, at: int, end: int) -> bool:
        """The bytes of `source` from `at` to `end`. False when it ends before."""
        while at < end:
            stretch = min(end, at + STRETCH)
            copied = copied_by_kernel(source, self._file, at, stretch)
            if copied == at:
                source.seek(at)
                block = source.read(min(BLOCK, stretch - at))
                if not block:
                    return False
                self._file.write(block)
                copied += len(block)
            self._written(copied - at)
            at = copied
        return True

    def _written(self, size: int) -> None:
        self._file.flush()
        self._hashed.append(self._pool.submit(self._hash, self._size, self._size + size))
        self._size += size

    def _hash(self, at: int, end: int) -> None:
        while at < end:
            block = os.pread(self._file.fileno(), min(BLOCK, end - at), at)
            if not block:
                raise OSError(errno.EIO, "what was written cannot be read")
            self._digest.update(block)
            at += len(block)


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
