"""Upserts of many rows against the embedded org as a sink, with curl doing the same requests beside them as the floor.

    python tests/benchmarks/load.py [--rows 1000000] [--more 5000000] [--peers] [--runs 3]

Every run is judged against a floor measured in the same run; nothing is compared with figures of another machine. The floor
is curl's wall clock on ready-made parts, a process a request; loadplan is timed from start to exit, with the check of the source
before and the reconciliation of every row after. Both look at a job at once and then every 0.1 s. `simple-salesforce` gets the
same file and polls every 0.1 s.

Floor and load take turns, `runs` times, and the quickest of each is taken: other work on a machine makes a run longer, never
shorter.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import LOADPLAN, Curl, Figures, cut_rows, measure, measure_here, served, write_rows
from table import Line, as_text, million

PASS_THROUGH = """\
version: 1
name: bench
defaults: {poll: {first: 10ms, factor: 10, max: 100ms}}
steps:
  rows: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: rows.csv}
"""
MAPPED = """\
version: 1
name: bench
defaults: {poll: {first: 10ms, factor: 10, max: 100ms}}
steps:
  rows:
    object: Contact
    operation: upsert
    external_id: Ext__c
    source: rows.csv
    columns: {LastName: Name, Ext__c: Legacy_Id__c, Number__c: AccountNumber, Site__c: Site, Phone: Phone, Opened__c: Opened__c,
      Amount__c: Amount__c, Code__c: Long_Code__c, Notes__c: Notes__c}
    lookups: {Account.Legacy_Id__c: Parent_Ref__c}
"""
PEER = """\
import os, sys
from simple_salesforce import Salesforce
url, path = os.environ["SF_ORG_INSTANCE_URL"], sys.argv[1]
sf = Salesforce(instance_url=url, session_id=os.environ["SF_ACCESS_TOKEN"], version="66.0")
sf.bulk2_url = f"{url}/services/data/v66.0/jobs/"
bulk = sf.bulk2.Account
done = bulk.upsert(path, external_id_field="Legacy_Id__c", wait=0.1)
for job in done:
    got = bulk.get_all_ingest_records(job["job_id"])
    assert len(got["successfulRecords"]) == job["numberRecordsProcessed"], job
"""


def loadplan(folder: Path, plan: str, environ: dict[str, str], rows: int) -> Figures:
    (folder / "plan.yaml").write_text(plan, encoding="utf-8")
    state = tempfile.mkdtemp(dir=folder)
    found = measure(
        [*LOADPLAN, "apply", "plan.yaml", "-o", "env", "--auto-approve", "-q", "--state-dir", state], cwd=folder,
        environ=environ,
    )  # fmt: skip
    (summary,) = Path(state).glob("runs/*/summary.json")
    counted = json.loads(summary.read_text(encoding="utf-8"))["rows"]
    if counted != {"sent": rows, "successful": rows, "failed": 0, "unprocessed": 0, "held": 0}:
        raise RuntimeError(f"not every row landed: {counted}")
    shutil.rmtree(state)
    return found


def best(runs: list[Figures]) -> Figures:
    """The run least disturbed by others."""
    return min(runs, key=lambda figures: figures.wall)


def beside_curl(folder: Path, environ: dict[str, str], rows: int) -> Figures:
    """The floor: rows.csv in ready-made parts."""
    parts = cut_rows(folder / "rows.csv", folder / "parts", 500_000)
    body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Legacy_Id__c", "lineEnding": "LF"}
    floor = measure_here(lambda: Curl(environ).load(parts, body, folder))
    shutil.rmtree(folder / "parts")
    return floor


@dataclass(frozen=True)
class Loads:
    """The best of some runs of each, taken in turns: curl's, rows as they stand, and rows with columns and a lookup."""

    floor: Figures
    plain: Figures
    mapped: Figures


