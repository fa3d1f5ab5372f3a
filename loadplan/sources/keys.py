"""Keys: the values of a key column of some rows, for whoever wants to know no more of them than their lengths and hashes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from loadplan.sources.hashing import folded, hash64


class Keys:
    """As texts. `shortest` and `longest` are in bytes, 0 when there is none. `total` is the sum of their hashes, modulo any
    power of 2 up to the 64th; `exact` and `without_case` are the hashes, 8 bytes each as the machine writes them."""

    def __init__(self, values: list[bytes]) -> None:
        self._values = values

    @staticmethod
    def of(some: Sequence[Keys]) -> Keys:
        """All of them as one."""
        return some[0] if len(some) == 1 else _Several(some)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def shortest(self) -> int:
        return min(map(len, self._values), default=0)

    @property
    def longest(self) -> int:
        return max(map(len, self._values), default=0)

    def total(self) -> int:
        return sum(map(hash64, self._values))

    def exact(self) -> bytes:
        return array("Q", map(hash64, self._values)).tobytes()

    def without_case(self) -> bytes:
        return array("Q", map(hash64, folded(self._values))).tobytes()


class _Several(Keys):
    def __init__(self, some: Sequence[Keys]) -> None:
        super().__init__([])
        self._some = [keys for keys in some if len(keys)]

    def __len__(self) -> int:
        return sum(map(len, self._some))

    @property
    def shortest(self) -> int:
        return min((keys.shortest for keys in self._some), default=0)

    @property
    def longest(self) -> int:
        return max((keys.longest for keys in self._some), default=0)

    def total(self) -> int:
        return sum(keys.total() for keys in self._some)

    def exact(self) -> bytes:
        return b"".join([keys.exact() for keys in self._some])

    def without_case(self) -> bytes:
        return b"".join([keys.without_case() for keys in self._some])
