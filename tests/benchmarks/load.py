"""Upserts of many rows against the embedded org as a sink, with curl doing the same requests beside them as the floor.

    python tests/benchmarks/load.py --rows 1000000 [--peers]

Every run is judged against a floor measured in the same run; nothing is compared with figures of another machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from harness import LOADPLAN, Curl, Figures, cut_rows, measure, measure_here, served, verdict, write_rows

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
    assert counted == {"sent": rows, "successful": rows, "failed": 0, "unprocessed": 0, "held": 0}, counted
    return found


def show(name: str, found: Figures, floor: Figures | None = None) -> None:
    over = f"  wall {found.wall / floor.wall:.2f} x, cpu {found.cpu / floor.wall:.2f} x floor" if floor else ""
    print(f"{name:34} {found.wall:7.2f} s  cpu {found.cpu:7.2f} s  peak {found.peak:6.0f} MB{over}", flush=True)


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=1_000_000)
    given.add_argument("--peers", action="store_true", help="simple-salesforce on the same rows too")
    given.add_argument("--folder", help="where the rows and the state go (default: a temporary folder)")
    chosen = given.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name, served("--sink") as environ:
        folder = Path(name)
        write_rows(folder / "rows.csv", chosen.rows)
        parts = cut_rows(folder / "rows.csv", folder / "parts", 500_000)
        body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Legacy_Id__c", "lineEnding": "LF"}
        curl = Curl(environ)
        floor = measure_here(lambda: curl.load(parts, body, folder))
        show(f"curl, {chosen.rows:,} rows", floor)
        plain = loadplan(folder, PASS_THROUGH, environ, chosen.rows)
        show("loadplan, as they stand", plain, floor)
        mapped = loadplan(folder, MAPPED, environ, chosen.rows)
        show("loadplan, columns and a lookup", mapped, floor)
        peer = None
        if chosen.peers:
            (folder / "peer.py").write_text(PEER, encoding="utf-8")
            peer = measure([LOADPLAN[0], "peer.py", "rows.csv"], cwd=folder, environ=environ)
            show("simple-salesforce bulk2", peer, floor)
        print("as they stand   wall", verdict(plain.wall / floor.wall, 1.3))
        print("                cpu ", verdict(plain.cpu / floor.wall, 2.0))
        print("                peak", verdict(plain.peak, 200, " MB"))
        print("mapped          wall", verdict(mapped.wall / floor.wall, 2.0))
        print("                peak", verdict(mapped.peak, 350, " MB"))
        if peer:
            print("to the peer     wall", verdict(3 * plain.wall / peer.wall, 1.0, " of a third"))
            print("                peak", verdict(6 * plain.peak / peer.peak, 1.0, " of a sixth"))


if __name__ == "__main__":
    main()
