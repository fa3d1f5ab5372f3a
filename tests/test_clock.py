"""The real clock: a wait ends when it is woken, from a signal handler too."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

from loadplan.clock import SystemClock


def test_a_wake_before_the_wait_is_not_lost() -> None:
    """Whoever was woken does not go to sleep."""
    clock = SystemClock()
    clock.wake()
    began = time.monotonic()
    clock.wait(30)
    assert time.monotonic() - began < 5


def test_a_signal_in_the_middle_of_short_waits_never_locks_up() -> None:
    """Hundreds of signals that hit a loop of short waits: an Event's own lock would be held at one of them."""
    clock = SystemClock()
    heard = 0

    def handle(_: int, __: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        clock.wake()

    before = signal.signal(signal.SIGUSR1, handle)
    done = threading.Event()

    def fire() -> None:
        for _ in range(500):
            os.kill(os.getpid(), signal.SIGUSR1)
        done.set()

    try:
        thread = threading.Thread(target=fire)
        thread.start()
        while not done.is_set():
            clock.wait(0.0001)
        thread.join(10)
        assert heard > 0
    finally:
        signal.signal(signal.SIGUSR1, before)
