"""Ending: what is written and said when a run ends, after success and after every failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.cli.console import Console
from loadplan.cli.paths import show
from loadplan.cli.target import Target
from loadplan.errors import InvalidInputError, StaleError
from loadplan.plan.model import Plan
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder
from loadplan.run.state import Run
from loadplan.sources.base import InputDigest
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.cli.rehearsal import Twin


def finish(
    console: Console, plan: Plan, run: Run, records: Sequence[ev.Recorded], folder: RunFolder,
    digests: Mapping[str, InputDigest], junit: Path | None = None, twin: Twin | None = None,
) -> None:  # fmt: skip
    """Write the artifacts and say how it went, on a `twin` also what that means for the org. Runs after success and after every
    failure."""
    from loadplan.cli.exports import tell_github, write_junit
    from loadplan.reports.artifacts import write_artifacts
    from loadplan.reports.clinic import brief, clusters, next_commands
    from loadplan.reports.view import summary_line
    from loadplan.run.leftovers import write_leftovers
    from loadplan.run.rows import Rows

    left = []
    if run.header is None:
        return  # not even the beginning of the run is on record: there is nothing to tell of
    try:
        # Reading sources and results again can take long, and who stops a run does not want to wait.
        if run.exit not in {130, 143}:
            left = write_leftovers(Rows(plan, run, folder), digests)
    except (InvalidInputError, StaleError) as error:
        console.error(
            f"warning: the retry files are not up to date: {error.summary}; "
            f"a retry sends the rows left over all the same, from {show(folder.root / 'steps')}"
        )
    names = [item.step for item in left]
    write_artifacts(plan, run, records, folder, names)
    if junit is not None:
        write_junit(plan, run, records, names, junit)
    tell_github(console, plan, run, records, names)
    if run.ended is None:
        return
    console.message("")
    console.message(console.style(summary_line(run), "green" if run.exit == 0 else "red", "bold"))
    for step in run.steps.values():
        if step.gate and step.gate.verdict != "open":
            console.message(f"  gate shut   {step.id}: {step.gate.because}")
        if step.state == "blocked":
            console.message(f"  not started {step.id}: held by {step.blocked_by}")
    console.message(f"  runbook     {show(folder.root / 'runbook.md')}")
    console.message(f"  report      {show(folder.root / 'report.html')}")
    for step in run.steps.values():
        written, file = step.output, plan.steps[step.id].output_file
        if written is not None and file is not None and step.gate and step.gate.verdict == "open":
            folder_sign = "/" if written.file.endswith("/") else ""
            console.message(f"  output      {count(written.rows, 'row')} of {step.id}: {show(file)}{folder_sign}")
    for item in left:
        if item.edited is not None:
            console.message(f"  kept        {show(item.edited)}: it had been edited")
        console.message(f"  left over   {count(item.rows, 'row')} of {item.step}: {show(item.file)}")
    if twin is not None:
        from loadplan.cli.rehearsal import tell

        tell(console, twin, plan, run, records, folder, {step: d.rows for step, d in digests.items()})
        return
    for line in brief(clusters(run)):
        console.message(f"  why         {line}")
    for command in next_commands(run, names):
        console.message(f"  next        {command['command']}   # {command['why']}")


def twin_of(target: Target, root: Path) -> Twin | None:
    """The twin that an embedded org is, when it was given the objects of another. Raises `InvalidInputError` when what is beside
    them cannot be read."""
    folder = (target.profile.embedded or {}).get("describe")
    if not target.is_embedded or not folder:
        return None
    from loadplan.cli.rehearsal import Twin

    return Twin.of(target, folder, root)
