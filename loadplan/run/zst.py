"""Zstandard for outputs, through the package of the extra `zstd`. The only module that imports it."""

from __future__ import annotations

from typing import Any

LEVEL = 3


def compressor() -> Any:
    """A `compressobj`: one frame with a checksum, the same bytes for the same text. Raises ImportError without the extra."""
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
