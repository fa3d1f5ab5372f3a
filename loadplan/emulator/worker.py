"""Works off jobs between requests, on a thread of its own, so that a job ends whether or not somebody polls it."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable

from .org import Org

_AFTER_AN_ERROR = 1.0


class Worker:
    """Takes its turns at the org as jobs fall due. Needs a clock that runs by itself."""

    def __init__(self, org: Org, clock: Callable[[], float]) -> None:
        self._org, self._clock = org, clock
        self._news = threading.Event()
        self._until = 0.0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="embedded org", daemon=True)

    def start(self) -> None:
        """Begin, and let the org know whom to wake."""
        self._org.wake = self.wake
        self._thread.start()

    def stop(self) -> None:
        """End after the slice that is being worked on."""
        self._stopped = True
        self._news.set()
        self._thread.join()

    def wake(self, due: float) -> None:
        """Something falls due at that time."""
        if due < self._until:
            self._news.set()

    def _run(self) -> None:
        while not self._stopped:
            self._news.clear()
            try:
                due = self._org.work(self._clock())
            except Exception:
                traceback.print_exc(file=sys.stderr)
                due = self._clock() + _AFTER_AN_ERROR
            pause = None if due is None else due - self._clock()
            if pause is None or pause > 0:
                self._until = float("inf") if due is None else due
                self._news.wait(None if pause is None else min(pause, threading.TIMEOUT_MAX))
                self._until = 0.0
