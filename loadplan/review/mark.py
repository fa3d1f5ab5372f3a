"""Mark: by what a saved plan is told from a plan. Apart from the rest, since every `apply` asks and few are of a saved plan."""

from __future__ import annotations

from pathlib import Path

MARK = b'"format": "loadplan.saved/'


def is_saved(path: Path) -> bool:
    """Whether a file is a saved plan rather than a plan: by its words, not by its name."""
    try:
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return False
            file.seek(0)
            return MARK in file.read()
    except OSError:
        return False
