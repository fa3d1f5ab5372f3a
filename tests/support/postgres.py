"""A real PostgreSQL for tests: from the machine's own packages, in a temporary folder, on a unix socket.

PostgreSQL refuses to run as root, so there it runs as the user that Debian's package makes for it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "s3cret-canary!"


@dataclass(frozen=True)
class Server:
    """A running server. `url` holds the password; `binaries` and `data` are for tests that stop it."""

    url: str
    binaries: Path
    data: Path

    def stop(self) -> None:
        """End it at once, as a machine that goes away does."""
        _run(self.binaries / "pg_ctl", "stop", "-D", self.data, "-m", "immediate")


def binaries() -> Path | None:
    """The newest server of the machine, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


def why_not() -> str:
    """Why no server can be started here; empty when one can."""
    if binaries() is None:
        return "no PostgreSQL server is installed (apt-get install postgresql)"
    if os.geteuid() == 0 and _user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


@contextmanager
def running() -> Iterator[Server]:
    """A fresh server with one user `loader` and the database `postgres`."""
    found = binaries()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="lp-pg-", dir="/tmp"))
    try:
        if user := _user() if os.geteuid() == 0 else None:
            shutil.chown(folder, user, user)
        data, word = folder / "data", folder / "word"
        word.write_text(PASSWORD, encoding="ascii")
        word.chmod(0o644)
        _run(
            found / "initdb", "-D", data, "-U", "loader", "--auth=scram-sha-256", f"--pwfile={word}", "--no-sync",
            "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=20 -c shared_buffers=32MB"
        _run(found / "pg_ctl", "start", "-w", "-D", data, "-l", folder / "log", "-o", options)
        try:
            yield Server(f"postgresql://loader:{PASSWORD.replace('!', '%21')}@/postgres?host={folder}", found, data)
        finally:
            if (data / "postmaster.pid").exists():
                _run(found / "pg_ctl", "stop", "-D", data, "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


def _run(*argv: object) -> None:
    user = _user() if os.geteuid() == 0 else None
    done = subprocess.run(
        [str(a) for a in argv], user=user, group=user, extra_groups=[] if user else None, cwd="/tmp", text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed: {done.stderr}")
