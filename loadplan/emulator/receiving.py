"""Receiving: the bytes of a request's body, as its framing says. Knows no paths and no meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BufferedIOBase

_PIECE = 1 << 20
_LONGEST_LINE = 65_536


class UnreadableError(Exception):
    """A request whose body cannot be taken; where the next one begins is not known, so that the connection ends with the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def pieces(stream: BufferedIOBase, headers: dict[str, str]) -> Iterator[bytes | memoryview]:
    """The body of a request in pieces, by its chunks or its length. Raises UnreadableError, and EOFError where the client went away."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := _chunk_size(stream):
            yield from _exactly(stream, size)
            stream.readline(_LONGEST_LINE)
        while stream.readline(_LONGEST_LINE).strip():
            continue
        return
    text = headers.get("content-length", "0").strip()
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise UnreadableError(400, "BAD_REQUEST", f"Bad Content-Length: {text[:40]}")
    yield from _exactly(stream, int(text))


def _chunk_size(stream: BufferedIOBase) -> int:
    text = stream.readline(_LONGEST_LINE).partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", text):
        if not text:
            raise EOFError
        raise UnreadableError(400, "BAD_REQUEST", "A chunk has no size")
    return int(text, 16)


def _exactly(stream: BufferedIOBase, size: int) -> Iterator[bytes | memoryview]:
    buffer = memoryview(bytearray(min(size, _PIECE)))
    while size > 0:
        count = stream.readinto1(buffer[: min(size, _PIECE)])
        if not count:
            raise EOFError
        size -= count
        yield buffer[:count]
