"""The org on loopback HTTP: sockets, spooled uploads, compression and dropped connections. Decides nothing of the protocol."""

from __future__ import annotations

import gzip
import shutil
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .auth import issue
from .faults import Faults
from .org import Org
from .settings import Settings
from .wire import Request, Response

_PIECE = 1 << 16


class EmbeddedOrg:
    """An org with an address. `start()` listens on 127.0.0.1; port 0 takes a free one. Also a context manager."""

    def __init__(self, data_dir: Path | None = None, *, settings: Settings | None = None, describe: Sequence[Path] = (),
                 faults: Faults | None = None, port: int = 0, clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self._temporary = data_dir is None
        self._folder = Path(tempfile.mkdtemp(prefix="embedded-org-")) if data_dir is None else data_dir
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clock, self._port = clock, port
        self.faults = faults or Faults()
        self.org = Org(self._folder, settings or Settings(), describe, self.faults, clock())
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def instance_url(self) -> str:
        """`http://127.0.0.1:PORT`; known after start()."""
        return self.org.instance_url

    def access_token(self) -> str:
        """A live access token, without the token endpoint."""
        with self.org.lock:
            text = issue(self.org, self._clock())
            self.org.store.commit()
            return text

    def start(self) -> EmbeddedOrg:
        """Listen and serve in a thread; answers itself."""
        server = _Server(("127.0.0.1", self._port), _Handler)
        server.org, server.clock, server.spool = self.org, self._clock, self._folder / "spool"
        server.spool.mkdir(exist_ok=True)
        self.org.instance_url = f"http://127.0.0.1:{server.server_address[1]}"
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and close the files; a temporary folder is removed."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None
        with self.org.lock:
            self.org.store.close()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> EmbeddedOrg:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    org: Org
    clock: Callable[[], float]
    spool: Path

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is printed."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        spool = self.server.spool / uuid.uuid4().hex if self.command == "PUT" else None
        try:
            body = self._body(headers, spool)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            request = Request(self.command, unquote(parts.path), query, headers, body, spool)
            self._send(self.server.org.handle(request, self.server.clock()), headers)
        except (ConnectionError, EOFError):
            self.close_connection = True
        finally:
            if spool is not None:
                spool.unlink(missing_ok=True)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _body(self, headers: dict[str, str], spool: Path | None) -> bytes:
        if spool is None:
            return b"".join(self._pieces(headers))
        with spool.open("wb") as file:
            file.writelines(self._pieces(headers))
        return b""

    def _pieces(self, headers: dict[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
                yield from self._exactly(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            yield from self._exactly(int(headers.get("content-length", "0")))

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(size, _PIECE))
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece

    def _send(self, response: Response, headers: dict[str, str]) -> None:
        if response.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = response.body
        zipped = "gzip" in headers.get("accept-encoding", "") and len(body) > 1024
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if zipped:
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        if response.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if response.cut is None else body[: int(len(body) * response.cut)])
        self.wfile.flush()
        if response.cut is not None:
            self.close_connection = True
