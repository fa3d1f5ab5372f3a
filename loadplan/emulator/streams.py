"""Bodies that are sent in pieces: ranges of files, generated text, gzip of either. Memory is bounded whatever their size."""

from __future__ import annotations

import importlib
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

PIECE = 1 << 18
_AHEAD = 4


class Body(Protocol):
    """A body that can be produced more than once, until it is closed."""

    encoding: str
    """The Content-Encoding it already has, or the empty text."""

    def length(self) -> int | None:
        """Bytes, or None when they are only known at the end."""

    def blocks(self) -> Iterator[bytes]:
        """Its bytes in pieces."""

    def close(self) -> None:
        """Let go of its files."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of an open file."""

    file: BinaryIO
    start: int
    size: int


class FileBody:
    """Texts and file ranges one after the other. Opens what it sends, so a file that is unlinked later is still sent."""

    def __init__(self, pieces: Sequence[bytes | Slice], files: Sequence[BinaryIO] = (), encoding: str = "") -> None:
        self.pieces = [piece for piece in pieces if isinstance(piece, bytes) or piece.size]
        self._files = files
        self.encoding = encoding

    @classmethod
    def of(cls, path: Path, ranges: Iterable[tuple[int, int]], before: bytes = b"", encoding: str = "") -> FileBody:
        """`before`, then the (start, size) ranges of a file; a missing file counts as empty."""
        if not path.exists():
            return cls([before], (), encoding)
        file = path.open("rb")
        return cls([before, *(Slice(file, start, size) for start, size in ranges)], [file], encoding)

    def length(self) -> int:
        return sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in self.pieces)

    def blocks(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            piece.file.seek(piece.start)
            left = piece.size
            while left and (block := piece.file.read(min(PIECE, left))):
                left -= len(block)
                yield block

    def close(self) -> None:
        for file in self._files:
            file.close()


class MadeBody:
    """Bytes made while they are sent; their number is known only at the end."""

    encoding = ""

    def __init__(self, make: Callable[[], Iterator[bytes]]) -> None:
        self._make = make

    def length(self) -> None:
        return None

    def blocks(self) -> Iterator[bytes]:
        return self._make()

    def close(self) -> None:
        """Holds nothing."""


def _fastest() -> Any:
    """ISA-L when it is installed (four times as fast at the same level), else zlib."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


def gzip_in_parallel(blocks: Iterable[bytes], pool: Executor) -> Iterator[bytes]:
    """The same, each block packed by itself on one of the pool's threads: larger by a few per cent, faster by the cores."""
    crc = size = 0
    waiting: deque[Future[bytes]] = deque()
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
    for block in blocks:
        crc, size = zlib.crc32(block, crc), size + len(block)
        waiting.append(pool.submit(_deflated, block))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
    yield b"\x03\x00" + struct.pack("<II", crc, size & 0xFFFFFFFF)


def _deflated(block: bytes) -> bytes:
    """A block as pieces of a deflate stream that end at a byte and refer to nothing before them."""
    packer = _fastest().compressobj(1, zlib.DEFLATED, -15)
    packed: bytes = packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed


def gzip_blocks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as one gzip stream of level 1."""
    packer = _fastest().compressobj(1, zlib.DEFLATED, 31)
    for block in blocks:
        packed: bytes = packer.compress(block)
        if packed:
            yield packed
    yield packer.flush()
