"""A live line per running job, on a terminal only. The only module that imports rich, and only when there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loadplan.cli.console import Console
from loadplan.cli.pace import Pace
from loadplan.clock import Clock
from loadplan.run import events as ev
from loadplan.run.engine import Listener, PollListener
from loadplan.run.state import Attempt, Run

MOST_LINES = 12
"""Jobs that are shown at once; of more, the others are counted."""
BAR = 18


class Board:
    """What is running now: a line for each job with its rows, its pace and the next look, and how many steps are done. Fed by
    events and polls, drawn by rich."""

    def __init__(self, clock: Clock, live: Any) -> None:
        self._clock, self._live = clock, live
        self._run: Run | None = None
        self._polls: dict[tuple[str, int, int], tuple[Pace, float]] = {}

    def on_event(self, record: ev.Recorded, run: Run) -> None:
        self._run = run
        self._live.update(self)

    def on_poll(self, step: str, part: int, attempt: int, state: str, processed: int | None, wait: float) -> None:
        key = (step, part, attempt)
        now = self._clock.monotonic()
        pace = self._polls[key][0] if key in self._polls else Pace(self._run.attempt(*key).rows if self._run else 0)
        pace.look(now, processed)
        self._polls[key] = (pace, now + wait)
        self._live.update(self)

    def lines(self) -> list[tuple[str, str, str, str]]:
        """(step and part, bar, what is known, when it is looked at next) of the jobs in flight, and a last line for the rest."""
        if self._run is None:
            return []
        flying = [a for a in self._run.attempts() if a.is_in_flight]
        found = [self._line(a) for a in flying[:MOST_LINES]]
        steps = self._run.steps.values()
        settled = sum(1 for s in steps if s.is_settled)
        more = f", {len(flying) - MOST_LINES} more jobs" if len(flying) > MOST_LINES else ""
        return [*found, (f"{settled} of {len(steps)} steps done{more}", "", "", "")]

    def _line(self, a: Attempt) -> tuple[str, str, str, str]:
        pace, due = self._polls.get((a.step, a.part, a.number), (Pace(a.rows), 0.0))
        name = f"{a.step}/{a.part}" if a.part > 1 else a.step
        share = (pace.processed or 0) / a.rows if a.rows else 0.0
        bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR)) if a.rows else ""
        known = pace.words() or (f"{a.rows:,} rows" if a.rows else "")
        left = max(0.0, due - self._clock.monotonic())
        state = a.state or a.phase
        return name, bar, f"{state}  {known}".rstrip(), f"next look in {left:.0f} s" if left >= 1 else ""

    def __rich__(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for line in self.lines():
            table.add_row(*(Text(cell, style="dim" if i == 3 else "", no_wrap=True) for i, cell in enumerate(line)))
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
