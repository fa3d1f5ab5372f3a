"""gzip as a stream: read to its last proven byte, and written the same way every time. isal does the work where it is
installed (the extra `fast`), zlib elsewhere; the results are the same.

The only module that knows which of the two it is. It opens no file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

PIECE = 1 << 16
"""Compressed bytes handed to the library at once: what it has not read yet it copies back on every call."""
BLOCK = 1 << 18
"""Plain bytes at most that come out at once, however well the stream is compressed."""
LEVEL = 1
"""Of compression: five times the speed of level 6 for a file that is a fifth larger."""


class GzipError(ValueError):
    """The bytes are not whole gzip members to the last one. Its text says how, and holds no data."""


@cache
def _library() -> Any:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


class Gunzip:
    """Plain bytes of a gzip stream: one or more members (RFC 1952), each with its length and checksum proven.

    `feed` and then `finish` yield blocks of at most `BLOCK` bytes. Both raise `GzipError`; nothing that was yielded before
    may be believed then."""

    def __init__(self) -> None:
        self._library = _library()
        self._member: Any = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes that `data` brings. Every byte of it belongs to a member, or this raises."""
        view = memoryview(data)
        for at in range(0, len(view), PIECE):
            pending: Any = view[at : at + PIECE]
            while len(pending):
                if self._member is None or self._member.eof:
                    self._member = self._library.decompressobj(16 + zlib.MAX_WBITS)
                    self._members += 1
                plain = self._inflate(pending)
                if plain:
                    yield plain
                pending = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> Iterator[bytes]:
        """What is left once everything was fed. A stream without a byte has no member and is whole."""
        if self._member is None:
            return
        while not self._member.eof and (plain := self._inflate(b"")):
            yield plain
        if not self._member.eof:
            raise GzipError("the gzip stream was cut short")

    def _inflate(self, data: Any) -> bytes:
        try:
            plain: bytes = self._member.decompress(data, BLOCK)
        except self._library.error:
            if self._members > 1:
                raise GzipError("bytes that are no gzip follow the end of the gzip stream") from None
            raise GzipError("the gzip stream is damaged") from None
        return plain


def compressor() -> Any:
    """A `compressobj` that writes one gzip member without a name or a time: the same bytes make the same file."""
    library = _library()
    return library.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
