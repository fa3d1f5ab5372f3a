"""Disk: the only way loadplan changes files of its own, one method per operation. Tests pass one that dies at any of them.

It decides nothing: in which order a file is written, synced and renamed is `durable`'s, and the journal's. Raises `OSError`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Disk:
    """The real disk."""

    def temporary(self, folder: Path, prefix: str, suffix: str) -> tuple[int, Path]:
        """A new file in `folder`, readable by its owner only: (descriptor, path)."""
        fd, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
        return fd, Path(name)

    def writer(self, fd: int) -> BinaryIO:
        """A buffered file over a descriptor, which it closes. The blocks that rows come in are larger than the buffer, and go past it
        without being copied once more."""
        return os.fdopen(fd, "wb", buffering=1 << 17)

    def appending(self, path: Path) -> int:
        """A descriptor whose every write goes to the end of `path`, which is made when missing."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def truncate(self, path: Path, size: int) -> None:
        """Cut `path` to `size` bytes, durably."""
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """`old` takes the name `new`, and the place of what had it."""
        old.replace(new)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def make_dir(self, folder: Path) -> None:
        """One folder, readable by its owner only; its parent is there. One that is there already is left as it is."""
        folder.mkdir(mode=0o700, exist_ok=True)

    def remove_tree(self, folder: Path) -> None:
        """A folder with all that is in it, or what can be removed of it."""
        shutil.rmtree(folder, ignore_errors=True)

    def sync_dir(self, folder: Path) -> None:
        """Make what was made, renamed and removed in `folder` durable."""
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


_current = Disk()


def disk() -> Disk:
    """The disk of this process."""
    return _current


@contextmanager
def using(other: Disk) -> Iterator[None]:
    """Another disk for the length of the block."""
    global _current  # noqa: PLW0603 - one disk per process is what this module is
    before, _current = _current, other
    try:
        yield
    finally:
        _current = before
