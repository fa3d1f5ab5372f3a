"""Whose turn it is: requests and the background worker take the org one after the other, and none of them starves."""

from __future__ import annotations

import threading
from types import TracebackType


class Turns:
    """A re-entrant lock with a queue of one: who waits goes before who has just finished."""

    def __init__(self) -> None:
        self._org = threading.RLock()
        self._next = threading.Lock()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> Turns:
        me = threading.get_ident()
        if self._owner == me:
            self._org.acquire()
        else:
            with self._next:
                self._org.acquire()
            self._owner = me
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
        self._org.release()
