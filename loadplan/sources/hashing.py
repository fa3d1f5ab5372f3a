"""Hashing: one fast, stable 64-bit hash for keys and rows. The only module that imports xxhash.

It finds equal things and proves that two multisets are equal; where a wrong answer would matter the things themselves
are compared afterwards. It is no protection against somebody who forges rows: file digests are sha256.
"""

from __future__ import annotations

from xxhash import xxh3_64_intdigest as hash64

__all__ = ["hash64"]
