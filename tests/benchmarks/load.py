"""Upserts of many rows against the embedded org as a sink, with curl doing the same requests beside them as the floor.

    python tests/benchmarks/load.py [--rows 1000000] [--more 5000000] [--peers]

Every run is judged against a floor measured in the same run; nothing is compared with figures of another machine. The floor
is curl's wall clock on ready-made parts, a process a request; loadplan is timed from start to exit, with the check of the source
before and the reconciliation of every row after. `simple-salesforce` gets the same file and polls every 0.1 s.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from harness import LOADPLAN, Curl, Figures, cut_rows, measure, measure_here, served, write_rows
from table import Line, as_text, million

PASS_THROUGH = """\
version: 1
name: bench
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  rows: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: rows.csv}
"""
MAPPED = """\
version: 1
name: bench
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
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


def beside_curl(folder: Path, environ: dict[str, str], rows: int) -> Figures:
    """The floor: rows.csv in ready-made parts."""
    parts = cut_rows(folder / "rows.csv", folder / "parts", 500_000)
    body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Legacy_Id__c", "lineEnding": "LF"}
    floor = measure_here(lambda: Curl(environ).load(parts, body, folder))
    shutil.rmtree(folder / "parts")
    return floor


def as_they_stand(folder: Path, environ: dict[str, str], rows: int) -> tuple[list[Line], Figures, Figures]:
    """Rows of which nothing changes; what loadplan took, and the floor."""
    write_rows(folder / "rows.csv", rows)
    floor = beside_curl(folder, environ, rows)
    plain = loadplan(folder, PASS_THROUGH, environ, rows)
    name, beside = f"load {million(rows)}, as they stand", f"{plain.wall:.2f} s beside curl's {floor.wall:.2f} s"
    return [
        Line(f"{name}: wall", plain.wall / floor.wall, "x floor", 1.3, note=beside),
        Line(f"{name}: CPU", plain.cpu / floor.wall, "x floor", 2.0, note=f"{plain.cpu:.2f} s; curl {floor.cpu:.2f} s of CPU"),
        Line(f"{name}: peak", plain.peak, "MB", 200.0),
    ], plain, floor  # fmt: skip


def with_columns(folder: Path, environ: dict[str, str], rows: int, floor: Figures) -> list[Line]:
    """Columns renamed and in another order, and a parent by external id."""
    mapped = loadplan(folder, MAPPED, environ, rows)
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


def figures(folder: Path, *, rows: int = 1_000_000, more: int = 0, peers: bool = False) -> list[Line]:
    """`rows` in all ways, and `more` rows as they stand, for which the memory must be the same."""
    with served("--sink") as environ:
        lines, plain, floor = as_they_stand(folder, environ, rows)
        lines += with_columns(folder, environ, rows, floor)
        if peers:
            lines += beside_peer(folder, environ, rows, plain)
        if more:
            further, larger, _ = as_they_stand(folder, environ, more)
            same = f"{larger.peak:.0f} beside {plain.peak:.0f} MB"
            name = f"load {million(more)}, peak over that of {million(rows)}"
            lines += [*further, Line(name, larger.peak / plain.peak, "x", 1.1, note=same)]
    return lines


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=1_000_000)
    given.add_argument("--more", type=int, default=0, help="so many rows as they stand too")
    given.add_argument("--peers", action="store_true", help="simple-salesforce on the same rows too")
    given.add_argument("--folder", help="where the rows and the state go (default: a temporary folder)")
    chosen = given.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        print(as_text(figures(Path(name), rows=chosen.rows, more=chosen.more, peers=chosen.peers)))


if __name__ == "__main__":
    main()
