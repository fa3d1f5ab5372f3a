"""Hashing: one fast, stable 64-bit hash for keys and rows. The only module that imports xxhash.

It finds equal things and proves that two multisets are equal; where a wrong answer would matter the things themselves
are compared afterwards. It is no protection against somebody who forges rows: file digests are sha256.
"""

from __future__ import annotations

from xxhash import xxh3_64_intdigest as hash64

__all__ = ["folded", "hash64"]


def folded(keys: list[bytes]) -> list[bytes]:
    """The keys as they are compared without case."""
    if not keys:
        return []
    joined = b"\0".join(keys)
    if joined.isascii():
        return joined.lower().split(b"\0")
    return [key.decode().casefold().encode() for key in keys]
