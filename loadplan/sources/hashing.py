"""Hashing: the one door to the fast hash. It spreads and finds; what it finds is compared byte for byte by its caller.

Never for identity of files (sha256 is) nor where a collision would change a result.
"""

from __future__ import annotations

from collections.abc import Callable

from xxhash import xxh3_64_intdigest

hash64: Callable[[bytes], int] = xxh3_64_intdigest
"""64 bits (XXH3) of the data, the same on every machine and in every version: 0 to 2**64 - 1. Not a function around it:
that would cost as much as the hash."""