def in_turns(folder: Path, environ: dict[str, str], rows: int, runs: int) -> Loads:
    write_rows(folder / "rows.csv", rows)
    floors, plains, mapped = [], [], []
    for _ in range(runs):
        floors.append(beside_curl(folder, environ, rows))
        plains.append(loadplan(folder, PASS_THROUGH, environ, rows))
        mapped.append(loadplan(folder, MAPPED, environ, rows))
    return Loads(best(floors), best(plains), best(mapped))


def as_they_stand(rows: int, plain: Figures, floor: Figures) -> list[Line]:
    """Rows of which nothing changes."""
    name, beside = f"load {million(rows)}, as they stand", f"{plain.wall:.2f} s beside curl's {floor.wall:.2f} s"
    return [
        Line(f"{name}: wall", plain.wall / floor.wall, "x floor", 1.3, note=beside),
        Line(f"{name}: CPU", plain.cpu / floor.wall, "x floor", 2.0, note=f"{plain.cpu:.2f} s; curl {floor.cpu:.2f} s of CPU"),
        Line(f"{name}: peak", plain.peak, "MB", 200.0),
    ]  # fmt: skip


def with_columns(rows: int, mapped: Figures, floor: Figures) -> list[Line]:
    """Columns renamed and in another order, and a parent by external id."""
    name = f"load {million(rows)}, columns and a lookup"
    return [
        Line(f"{name}: wall", mapped.wall / floor.wall, "x floor", 2.0, note=f"{mapped.wall:.2f} s, {mapped.cpu:.2f} s of CPU"),
        Line(f"{name}: peak", mapped.peak, "MB", 350.0),
    ]  # fmt: skip


def beside_peer(folder: Path, environ: dict[str, str], rows: int, plain: Figures) -> list[Line]:
    """simple-salesforce on the same rows."""
    (folder / "peer.py").write_text(PEER, encoding="utf-8")
    peer = measure([LOADPLAN[0], "peer.py", "rows.csv"], cwd=folder, environ=environ)
    name = f"load {million(rows)}, simple-salesforce's"
    return [
        Line(f"{name} wall over ours", peer.wall / plain.wall, "x", 3.0, least=True, note=f"{peer.wall:.2f} s, {peer.cpu:.2f} s CPU"),
        Line(f"{name} peak over ours", peer.peak / plain.peak, "x", 6.0, least=True, note=f"{peer.peak:.0f} MB"),
    ]  # fmt: skip


def figures(folder: Path, *, rows: int = 1_000_000, more: int = 0, peers: bool = False, runs: int = 3) -> list[Line]:
    """`rows` in all ways, and `more` rows as they stand, for which the memory must be the same."""
    with served("--sink") as environ:
        found = in_turns(folder, environ, rows, runs)
        lines = [*as_they_stand(rows, found.plain, found.floor), *with_columns(rows, found.mapped, found.floor)]
        if peers:
            lines += beside_peer(folder, environ, rows, found.plain)
        if more:
            write_rows(folder / "rows.csv", more)
            floor = beside_curl(folder, environ, more)
            larger = loadplan(folder, PASS_THROUGH, environ, more)
            same = f"{larger.peak:.0f} beside {found.plain.peak:.0f} MB"
            name = f"load {million(more)}, peak over that of {million(rows)}"
            over = Line(name, larger.peak / found.plain.peak, "x", 1.1, note=same)
            lines += [*as_they_stand(more, larger, floor), over]
    return lines


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=1_000_000)
    given.add_argument("--more", type=int, default=0, help="so many rows as they stand too")
    given.add_argument("--peers", action="store_true", help="simple-salesforce on the same rows too")
    given.add_argument("--runs", type=int, default=3, help="so many of each, of which the quickest counts")
    given.add_argument("--folder", help="where the rows and the state go (default: a temporary folder)")
    chosen = given.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        print(as_text(figures(Path(name), rows=chosen.rows, more=chosen.more, peers=chosen.peers, runs=chosen.runs)))


if __name__ == "__main__":
    main()
