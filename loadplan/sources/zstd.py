"""Zstd: a zstd file unpacked as it is read. The only module that imports zstandard, and only when a file needs it.

Input goes in by small pieces, because one block of four bytes may unpack to 128 KiB: memory stays bounded whatever the
file holds. Frames may follow each other; a file must end where a frame ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from loadplan.sources.extras import missing

PIECE = 256
"""Bytes fed at once: at most 8 MiB come out."""
WINDOW = 1 << 27
"""The most memory a file may ask for, zstd's own default."""


class Raw(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class DamagedError(Exception):
    """The message says what is wrong with the file."""


def unpack(raw: Raw, block: int, name: str) -> Iterator[bytes]:
    """The unpacked bytes of `raw`, in pieces of no set size. Raises EOFError when it is cut short, DamagedError when it is
    damaged, InvalidInputError when the package is missing."""
    try:
        import zstandard
    except ImportError:
        missing("zstandard", "zstd", name, "a .zst file")
    frame = None
    try:
        while data := raw.read(block):
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                while piece:
                    if frame is None or frame.eof:
                        frame = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
                    if out := frame.decompress(piece):
                        yield out
                    piece = frame.unused_data if frame.eof else b""
    except zstandard.ZstdError as error:
        raise DamagedError(str(error).removeprefix("zstd decompressor error: ")) from error
    if frame is not None and not frame.eof:
        raise EOFError
