"""The embedded org itself: how fast it takes and gives rows, what it costs, how soon it is up; as an org and as a sink.

    python tests/benchmarks/embedded_org.py --rows 1000000

Curl does the requests, one process each, so that nothing but the org is measured. Beside the org's CPU seconds stand those
of curl moving the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import HEADER, LOADPLAN, Curl, measure_here, write_rows

FIELDS = HEADER.split(",")
DESCRIBE = {"name": "Account", "fields": [
    {"name": name, "type": "string", "length": 255} for name in FIELDS if name.endswith("__c") and name != "Legacy_Id__c"
]}  # fmt: skip


class Org:
    """`emulator serve` in a process of its own, and what it has used since the last look."""

    def __init__(self, *arguments: str) -> None:
        began = time.perf_counter()
        command = [*LOADPLAN, "emulator", "serve", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.started = time.perf_counter() - began
        self.environ = {"SF_ACCESS_TOKEN": ready["access_token"], "SF_ORG_INSTANCE_URL": ready["instance_url"]}
        self.curl = Curl(self.environ)

    def cpu(self) -> float:
        """Seconds so far."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self) -> float:
        """Largest memory so far, in MB."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    def timed(self, name: str, rows: int, work: Callable[[], object]) -> None:
        """Do it, and print what it took."""
        before = self.cpu()
        used = measure_here(lambda: work() and None)
        print(f"  {name:34} {used.wall:7.2f} s {rows / used.wall:12,.0f} rows/s   org {self.cpu() - before:6.2f} CPU-s"
              f"   curl {used.cpu:5.2f} CPU-s   peak {self.peak():5.0f} MB", flush=True)  # fmt: skip

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


def wait(org: Org, path: str, rows: int) -> None:
    """Poll until the job has ended, with as many rows as were sent."""
    while True:
        found = json.loads(org.curl(path))
        if found["state"] not in {"UploadComplete", "InProgress"}:
            break
        time.sleep(0.05)
    assert (found["state"], found["numberRecordsProcessed"]) == ("JobComplete", rows), found
    assert not found.get("numberRecordsFailed"), found


def ingest(org: Org, source: Path, rows: int, out: Path) -> None:
    """One upsert of all rows, and its results plain and as gzip."""
    send = ("-H", "Content-Type: application/json")
    body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Legacy_Id__c"}
    job = json.loads(org.curl("/ingest", *send, "-d", json.dumps(body)))["id"]
    put = ("-H", "Content-Type: text/csv", "-T", str(source))
    org.timed("upload", rows, lambda: org.curl(f"/ingest/{job}/batches", *put))
    org.curl(f"/ingest/{job}", *send, "-X", "PATCH", "-d", '{"state":"UploadComplete"}')
    org.timed("processing", rows, lambda: wait(org, f"/ingest/{job}", rows))
    results = f"/ingest/{job}/successfulResults"
    for name, more in (("results, plain", ()), ("results, gzip", ("-H", "Accept-Encoding: gzip", "--compressed"))):
        org.timed(name, rows, lambda more=more: org.curl(results, *more, "-o", str(out)))  # type: ignore[misc]
        assert out.read_bytes().count(b"\n") >= rows


def query(org: Org, rows: int, out: Path, limit: str) -> None:
    """One query of all rows, and its pages plain and as gzip."""
    send = ("-H", "Content-Type: application/json")
    soql = f"SELECT Id, {', '.join(FIELDS)} FROM Account{limit}"
    body = json.dumps({"operation": "query", "query": soql})
    job = json.loads(org.curl("/query", *send, "-d", body))["id"]
    org.timed("query", rows, lambda: wait(org, f"/query/{job}", rows))

    def pages(*more: str) -> None:
        locator, seen, head = "", 0, out.with_suffix(".head")
        while locator != "null":
            at = f"/query/{job}/results?maxRecords=50000" + (f"&locator={locator}" if locator else "")
            org.curl(at, *more, "-D", str(head), "-o", str(out))
            headers = dict(re.findall(r"^(Sforce-\S+): (\S+)", head.read_text(), re.MULTILINE))
            locator, seen = headers["Sforce-Locator"], seen + int(headers["Sforce-NumberOfRecords"])
        assert seen == rows

    org.timed("pages of 50,000, plain", rows, pages)
    for name in ("pages of 50,000, gzip", "the same once more"):
        org.timed(name, rows, lambda: pages("-H", "Accept-Encoding: gzip", "--compressed"))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--only", choices=["org", "sink"])
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source, out, describe = folder / "rows.csv", folder / "out.csv", folder / "describe"
        write_rows(source, given.rows)
        describe.mkdir()
        (describe / "Account.json").write_text(json.dumps(DESCRIBE), encoding="utf-8")
        print(f"{given.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB")
        fast = ("--set", "latency=0", "--set", "rows_per_second=inf")
        for name, arguments in (("org", (*fast, "--describe", str(describe))), ("sink", ("--sink",))):
            if given.only in (None, name):
                org = Org(*arguments)
                print(f"{name}: ready after {org.started * 1000:.0f} ms, {org.peak():.0f} MB")
                ingest(org, source, given.rows, out)
                if name == "org":
                    print("  the same rows again, as updates")
                    ingest(org, source, given.rows, out)
                query(org, given.rows, out, f" LIMIT {given.rows}" if name == "sink" else "")
                org.end()


if __name__ == "__main__":
    main()
