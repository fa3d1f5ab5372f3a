"""`loadplan init`: a working project. Writes files that are not there, never one that is."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common
from loadplan.version import __version__

PLAN = "plans/first-load/plan.yaml"
PLACEHOLDER = "@VERSION@"


@click.command("init")
@click.argument(
    "folder", required=False, default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--ci", type=click.Choice(["github", "gitlab"]), help="Write a workflow too: review without secrets, apply, resume."
)
@common
def command(console: Console, folder: Path, ci: str | None) -> int:
    """Write a working project into DIR (default: here): a plan with its data, orgs.yaml, .gitignore, schemas for editors.
    No file that is there is changed."""
    from loadplan.durable import write_atomic

    wanted = dict(_wanted(ci))
    kept = [name for name in wanted if (folder / name).exists() or (folder / name).is_symlink()]
    made = [name for name in wanted if name not in kept]
    _stay_inside(folder, made)
    for name in made:
        write_atomic(folder / name, wanted[name], 0o644)
    if console.as_json:
        console.json({"folder": str(folder), "made": made, "kept": kept})
        return 0
    for name in sorted(made):
        console.result(f"  + {_shown(folder, name)}")
    for name in sorted(kept):
        console.result(f"  = {_shown(folder, name)}  (was there, left as it is)")
    if ".gitignore" in kept and ".loadplan" not in (folder / ".gitignore").read_text(
        encoding="utf-8", errors="replace"
    ):
        console.message("add the line `.loadplan/` to .gitignore: runs hold rows, and must not be committed")
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    console.message(f"next: {here}loadplan apply {PLAN} -o embedded")
    return 0


def _stay_inside(folder: Path, names: list[str]) -> None:
    """A folder of the project may be a link that leads elsewhere: nothing is written there. Raises `UsageError`."""
    from loadplan.errors import UsageError

    root = folder.resolve()
    for name in names:
        if not (folder / name).resolve().is_relative_to(root):
            outside = next(p for p in reversed(list((folder / name).parents)) if p.is_symlink() and p != folder)
            raise UsageError(
                f"{outside} is a link that leads out of {folder}; nothing was written",
                hint="remove it, or name another folder",
            )


def _wanted(ci: str | None) -> Iterator[tuple[str, bytes]]:
    """(path relative to the project, its bytes) of every file of a project."""
    scaffold = files("loadplan.cli").joinpath("scaffold")
    for part in ("project", *([ci] if ci else [])):
        for path, found in _tree(scaffold.joinpath(part), PurePosixPath()):
            yield path, found.read_bytes().replace(PLACEHOLDER.encode(), __version__.encode())
    for schema in ("plan", "orgs"):
        name = f"{schema}.schema.json"
        yield f"schemas/{name}", files("loadplan.schemas").joinpath(name).read_bytes()


def _tree(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            yield from _tree(entry, at / entry.name)
        else:
            yield str(at / entry.name), entry


def _shown(folder: Path, name: str) -> str:
    return name if folder == Path() else str(folder / name)
