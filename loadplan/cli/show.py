"""`loadplan show`: what a saved plan says, also when it can no longer be applied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="Write it as one HTML page to OUT instead.",
)
@state_option
@common
def command(console: Console, file: Path, html: Path | None, state_dir: Path | None) -> int:
    """Show the saved plan in FILE: what was approved, for which org. Asks no org, and works on a stale plan."""
    import json

    from loadplan.errors import LocalError
    from loadplan.plan.schema import fits
    from loadplan.review.claim import applied_by
    from loadplan.review.saved import FORMAT, read_saved, seal
    from loadplan.review.text import as_text

    data = read_saved(file)
    try:
        run = applied_by(state_folder(state_dir, project_root(Path.cwd())), str(data.get("sha256")))
    except LocalError as error:
        console.message(f"{console.style('warning', 'yellow')}: {error.summary}")
        run = None
    if html is not None:
        _write_page(file, data, html, run)
    if console.as_json:
        console.json(data)
        return 0
    whole = data.get("sha256") == seal(data)
    if html is not None:
        console.result(str(html))
    elif whole and data["format"] == FORMAT and fits(data.get("document"), "planned"):
        console.result(as_text(data["document"], console.result_style))
    else:  # another version wrote it, or somebody changed it: what is there, as it is there
        console.result(json.dumps(data.get("document", data), indent=1, ensure_ascii=False))
    console.message("")
    console.message(f"saved by loadplan {data.get('tool', '?')}, sha256:{data.get('sha256', '?')}")
    if not whole:
        console.message(
            f"{console.style('warning', 'yellow')}: its seal does not fit what it holds; it cannot be applied"
        )
    if run is not None:
        console.message(f"applied by {run}; it cannot be applied again")
    elif whole:
        console.message(f"next: {_apply(file, data)}")
    return 0


def _apply(file: Path, data: Mapping[str, Any]) -> str:
    """The command that applies it. A production org wants its id named, also from a pipeline."""
    org = data.get("org")
    text = f"loadplan apply {shlex.quote(str(file))}"
    if isinstance(org, Mapping) and org.get("production") is True:
        text += f" --confirm-org {shlex.quote(str(org.get('organization_id')))}"
    return text


def _write_page(file: Path, data: Mapping[str, Any], to: Path, run: str | None) -> None:
    """The page, whole and readable by its owner only. Raises `InvalidInputError`, `LocalError` and `UsageError`."""
    from loadplan.cli.outfile import check_replaceable
    from loadplan.durable import write_atomic
    from loadplan.errors import UsageError
    from loadplan.reports.saved_page import saved_page
    from loadplan.review.saved import check_readable

    if to.resolve() == file.resolve():
        raise UsageError(
            "the page would take the place of the saved plan", hint="give --html a file of its own",
            next_commands=[f"loadplan show {shlex.quote(str(file))} --html {shlex.quote(str(file.with_suffix('.html')))}"],
        )  # fmt: skip
    check_replaceable(to, "--html", "page")
    check_readable(file, data)
    page = saved_page(data, command=_apply(file, data), applied_by=run)
    write_atomic(to, page.encode("utf-8", "replace"))
