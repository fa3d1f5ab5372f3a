"""Stdin: rows from standard input, kept byte for byte in a private file of the run, so that a resume can go on."""

from __future__ import annotations

from typing import BinaryIO

from loadplan.durable import open_atomic
from loadplan.plan.model import FileSource, StdinSource
from loadplan.sources.intake import place_of
from loadplan.sources.problems import refuse_file
from loadplan.sources.surroundings import Surroundings


def as_file(source: StdinSource, around: Surroundings) -> FileSource:
    """The file that holds what came from standard input; it is read when the run has not read it yet. Raises
    InvalidInputError when no rows can come from it, LocalError when the disk refuses."""
    path = place_of(source, around, source.format)
    if not path.exists():
        stdin = around.stdin()
        if stdin is None:
            refuse_file(
                "LP0383", "there is nothing to read: it is a terminal, closed, or the run has read it before", source.path,
                hint="send the rows through a pipe: loadplan apply PLAN -o ORG --auto-approve < rows.csv",
            )  # fmt: skip
        with open_atomic(path) as file:
            while block := _read(stdin, source.path):
                file.write(block)
    return FileSource(
        source.path, path, source.format, source.delimiter, source.quote, source.encoding, source.null
    )  # fmt: skip


def _read(stdin: BinaryIO, name: str) -> bytes:
    # Told apart from a disk that refuses, which is this machine's fault.
    try:
        return stdin.read(1 << 20)
    except OSError as error:
        refuse_file("LP0302", f"cannot be read: {error.strerror or error}", name)
