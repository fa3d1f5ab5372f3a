"""Listening: connections, each in a thread of its own, in plain text or behind TLS. Knows no HTTP but for one answer: to a client that
speaks plain http to a port of https."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .accesslog import AccessLog
from .clock import OrgClock
from .org import Org

_TEXT = b"This port speaks https, and the request came over plain http: begin the address with https://\n"
_PLAIN = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(_TEXT), _TEXT)
)
_LEFT = 64
"""Pieces that are read of a request that is not taken: a close on unread bytes is a reset, and the answer would be lost."""
_PATIENCE = 2.0


class Server(ThreadingHTTPServer):
    """Listens, and gives each connection a thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    org: Org
    clock: OrgClock
    spool: Path
    log: AccessLog
    tls: ssl.SSLContext | None = None

    def __init__(self, *args: Any) -> None:
        self.stopping = threading.Event()
        super().__init__(*args)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its own thread; over TLS its greeting comes first."""
        if self.tls is None:
            super().finish_request(request, client_address)
        elif request.recv(1, socket.MSG_PEEK).isalpha():  # a method; TLS begins with the byte 22
            _answer_plain(request)
        else:
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or wants another certificate is no news, nor is what breaks while the org is being stopped."""
        if not isinstance(sys.exc_info()[1], ConnectionError | ssl.SSLError) and not self.stopping.is_set():
            super().handle_error(request, client_address)


def _answer_plain(connection: socket.socket) -> None:
    connection.sendall(_PLAIN)
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(_PATIENCE)
    try:
        for _ in range(_LEFT):
            if not connection.recv(65536):
                return
    except TimeoutError:  # it keeps the connection open, and has had time to read
        return
