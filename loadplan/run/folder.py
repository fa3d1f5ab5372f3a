"""The run folder: where every file of a run lives (contract §4), and the names of runs."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadplan.durable import make_private, write_atomic
from loadplan.errors import UsageError
from loadplan.lean import dataclass

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9-]+-[0-9a-f]{4}\Z")


def new_run_id(plan: str, at: datetime) -> str:
    """`20261123T101500Z-<plan name>-<4 hex>`; sorts by time."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{plan}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run. Nothing here reads or decides."""

    root: Path

    @property
    def id(self) -> str:
        return self.root.name

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def plan_yaml(self) -> Path:
        return self.root / "plan.yaml"

    @property
    def plan_json(self) -> Path:
        return self.root / "plan.json"

    def step(self, step: str) -> Path:
        return self.root / "steps" / step

    def parts(self, step: str) -> Path:
        return self.step(step) / "parts"

    def result(self, step: str, job: str, kind: str) -> Path:
        return self.step(step) / "jobs" / job / f"{kind}.csv"

    def left(self, step: str, job: str, kind: str = "left") -> Path:
        """Rows of a job that did not land, put aside: from the source (`left`) or as the org echoed them (`echo`)."""
        return self.step(step) / "jobs" / job / f"{kind}.csv"

    def held(self, step: str, cut: int, piece: int) -> Path:
        """Rows that wait for their parents, put aside at the step's n-th cut, which may have had several pieces."""
        return self.step(step) / "held" / f"{cut:04d}-{piece}.csv"

    def mended(self, step: str, number: int, what: str = "") -> Path:
        """Rows that a person mended, and what else goes out with them, at the n-th time."""
        return self.step(step) / "mended" / f"{number:04d}{what}.csv"

    def page(self, step: str, attempt: int, page: int) -> Path:
        # Pages of two jobs never mix: another attempt at the extract has a folder of its own.
        return self.step(step) / ("pages" if attempt == 1 else f"pages-{attempt}") / f"{page:05d}.csv"

    def retry(self, step: str, ending: str = "csv") -> Path:
        return self.root / "retry" / f"{step}.{ending}"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def path(self, relative: str) -> Path:
        return self.root / relative

    def create(self) -> None:
        make_private(self.root)

    def write_json(self, name: str, data: Any) -> None:
        write_atomic(self.root / name, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())


def runs_folder(state_dir: Path) -> Path:
    return state_dir / "runs"


def list_runs(state_dir: Path) -> list[RunFolder]:
    """All runs, oldest first."""
    folder = runs_folder(state_dir)
    if not folder.is_dir():
        return []
    found = [RunFolder(p) for p in folder.iterdir() if RUN_ID.match(p.name) and (p / "journal.jsonl").exists()]
    return sorted(found, key=_age)


def _age(run: RunFolder) -> tuple[str, int, str]:
    """Ids tell seconds. Of two runs of one second, as a script makes them that starts again at once, the later one froze its
    plan later: a resume must not mistake the one that came to nothing for the one that sent rows."""
    try:
        frozen = run.plan_json.stat().st_mtime_ns
    except OSError:
        frozen = 0
    return run.id.partition("-")[0], frozen, run.id


def find_run(state_dir: Path, name: str | None) -> RunFolder:
    """The run called `name` (whole id, or an unambiguous part of it), else the newest. Raises `UsageError`."""
    runs = list_runs(state_dir)
    if not runs:
        raise UsageError(
            f"there is no run in {state_dir}",
            hint="runs lie beside the plan they are of, or where --state-dir said: name that folder with --state-dir"
            if name is not None else "start one, or name the folder of another with --state-dir",
            next_commands=["loadplan runs --state-dir FOLDER" if name is not None else "loadplan apply PLAN -o ORG"],
        )  # fmt: skip
    if name is None:
        return runs[-1]
    matching = _matching(runs, name)
    if len(matching) == 1:
        return matching[0]
    what = "no run matches" if not matching else f"{len(matching)} runs match"
    raise UsageError(
        f"{what} `{name}`", details=[f.id for f in matching[-10:]],
        hint="give more of the id" if matching else "use an id from the list", next_commands=["loadplan runs"],
    )  # fmt: skip


def _matching(runs: Sequence[RunFolder], name: str) -> list[RunFolder]:
    exact = [r for r in runs if r.id == name]
    return exact or [r for r in runs if name in r.id]
