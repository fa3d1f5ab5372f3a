"""How a run begins again: the events of a resume and of a retry, or nothing when there is nothing to do."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.cli.console import Console
from loadplan.cli.unfinished import unfinished
from loadplan.errors import UsageError
from loadplan.lean import dataclass
from loadplan.plan.model import Plan, StepSource
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder
from loadplan.run.state import Run
from loadplan.version import __version__

if TYPE_CHECKING:
    from loadplan.plan.graph import Graph
    from loadplan.sources.base import InputDigest


@dataclass(frozen=True)
class Retry:
    """A retry was asked for; `mended` maps steps to the files with their mended rows, as they were typed."""

    mended: Mapping[str, str] = field(default_factory=dict)


def parse_rows(pairs: tuple[str, ...], run: str) -> dict[str, str]:
    """`STEP=FILE` texts as a dict; STEP alone means the run's own retry file, an empty text here. Raises UsageError."""
    found: dict[str, str] = {}
    for pair in pairs:
        step, sign, file = pair.partition("=")
        if not step or (sign and not file):
            raise UsageError(
                f"`{pair}` is not STEP=FILE", hint="for example --rows contacts=mended.csv",
                next_commands=["loadplan retry --help"],
            )  # fmt: skip
        if step in found:
            raise UsageError(
                f"--rows names `{step}` twice",
                hint="put its rows into one file",
                next_commands=[f"loadplan status {run}"],
            )
        found[step] = file
    return found


def begin_again(
    console: Console, plan: Plan, graph: Graph, run: Run, folder: RunFolder, digests: Mapping[str, InputDigest],
    retry: Retry | None,
) -> list[ev.Event] | None:  # fmt: skip
    """What goes on record first; None when there is nothing to do, which has been said. Raises what is wrong with mended rows."""
    who, host = getpass.getuser(), socket.gethostname()
    if retry is None:
        if run.ended is not None:
            console.message(f"run {folder.id} has ended ({run.result}); there is nothing to resume")
            other = next(unfinished(folder.root.parent.parent), None)
            if other is not None:
                console.error(f"next: {other.next_command}  # {other.result}")
            if run.exit:
                console.error(f"next: loadplan retry {folder.id}")
            return None
        return [ev.RunResumed(who, host, __version__)]
    if run.ended is None:
        raise UsageError(
            f"run {folder.id} has not ended yet", hint="a retry begins when the run has ended",
            next_commands=[f"loadplan resume {folder.id}"],
        )  # fmt: skip
    mended = _mended(plan, run, folder, digests, retry.mended)
    steps = [s.id for s in run.steps.values() if s.counts.left_over or s.not_sent or s.state == "failed"]
    steps = [s for s in steps if run.steps[s].state != "blocked"]
    if not steps and not any(s.state == "blocked" for s in run.steps.values()):
        console.message(f"run {folder.id} left nothing over; there is nothing to retry")
        return None
    again, kept = queries_again(plan, graph, run, steps)
    for step, reader in kept:
        console.message(f"query {step} is not asked again: the rows of {reader} were made of its answer")
    if again:
        console.message(f"asked again after the rows they look at: {', '.join(again)}")
    return [ev.RunResumed(who, host, __version__, "retry"), ev.RetryRequested((*steps, *again), who, mended)]


def _mended(
    plan: Plan, run: Run, folder: RunFolder, digests: Mapping[str, InputDigest], files: Mapping[str, str]
) -> tuple[ev.Mended, ...]:
    if not files:
        return ()
    from loadplan.run.mended import take_mended
    from loadplan.run.rows import Rows

    rows = Rows(plan, run, folder)
    chosen = {step: Path(file) if file else _own(folder, step) for step, file in files.items()}
    names = {step: file or chosen[step].relative_to(folder.root).as_posix() for step, file in files.items()}
    return tuple(take_mended(rows, step, file, names[step], digests.get(step)) for step, file in chosen.items())


def _own(folder: RunFolder, step: str) -> Path:
    """The run's own retry file of the step: where it was edited, or was put by because it had been edited."""
    from loadplan.run.leftovers import edited, was_edited

    file = folder.retry(step)
    if was_edited(file) or not file.exists():
        return file
    if edited(file).exists():
        return edited(file)
    raise UsageError(
        f"{file.relative_to(folder.root)} is as the run wrote it", where=str(file),
        hint="correct its rows first; without --rows they are sent as they were", next_commands=[f"loadplan retry {folder.id}"],
    )  # fmt: skip


def queries_again(plan: Plan, graph: Graph, run: Run, steps: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Queries that ran after a step of `steps` and whose answer may be another now; and those of them, each with the step,
    whose rows another step has already been made of: asking again would change rows under it."""
    readers = {s.source.step: s.id for s in plan.steps.values() if isinstance(s.source, StepSource)}
    again: list[str] = []
    kept: list[tuple[str, str]] = []
    behind = set(steps)
    for name in graph.order:
        if name in behind or behind.isdisjoint(graph.parents(name)):
            continue
        behind.add(name)
        if not plan.steps[name].is_query or run.steps[name].state in {"waiting", "blocked"}:
            continue
        reader = readers.get(name)
        if reader is not None and run.steps[reader].prepared is not None:
            kept.append((name, reader))
        else:
            again.append(name)
    return again, kept
