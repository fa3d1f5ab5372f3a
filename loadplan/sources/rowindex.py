"""Row index: the file beside a part or a rows file that says which record of the source each of its rows was."""

from __future__ import annotations

import sys
from array import array
from pathlib import Path

from loadplan.errors import LocalError
from loadplan.sources.durably import counted_file


def index_path(part: Path) -> Path:
    """Where the index of a part stands."""
    return part.with_suffix(".index")


def write_index(path: Path, records: array[int]) -> None:
    """Write source record numbers durably, 8 bytes each, little-endian."""
    data = array("Q", records)
    if sys.byteorder == "big":
        data.byteswap()
    with counted_file(path) as file:
        file.write(data.tobytes())


def read_index(path: Path) -> array[int]:
    """The source record of each row of a part. Raises LocalError (exit 9) when the file is missing or torn."""
    records: array[int] = array("Q")
    try:
        records.frombytes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LocalError(f"the index of a part cannot be read: {error}", code="LP0335", where=str(path)) from error
    if sys.byteorder == "big":
        records.byteswap()
    return records
