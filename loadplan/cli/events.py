"""Events as lines on the terminal, and as JSON lines. Two readers of the same events; the engine formats no text."""

from __future__ import annotations

from datetime import datetime

from loadplan.cli.console import Console
from loadplan.cli.pace import Pace
from loadplan.cli.rates import Rates, moved, progress
from loadplan.clock import Clock, timestamp
from loadplan.masking import mask
from loadplan.plan.model import Plan
from loadplan.reports.incidents import mask_numbers_kept
from loadplan.run import events as ev
from loadplan.run.activity import Activity, Work
from loadplan.run.engine import Listener, PollListener
from loadplan.run.state import Run
from loadplan.words import count

HEARTBEAT = 30.0
"""Seconds between two lines about a job whose state does not change."""


def _say(console: Console, at: datetime, kind: str, step: str, text: str) -> None:
    console.message(f"{timestamp(at)[11:19]}Z {console.style(f'{kind:7}', 'dim')} {step:20} {text}".rstrip())


def watching(console: Console, clock: Clock) -> Activity:
    """An activity with a line about work that takes long, now and then, and about each source that took long to read."""

    def tell(work: Work) -> None:
        _say(console, clock.now(), work.kind[:7], _name(work.step, work.part), progress(work, clock.monotonic()))

    def ended(work: Work, seconds: float) -> None:
        if work.kind == "reading" and seconds >= 1:
            _say(console, clock.now(), "read", work.step, f"checked: {moved(work.bytes, work.rows, seconds)}")

    return Activity(clock, tell, ended)


def listeners(console: Console, plan: Plan, clock: Clock) -> tuple[Listener, PollListener]:
    """A listener for events and one for polls: dated lines, one per change, greppable, UTC."""
    heard: dict[tuple[str, int, int], float] = {}
    paces: dict[tuple[str, int, int], Pace] = {}
    known: list[Run] = []
    rates = Rates()

    def say(at: datetime, kind: str, step: str, text: str, tone: str = "") -> None:
        _say(console, at, kind, step, console.style(text, tone) if tone else text)

    def on_event(record: ev.Recorded, run: Run) -> None:
        known[:] = [run]
        line, more = describe(record.event, run, plan), rates.after(record, run)
        if line:
            kind, step, text = line
            say(record.at, kind, step, text + more, tone(record.event))

    def on_poll(step: str, part: int, attempt: int, state: str, processed: int | None, wait: float) -> None:
        now = clock.monotonic()
        key = (step, part, attempt)
        if key not in paces:
            paces[key] = Pace(known[0].attempt(*key).rows if known else 0)
        paces[key].look(now, processed)
        if now - heard.setdefault(key, now) >= HEARTBEAT:
            heard[key] = now
            done = paces[key].words()
            say(
                clock.now(),
                "wait",
                _name(step, part),
                f"{state}{f' {done}' if done else ''}, next look in {wait:.0f} s",
            )

    return on_event, on_poll


def json_listener(console: Console) -> Listener:
    """One JSON object per event on stdout, after the version line."""
    from loadplan.version import __version__

    console.json({"type": "version", "loadplan": __version__, "events": "1.0"}, compact=True)

    def on_event(record: ev.Recorded, _: Run) -> None:
        console.json({"seq": record.seq, "at": timestamp(record.at), **ev.to_json(record.event)}, compact=True)

    return on_event


def tone(event: ev.Event) -> str:
    """The colour of an event's line, where it helps: what did not go well, and gates."""
    match event:
        case ev.GateDecided():
            return "green" if event.verdict == "open" else "red"
        case ev.JobReconciled() | ev.QueryReconciled() if not event.agree:
            return "red"
        case ev.JobReconciled() if event.failed or event.unprocessed:
            return "yellow"
        case ev.JobObserved() if event.state in {"Failed", "Aborted"}:
            return "red"
        case ev.StepRefused():
            return "red"
        case (
            ev.CreateLost() | ev.UploadLost() | ev.CloseRefused() | ev.RequestFailed() | ev.JobGone() | ev.StepBlocked()
        ):
            return "yellow"
        case _:
            return ""


def _name(step: str, part: int) -> str:
    return f"{step}/{part}" if part > 1 else step


