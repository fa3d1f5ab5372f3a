"""What the shell may complete, from the disk: run ids, orgs, steps, parts, codes. Never fails or asks anybody, changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
MOST_RUNS = 50


def completer(known: Callable[[click.Context], Iterable[tuple[str, str]]]) -> Complete:
    """A completion of (word, help) pairs by their beginnings. Whatever goes wrong, there is nothing to complete."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            return [CompletionItem(word, help=about) for word, about in known(context) if word.startswith(incomplete)]
        except Exception:  # a shell that prints a traceback while one types helps nobody
            return []

    return complete


def _state(context: click.Context) -> Path:
    from loadplan.cli.options import project_root, state_folder

    given: Any = context.params.get("state_dir") or os.environ.get("LOADPLAN_STATE_DIR")
    return state_folder(Path(given) if given else None, project_root(Path.cwd()))


def _runs(context: click.Context) -> Iterator[tuple[str, str]]:
    """The newest runs first, each with what became of it."""
    from loadplan.cli.standing import standing
    from loadplan.errors import LocalError
    from loadplan.run.folder import list_runs

    for folder in reversed(list_runs(_state(context))[-MOST_RUNS:]):
        try:
            found = standing(folder)
            about = f"{found.result} on {found.run.header.org}" if found.run.header else found.result
        except LocalError:
            about = "damaged"
        yield folder.id, about


def _orgs(_: click.Context) -> Iterator[tuple[str, str]]:
    from loadplan.cli.options import project_root
    from loadplan.salesforce.entries import read_entries

    yield "embedded", "a local org, started for the command"
    yield "env", "SF_ACCESS_TOKEN and SF_ORG_INSTANCE_URL"
    for name, entry in read_entries(project_root(Path.cwd()) / "orgs.yaml").items():
        about = entry.get("instance_url") or ("embedded" if "embedded" in entry else "sf CLI")
        yield name, f"{about}{', PRODUCTION' if entry.get('production') else ''}"


def _steps(context: click.Context) -> Iterator[tuple[str, str]]:
    """The steps of the run or the plan that was named before."""
    import json

    from loadplan.plan.document import read_partly
    from loadplan.run.folder import find_run

    if plan := context.params.get("plan"):
        document, _ = read_partly(Path(plan))
        steps = document.data.get("steps", {}) if document else {}
    else:
        steps = json.loads(find_run(_state(context), context.params.get("run")).plan_json.read_bytes())["steps"]
    for name, step in steps.items():
        yield name, f"{step.get('operation', '')} {step.get('object') or ''}".strip()


def _parts(context: click.Context) -> Iterator[tuple[str, str]]:
    """The undecided parts of the run that was named before."""
    from loadplan.cli.standing import standing
    from loadplan.run.folder import find_run
    from loadplan.run.resolution import part_name, undecided

    run = standing(find_run(_state(context), context.params.get("run"))).run
    for attempt in undecided(run):
        yield part_name(attempt), f"{attempt.rows:,} rows, job {attempt.job}"


def _codes(_: click.Context) -> Iterator[tuple[str, str]]:
    from loadplan.codes import CODES

    return ((code, found.title) for code, found in CODES.items())


runs, orgs, codes = completer(_runs), completer(_orgs), completer(_codes)
steps, parts = completer(_steps), completer(_parts)
