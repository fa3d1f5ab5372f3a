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
    "JUnit report": (b"<?xml", b"<testsuite"),
}
"""How a file of ours begins, and what stands in it."""


def check_replaceable(path: Path, option: str, kind: str, *, makes_folder: bool = False) -> None:
    """Before any work: the folder is there, unless it `makes_folder`, and in the file's place is nothing but one of `kind`. Raises
    `UsageError`."""
    if not makes_folder and not path.parent.is_dir():
        raise UsageError(
            f"{option}: there is no folder {path.parent}", next_commands=[f"mkdir -p {shlex.quote(str(path.parent))}"]
        )
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}", hint="name another file") from error
    begins, holds = KINDS[kind]
    if found and not (found.lower().startswith(begins) and holds in found):
        raise UsageError(
            f"{option}: {path} is there and is no {kind}; it stays as it is", hint="name another file, or remove this one yourself"
        )  # fmt: skip
