"""One runner per org and state folder: a lock the kernel releases when its owner dies, with the owner's name inside.

A dead owner on this machine therefore never blocks, and nothing has to be guessed. Where the state folder is shared with other
machines, an owner there is never taken for dead: the message says what to remove for who is sure that it is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from loadplan.clock import Clock, SystemClock
from loadplan.durable import local_error, make_private
from loadplan.errors import LocalError, LockedError
from loadplan.lean import dataclass

FIRST_LOOK, LAST_LOOK = 0.2, 1.0
"""Seconds between two looks at a lock that is waited for."""
SHOWN = ("run", "who", "since", "command")


@dataclass(frozen=True)
class Waiting:
    """How many seconds to wait for a lock, and who is told, once, that it is waited for."""

    seconds: float = 0.0
    say: Callable[[str], None] = print


NOT_WAITING = Waiting()


def owner_now(run: str, clock: Clock, **more: str) -> dict[str, str]:
    """This process as the owner of a lock."""
    host, pid = socket.gethostname(), os.getpid()
    return {
        "run": run, "who": f"{getpass.getuser()} on {host}, pid {pid}", "since": clock.now().isoformat(timespec="seconds"),
        "host": host, "pid": str(pid), "start": process_start(pid), **more,
    }  # fmt: skip


def process_start(pid: int) -> str:
    """When a process began, in ticks since the machine did; "" where that cannot be known. Ids are given again, this is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_alive(owner: Mapping[str, str]) -> bool:
    """Whether the owner is a process of this machine that still runs."""
    if owner.get("host") != socket.gethostname():
        return False
    try:
        pid = int(owner.get("pid", ""))
        os.kill(pid, 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    started = owner.get("start", "")
    return not started or process_start(pid) in {"", started}


@contextmanager
def hold_lock(
    state_dir: Path, name: str, owner: dict[str, str], *, clock: Clock | None = None, waiting: Waiting = NOT_WAITING
) -> Iterator[None]:
    """Hold the lock `name` for the length of the block. Raises `LockedError` (exit 4) naming who holds it, when that does not
    end within `waiting`; `LocalError` where the file system has no locks."""
    folder = state_dir / "locks"
    make_private(folder)
    path = folder / f"{name}.lock"
    clock = clock or SystemClock()

    def refusal() -> LockedError:
        return in_use(f"another run holds the lock of org {name}", path, read_owner(path), clock.now())

    fd = wait_for(lambda: _take(path), refusal, clock, waiting)
    try:
        with contextlib.suppress(OSError):  # it is held, whether the disk has room for its owner's name or not
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps(owner).encode(), 0)
        yield
    finally:
        os.close(fd)


def _take(path: Path) -> int | None:
    """The lock as a file descriptor; None when another has it."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise local_error(error, path) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody may have removed the file since it was opened: the lock of a file without a name keeps nobody out.
        if path.exists() and path.stat().st_ino == os.fstat(fd).st_ino:
            return fd
    except BlockingIOError:
        pass
    except OSError as error:
        os.close(fd)
        if error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}:
            raise LocalError(
                "the file system of the state folder has no locks", code="LP0601", where=str(path),
                hint="name a folder on a local disk with --state-dir",
            ) from error  # fmt: skip
        raise
    os.close(fd)
    return None


T = TypeVar("T")


def wait_for(take: Callable[[], T | None], refusal: Callable[[], LockedError], clock: Clock, waiting: Waiting) -> T:
    """What `take` gives, as soon as it gives something. Raises `refusal` when it does not in time."""
    end = clock.monotonic() + waiting.seconds
    look, told = FIRST_LOOK, False
    while (taken := take()) is None:
        left = end - clock.monotonic()
        if left <= 0:
            error = refusal()
            if waiting.seconds:
                error.summary += f", still after {waiting.seconds:g} s"
                error.args = (error.summary,)
            raise error
        if not told:
            told = True
            first, *_ = (*refusal().details, "another command")
            waiting.say(f"waiting up to {waiting.seconds:g} s for the lock: {' '.join(first.split())}")
        clock.wait(min(look, left))
        look = min(LAST_LOOK, look * 1.5)
    return taken


def in_use(what: str, path: Path, owner: Mapping[str, str], now: datetime) -> LockedError:
    """The message about something that another process has."""
    shown = dict(owner)
    if "since" in shown:
        shown["since"] += _ago(shown["since"], now)
    host = owner.get("host", "")
    if host and host != socket.gethostname():
        hint = (
            f"its owner is on {host}, which cannot be asked from here: wait (--lock-timeout 30m), or, when you are sure that it is "
            f"gone, rm {path}"
        )
    else:
        hint = (
            "wait for it to end (--lock-timeout 30m); a lock whose owner has died is free at once, so this one is alive"
        )
    return LockedError(
        what, code="LP0504", where=str(path), details=[f"{k:6} {shown[k]}" for k in SHOWN if shown.get(k)], hint=hint,
        next_commands=["loadplan status"],
    )  # fmt: skip


def _ago(since: str, now: datetime) -> str:
    try:
        seconds = (now - datetime.fromisoformat(since)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f" ({seconds / size:.0f} {unit} ago)"
    return f" ({max(0, seconds):.0f} s ago)"


def read_owner(path: Path) -> dict[str, str]:
    """Who wrote its name into a lock; {} when nobody has, or it cannot be read."""
    try:
        data = json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}
