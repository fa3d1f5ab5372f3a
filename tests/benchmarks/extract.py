"""Extracts against curl in the same run: wall, processor, memory. Run: python tests/benchmarks/extract.py [--rows N]

The floor is one curl process that asks the same server for the same pages over one connection, after the same job was made
and awaited. curl is shown twice: keeping the gzip bytes as they come, and with --compressed, which unpacks them. The second is
the floor, because loadplan's pages are unpacked too; neither counts, hashes, syncs or joins anything.

loadplan is timed as a user would time it, from the start of the process to its end: login, job, polls, pages (each counted,
hashed, synced and on record), the join into one output, the reports.

The second table has answers that take 200 ms each: five pages at a time against one.

The server is a process of its own: the sink of `loadplan emulator serve --sink` where that exists, which makes rows as fast
as they are asked for; else the embedded org with rows that were loaded into it, which is slow to fill and to answer. Files go to
/dev/shm where there is one, because the disk is not what is compared (--folder names another place).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

V = "66.0"
COLUMNS = [
    "Id",
    "Name",
    "AccountNumber",
    "Site",
    "Phone",
    "Fax",
    "Website",
    "BillingCity",
    "BillingStreet",
    "Description",
]
SOQL = f"SELECT {', '.join(COLUMNS)} FROM Account LIMIT {{rows}}"
PLAN = """\
version: 1
name: extract
defaults: {{poll: {{first: 100ms, factor: 1, max: 100ms}}}}
steps:
  all: {{operation: query, soql: "{soql}", parallel_pages: {wide}, output: "{output}"}}
"""


# -- the server ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """An org in another process. `kind` says which."""

    url: str
    token: str
    kind: str


@contextmanager
def serve(rows: int, *, page_size: int, latency: float = 0.0) -> Iterator[Served]:
    """The only place that knows how the server is started."""
    command = [sys.executable, "-m", "loadplan", "emulator", "serve"]
    help_text = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    if "--sink" in help_text:
        kind = "sink"
        command += ["--sink", "--set", f"page_size={page_size}", "--set", f"request_latency={latency}"]
    else:
        kind = "embedded org, rows loaded"
        command = [sys.executable, __file__, "--serve", str(rows), str(page_size), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        try:
            yield Served(ready["instance_url"], ready["access_token"], kind)
        finally:
            server.terminate()


def serve_loaded(rows: int, page_size: int, latency: float) -> None:
    """The embedded org with rows in it, until the process is ended."""
    from loadplan.clock import SystemClock
    from loadplan.emulator.server import EmbeddedOrg
    from loadplan.emulator.settings import Settings
    from loadplan.salesforce.orgs import connect_with_token
    from loadplan.salesforce.port import IngestSpec

    settings = Settings(latency=0.0, rows_per_second=1e9, max_rows_per_request=10**9, page_size=page_size)
    with EmbeddedOrg(settings=settings) as org, tempfile.TemporaryDirectory() as folder:
        client = connect_with_token(org.instance_url, org.access_token, clock=SystemClock())
        part = Path(folder) / "part.csv"
        for first in range(0, rows, 100_000):
            content = io.StringIO()
            writer = csv.writer(content, lineterminator="\n")
            writer.writerow(COLUMNS[1:])
            for n in range(first, min(rows, first + 100_000)):
                writer.writerow([f"{c[:8]} {n * 7919 % 1_000_003:06d}" for c in COLUMNS[1:]])
            part.write_text(content.getvalue(), encoding="utf-8")
            job = client.create_ingest(IngestSpec("Account", "insert"), api_version=V)
            client.upload(job.id, part, api_version=V)
            client.close_upload(job.id, api_version=V)
            while not client.job("ingest", job.id, api_version=V).is_terminal:
                time.sleep(0.05)
        handle: Any = org.org.handle

        def slowly(request: Any, now: float) -> Any:
            time.sleep(latency)
            return handle(request, now)

        if latency:
            org.org.handle = slowly  # type: ignore[method-assign]
        print(json.dumps({"instance_url": org.instance_url, "access_token": org.access_token()}), flush=True)
        sys.stdin.read()


# -- one measurement -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """One process: seconds of wall and processor, megabytes of memory at its peak."""

    wall: float
    cpu: float
    peak: float


def run(command: list[str], environ: dict[str, str] | None = None, cwd: Path | None = None) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environ, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{said[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def best(costs: list[Cost]) -> Cost:
    """The run least disturbed by others."""
    return min(costs, key=lambda c: c.wall)


class Floor:
    """The same extract with curl: its job is made and awaited here, its pages are fetched by curl alone."""

    def __init__(self, served: Served, rows: int, folder: Path) -> None:
        self.served, self.rows, self.folder = served, rows, folder
        self.base = f"{served.url}/services/data/v{V}/jobs/query"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {served.token}"

    def job(self) -> tuple[str, float]:
        """A job that is complete, and the seconds it took."""
        began = time.perf_counter()
        body = {"operation": "query", "query": SOQL.format(rows=self.rows)}
        job = self.session.post(self.base, json=body, timeout=600).json()["id"]
        while self.session.get(f"{self.base}/{job}", timeout=600).json()["state"] != "JobComplete":
            time.sleep(0.1)
        return job, time.perf_counter() - began

    def config(self, job: str) -> Path:
        """A curl configuration with every page: page 1 without a locator, the others as the org names them."""
        urls, link = [f"{self.base}/{job}/results"], f"{self.base}/{job}/resultPages"
        named = []
        while link:
            answer = self.session.get(link, timeout=600).json()
            named += [self.served.url + page["resultUrl"] for page in answer["resultPages"]]
            link = answer["nextRecordsUrl"] and self.served.url + answer["nextRecordsUrl"]
        urls += named[1:]
        shutil.rmtree(self.folder / "curl", ignore_errors=True)
        (self.folder / "curl").mkdir()
        file = self.folder / "curl.cfg"
        lines = [
            f'header = "Authorization: Bearer {self.served.token}"',
            'header = "Accept: text/csv"',
            "silent",
            "show-error",
            "fail",
        ]
        for number, url in enumerate(urls, 1):
            lines += [f'url = "{url}"', f'output = "{self.folder}/curl/{number:05d}"']
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        file.chmod(0o600)
        return file

    def size(self) -> int:
        return sum(p.stat().st_size for p in (self.folder / "curl").iterdir())


def loadplan(served: Served, rows: int, folder: Path, wide: int, output: str) -> tuple[Cost, float]:
    """One `apply` in a new project; what it cost, and the seconds from the job's end to the last page on record."""
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    (project / ".git").mkdir()
    (project / "plan.yaml").write_text(PLAN.format(soql=SOQL.format(rows=rows), wide=wide, output=output))
    environ = {**os.environ, "SF_ACCESS_TOKEN": served.token, "SF_ORG_INSTANCE_URL": served.url}
    command = [sys.executable, "-m", "loadplan", "apply", "plan.yaml", "-o", "env", "--auto-approve", "-q"]
    cost = run(command, environ, project)
    events = [json.loads(line) for line in next(project.rglob("journal.jsonl")).read_text().splitlines()[1:]]
    reconciled = next(e for e in events if e["type"] == "QueryReconciled")
    if not reconciled["agree"] or reconciled["rows"] != rows:
        raise SystemExit(f"the extract is not whole: {reconciled}")
    complete = next(e for e in events if e.get("state") == "JobComplete")
    return cost, _seconds(reconciled["at"]) - _seconds(complete["at"])


