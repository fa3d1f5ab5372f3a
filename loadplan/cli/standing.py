"""Where a run stands, read from its folder alone: the fold of its journal, and whether its process is alive."""

from __future__ import annotations

import json
import re
from typing import Any

from loadplan.clock import timestamp
from loadplan.errors import LocalError
from loadplan.lean import dataclass
from loadplan.masking import printable
from loadplan.reports.clinic import next_commands
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder, list_runs
from loadplan.run.journal import read_journal
from loadplan.run.lifecycle import IllegalEvent
from loadplan.run.lock import is_alive
from loadplan.run.resolution import resolve_commands, undecided
from loadplan.run.state import Run, StepRun, fold, new_run

STOPPED = {
    3: "stopped by the org", 5: "waits for a decision", 6: "stopped by changed inputs", 7: "detached", 130: "interrupted",
    143: "interrupted",
}  # fmt: skip
"""What a run that ended before its end is called, by its exit code."""
OWNER = re.compile(r" on (?P<host>\S+), pid (?P<pid>\d+)\Z")


@dataclass(frozen=True)
class Standing:
    """A run, its records and its folder. Steps come in the order of the plan, those that have not begun too. `owner` is who
    runs it now, empty when nobody does; `problem` says why its journal cannot be read."""

    folder: RunFolder
    run: Run
    records: list[ev.Recorded]
    owner: str = ""
    problem: str = ""

    @property
    def result(self) -> str:
        """One word or two: how it ended, or that it is running, or was stopped without a word."""
        if self.problem:
            return "damaged"
        if self.owner:
            return "running"
        if self.run.result and self.run.ended is None:
            return STOPPED.get(self.run.exit or 0, self.run.result)
        return self.run.result or ("stopped" if self.records else "never began")

    @property
    def next_command(self) -> str:
        """What to type to go on; empty when there is nothing to do, or when it is running."""
        return self.next_commands[0] if self.next_commands else ""

    @property
    def next_commands(self) -> list[str]:
        """All that can be typed to go on; where a person must decide, both decisions for the first part that waits."""
        if self.owner or self.problem or not self.records:
            return []
        waiting = undecided(self.run)
        if waiting and self.run.ended is None:
            return resolve_commands(self.folder.id, waiting[0])
        if self.run.ended is None:
            return [f"loadplan resume {self.folder.id}"]
        return [entry["command"] for entry in next_commands(self.run)] if self.run.exit or self.left_over else []

    @property
    def left_over(self) -> int:
        return sum(step.counts.left_over for step in self.run.steps.values())

    def line(self) -> dict[str, Any]:
        """The run in a few values."""
        head = self.run.header
        counts = [step.counts for step in self.run.steps.values() if not step.query_attempts]
        return {
            "run": self.folder.id,
            "org": head.org if head else "",
            "started": timestamp(self.run.started) if self.run.started else None,
            "result": self.result,
            "exit": None if self.owner else self.run.exit,
            "rows": {
                "sent": sum(c.sent for c in counts),
                "successful": sum(c.successful for c in counts),
                "left_over": self.left_over,
            },
            "next": self.next_command or None,
        }

    def steps(self) -> list[dict[str, Any]]:
        """Each step in a few values, with its jobs that are not settled first and last."""
        return [_step(step) for step in self.run.steps.values()]


def _step(step: StepRun) -> dict[str, Any]:
    counts = step.counts
    return {
        "step": step.id,
        "state": step.state,
        "sent": counts.sent,
        "successful": counts.successful,
        "failed": counts.failed,
        "unprocessed": counts.unprocessed,
        "held": counts.held,
        "gate": step.gate.verdict if step.gate else None,
        "why": step.gate.because if step.gate and step.gate.verdict != "open" else step.problem,
        "blocked_by": step.blocked_by or None,
        "jobs": [
            {"job": a.job, "part": a.part, "attempt": a.number, "state": a.state or a.phase, "phase": a.phase}
            for a in step.attempts
        ],
    }


def standing(folder: RunFolder) -> Standing:
    """Fold the journal without the plan. Raises `LocalError` on a damaged journal, or one without a beginning."""
    records, _, _ = read_journal(folder.journal)
    if not records:
        raise LocalError(
            "the run never began; nothing was sent", code="LP0603", where=str(folder.journal),
            hint="it was stopped before its first record: the folder can be removed", next_commands=["loadplan runs"],
        )  # fmt: skip
    order = dict.fromkeys([*_planned(folder), *(s for r in records if (s := getattr(r.event, "step", None)))])
    try:
        run = fold(new_run(list(order), {}), records)
    except (IllegalEvent, KeyError, ValueError) as error:
        raise LocalError(
            f"the journal tells an impossible story: {error}", code="LP0603", where=str(folder.journal),
            hint="restore the run folder from a copy; loadplan will not guess what was sent",
            next_commands=["loadplan runs"],
        ) from error  # fmt: skip
    # A lock file keeps its last owner's name: only a run that has not said how it ended can be running.
    return Standing(folder, run, records, "" if run.result else _owner(folder))


def standings(state_dir: Any) -> list[Standing]:
    """Every run, oldest first. One that cannot be read does not hide the others."""
    found = []
    for folder in list_runs(state_dir):
        try:
            found.append(standing(folder))
        except LocalError as error:
            never = error.summary.startswith("the run never began")
            found.append(Standing(folder, new_run([], {}), [], "", "" if never else error.summary))
    return found


def _planned(folder: RunFolder) -> list[str]:
    """The steps as the run folder's plan has them; empty when it cannot be read."""
    try:
        steps = json.loads(folder.plan_json.read_bytes())["steps"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [str(name) for name in steps] if isinstance(steps, dict) else []


def _owner(folder: RunFolder) -> str:
    """Who holds the lock for this run, if that process is alive on this machine. Reads only: asking for the lock would be
    in the way of a run that begins at this moment."""
    for lock in sorted((folder.root.parent.parent / "locks").glob("*.lock")):
        try:
            data = json.loads(lock.read_bytes())
        except (OSError, ValueError):
            continue
        owner = {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}
        if owner.get("run") == folder.id and is_alive(_of_older(owner)):
            return printable(owner.get("who", ""))
    return ""


def _of_older(owner: dict[str, str]) -> dict[str, str]:
    """A lock that an older loadplan wrote names host and process in words only."""
    words = OWNER.search(owner.get("who", ""))
    return owner if "pid" in owner or words is None else {**owner, **words.groupdict()}