def _held(facts: tuple[ev.RowsFact, ...]) -> str:
    """How many rows wait for their parents, and why."""
    if not facts:
        return ""
    reasons: dict[str, int] = {}
    for fact in facts:
        for reason, rows in fact.why.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    why = ", ".join(f"{reason}: {rows:,}" for reason, rows in reasons.items())
    return f"; {count(sum(fact.rows for fact in facts), 'row')} held back ({why})"


def describe(event: ev.Event, run: Run, plan: Plan) -> tuple[str, str, str] | None:  # noqa: C901 - one case per event
    """(kind, step, text) of the line for an event; None for events that a person need not see."""
    match event:
        case ev.RunStarted():
            return "run", event.run, f"org {event.organization_id}, plan sha256:{event.plan_digest[:12]}"
        case ev.RunResumed():
            return "run", run.header.run if run.header else "", f"{event.why} by {event.who}"
        case ev.RetryRequested() if event.mended:
            first, *others = [f"{count(m.rows, 'mended row')} of {m.file} for {m.step}" for m in event.mended]
            return "rows", event.mended[0].step, "; ".join([first, *others])
        case ev.StepPrepared():
            what = count(len(event.levels), "level") if event.levels else count(len(event.parts), "part")
            return "rows", event.step, f"{count(event.rows_selected, 'row')} in {what}{_held(event.held)}"
        case ev.LevelCut():
            rows = sum(part.rows for part in event.parts)
            return "level", event.step, f"level {event.level}: {count(rows, 'row')}{_held(event.held)}"
        case ev.HeldReleased() if event.parts or event.held:
            rows = sum(part.rows for part in event.parts)
            what = f"{count(rows, 'row')} can be sent now" if rows else "none of the rows held back can be sent yet"
            return "held", event.step, what + _held(event.held)
        case ev.JobCreated():
            rows = run.attempt(event.step, event.part, event.attempt).rows
            return (
                "job",
                _name(event.step, event.part),
                f"{event.job} created" + (f", {count(rows, 'row')}" if rows else ""),
            )
        case ev.UploadClosed():
            return "job", _name(event.step, event.part), f"{event.job} {event.state}"
        case ev.JobObserved() if event.state not in {"Open", "UploadComplete"}:
            error = f": {mask(event.error)}" if event.error else ""
            return "job", _name(event.step, event.part), f"{event.job} {event.state}{error}"
        case ev.JobReconciled():
            equation = (
                f"{event.sent:,} sent = {event.successful:,} successful + {event.failed:,} failed + "
                f"{event.unprocessed:,} unprocessed"
            )
            verdict = "reconciled" if event.agree else f"NOT RECONCILED: {event.problem}"
            return "rows", _name(event.step, event.part), f"{equation}, {verdict}"
        case ev.RetryPrepared():
            parts = f" in {len(event.pieces) + 1} smaller parts" if event.pieces else ""
            parts += ", one job at a time" if event.alone else ""
            return "retry", _name(event.step, event.part), f"{count(event.rows, 'row')} sent again{parts} ({event.why})"
        case ev.PageFetched():
            return "page", event.step, f"page {event.page}, {event.rows:,} rows, locator {event.locator_out}"
        case ev.QueryReconciled():
            verdict = "agree" if event.agree else f"DO NOT AGREE: {event.problem}"
            return (
                "rows",
                event.step,
                f"{count(event.rows, 'row')} in {count(event.pages, 'page')}, job and pages {verdict}",
            )
        case ev.OutputWritten():
            return "output", event.step, f"{event.rows:,} rows -> {event.file}"
        case ev.GateDecided():
            return "gate", event.step, f"{event.verdict.upper()}: {event.because} (rule: {event.rule})"
        case ev.StepBlocked():
            return "held", event.step, f"not started: {event.because}"
        case ev.StepRefused():
            return "error", event.step, mask_numbers_kept(event.reason)
        case ev.CreateLost() | ev.UploadLost():
            return "trouble", _name(event.step, event.part), f"no proven outcome: {event.detail}"
        case ev.CloseRefused():
            return (
                "trouble",
                _name(event.step, event.part),
                f"the org would not close the upload: {mask(event.message)}",
            )
        case ev.RequestFailed():
            again = f", again in {event.next_try:.0f} s" if event.next_try else ""
            return "trouble", _name(event.step, event.part), f"{event.detail} (try {event.tries}{again})"
        case ev.JobGone():
            return "trouble", _name(event.step, event.part), f"{event.job} is gone from the org"
        case _:
            return None
