"""The last words of a run on a twin: what would have failed in the org, what the twin cannot tell, how long it would take there.

Nothing here stops a command: the run has ended and its files are written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli.console import Console
from loadplan.cli.earlier import Earlier, earlier_runs, twin_was_used
from loadplan.cli.paths import show
from loadplan.errors import OrgError
from loadplan.lean import dataclass
from loadplan.reports.clinic import UNNAMED, brief, next_commands
from loadplan.reports.rehearsal import Rehearsal, excused_in, headline, rehearsal
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.cli.target import Target
    from loadplan.plan.model import Plan
    from loadplan.reports.forecast import Forecast
    from loadplan.run import events as ev
    from loadplan.run.folder import RunFolder
    from loadplan.run.state import Run
    from loadplan.salesforce.snapshot import Manifest

MOST_REASONS = 5
OWN_USER = "SELECT CreatedDate FROM User ORDER BY CreatedDate LIMIT 1"


@dataclass(frozen=True)
class Twin:
    """An embedded org with the objects of another: its name in orgs.yaml, its `describe` folder as written there, what the
    snapshot says beside the objects, and the org itself to ask."""

    name: str
    folder: str
    target: Target
    manifest: Manifest

    @classmethod
    def of(cls, target: Target, folder: str, root: Path) -> Twin:
        """Raises `InvalidInputError` when `snapshot.toml` cannot be read."""
        from loadplan.salesforce.snapshot import read_manifest

        return cls(target.profile.name, folder, target, read_manifest(root / folder))

    @property
    def meant(self) -> str:
        """The org that the load is meant for, as words."""
        return "the real org" if self.manifest.org in UNNAMED else f"`{self.manifest.org}`"

    def excuses(self, plan: Plan, state_dir: Path) -> Callable[[Run, str], int]:
        """How many rows of a step its gate does not count: those of which a twin cannot tell."""
        used: list[bool] = []

        def excused(run: Run, step: str) -> int:
            state = run.steps[step]
            if not state.query_attempts and not state.counts.left_over:
                return 0
            if not used:
                used.append(twin_was_used(state_dir, run, self.name, self.begun()))
            return excused_in(plan, run, step, self.manifest.records, used_before=used[0])

        return excused

    def begun(self) -> str:
        """When it began, as a timestamp: its own user is as old as it. Empty when it does not say."""
        from loadplan.clock import SystemClock

        path = f"/services/data/v{self.target.version}/query"
        try:
            found = self.target.org.http.read(path, SystemClock(), params={"q": OWN_USER})
            return str(found["records"][0]["CreatedDate"])
        except (OrgError, KeyError, IndexError, TypeError):
            return ""


def tell(
    console: Console, twin: Twin, plan: Plan, run: Run, records: Sequence[ev.Recorded], folder: RunFolder,
    rows: Mapping[str, int],
) -> None:  # fmt: skip
    """Say it, and keep it in `rehearsal.json`. `rows` maps a step to the rows of its source."""
    manifest = twin.manifest
    earlier = earlier_runs(folder.root.parent.parent, plan, run, records, rows, manifest.org, twin.name, twin.begun())
    found = rehearsal(plan, run, manifest.records, rows, used_before=earlier.twin_was_used)
    org = twin.meant
    commands = [(entry["command"], entry["why"]) for entry in next_commands(run)]
    document: dict[str, Any] = {
        "twin": twin.name, "snapshot": twin.folder, "org": manifest.org, **found.as_json(),
        "forecast": _forecast_json(earlier), "next": [{"command": c, "why": why} for c, why in commands],
    }  # fmt: skip
    folder.write_json("rehearsal.json", document)
    lines = list(_lines(found, earlier))
    _tell_github(console, headline(found, org, twin.folder), lines)
    console.message("")
    tone = "red" if found.would_fail else "yellow" if found.cannot_tell or found.not_tried else "green"
    console.message(console.style(headline(found, org, twin.folder), tone, "bold"))
    for line in lines:
        console.message(f"  {line}")
    console.message(f"  more        {show(folder.root / 'rehearsal.json')}")
    for command, why in commands:
        console.message(f"  next        {command}   # {why}")


def _tell_github(console: Console, head: str, lines: Sequence[str]) -> None:
    """On GitHub Actions: the same in the step's summary."""
    from loadplan import github

    if github.is_actions(os.environ):
        from loadplan.cli.exports import append_summary
        from loadplan.reports.render import md

        append_summary(
            console, f"### {md(head)}\n\n" + "".join(f"- {md(' '.join(line.split()))}\n" for line in lines) + "\n"
        )


def _lines(found: Rehearsal, earlier: Earlier) -> Iterator[str]:
    certain = [reason for reason in found.reasons if not reason.doubt]
    for line in brief([reason.cluster for reason in certain], MOST_REASONS):
        yield f"why         {line}"
    doubtful = [reason for reason in found.reasons if reason.doubt]
    for reason in doubtful[:MOST_REASONS]:
        cluster = reason.cluster
        where = f" ({cluster.fields})" if cluster.fields else ""
        yield f"cannot tell {cluster.rows:,} of {cluster.step}: {cluster.code}{where}: {reason.doubt}"
    if len(doubtful) > MOST_REASONS:
        yield f"cannot tell {len(doubtful) - MOST_REASONS} more reasons: see rehearsal.json"
    for step, (rows, why) in (found.not_tried or {}).items():
        yield "not tried   " + (f"{count(rows, 'row')} of " if rows is not None else "") + f"{step}: {why}"
    yield f"time        {_time(earlier)}"


def _time(earlier: Earlier) -> str:
    told = earlier.forecast
    if told is None:
        return "no earlier run on a real org tells how long it would take"
    runs = count(len(earlier.runs), "earlier run")
    text = f"{_duration(told)} in {earlier.org} (from {runs}; critical path {' -> '.join(told.path)})"
    if told.untold:
        text += f"; without {', '.join(told.untold)}, of which no earlier run tells"
    if told.rough:
        text += f"; {', '.join(told.rough)}: roughly, what ran was far smaller"
    return text


def _duration(told: Forecast) -> str:
    from loadplan.cli.pace import rounded

    return rounded(told.seconds)


def _forecast_json(earlier: Earlier) -> dict[str, Any] | None:
    told = earlier.forecast
    if told is None:
        return None
    return {
        "org": earlier.org, "seconds": round(told.seconds, 1), "runs": list(earlier.runs), "path": list(told.path),
        "ends": {step: round(seconds, 1) for step, seconds in told.ends.items()},
        "untold": list(told.untold), "rough": list(told.rough),
    }  # fmt: skip
