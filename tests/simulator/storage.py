"""A disk that dies at any operation, and that may forget what nobody synced.

Files are real ones, so that whatever reads them reads the truth. Beside them is kept what a power cut may undo: bytes written
and not fsynced, and names made, moved and removed in a folder that was not synced since. It is strict, as POSIX allows: an
fsync of a file does not save its name.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from loadplan.disk import Disk

from simulator.crash import Fuse


@dataclass
class _Change:
    """A change of names in `folder`, and what undoes it."""

    folder: Path
    undo: Callable[[], None]


class _Raw(io.RawIOBase):
    """A descriptor whose every write is a boundary."""

    def __init__(self, disk: SimulatedDisk, fd: int) -> None:
        self._disk, self._fd = disk, fd

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: object) -> int:
        block = bytes(cast(bytes, data))
        if self._disk.fuse.dead:
            return len(block)  # what a dead process still had in its buffer
        return self._disk.write_block("write", self._fd, block)

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


class SimulatedDisk(Disk):
    """`fail` is called with the name of each operation and its path, and may raise `OSError`."""

    def __init__(self, fuse: Fuse, attic: Path) -> None:
        self.fuse, self._attic = fuse, attic
        self.fail: Callable[[str, Path | None], None] | None = None
        self.skipped: set[str] = set()
        """Kinds of operations that are left out without a word, for tests that show that they matter."""
        self._synced: dict[int, int] = {}
        self._changes: list[_Change] = []
        self._kept = 0
        attic.mkdir(parents=True, exist_ok=True)

    def _here(self, name: str, path: Path | None) -> bool:
        self.fuse.here(name)
        if self.fail is not None:
            self.fail(name, path)
        return name not in self.skipped

    # operations

    def temporary(self, folder: Path, prefix: str, suffix: str) -> tuple[int, Path]:
        self._here("create", folder)
        fd, path = super().temporary(folder, prefix, suffix)
        self._made(fd, path)
        return fd, path

    def _made(self, fd: int, path: Path) -> None:
        self._synced[os.fstat(fd).st_ino] = 0
        self._changes.append(_Change(path.parent, lambda: path.unlink(missing_ok=True)))

    def writer(self, fd: int) -> BinaryIO:
        return cast(BinaryIO, io.BufferedWriter(_Raw(self, fd), 1 << 20))

    def appending(self, path: Path) -> int:
        self._here("create", path)
        is_new = not path.exists()
        fd = super().appending(path)
        if is_new:
            self._made(fd, path)
        else:
            self._synced.setdefault(os.fstat(fd).st_ino, os.fstat(fd).st_size)
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """A record of the journal, the only file that is written without a buffer."""
        return self.write_block("record", fd, data)

    def write_block(self, name: str, fd: int, data: bytes) -> int:
        self._here(name, None)
        self._synced.setdefault(os.fstat(fd).st_ino, os.fstat(fd).st_size)
        os.write(fd, data)
        return len(data)

    def fsync(self, fd: int) -> None:
        if self._here("fsync", None):
            status = os.fstat(fd)
            self._synced[status.st_ino] = status.st_size

    def truncate(self, path: Path, size: int) -> None:
        self._here("truncate", path)
        os.truncate(path, size)
        self._synced[path.stat().st_ino] = size

    def rename(self, old: Path, new: Path) -> None:
        self._here("rename", new)
        kept = self._keep(new)
        old.replace(new)

        def undo() -> None:
            with contextlib.suppress(OSError):
                new.rename(old)
            self._put_back(kept, new)

        self._changes.append(_Change(new.parent, undo))

    def unlink(self, path: Path) -> None:
        self._here("unlink", path)
        kept = self._keep(path)
        path.unlink(missing_ok=True)
        self._changes.append(_Change(path.parent, lambda: self._put_back(kept, path)))

    def make_dir(self, folder: Path) -> None:
        self._here("mkdir", folder)
        if not folder.exists():
            folder.mkdir(0o700)
            self._changes.append(_Change(folder.parent, lambda: shutil.rmtree(folder, ignore_errors=True)))

    def remove_tree(self, folder: Path) -> None:
        self._here("rmtree", folder)
        shutil.rmtree(folder, ignore_errors=True)

    def sync_dir(self, folder: Path) -> None:
        if self._here("sync folder", folder):
            self._changes = [change for change in self._changes if change.folder != folder]

    def _keep(self, path: Path) -> Path | None:
        if not path.is_file():
            return None
        self._kept += 1
        kept = self._attic / str(self._kept)
        os.link(path, kept)
        return kept

    def _put_back(self, kept: Path | None, path: Path) -> None:
        if kept is not None:
            with contextlib.suppress(OSError):
                os.link(kept, path)

    # the power

    def cut_power(self, root: Path, chance: random.Random | None = None) -> None:
        """Forget what was not synced below `root`: all of it, or with `chance` some of it, and of a file's last bytes some."""
        for change in reversed(self._changes):
            if chance is None or chance.random() < 0.5:
                change.undo()
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                status = path.stat()
                safe = self._synced.get(status.st_ino)
                if safe is not None and safe < status.st_size:
                    os.truncate(path, safe if chance is None else chance.randint(safe, status.st_size))
        self.settle()

    def settle(self) -> None:
        """Whatever is on the disk now stays there."""
        self._changes.clear()
        self._synced.clear()
        for kept in self._attic.iterdir():
            kept.unlink()
