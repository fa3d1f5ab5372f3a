"""A server of raw bytes: it sends what a test wrote, cut where the test cut it, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Asked:
    """One request as it came: header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """Bytes to send. Then the connection is closed, or held without a word until the server ends (`stall`)."""

    data: bytes
    stall: bool = False


def http(status: str, body: bytes = b"", *headers: str, length: int | None = None, framed: bool = True) -> bytes:
    """A whole answer. `length` overrides Content-Length; `framed=False` leaves it out."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if framed:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(status: str, body: bytes, *headers: str, whole: bool = True) -> bytes:
    """The body in two chunks; without `whole` the second chunk and the end are missing."""
    half = len(body) // 2
    head = "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", "Transfer-Encoding: chunked", *headers)).encode()
    first = b"%x\r\n%b\r\n" % (half, body[:half])
    rest = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) - half, body[half:])
    return head + b"\r\n\r\n" + first + (rest if whole else b"")


class RawServer:
    """Answers one connection after the other from a list; the last answer is repeated. A context manager."""

    def __init__(self, *answers: Answer | bytes) -> None:
        self.answers = [a if isinstance(a, Answer) else Answer(a) for a in answers]
        self.asked: list[Asked] = []
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        # A blocked accept does not notice that its socket was closed: a last connection wakes it.
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname(), timeout=5):
            pass
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._ended.is_set():
                    return
                with contextlib.suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection.makefile("rb") as stream:
            line = stream.readline().decode("latin-1").split()
            if len(line) != 3:
                return
            headers: dict[str, str] = {}
            while (text := stream.readline().decode("latin-1").strip()) != "":
                name, _, value = text.partition(":")
                headers[name.strip().lower()] = value.strip()
            body = stream.read(int(headers.get("content-length", "0")))
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(Asked(line[0], line[1], headers, body))
        connection.sendall(answer.data)
        if answer.stall:
            self._ended.wait(30)
