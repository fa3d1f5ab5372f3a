"""Work that is done ahead of its turn, on a few threads, and taken when its turn has come. Knows nothing of pages or of HTTP.

The engine stays one thread: it alone decides, journals and raises. What goes wrong on a thread waits until the engine takes
it, so that a run reads the same however the threads were scheduled. Nothing here is durable, and a crash loses nothing but
work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import field
from queue import SimpleQueue
from typing import Any

from loadplan.lean import dataclass

LOOK = 0.2
"""Seconds between two looks at whether the run was asked to stop, while work is waited for."""
LEAVE, LEAVE_NOW = 2.0, 0.1
"""Seconds that work under way is waited for when a run stops, by itself or by a signal: then its thread ends with the
process."""


class _Task:
    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error
        self.done.set()


class Crew:
    """At most `size` threads, begun when there is work for them; each keeps what it has (a connection) from one piece of work
    to the next. They are daemons: a download that stalls cannot keep the process from ending."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads: list[threading.Thread] = []
        self._waiting: SimpleQueue[_Task | None] = SimpleQueue()
        self._tasks: dict[Hashable, _Task] = {}
        self._changing = threading.Lock()
        self._stopped = False

    def want(self, key: Hashable, call: Callable[[], Any], *, most: int | None = None) -> None:
        """Have `call` made as soon as a thread is free, unless the work `key` was asked for already and not taken, or `most` pieces
        of work were. May be called from work under way."""
        with self._changing:
            if key in self._tasks or self._stopped or len(self._tasks) == most:
                return
            self._tasks[key] = task = _Task(call)
            self._waiting.put(task)
            if len(self._threads) < min(self._size, len(self._tasks)):
                thread = threading.Thread(target=self._work, name="loadplan-ahead", daemon=True)
                self._threads.append(thread)
                thread.start()

    def take(self, key: Hashable, call: Callable[[], Any], check: Callable[[], None]) -> Any:
        """The result of the work `key`, which is begun if nobody wanted it yet. Raises what the work raised, or what `check`
        raises while it is waited for. Once taken it is forgotten, so that it can be wanted again."""
        self.want(key, call)
        task = self._tasks[key]
        while not task.done.wait(LOOK):
            check()
        with self._changing:
            del self._tasks[key]
        if task.error is not None:
            raise task.error
        return task.result

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changing:
            self._stopped = True
            for _ in self._threads:
                self._waiting.put(None)

    def join(self, until: float) -> None:
        """Wait for what is under way until the monotonic time `until`."""
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None and not self._stopped:
            task.run()


@dataclass
class Walk:
    """The threads of one query job: `pages` fetches pages, `links` asks for the links after those that are known."""

    pages: Crew
    links: Crew


@dataclass
class Ahead:
    """The walks of a run, by step and attempt."""

    walks: dict[tuple[str, int], Walk] = field(default_factory=dict)
    begun: set[tuple[str, int]] = field(default_factory=set)

    def begins(self, step: str, attempt: int) -> bool:
        """True the first time this process does anything for the job."""
        if (step, attempt) in self.begun:
            return False
        self.begun.add((step, attempt))
        return True

    def walk(self, step: str, attempt: int, *, size: int) -> Walk:
        if (step, attempt) not in self.walks:
            self.walks[step, attempt] = Walk(Crew(size), Crew(1))
        return self.walks[step, attempt]

    def end(self, step: str, attempt: int) -> None:
        """The job's pages are all taken, or of no more use."""
        self._close([w for w in [self.walks.pop((step, attempt), None)] if w is not None])

    def close(self, leave: float = LEAVE) -> None:
        self._close(list(self.walks.values()), leave)
        self.walks.clear()

    def _close(self, walks: list[Walk], leave: float = LEAVE) -> None:
        crews = [crew for walk in walks for crew in (walk.pages, walk.links)]
        for crew in crews:
            crew.stop()
        until = time.monotonic() + leave
        for crew in crews:
            crew.join(until)
