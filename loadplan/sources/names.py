"""Names: what a row is called when sent rows and result rows are told apart, and the digest of a multiset of names.

A row's name is the value of its key column where the key is sent, else its whole content. The digest is the sum of the
names' hashes: it does not depend on order, needs no memory, and can be added over files. When the sum over what was sent
equals the sum over the three result files, each sent row is in exactly one of them (two different multisets have the same
sum once in 2^64).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loadplan.sources.hashing import hash64

_MASK = (1 << 64) - 1


def content(values: Sequence[bytes]) -> bytes:
    """The name of a row without a key: its values, told apart by a byte that no CSV for Salesforce may hold."""
    return b"\0".join(values)


def total(names: Iterable[bytes]) -> int:
    """The sum of the names' hashes."""
    return sum(map(hash64, names))


def same(one: int, other: int) -> bool:
    """Whether two sums are of the same names: some are kept modulo 2^64, others whole."""
    return (one - other) & _MASK == 0


def written(kind: str, value: int) -> str:
    """`key:` or `row:` and the sum in hex: sums of different kinds are never equal."""
    return f"{kind}:{value & _MASK:016x}"