def _seconds(at: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(at).timestamp()


# -- the tables ----------------------------------------------------------------------------------------------------


def speed(rows: int, runs: int, folder: Path) -> None:
    with serve(rows, page_size=50_000) as served:
        floor = Floor(served, rows, folder)
        job, _ = floor.job()
        config = str(floor.config(job))
        raw, unpacked, waits = [], [], []
        ours: dict[str, list[Cost]] = {}
        # In turns, so that whatever else the machine does meets them all.
        for _ in range(runs):
            waits.append(floor.job()[1])
            raw.append(run(["curl", "-H", "Accept-Encoding: gzip", "-K", config]))
            unpacked.append(run(["curl", "--compressed", "-K", config]))
            for wide, output in ((1, "out/all.csv"), (5, "out/all.csv"), (5, "out/all/")):
                name = f"loadplan, {wide} at a time -> {output.removeprefix('out/')}"
                ours.setdefault(name, []).append(loadplan(served, rows, folder, wide, output)[0])
        size, wait = floor.size() / 1e6, min(waits)
        print(
            f"\n{rows:,} rows, {size:,.0f} MB of CSV, {served.kind}; best of {runs}; the job itself takes {wait:.2f} s"
        )
        print(f"{'':36} {'wall s':>8} {'cpu s':>7} {'MB/cpu s':>9} {'peak MB':>8} {'x floor':>8}")
        rows_of = [
            ("curl, gzip kept as it comes", best(raw), wait),
            ("curl --compressed (the floor)", best(unpacked), wait),
        ]
        rows_of += [(name, best(costs), 0.0) for name, costs in ours.items()]
        base = best(unpacked).wall + wait
        for name, cost, extra in rows_of:
            wall = cost.wall + extra
            line = f"{name:36} {wall:8.2f} {cost.cpu:7.2f} {size / cost.cpu:9.0f} {cost.peak:8.0f} {wall / base:8.2f}"
            print(line + (_verdict(wall / base <= 1.1 and cost.peak <= 100) if name.startswith("loadplan") else ""))
        print("target: at most 1.10 x the floor and 100 MB")


def latency(folder: Path) -> None:
    rows, size = 100_000, 1_000
    with serve(rows, page_size=size, latency=0.2) as served:
        found = {wide: loadplan(served, rows, folder, wide, "out/all.csv") for wide in (1, 5)}
        print(f"\n{rows // size} pages, each answer after 200 ms, {served.kind}")
        for wide, (cost, pages) in found.items():
            print(f"{wide} at a time: {cost.wall:6.2f} s, of which pages {pages:6.2f} s")
        gain, of_pages = found[1][0].wall / found[5][0].wall, found[1][1] / found[5][1]
        print(f"five at a time: {gain:.1f} x faster, the pages alone {of_pages:.1f} x{_verdict(gain >= 3)}")
        print("target: 3 x")


def _verdict(passed: bool) -> str:
    return "  pass" if passed else "  FALLS SHORT"


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve_loaded(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    parser.add_argument("--only", choices=["speed", "latency"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        if given.only != "latency":
            speed(given.rows, given.runs, Path(folder))
        if given.only != "speed":
            latency(Path(folder))


if __name__ == "__main__":
    main()
