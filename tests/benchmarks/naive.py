"""The same faults against a script as people write it: simple-salesforce's bulk2, and once more when it fails.

    python tests/benchmarks/naive.py

Each row of the table is one fault at one request of an insert of 6 rows. The script calls `bulk2.Contact.insert`; when that raises,
it is started again, up to three times, as a scheduler or a person does. loadplan gets the same fault in the same org, and is resumed.
What counts is the org's own ledger: rows that were never applied, and rows that were applied more than once.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadplan.cli.main import run
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

ROWS = [f"Person {number}" for number in range(6)]
KINDS = ("create ingest", "upload", "close", "job info", "successful")
EFFECTS = ("drop before", "drop after", "503", "html", "expire", "short", "gzip cut length")
STARTS = 3
PLAN = """\
version: 1
name: naive
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  people: {object: Contact, operation: insert, source: people.csv}
"""


@dataclass(frozen=True)
class Outcome:
    """Rows that the org never applied, rows that it applied again, and how often the loader was started. `said_ok` is whether
    its last start ended well."""

    lost: int
    twice: int
    starts: int
    said_ok: bool

    @property
    def cell(self) -> str:
        if self.twice or self.lost:
            wrong = ", ".join(
                f"{number} {word}" for number, word in ((self.lost, "lost"), (self.twice, "twice")) if number
            )
            return f"**{wrong}**" + ("" if self.said_ok else ", and it failed")
        return "ok" if self.said_ok else "failed"


def simple_salesforce(org: EmbeddedOrg, folder: Path) -> bool:
    """One start of the script; whether it ended well. With a new token, as a scheduler's would have."""
    from simple_salesforce.api import Salesforce

    made: Any = Salesforce(
        instance=org.instance_url.removeprefix("http://"), session_id=org.access_token(), version="60.0"
    )
    for name in ("base_url", "bulk2_url", "bulk_url"):
        setattr(made, name, getattr(made, name).replace("https://", "http://"))
    try:
        jobs = made.bulk2.Contact.insert(records=[{"LastName": row} for row in ROWS], wait=0)
        for job in jobs:
            made.bulk2.Contact.get_successful_records(job["job_id"])
    except Exception:
        return False
    return all(job["numberRecordsFailed"] == 0 for job in jobs)


def loadplan(org: EmbeddedOrg, folder: Path) -> bool:
    """One start of loadplan; whether it ended well."""
    begun = (folder / ".loadplan" / "runs").is_dir()
    environ = {"NAIVE_ID": "id", "NAIVE_SECRET": "secret"}
    entry = (
        f"version: 1\norgs:\n  twin:\n    instance_url: {org.instance_url}\n"
        "    auth: {flow: client_credentials, client_id: {env: NAIVE_ID}, client_secret: {env: NAIVE_SECRET}}\n"
    )
    (folder / "orgs.yaml").write_text(entry, encoding="utf-8")
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (folder / "people.csv").write_text("\n".join(["LastName", *ROWS]) + "\n", encoding="utf-8")
    command = ["resume"] if begun else ["apply", "plan.yaml", "-o", "twin", "--auto-approve"]
    os.environ.update(environ)
    quiet = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stderr(quiet), contextlib.redirect_stdout(quiet):
        return run(command) == 0


def outcome(start: Callable[[EmbeddedOrg, Path], bool], kind: str, effect: str) -> Outcome:
    """One fault at the first request of a kind, and as many starts as it takes."""
    settings = Settings(latency=0.0, rows_per_second=1e9)
    with tempfile.TemporaryDirectory() as name, EmbeddedOrg(Path(name) / "org", settings=settings) as org:
        folder = Path(name) / "project"
        folder.mkdir()
        org.faults.add(kind, "status" if effect == "503" else effect, 1)
        starts, ok = 0, False
        while not ok and starts < STARTS:
            starts += 1
            ok = start(org, folder)
        applied = org.org.ledger.applied("Contact")
    return Outcome(len(set(ROWS) - set(applied)), sum(1 for times in applied.values() if times > 1), starts, ok)


def table() -> Iterator[str]:
    """The lines of the table, as they come."""
    yield from (
        "| request | fault | simple-salesforce bulk2, started again when it fails | loadplan, resumed |",
        "|---|---|---|---|",
    )
    totals, stories = {"simple": 0, "plan": 0}, 0
    for kind in KINDS:
        for effect in EFFECTS:
            if effect in {"short", "gzip cut length"} and kind == "upload":
                continue  # its answer has no body
            naive, ours = outcome(simple_salesforce, kind, effect), outcome(loadplan, kind, effect)
            totals["simple"] += bool(naive.lost or naive.twice)
            totals["plan"] += bool(ours.lost or ours.twice)
            stories += 1
            yield f"| {kind} | {effect} | {naive.cell} | {ours.cell} |"
    yield f"| rows lost or sent twice in | {stories} stories | {totals['simple']} | {totals['plan']} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
