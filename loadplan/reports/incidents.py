"""Incidents of a run: what did not go as it should have, and what was done about it. Pure; messages are masked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from loadplan.clock import timestamp
from loadplan.masking import mask, printable
from loadplan.run import events as ev


def mask_job_error(text: str) -> str:
    """A job's error message in the org's words: field names stay, values go."""
    return mask(text) if text else ""


def mask_numbers_kept(text: str) -> str:
    """Our own sentences: they hold counts we wrote and no row values, save what a message of the org quoted."""
    return text if ":" not in text else text.split(": ", 1)[0] + ": " + mask(text.split(": ", 1)[1])


def incidents(records: Sequence[ev.Recorded]) -> Iterable[dict[str, Any]]:
    """Each with its time, step and job, in order."""
    ended, before = True, ""
    for r in records:
        e = r.event
        if isinstance(e, ev.RunResumed) and not ended:
            # What a process says when it ends was not said: it was killed, or its machine went down.
            text = f"the run stopped without a word (killed, or the machine went down) after {before}; {_what(e)}"
        else:
            text = _what(e)
        if isinstance(e, ev.RunInterrupted | ev.RunEnded):
            ended = True
        elif isinstance(e, ev.RunStarted | ev.RunResumed):
            ended = False
        before = timestamp(r.at)
        if text:
            yield {"time": timestamp(r.at), "step": getattr(e, "step", ""), "job": getattr(e, "job", ""), "what": text}


def _what(e: ev.Event) -> str:
    return next((text for words in (_of_request, _of_job, _of_run) if (text := words(e))), "")


def _of_request(e: ev.Event) -> str:
    match e:
        case ev.CreateLost():
            return (
                f"no usable answer to the create ({mask(e.detail)}); another job is made. "
                "One may be left in the org, open and empty: harmless"
            )
        case ev.UploadLost():
            return f"the upload has no proven outcome ({mask(e.detail)}); the job is aborted and the part goes into a new one"
        case ev.CloseRefused():
            return f"the org would not close the upload ({mask(e.message)}); it was asked what the job's state is"
        case ev.JobRefused():
            return f"the org refused the job: {mask(e.message)}"
        case ev.RequestFailed():
            return f"{e.request.partition(' ')[0]} had no usable answer ({mask(e.detail)}), try {e.tries}"
        case _:
            return ""


def _of_job(e: ev.Event) -> str:
    match e:
        case ev.JobGone():
            return "the org no longer has the job (404)"
        case ev.JobAdopted():
            return "the lost run had sent this part: the job holds exactly its rows"
        case ev.OutcomeLost():
            return f"nobody can tell whether the lost run had sent part {e.part}: {e.detail}"
        case ev.PartResolved():
            return f"{e.who} on {e.host} decided that the rows were {e.assume}: {e.reason}"
        case ev.RetryPrepared():
            return f"part {e.part}: {e.rows} rows sent again{_in_parts(e)} ({e.why}; {e.failed} failed, {e.unprocessed} unprocessed)"
        case ev.JobReconciled() if not e.agree:
            return f"NOT RECONCILED: {e.problem}"
        case ev.QueryReconciled() if not e.agree:
            return f"NOT RECONCILED: {e.problem}"
        case ev.JobObserved() if e.state in {"Failed", "Aborted"}:
            return f"the job ended {e.state}" + (f": {mask_job_error(e.error)}" if e.error else "")
        case _:
            return ""


def _of_run(e: ev.Event) -> str:
    match e:
        case ev.RunAdopted():
            return f"the run's folder was lost; {e.who} on {e.host} had it rebuilt from {e.jobs} jobs of the org"
        case ev.RunInterrupted():
            return f"stopped: {e.reason}"
        case ev.RunResumed():
            return f"{e.why} by {e.who} on {e.host}"
        case ev.RetryRequested() if e.mended:
            return "; ".join(
                f"{m.rows} rows of {printable(m.file)} take the place of rows that {m.step} left over" for m in e.mended
            )
        case ev.StepRefused():
            return mask_numbers_kept(e.reason)
        case ev.StepBlocked():
            gate, shut, because = e.because.partition(" is shut: ")
            return f"not started: {gate + shut + mask_numbers_kept(because) if shut else mask_numbers_kept(gate)}"
        case _:
            return ""


def _in_parts(e: ev.RetryPrepared) -> str:
    """In how many parts, and when no other job of the object may be beside them."""
    parts = f" in {len(e.pieces) + 1} parts" if e.pieces else ""
    return parts + (", one job at a time" if e.alone else "")
