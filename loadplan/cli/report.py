"""`loadplan report`: make a run's renderings again from its journal, whatever became of the plan and its sources since."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadplan.cli import complete, kept, loading, paths
from loadplan.cli.console import Console
from loadplan.cli.options import common, junit_option, project_root, state_folder, state_option
from loadplan.cli.unfinished import said_where

if TYPE_CHECKING:
    from loadplan.plan.model import Plan
    from loadplan.run import events as ev
    from loadplan.run.folder import RunFolder
    from loadplan.run.state import Run


@click.command("report")
@click.argument("run", required=False, shell_complete=complete.runs)
@click.option("--summary", is_flag=True, help="Only the summary line.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the report page to FILE too."
)
@junit_option
@state_option
@common
def command(
    console: Console, run: str | None, summary: bool, html: Path | None, junit: Path | None, state_dir: Path | None
) -> int:
    """Render runbook, pagination audit, report page, summary and retry files of RUN (default: the newest) again."""
    from loadplan.cli.exports import write_junit
    from loadplan.cli.outfile import check_replaceable
    from loadplan.cli.standing import standing
    from loadplan.reports import view
    from loadplan.run.folder import find_run
    from loadplan.run.state import fold

    if html is not None:
        check_replaceable(html, "--html", "page")
    states = state_folder(state_dir, project_root(Path.cwd()))
    console.state_dir = said_where(states)
    folder = find_run(states, run)
    found = standing(folder)
    if found.owner:
        console.message(f"it is being run by {found.owner}: this is how far it is")
    plan, graph, frozen = kept.as_begun(folder)
    state = fold(loading.fresh_run(graph), found.records)
    if not summary:
        render(console, plan, state, found.records, folder, frozen["inputs"])
    if html is not None:
        write_page(plan, state, found.records, folder, html)
    if junit is not None:
        write_junit(plan, state, found.records, left_over(state, folder), junit)
    if console.as_json:
        console.json(view.summary(state))
        return 0
    console.result(view.summary_line(state))
    if not summary:
        console.result(paths.show(folder.root / "runbook.md"))
        console.result(paths.show(folder.root / "report.html"))
    for asked in filter(None, (html, junit)):
        console.result(str(asked))
    if found.next_command:
        console.message(f"next: {found.next_command}")
    return 0


def render(
    console: Console, plan: Plan, run: Run, records: Sequence[ev.Recorded], folder: RunFolder, inputs: dict[str, Any]
) -> None:  # fmt: skip
    """Every rendering again. Retry files stay as they are when their sources are no longer what was sent."""
    from loadplan.errors import InvalidInputError, LocalError, StaleError
    from loadplan.reports.artifacts import write_artifacts
    from loadplan.run.leftovers import write_leftovers
    from loadplan.run.rows import Rows
    from loadplan.sources.base import InputDigest

    digests = {step: InputDigest.from_json(fields) for step, fields in inputs.items()}
    try:
        left = write_leftovers(Rows(plan, run, folder), digests)
        names = [item.step for item in left]
        for item in left:
            if item.edited is not None:
                console.message(f"a retry file had been edited; it is kept as {item.edited}")
    except (InvalidInputError, StaleError, LocalError) as error:
        names = [step for step in run.steps if folder.retry(step).exists()]
        what = (
            f"{error.diagnostics[0].summary}"
            if isinstance(error, InvalidInputError) and error.diagnostics
            else error.summary
        )
        console.error(f"warning: the retry files are left as they are: {what}")
    write_artifacts(plan, run, records, folder, names)


def left_over(run: Run, folder: RunFolder) -> list[str]:
    """The steps that have a retry file."""
    return [step for step in run.steps if folder.retry(step).exists()]


def write_page(plan: Plan, run: Run, records: Sequence[ev.Recorded], folder: RunFolder, to: Path) -> None:
    """The report page in a file of the user's, its links leading to the run folder. Raises `LocalError`."""
    from loadplan.durable import write_atomic
    from loadplan.reports.artifacts import page_of

    base = Path(os.path.relpath(folder.root, to.resolve().parent)).as_posix()
    write_atomic(
        to, page_of(plan, run, records, folder, left_over(run, folder), "" if base == "." else base).encode(), 0o644
    )
