"""Where a run stands, read from its folder alone: the fold of its journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadplan.clock import timestamp
from loadplan.errors import LocalError
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder
from loadplan.run.journal import read_journal
from loadplan.run.state import Run, fold, new_run


@dataclass(frozen=True)
class Standing:
    """A run, its records and its folder. The order of steps is that in which the journal first names them."""

    folder: RunFolder
    run: Run
    records: list[ev.Recorded]

    def line(self) -> dict[str, Any]:
        head = self.run.header
        return {
            "run": self.folder.id,
            "org": head.org if head else "",
            "started": timestamp(self.run.started) if self.run.started else None,
            "result": self.run.result or "running or stopped",
            "exit": self.run.exit,
        }


def standing(folder: RunFolder) -> Standing:
    """Fold the journal without the plan. Raises `LocalError` on a damaged journal."""
    records, _, _ = read_journal(folder.journal)
    order: dict[str, None] = {}
    for r in records:
        if step := getattr(r.event, "step", None):
            order[step] = None
    if not records:
        raise LocalError("the journal is empty; nothing was sent", code="LP0603", where=str(folder.journal))
    return Standing(folder, fold(new_run(list(order), {}), records), records)
