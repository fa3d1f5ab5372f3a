"""A live line per running step, on a terminal only. The only module that imports rich, and only when there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from loadplan.cli.console import Console
from loadplan.cli.pace import Pace, rounded
from loadplan.cli.rates import SHORT, progress
from loadplan.clock import Clock
from loadplan.run import events as ev
from loadplan.run.activity import Activity, Work
from loadplan.run.engine import Listener, PollListener
from loadplan.run.state import Attempt, Run, StepRun
from loadplan.words import count, size

Row = tuple[str, str, str]
"""The step, the part it is at, what it does."""
MOST_LINES = 12
"""Steps that are shown at once; of more, the others are counted."""


class Board:
    """What is running now. Fed by events and polls, and by whoever reads, sends and fetches; rich draws it a few times a second
    from a thread of its own, so that showing costs the run nothing."""

    def __init__(self, clock: Clock, activity: Activity) -> None:
        self._clock, self._activity = clock, activity
        self._run: Run | None = None
        self._polls: dict[tuple[str, int, int], tuple[Pace, float]] = {}

    def on_event(self, record: ev.Recorded, run: Run) -> None:
        """Note the run; it is read when it is drawn."""
        self._run = run

    def on_poll(self, step: str, part: int, attempt: int, state: str, processed: int | None, wait: float) -> None:
        """Note how far a job is, and when it is looked at again."""
        key, now = (step, part, attempt), self._clock.monotonic()
        pace = self._polls[key][0] if key in self._polls else Pace(self._run.attempt(*key).rows if self._run else 0)
        pace.look(now, processed)
        self._polls[key] = (pace, now + wait)

    def rows(self) -> list[Row]:
        """One line per step that does something, in the order of the plan; sources that are read before the run in theirs."""
        works = list(self._activity.now)
        steps = [s for s in self._run.steps.values() if s.state == "running"] if self._run else []
        known = {step.id for step in steps}
        ahead = [(w.step, "", progress(w, self._clock.monotonic())) for w in works if w.step not in known]
        return [*ahead, *(self._of_step(step, [w for w in works if w.step == step.id]) for step in steps)]

    def _of_step(self, step: StepRun, works: Sequence[Work]) -> Row:
        waiting = [a for a in step.attempts if a.phase == "processing"]
        doing = [self._moving(works)] if works else []
        doing += [self._waiting(waiting)] if waiting else []
        return step.id, _part_of(step, works), "; ".join(doing)

    def _moving(self, works: Sequence[Work]) -> str:
        now = self._clock.monotonic()
        if len(works) == 1:
            return progress(works[0], now)
        seconds = now - min(work.began for work in works)
        bytes_ = sum(work.moved for work in works)
        return f"{works[0].kind} {len(works)} at a time, {size(bytes_)}" + (
            f", {size(bytes_ / seconds)}/s" if seconds >= SHORT else ""
        )

    def _waiting(self, attempts: Sequence[Attempt]) -> str:
        done = rate = 0.0
        due: list[float] = []
        ends: list[float] = []
        for attempt in attempts:
            pace, next_look = self._polls.get((attempt.step, attempt.part, attempt.number), (Pace(attempt.rows), 0.0))
            processed, left_here = pace.processed, pace.left()
            if left_here is not None:
                ends.append(left_here)
            seconds = (self._clock.now() - (attempt.closed_at or attempt.at)).total_seconds()
            done += processed or 0
            rate += (processed or 0) / seconds if seconds >= SHORT else 0.0
            if next_look:
                due.append(next_look)
        rows = sum(attempt.rows for attempt in attempts)
        text = f"waiting for {count(len(attempts), 'job')}"
        if rows:
            text += f": {done:,.0f} of {count(rows, 'row')}"
        elif done:
            text += f": {count(int(done), 'row')}"
        text += f", {rate:,.0f} rows/s" if rate else ""
        text += f", {rounded(max(ends))} left" if len(ends) == len(attempts) else ""
        left = max(0.0, min(due) - self._clock.monotonic()) if due else 0.0
        return text + (f", next look in {left:.0f} s" if left >= SHORT else "")

    def __rich__(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        rows = self.rows()
        for row in rows[:MOST_LINES]:
            table.add_row("…", *(Text(cell, no_wrap=True) for cell in row))
        if self._run:
            table.add_row("", Text(self.steps_done(more=len(rows) - MOST_LINES), style="dim"))
        return table

    def steps_done(self, *, more: int = 0) -> str:
        """`2 of 5 steps done`, and how many lines are not shown."""
        steps = self._run.steps.values() if self._run else ()
        hidden = f", {more} more at work" if more > 0 else ""
        return f"{sum(1 for s in steps if s.is_settled)} of {len(steps)} steps done{hidden}"


def _part_of(step: StepRun, works: Sequence[Work]) -> str:
    """`part 3 of 11`, `page 7`; of a hierarchy the level too."""
    if step.query_attempts:
        page = max([len(step.query_attempts[-1].pages), *(work.part for work in works)])
        return f"page {page}" if page else ""
    levels = len(step.prepared.levels) if step.prepared else 0
    level = f"level {step.levels_cut} of {levels}, " if levels and step.levels_cut else ""
    if not step.parts:
        return level.rstrip(", ")
    done = sum(1 for part in step.parts.values() if part.current and part.current.reconciled)
    if len(step.parts) == 1:
        return level.rstrip(", ")
    at = next((work.part for work in works if work.part), min(done + 1, len(step.parts)))
    return f"{level}part {at} of {len(step.parts)}"


@contextmanager
def board(
    console: Console, clock: Clock, activity: Activity
) -> Iterator[tuple[tuple[Listener, ...], tuple[PollListener, ...]]]:
    """Listeners that keep the live lines up to date; none where there is no terminal, with -q or with --json."""
    if not sys.stderr.isatty() or console.verbosity < 0 or console.as_json:
        yield (), ()
        return
    from rich.console import Console as RichConsole
    from rich.live import Live

    terminal = RichConsole(stderr=True, no_color=not console.color)
    lines = Board(clock, activity)
    with Live(lines, console=terminal, transient=True, refresh_per_second=4, redirect_stdout=False):
        yield (lines.on_event,), (lines.on_poll,)
