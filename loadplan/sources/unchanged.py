"""Unchanged: whether a file that another library reads is still the one it was when the reading began, and its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from loadplan.lean import dataclass
from loadplan.sources.problems import refuse_file


@dataclass(frozen=True)
class Signature:
    """What changes when a file is written or replaced."""

    device: int
    inode: int
    size: int
    modified: int


def signature(file: Path, name: str) -> Signature:
    """The file as it is now. Raises InvalidInputError when it is not there or not a file."""
    from loadplan.sources.hashed import open_source_file

    with open_source_file(file, name):
        found = file.stat()
    return Signature(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def require_same(file: Path, name: str, before: Signature) -> None:
    """Raises InvalidInputError when the file is no longer the one of `before`."""
    if signature(file, name) != before:
        refuse_file(
            "LP0331",
            "the source changed while it was being read",
            name,
            hint="wait until it is written, then run again",
        )


def digest_of_file(file: Path, name: str, *more: bytes) -> str:
    """sha256 (hex) of the file's bytes and of what else decides the rows."""
    try:
        with file.open("rb") as opened:
            hasher = hashlib.file_digest(opened, "sha256")
    except OSError as error:
        refuse_file("LP0302", f"cannot be read: {error.strerror or error}", name)
    for part in more:
        hasher.update(part)
    return hasher.hexdigest()
