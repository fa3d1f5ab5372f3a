"""A live line per running job, on a terminal only. The only module that imports rich, and only when there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loadplan.cli.console import Console
from loadplan.clock import Clock
from loadplan.run import events as ev
from loadplan.run.engine import Listener, PollListener
from loadplan.run.state import Run


class Board:
    """What is running now: rows, state, the next look. Fed by events and polls, drawn by rich."""

    def __init__(self, clock: Clock, live: Any) -> None:
        self._clock, self._live = clock, live
        self._run: Run | None = None
        self._polls: dict[tuple[str, int, int], tuple[int | None, float]] = {}

    def on_event(self, record: ev.Recorded, run: Run) -> None:
        self._run = run
        self._live.update(self)

    def on_poll(self, step: str, part: int, attempt: int, state: str, processed: int | None, wait: float) -> None:
        self._polls[step, part, attempt] = (processed, self._clock.monotonic() + wait)
        self._live.update(self)

    def __rich__(self) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for a in self._run.attempts() if self._run else ():
            if not a.is_in_flight:
                continue
            processed, due = self._polls.get((a.step, a.part, a.number), (None, 0.0))
            done = f"{processed:,}/{a.rows:,}" if processed is not None and a.rows else f"{a.rows:,}" if a.rows else ""
            left = max(0.0, due - self._clock.monotonic())
            state = a.state or a.phase
            table.add_row(
                "…", a.step, a.job, f"{done} rows" if done else "", state, f"next look in {left:.0f} s" if left else ""
            )
        return table


@contextmanager
def board(console: Console, clock: Clock) -> Iterator[tuple[tuple[Listener, ...], tuple[PollListener, ...]]]:
    """Listeners that keep the live lines up to date; none where there is no terminal, with -q or with --json."""
    if not sys.stderr.isatty() or console.verbosity < 0 or console.as_json:
        yield (), ()
        return
    from rich.console import Console as RichConsole
    from rich.live import Live

    terminal = RichConsole(stderr=True, no_color=not console.color)
    with Live(console=terminal, transient=True, refresh_per_second=4, redirect_stdout=False) as live:
        lines = Board(clock, live)
        yield (lines.on_event,), (lines.on_poll,)
