"""One thread behind another: blocks are handed over and worked off in their order, while the caller goes on with the next.

It pays because what is done to blocks (unpacking, hashing, reading, writing) runs without the interpreter's lock, so that two
processors share one stream. It knows nothing of what the blocks are.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from types import TracebackType
from typing import ClassVar

BATCH = 4
"""Blocks that are handed over together: changing threads for each of them would cost more than it brings."""
WAITING = 3
"""Batches that may wait to be worked off while the caller makes more."""
INLINE = 4
"""Blocks of a short stream that are worked off without a thread."""


class Behind:
    """Does `work` to each block on a thread. A short stream needs none; and where several streams run at once they share the
    processors already, so that each is worked off by its own caller. What `work` raises is raised in `put`, or at the
    end: after that nothing more is done."""

    _streams: ClassVar[int] = 0
    _counting: ClassVar[Lock] = Lock()

    def __init__(self, work: Callable[[bytes], object]) -> None:
        self._work = work
        self._batch: list[bytes] = []
        self._batches: SimpleQueue[list[bytes]] = SimpleQueue()
        self._room = Semaphore(WAITING)
        self._thread: Thread | None = None
        self._taken = 0
        self._error: BaseException | None = None

    def __enter__(self) -> Behind:
        with self._counting:
            Behind._streams += 1
        return self

    def put(self, block: bytes) -> None:
        """Hand a block over. Waits when `WAITING` batches are ahead of it."""
        if self._error is not None:
            raise self._error
        if not block:
            return
        self._taken += 1
        if self._thread is None:
            if self._taken <= INLINE or self._streams > 1:
                self._work(block)
                return
            self._thread = Thread(target=self._run, name="loadplan-behind", daemon=True)
            self._thread.start()
        self._batch.append(block)
        if len(self._batch) == BATCH:
            self._hand_over()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._counting:
            Behind._streams -= 1
        if self._thread is not None:
            if self._batch:
                self._hand_over()
            self._batches.put([])
            self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def _hand_over(self) -> None:
        self._room.acquire()
        self._batches.put(self._batch)
        self._batch = []

    def _run(self) -> None:
        while batch := self._batches.get():
            try:
                for block in batch:
                    if self._error is None:
                        self._work(block)
            except BaseException as error:
                self._error = error
            finally:
                self._room.release()
