"""SIGINT and SIGTERM: a run ends within a second, whatever it is waiting for.

The first signal asks the engine to stop. A request under way gets a moment to end by itself, so that its outcome is on
record; then it is broken off. If even that does not come through (a name server that does not answer cannot be broken off),
the process ends a little later from another thread. The second signal ends it at once.
Correctness never rests on this: a run that is killed without any signal resumes just as well.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from loadplan.clock import Clock
from loadplan.run.engine import Interrupt, Stop

GRACE = 0.15
"""Seconds that a request under way has to end by itself."""
AGAIN = 0.02
"""Seconds until the next look, for instance when a record was just being written."""
LAST = 0.8
"""Seconds after the signal at which the process ends without having come to its senses."""


@contextmanager
def stopping(stop: Stop, clock: Clock, last_words: Callable[[], None]) -> Iterator[None]:
    """Route both signals into `stop` for the length of the block. `last_words` says how to go on when nobody else can."""

    def handle(number: int, _: FrameType | None) -> None:
        if stop.signal is not None:
            leave(128 + number)
        stop.signal = number
        clock.wake()
        signal.setitimer(signal.ITIMER_REAL, GRACE)

    def break_in(_: int, __: FrameType | None) -> None:
        # Once more in any case: an exception raised inside a finalizer is swallowed.
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        if stop.may_break:
            raise Interrupt

    wanted = {signal.SIGINT: handle, signal.SIGTERM: handle, signal.SIGALRM: break_in}
    with _watching(last_words):
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, old in before.items():
                signal.signal(number, old)


def leave(code: int) -> None:
    """End the process here and now. The live lines hide the cursor of a terminal: it is shown again."""
    if os.isatty(2):
        os.write(2, b"\x1b[?25h\n")
    os._exit(code)


@contextmanager
def _watching(last_words: Callable[[], None]) -> Iterator[None]:
    """Another thread sees the signals too, and ends the process `LAST` seconds after one if the block has not ended.

    Python runs handlers in the main thread between two of its instructions; a C function that blocks there keeps them
    waiting. The wake-up file is written by the signal itself."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    over = threading.Event()

    def watch() -> None:
        while numbers := ours.recv(64):
            ending = [n for n in numbers if n in {signal.SIGINT, signal.SIGTERM}]
            if ending and not over.wait(LAST):
                last_words()
                leave(128 + ending[0])

    old = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(old)
        over.set()
        theirs.close()
        watcher.join()
        ours.close()
