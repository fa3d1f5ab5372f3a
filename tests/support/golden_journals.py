"""Writes what each golden journal tells, beside it: `python tests/support/golden_journals.py`. Existing files are never changed.

A folder is a state of the format. A journal in it was written by the loadplan of its time and stays as it is for ever: later
ones must read it and tell the same. Add a folder when the format gains something; never edit one.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from loadplan.cli.standing import standing
from loadplan.reports.clinic import clusters, next_commands
from loadplan.reports.incidents import incidents
from loadplan.run.folder import RunFolder

GOLDEN = Path(__file__).parents[1] / "golden" / "journals"


def told(journal: Path, folder: Path) -> dict[str, Any]:
    """Where the run stands, what is left over and why, and what went wrong on its way, from the journal alone."""
    run = folder / ".loadplan" / "runs" / "20261123T101500Z-story-0000"
    run.mkdir(parents=True)
    shutil.copy(journal, run / "journal.jsonl")
    found = standing(RunFolder(run))
    return {
        "line": found.line(),
        "steps": found.steps(),
        "errors": [[c.step, c.code, c.fields, c.message, c.rows, c.ailment.cure] for c in clusters(found.run)],
        "incidents": [[incident["time"], incident["step"], incident["job"]] for incident in incidents(found.records)],
        "next": [entry["command"] for entry in next_commands(found.run)],
    }


if __name__ == "__main__":
    for path in sorted(GOLDEN.glob("*/*.jsonl")):
        expected = path.with_suffix(".json")
        if not expected.exists():
            with tempfile.TemporaryDirectory() as folder:
                said = told(path, Path(folder))
            expected.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
