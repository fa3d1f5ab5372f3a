"""Mark: by what a saved plan is told from a plan. Apart from the rest, since every `apply` asks and few are of a saved plan."""

from __future__ import annotations

import mmap
from pathlib import Path

MARK = b'"format": "loadplan.saved/'


def is_saved(path: Path) -> bool:
    """Whether a file is a saved plan rather than a plan: by its words, not by its name."""
    try:
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return mapped.find(MARK) >= 0
    except (OSError, ValueError):
        return False
