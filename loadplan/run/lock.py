"""One runner per org and state folder: a lock the kernel releases when its owner dies, with the owner's name inside."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadplan.durable import make_private
from loadplan.errors import LockedError


@contextmanager
def hold_lock(state_dir: Path, name: str, owner: dict[str, str]) -> Iterator[None]:
    """Hold the lock `name` for the length of the block. Raises `LockedError` (exit 4) naming who holds it."""
    folder = state_dir / "locks"
    make_private(folder)
    path = folder / f"{name}.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"another run holds the lock of org {name}",
                code="LP0504",
                where=str(path),
                details=[f"{k:6} {v}" for k, v in _read(fd).items()],
                hint="wait for it to end; a lock whose owner has died is free at once, so this one is alive",
                next_commands=["loadplan status"],
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(owner).encode(), 0)
        yield
    finally:
        os.close(fd)


def _read(fd: int) -> dict[str, str]:
    try:
        data = json.loads(os.pread(fd, 4096, 0) or b"{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}
