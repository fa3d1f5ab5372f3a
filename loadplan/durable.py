"""Files that survive: written beside, fsynced, renamed into place, the folder fsynced. Raises `LocalError`, never half a file."""

from __future__ import annotations

import contextlib
import errno
import glob
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from loadplan.disk import disk
from loadplan.errors import LocalError


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put `data` at `path`, whole and durable, or leave what was there."""
    with open_atomic(path, mode) as file:
        file.write(data)


@contextmanager
def open_atomic(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A binary file that takes its place at `path` when the block ends well, and vanishes when it does not.

    The folder is made when missing. `OSError` becomes `LocalError`; anything else passes through."""
    try:
        if mode & 0o077:
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            make_private(path.parent)
        fd, temporary = disk().temporary(path.parent, f".{path.name}.", ".part")
    except OSError as error:
        raise local_error(error, path, state=not mode & 0o077) from error
    try:
        with disk().writer(fd) as file:
            yield file
            file.flush()
            disk().fsync(file.fileno())
        temporary.chmod(mode)
        disk().rename(temporary, path)
        sync_dir(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            disk().unlink(temporary)
        # A socket that broke while the file was being filled is an OSError too, and not the disk's.
        if error.filename is None and error.errno not in _DISK:
            raise
        raise local_error(error, path, state=not mode & 0o077) from error
    except BaseException:
        with contextlib.suppress(OSError):
            disk().unlink(temporary)
        raise


def write_together(files: Mapping[Path, bytes], mode: int, begin: Callable[[], None]) -> None:
    """Put several files of one folder in place. All are on the disk under other names before `begin` is called and the first is
    renamed, so that a full disk changes none of them; only a crash between two renames leaves some new and some old, and what
    `begin` wrote tells it."""
    staged: dict[Path, Path] = {}
    path = next(iter(files))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            fd, staged[path] = disk().temporary(path.parent, f".{path.name}.", ".part")
            with disk().writer(fd) as file:
                file.write(data)
                file.flush()
                disk().fsync(file.fileno())
            staged[path].chmod(mode)
        begin()
        for path, temporary in list(staged.items()):
            disk().rename(temporary, path)
            del staged[path]
        sync_dir(path.parent)
    except OSError as error:
        raise local_error(error, path, state=not mode & 0o077) from error
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                disk().unlink(temporary)


def sweep(path: Path) -> None:
    """Remove what processes that were killed had begun to write for `path`. For its only writer."""
    with contextlib.suppress(OSError):
        for begun in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            disk().unlink(begun)


_DISK = {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO, errno.EPERM, errno.EFBIG}


def make_private(folder: Path) -> None:
    """Make `folder` with its parents, readable by the owner only (0700). They are still there after a power cut: a file that was
    synced is lost all the same when the name of its folder is."""
    try:
        missing = list(takewhile(lambda p: not p.exists(), (folder, *folder.parents)))
        for made in reversed(missing):
            disk().make_dir(made)
            made.chmod(0o700)
            sync_dir(made.parent)
    except OSError as error:
        raise local_error(error, folder) from error


def sync_dir(folder: Path) -> None:
    """Make a rename in `folder` durable. Some file systems refuse to fsync a folder: then the rename is all there is."""
    try:
        disk().sync_dir(folder)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise


def local_error(error: OSError, path: Path, *, state: bool = True) -> LocalError:
    """What the disk refused at `path`, in plain words, ready to raise. `state` says that it may be moved with the state."""
    what = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "permission denied",
    }.get(error.errno or 0, error.strerror or str(error))
    return LocalError(
        f"cannot write {path.name}: {what}",
        code="LP0601",
        where=str(path),
        hint="free space or make the folder writable, then go on"
        + ("; --state-dir puts the state elsewhere" if state else ""),
    )
