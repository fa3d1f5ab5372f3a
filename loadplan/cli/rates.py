"""Rates: how much of a run's work was done in how long, as the ends of its lines. From the records and their times; nothing is
measured for it. What took no time worth naming is not named."""

from __future__ import annotations

from datetime import datetime

from loadplan.run import events as ev
from loadplan.run.activity import Work
from loadplan.run.state import Run
from loadplan.words import count, size

SHORT = 0.5
"""Seconds: below, a rate is chance."""
LONG = 5.0
"""Seconds in the org: below, they are those of its queue and of the looks."""


def moved(bytes_: int, rows: int, seconds: float) -> str:
    """`74 MB in 0.8 s, 92 MB/s, 620,000 rows/s`; bytes or rows may be 0, which leaves them out."""
    rates = [f"{size(bytes_ / seconds)}/s"] if bytes_ and seconds else []
    rates += [f"{rows / seconds:,.0f} rows/s"] if rows and seconds else []
    what = size(bytes_) if bytes_ else count(rows, "row")
    return ", ".join([f"{what} in {seconds:.1f} s", *rates])


def progress(work: Work, now: float) -> str:
    """`sending 45 MB of 74 MB, 92 MB/s`: one piece of work at this moment."""
    seconds = now - work.began
    if work.moved:
        share = f"{size(work.moved)} of {size(work.bytes)}" if work.bytes else size(work.moved)
        return f"{work.kind} {share}" + (f", {size(work.moved / seconds)}/s" if seconds >= SHORT else "")
    if work.counted:
        return f"{work.kind} {count(work.counted, 'row')}" + (
            f", {work.counted / seconds:,.0f} rows/s" if seconds >= SHORT else ""
        )
    return f"{work.kind} for {seconds:.0f} s" if seconds >= 1 else work.kind


class Rates:
    """Fed every record in order; says what stands behind the line of one."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, ...], datetime] = {}
        self._places: dict[tuple[str, int], str] = {}

    def after(self, record: ev.Recorded, run: Run) -> str:
        """The end of the line of this record, with its comma; empty when there is nothing to say."""
        event = record.event
        text = (
            self._of_step(event, record.at)
            if not isinstance(event, ev.JobEvent)
            else self._of_job(event, record.at, run)
        )
        return f", {text}" if text else ""

    def _of_step(self, event: ev.Event, at: datetime) -> str:
        match event:
            case ev.StepStarted():
                self._at[event.step, "cut"] = at
            case ev.StepPrepared() | ev.LevelCut() | ev.HeldReleased():
                if not isinstance(event, ev.StepPrepared):
                    # Counted among those cut with it: of all parts of the step it is always the last.
                    level = [f"level {event.level}"] if isinstance(event, ev.LevelCut) else []
                    for nth, part in enumerate(event.parts, 1):
                        many = [f"part {nth} of {len(event.parts)}"] if len(event.parts) > 1 else []
                        self._places[event.step, part.part] = ", ".join(level + many)
                seconds = self._since((event.step, "cut"), at)
                self._at[event.step, "cut"] = at
                if seconds >= 1:
                    return f"cut in {seconds:.1f} s"
            case ev.OutputWritten():
                seconds = self._since((event.step, "page"), at)
                return f"written in {seconds:.1f} s" if seconds >= 1 else ""
            case _:
                pass
        return ""

    def _of_job(self, event: ev.JobEvent, at: datetime, run: Run) -> str:
        key = (event.step, str(event.part), str(event.attempt))
        step = run.steps[event.step]
        match event:
            case ev.JobCreated() if (event.step, event.part) in self._places:
                return self._places[event.step, event.part]
            case ev.JobCreated() if len(step.parts) > 1:
                return f"part {event.part} of {len(step.parts)}"
            case ev.UploadIntended():
                self._at[*key, "sent"] = at
            case ev.PartUploaded():
                self._at[*key, "arrived"] = at
            case ev.UploadClosed():
                fact = step.parts[event.part].fact
                arrived = self._at.get((*key, "arrived"))
                seconds = self._since((*key, "sent"), arrived) if arrived else 0.0
                return "sent " + moved(fact.bytes, fact.rows, seconds) if seconds >= SHORT else ""
            case ev.JobObserved() if event.state == "JobComplete":
                self._at[*key, "fetched"] = self._at[event.step, "page"] = at
                since = run.attempt(event.step, event.part, event.attempt).closed_at
                seconds = (at - since).total_seconds() if since else 0.0
                return moved(0, event.processed, seconds) if event.processed and seconds >= LONG else ""
            case ev.JobReconciled():
                attempt = run.attempt(event.step, event.part, event.attempt)
                bytes_ = sum(result.bytes for result in attempt.results.values())
                # A level, or rows that were held, are cut when what was under way has ended.
                self._at[event.step, "cut"] = at
                seconds = self._since((*key, "fetched"), at)
                return "fetched " + moved(bytes_, 0, seconds) if bytes_ and seconds >= SHORT else ""
            case ev.PageFetched():
                seconds = self._since((event.step, "page"), at)
                self._at[event.step, "page"] = at
                return moved(event.bytes, event.rows, seconds) if seconds >= SHORT else size(event.bytes)
            case _:
                pass
        return ""

    def _since(self, key: tuple[str, ...], at: datetime) -> float:
        begun = self._at.get(key)
        return (at - begun).total_seconds() if begun else 0.0
