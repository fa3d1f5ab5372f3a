"""Resolution: what a person decides of a part that nobody can decide from here, and what then counts. Pure.

`applied`: its rows count as saved, as far as the org's own counters do not say otherwise. `not-applied`: its rows are sent in
another job; refused when the org had said that some of them were saved.
"""

from __future__ import annotations

from loadplan.errors import UsageError
from loadplan.run import events as ev
from loadplan.run.lifecycle import TERMINAL
from loadplan.run.state import Attempt, Run
from loadplan.words import count

APPLIED, NOT_APPLIED = "applied", "not-applied"


def part_name(attempt: Attempt) -> str:
    """How a part is spelled on the command line: `step/part`."""
    return f"{attempt.step}/{attempt.part}"


def undecided(run: Run) -> list[Attempt]:
    """The attempts that wait for a decision."""
    return [a for a in run.attempts() if a.phase == "undecided"]


def resolve_commands(run: str, attempt: Attempt) -> list[str]:
    """Both decisions, ready to be pasted."""
    begin = f"loadplan resolve {run} {part_name(attempt)} --assume"
    return [f'{begin} applied --reason "found in the org"', f'{begin} not-applied --reason "not found in the org"']


def heard(attempt: Attempt) -> str:
    """What the org had said of the job before it vanished."""
    said = attempt.state or "nothing"
    if attempt.processed is not None:
        said += f", {count(attempt.processed, 'row')} processed, {attempt.server_failed or 0:,} failed"
    kinds = [f"{r.rows:,} {kind}" for kind, r in sorted(attempt.results.items())]
    return said + (f"; results on disk: {', '.join(kinds)}" if kinds else "")


def find_undecided(run: Run, name: str) -> Attempt:
    """The attempt that `name` (`step/part`, or the step where one part of it waits) means. Raises UsageError (LP0514)."""
    waiting = undecided(run)
    found = [a for a in waiting if name in {part_name(a), a.step}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(part_name(a) for a in waiting) or "none"
    what = f"{name} is not undecided" if not found else f"{name} has {len(found)} undecided parts"
    raise UsageError(
        what, code="LP0514", details=[f"undecided parts: {names}"], hint="write step/part",
        next_commands=[f"loadplan status {run.header.run}" if run.header else "loadplan status"],
    )  # fmt: skip


def resolve(attempt: Attempt, assume: str, reason: str, *, who: str, host: str) -> ev.PartResolved:
    """The decision as an event. Raises UsageError when it contradicts what the org had said (LP0515)."""
    saved = _known_saved(attempt)
    if assume == NOT_APPLIED and saved:
        raise UsageError(
            f"{count(saved, 'row')} of {part_name(attempt)} had been saved, the org said: they would be sent twice", code="LP0515",
            details=[f"the org had said {heard(attempt)}"],
            hint="say `applied`, and send what is missing as a plan of its own",
        )  # fmt: skip
    failed = (attempt.server_failed or 0) if assume == APPLIED and attempt.state in TERMINAL else 0
    unprocessed = _unprocessed(attempt) if assume == APPLIED else 0
    return ev.PartResolved(
        attempt.step, attempt.part, attempt.number, attempt.job, assume=assume, reason=reason, who=who, host=host,
        failed=failed, unprocessed=unprocessed,
    )  # fmt: skip


def _known_saved(attempt: Attempt) -> int:
    counted = (attempt.processed or 0) - (attempt.server_failed or 0)
    on_disk = attempt.results["successful"].rows if "successful" in attempt.results else 0
    return max(counted, on_disk)


def _unprocessed(attempt: Attempt) -> int:
    if attempt.state not in TERMINAL or attempt.processed is None:
        return 0
    return max(0, attempt.rows - attempt.processed)
