"""`loadplan import`: a plan from the configuration of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common

if TYPE_CHECKING:
    from loadplan.imports.draft import Draft

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
OUT = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
    help="Where the plan goes (default: plan.yaml beside the file that is read; `-` is stdout).",
)  # fmt: skip


@click.group("import")
def command() -> None:
    """Make a plan from the configuration of SFDMU, CumulusCI or Data Loader. What could not be carried over is told, and stands in the
    plan as comments."""


@command.command("sfdmu")
@FILE
@OUT
@common
def sfdmu(console: Console, file: Path, out: Path | None) -> int:
    """From SFDMU's export.json, and the CSV files beside it."""
    from loadplan.imports.sfdmu import from_sfdmu

    return _finish(console, from_sfdmu(file), file, out)


@command.command("cci")
@FILE
@click.option(
    "--data", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The SQLite database with the rows."
)
@OUT
@common
def cci(console: Console, file: Path, data: Path | None, out: Path | None) -> int:
    """From a mapping.yml of CumulusCI."""
    from loadplan.imports.cci import from_cci

    return _finish(console, from_cci(file, data), file, out)


@command.command("sdl")
@FILE
@click.option("--object", "object_", help="With a .sdl: the object it maps to.")
@click.option(
    "--operation", type=click.Choice(["insert", "update", "upsert", "delete", "hardDelete"]), help="With a .sdl."
)
@click.option("--external-id", help="With a .sdl and an upsert.")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With a .sdl: the CSV file, as the plan will call it.",
)
@OUT
@common
def sdl(
    console: Console, file: Path, object_: str | None, operation: str | None, external_id: str | None, source: Path | None,
    out: Path | None,
) -> int:  # fmt: skip
    """From Data Loader's process-conf.xml, or from one of its .sdl mappings."""
    from loadplan.imports.sdl import Given, from_sdl

    return _finish(console, from_sdl(file, Given(object_, operation, external_id, source)), file, out)


def _finish(console: Console, draft: Draft, file: Path, out: Path | None) -> int:
    """Write the plan, say what was left out, and check what came of it."""
    from loadplan.errors import UsageError
    from loadplan.imports.draft import as_text
    from loadplan.words import count

    text = as_text(draft)
    to = out or file.parent / "plan.yaml"
    if str(to) == "-":
        console.result(text.rstrip("\n"))
    elif to.exists():
        raise UsageError(
            f"{to} is there already; nothing was written",
            next_commands=[f"loadplan import … --out {to.with_stem(to.stem + '-imported')}"],
        )
    else:
        from loadplan.durable import write_atomic

        write_atomic(to, text.encode(), 0o644)
    notes = [{"step": n.step, "text": n.text} for n in draft.notes]
    if console.as_json and str(to) != "-":
        console.json({"plan": str(to), "steps": list(draft.steps), "notes": notes})
        return 0
    for note in draft.notes:
        console.message(f"  {console.style('note', 'yellow')} {note.step + ': ' if note.step else ''}{note.text}")
    console.message(f"{count(len(draft.steps), 'step')} made of {file}, {count(len(draft.notes), 'note')}")
    if str(to) != "-":
        console.message(f"next: loadplan validate {to}")
    return 0
