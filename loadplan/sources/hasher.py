"""Hasher: sha256 in a thread of its own, while the caller goes on with the bytes. hashlib lets go of the interpreter as it works."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

_WAITING = 4


class Hasher:
    """Use it in a `with`; the digests are whole after `join`."""

    def __enter__(self) -> Hasher:
        self._pool = ThreadPoolExecutor(1)
        self._waiting: list[Future[None]] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def update(self, data: bytes, *hashers: _Hash) -> None:
        """Feed `data` to each, in the order of the calls. Waits when too much is waiting."""
        if len(self._waiting) >= _WAITING:
            self._waiting.pop(0).result()
        self._waiting.append(self._pool.submit(_feed, data, hashers))

    def join(self) -> None:
        """Wait until everything was fed."""
        while self._waiting:
            self._waiting.pop(0).result()


def _feed(data: bytes, hashers: tuple[_Hash, ...]) -> None:
    for hasher in hashers:
        hasher.update(data)
