"""SIGINT and SIGTERM: the first asks the engine to stop and gives a request under way a moment; the second exits at once.

Correctness never rests on this: a run that is killed without any signal resumes just as well.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from loadplan.clock import Clock
from loadplan.run.engine import Stop


@contextmanager
def stopping(stop: Stop, clock: Clock) -> Iterator[None]:
    """Route both signals into `stop` for the length of the block."""

    def handle(number: int, _: FrameType | None) -> None:
        if stop.signal is not None:
            os._exit(128 + number)
        stop.signal = number
        clock.wake()

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
