"""Outfile: may a file that the user names take the place of what is there? Only of what we wrote there ourselves.

`--out plans/crm.yaml` is one slip of a history search away from `plan plans/crm.yaml`: the plan, or a source, would be gone.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from loadplan.errors import UsageError

KINDS = {
    "saved plan": (b"{", b'"format": "loadplan.saved/'),
    "page": (b"<!doctype html>", b'<meta name="generator" content="loadplan'),
    "JUnit report": (b"<?xml", b'<testsuite name="loadplan '),
}
"""How a file of ours begins, and what stands in it."""


def _is_ours(path: Path, begins: bytes, holds: bytes) -> bool:
    """Whether a file begins and holds what one of ours does; an empty one is anybody's."""
    import mmap

    with path.open("rb") as file:
        head = file.read(len(begins))
        if not head:
            return True
        if head.lower() != begins:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return mapped.find(holds) >= 0


def check_replaceable(path: Path, option: str, kind: str, *, makes_folder: bool = False) -> None:
    """Before any work: the folder is there, unless it `makes_folder`, and in the file's place is nothing but one of `kind`. Raises
    `UsageError`."""
    if not makes_folder and not path.parent.is_dir():
        raise UsageError(
            f"{option}: there is no folder {path.parent}", next_commands=[f"mkdir -p {shlex.quote(str(path.parent))}"]
        )
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_file():
        raise UsageError(
            f"{option}: {path} is no file: it would be replaced by one",
            hint="name a file",
        )
    try:
        ours = _is_ours(path, *KINDS[kind])
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}", hint="name another file") from error
    if not ours:
        raise UsageError(
            f"{option}: {path} is there and is no {kind}; it stays as it is", hint="name another file, or remove this one yourself"
        )  # fmt: skip
