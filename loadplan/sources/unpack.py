"""Unpack: the plain bytes of a gzip or zstd file, checked to its last byte and bounded in what it may grow to."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import IO, cast

from loadplan.sources import zstd
from loadplan.sources.hashed import HashingFile
from loadplan.sources.problems import refuse_file

BLOCK = 1 << 18
HARMLESS = 256_000_000
"""Unpacked bytes up to which nobody asks how small the file is."""
STEEPEST = 1_000
"""Times its size that a larger file may unpack to. Rows of real tables stay below a hundred."""


def plain_blocks(raw: HashingFile, compression: str, name: str) -> Generator[bytes, None, None]:
    """The unpacked bytes of `raw`, every byte of which is read. Raises InvalidInputError when the file is cut short or
    damaged, or unpacks to more than it can hold in earnest."""
    size = 0
    try:
        for block in UNPACKERS[compression](raw, name):
            size += len(block)
            if size > HARMLESS and size > STEEPEST * raw.count:
                summary = f"it unpacks to over {STEEPEST:,} times its size: stopped at {size:,} bytes"
                refuse_file("LP0384", summary, name, hint="unpack it yourself and look at it")
            yield block
    except EOFError:
        refuse_file("LP0305", f"the {compression} file is cut short", name, hint=_again(compression))
    except (gzip.BadGzipFile, zlib.error, zstd.DamagedError) as error:
        refuse_file("LP0305", f"the {compression} file is damaged ({error})", name, hint=_again(compression))


def _gzip(raw: HashingFile, name: str) -> Iterator[bytes]:
    # The gzip module only reads from what it is given, which a HashingFile can.
    with gzip.GzipFile(fileobj=cast("IO[bytes]", raw), mode="rb") as file:
        while block := file.read(BLOCK):
            yield block
    while raw.read(BLOCK):
        pass  # padding after the last member belongs to the digest


def _zstd(raw: HashingFile, name: str) -> Iterator[bytes]:
    for data in zstd.unpack(raw, BLOCK, name):
        for start in range(0, len(data), BLOCK):
            yield data[start : start + BLOCK]


UNPACKERS: dict[str, Callable[[HashingFile, str], Iterator[bytes]]] = {"gzip": _gzip, "zstd": _zstd}


def _again(compression: str) -> str:
    return f"copy it again, or test it with `{'gzip' if compression == 'gzip' else 'zstd'} -t`"
