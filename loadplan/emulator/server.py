"""The embedded org with an address: starts and stops its server and its worker."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TextIO

from .accesslog import AccessLog
from .auth import issue
from .clock import OrgClock
from .faults import Faults
from .handler import Handler
from .listening import Server
from .org import Org
from .settings import Settings, sink_settings
from .store import DamagedError, readable
from .worker import Worker


class EmbeddedOrg:
    """An org with an address. `start()` listens on 127.0.0.1; port 0 takes a free one. Also a context manager.

    `tls` is a PEM file with a key and its certificate: then the org answers over https.

    `sink` takes rows without keeping them, to measure clients. A worker thread goes on with jobs between requests when the
    clock is the machine's; with a clock of the caller's, jobs move only as requests come in. `access_log` gets a line of
    JSON for each request.

    Raises DescribeError for a description that is none, InUseError and DamagedError for a folder that is in use, damaged or of another
    version, OSError where the disk refuses, and ValueError when the file has no key."""

    def __init__(self, data_dir: Path | None = None, *, settings: Settings | None = None, describe: Sequence[Path] = (),
                 faults: Faults | None = None, port: int = 0, clock: Callable[[], float] = time.time,
                 sink: bool = False, access_log: TextIO | None = None, tls: Path | None = None) -> None:  # fmt: skip
        if sink:
            settings = replace(settings, sink=True) if settings else sink_settings()
        self._tls = _context(tls) if tls is not None else None
        self._temporary = data_dir is None
        self._folder = Path(tempfile.mkdtemp(prefix="embedded-org-")) if data_dir is None else data_dir
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # rows and tokens are its owner's
        self._claim = _claim(self._folder)
        self._clock, self._port, self._log = OrgClock(clock), port, AccessLog(access_log)
        self.faults = faults or Faults()
        try:
            self.org = Org(self._folder, settings or Settings(), describe, self.faults, clock())
        except BaseException as error:
            self._claim.close()
            if self._temporary:
                shutil.rmtree(self._folder, ignore_errors=True)
            if isinstance(error, sqlite3.DatabaseError):
                raise readable(error, self._folder / "org.db") from error
            raise
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._worker = Worker(self.org, self._clock) if clock is time.time else None

    @property
    def instance_url(self) -> str:
        """`http://127.0.0.1:PORT`, over TLS `https://…`; known after start()."""
        return self.org.instance_url

    def access_token(self) -> str:
        """A live access token, without the token endpoint."""
        with self.org.lock:
            text = issue(self.org, self._clock())
            self.org.store.commit()
            return text

    def start(self) -> EmbeddedOrg:
        """Listen and serve in a thread; answers itself."""
        server = Server(("127.0.0.1", self._port), Handler)
        server.org, server.clock, server.spool, server.log = self.org, self._clock, self._folder / "spool", self._log
        shutil.rmtree(server.spool, ignore_errors=True)  # uploads that an end broke off
        server.spool.mkdir(mode=0o700)
        server.tls = self._tls
        self.org.instance_url = f"{'http' if self._tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        if self._worker is not None:
            self.org.sink.work_in_background()
            self._worker.start()
        return self

    def stop(self) -> None:
        """Stop listening and close the files; a temporary folder is removed."""
        if self._server is not None and self._thread is not None:
            self._server.stopping.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None
            if self._worker is not None:
                self._worker.stop()
        self.org.close()
        self._claim.close()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> EmbeddedOrg:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _context(file: Path) -> ssl.SSLContext:
    """TLS with the key and the certificate of a file; raises ValueError when it has them not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(file)
    except ssl.SSLError:
        raise ValueError(f"{file} must hold a private key and its certificate, in PEM") from None
    return context


class InUseError(ValueError):
    """Another process has the org of this folder."""


def _claim(folder: Path) -> IO[Any]:
    """Hold the folder until the file is closed or the process ends: an org keeps its jobs in memory, so there is one."""
    try:
        file = (folder / "lock").open("w")
    except (IsADirectoryError, NotADirectoryError) as error:
        raise DamagedError(f"{error.filename} is no file of an embedded org") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise InUseError(f"{folder} is in use by another embedded org") from None
    return file
