"""Claim: a saved plan runs once, and the state folder remembers which run it was.

In two steps, since a machine may die between them. The run that takes the plan says so before its journal begins; that it began is
said after its journal says it and before anything is sent. Between the two the journal decides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loadplan.durable import write_atomic
from loadplan.errors import LocalError
from loadplan.run import events as ev
from loadplan.run.folder import RUN_ID, RunFolder, runs_folder
from loadplan.run.journal import read_journal


def applied_by(state_dir: Path, digest: str) -> str | None:
    """The run that used a saved plan up, None when none did here. A run that died before its journal said that it began has sent
    nothing, and used nothing up."""
    claim = _read_claim(state_dir, digest)
    if claim is None:
        return None
    run = str(claim.get("run"))
    if claim.get("begun", True):
        return run
    journal = RunFolder(runs_folder(state_dir) / run).journal
    return run if journal.exists() and read_journal(journal)[0] else None


def can_go_on(state_dir: Path, run: str) -> bool:
    """Whether the journal of a run is there and does not end with the run's end."""
    journal = RunFolder(runs_folder(state_dir) / run).journal
    records = read_journal(journal)[0] if journal.exists() else []
    return bool(records) and not isinstance(records[-1].event, ev.RunEnded)


def mark_begun(state_dir: Path, digest: str, run: str) -> None:
    """The journal of `run` says that it began, and nothing is sent yet: from here on the plan is used up, whatever becomes of the
    run's folder."""
    claim = _read_claim(state_dir, digest)
    if claim is None or not claim.get("begun", True):
        write_claim(state_dir, digest, run, begun=True)


def _claim_file(state_dir: Path, digest: str) -> Path:
    return state_dir / "saved" / f"{digest}.json"


def write_claim(state_dir: Path, digest: str, run: str, *, begun: bool) -> None:
    write_atomic(_claim_file(state_dir, digest), json.dumps({"run": run, "begun": begun}).encode())


def _read_claim(state_dir: Path, digest: str) -> dict[str, Any] | None:
    """None when nobody claimed it. Raises `LocalError` when that cannot be told."""
    file = _claim_file(state_dir, digest)
    try:
        data = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LocalError(
            f"whether this plan was applied cannot be read: {error}", code="LP0603", where=str(file),
            hint="it says which run a saved plan belongs to; look for that run before you remove it", next_commands=["loadplan runs"],
        ) from error  # fmt: skip
    if not isinstance(data, dict) or not RUN_ID.match(str(data.get("run"))):
        raise LocalError(
            "whether this plan was applied cannot be read: it names no run", code="LP0603", where=str(file),
            hint="look for the run of this plan before you remove the file", next_commands=["loadplan runs"],
        )  # fmt: skip
    return data
