"""What the journal costs a part: `python tests/benchmarks/journal.py [PARTS]`.

A plan of PARTS parts and one of twice as many run in the simulator (no wire, no waiting). Counted: the records and bytes that one
more part adds, and the syncs of the disk. Measured: how long one record takes on this machine's disk, written and synced as a run does.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from loadplan.clock import SystemClock
from loadplan.run import events as ev
from loadplan.run.journal import FileJournal, read_journal

from simulator.scenarios import Scenario
from simulator.world import World

APPENDS = 300


def plan(parts: int) -> Scenario:
    """An upsert of so many parts of two rows."""
    rows = "".join(f"Company {i},A{i}\n" for i in range(parts * 2))
    step = "  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv, parts: {max_rows: 2}}\n"
    return Scenario(f"parts-{parts}", step, {"accounts.csv": f"Name,Legacy_Id__c\n{rows}"})


def costs(parts: int, folder: Path) -> tuple[int, int, int]:
    """(records, bytes of the journal, syncs of files and folders) of a run of so many parts."""
    with World(folder / str(parts), plan(parts)) as world:
        world.to_the_end()
        assert world.exits == [0], world.said.getvalue()
        assert world.run_folder is not None
        journal = world.run_folder.journal
        syncs = sum(name in {"fsync", "sync folder"} for name in world.passed[0])
        return len(read_journal(journal)[0]), journal.stat().st_size, syncs


def seconds_of_a_record(folder: Path) -> float:
    """The mean of many."""
    journal = FileJournal.create(folder / "journal.jsonl", SystemClock())
    event = ev.JobObserved("accounts", 1, 1, "750xx0000000001AAA", state="InProgress", processed=5_000, failed=0)
    began = time.perf_counter()
    for _ in range(APPENDS):
        journal.append(event)
    took = time.perf_counter() - began
    journal.close()
    return took / APPENDS


def main(parts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="journal-", dir=Path.cwd()) as name:
        one, two = costs(parts, Path(name)), costs(parts * 2, Path(name))
        records, size, syncs = ((b - a) / parts for a, b in zip(one, two, strict=True))
        print(f"one more part: {records:.1f} records, {size:,.0f} bytes of journal, {syncs:.1f} syncs")
        print(f"one record, written and synced on this disk: {seconds_of_a_record(Path(name)) * 1000:.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
