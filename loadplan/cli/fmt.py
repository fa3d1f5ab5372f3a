"""`loadplan fmt`: plans in the one style."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common

if TYPE_CHECKING:
    from loadplan.diagnostics import Diagnostic


@click.command("fmt")
@click.argument("plans", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a plan is not in the one style.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@common
def command(console: Console, plans: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Write PLANS in the one style: order of keys, indentation, blank lines. Comments stay where they belong, and so does the order of
    steps and columns. A plan that would mean something else is left as it is. `-` formats standard input onto standard output."""
    from loadplan.errors import InvalidInputError
    from loadplan.plan.fmt import format_plan
    from loadplan.words import count

    changed: list[str] = []
    problems: list[Diagnostic] = []
    for path in plans:
        is_stdin = str(path) == "-"
        try:
            before = sys.stdin.buffer.read() if is_stdin else _read(path)
            after = format_plan(before, "standard input" if is_stdin else str(path)).encode()
        except InvalidInputError as error:
            problems.extend(error.diagnostics)
            continue
        if is_stdin and not (check or diff or console.as_json):
            console.result(after.decode().rstrip("\n"))
            continue
        if after == before:
            continue
        changed.append(str(path))
        if diff:
            _show(console, str(path), before, after)
        if not (check or diff or is_stdin):
            _write(path, after)
    if console.as_json:
        console.json({"changed": changed, "checked": len(plans)})
    if problems:
        raise InvalidInputError(f"{count(len(problems), 'problem')}; these plans were left as they are", problems)
    if check or diff:
        console.message(
            f"{count(len(plans), 'plan')} checked, {len(changed)} not in the one style"
            if changed
            else "all in the one style"
        )
        if changed and check:
            console.error(f"next: loadplan fmt {' '.join(changed)}")
        return 1 if changed and check else 0
    for name in changed:
        console.message(f"formatted {name}")
    console.message(f"{count(len(plans), 'plan')} checked, {len(changed)} formatted")
    return 0


def _read(path: Path) -> bytes:
    """The bytes of a plan. Raises `InvalidInputError` when it is no file that can be read."""
    from loadplan.errors import InvalidInputError
    from loadplan.plan.document import read_document

    document, problems = read_document(path)
    if document is None:
        raise InvalidInputError(f"{path} cannot be read; nothing was changed", problems)
    return document.text


def _write(path: Path, text: bytes) -> None:
    from loadplan.durable import write_atomic

    write_atomic(path.resolve(), text, path.stat().st_mode & 0o777)


def _show(console: Console, name: str, before: bytes, after: bytes) -> None:
    from difflib import unified_diff

    from loadplan.masking import printable

    old, new = before.decode("utf-8-sig").splitlines(), after.decode().splitlines()
    for line in unified_diff(old, new, name, f"{name} (formatted)", lineterm=""):
        style = {"+": "green", "-": "red", "@": "blue"}.get(line[:1])
        console.result(console.style(printable(line), *filter(None, (style,))))
