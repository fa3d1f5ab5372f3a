"""A wire between a client and an org that goes silent at a request of the test's choice: bytes flow until then."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class StallingWire:
    """Forwards connections to `upstream`. From the first request whose head matches `pattern` on, that connection carries
    nothing more: with `answered` False the org never hears of it, with True its answer is held back. `silent` is set then.
    """

    def __init__(self, upstream: str, pattern: bytes, *, answered: bool = False) -> None:
        parts = urlsplit(upstream)
        self._upstream = (str(parts.hostname), int(parts.port or 80))
        self._pattern, self._answered = re.compile(pattern), answered
        self.silent = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._ended = False

    def __enter__(self) -> StallingWire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        # A blocked accept does not notice that its socket was closed: a last connection wakes it.
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname(), timeout=5):
            pass
        self._listener.close()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._ended:
                near.close()
                return
            far = socket.create_connection(self._upstream, timeout=5)
            far.settimeout(None)
            self._open += [near, far]
            held = threading.Event()
            threading.Thread(target=self._carry, args=(near, far, held, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, held, False), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket, held: threading.Event, forth: bool) -> None:
        with contextlib.suppress(OSError):
            while block := here.recv(1 << 16):
                if forth and not held.is_set() and self._pattern.search(block[:4096]):
                    held.set()
                    if self._answered:
                        there.sendall(block)
                    self.silent.set()
                elif not held.is_set() or (forth and self._answered):
                    there.sendall(block)
            there.shutdown(socket.SHUT_WR)
