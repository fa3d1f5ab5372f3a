"""Extracts against curl in the same run: wall, processor, memory.

    python tests/benchmarks/extract.py [--rows 200000] [--runs 3] [--only speed|latency]

The floor is one curl process that asks the same server for the same pages over one connection, after the same job was made
and awaited: looked at at once and then every 0.1 s, as loadplan's plan says too. curl is shown twice: keeping the gzip bytes as
they come, and with --compressed, which unpacks them. The second is the floor, because loadplan's pages are unpacked too; neither
counts, hashes, syncs or joins anything.

loadplan is timed as a user would time it, from the start of the process to its end: login, job, polls, pages (each counted,
hashed, synced and on record), the join into one output, the reports.

`latency` has answers that take 200 ms each: five pages at a time against one.

The server is the sink of `loadplan emulator serve --sink` in a process of its own, which makes rows as fast as they are asked
for. Files go to /dev/shm where there is one, because the disk is not what is compared (--folder names another place).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import requests
from harness import LOADPLAN, Figures, measure, served
from table import Line, as_text, million

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
defaults: {{poll: {{first: 10ms, factor: 10, max: 100ms}}}}
steps:
  all: {{operation: query, soql: "{soql}", parallel_pages: {wide}, output: "{output}"}}
"""


def best(costs: list[Figures]) -> Figures:
    """The run least disturbed by others."""
    return min(costs, key=lambda c: c.wall)


class Floor:
    """The same extract with curl: its job is made and awaited here, its pages are fetched by curl alone."""

    def __init__(self, environ: Mapping[str, str], rows: int, folder: Path) -> None:
        self.url, self.token = environ["SF_ORG_INSTANCE_URL"], environ["SF_ACCESS_TOKEN"]
        self.rows, self.folder = rows, folder
        self.base = f"{self.url}/services/data/v{V}/jobs/query"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.token}"

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
            named += [self.url + page["resultUrl"] for page in answer["resultPages"]]
            link = answer["nextRecordsUrl"] and self.url + answer["nextRecordsUrl"]
        urls += named[1:]
        shutil.rmtree(self.folder / "curl", ignore_errors=True)
        (self.folder / "curl").mkdir()
        file = self.folder / "curl.cfg"
        lines = [
            f'header = "Authorization: Bearer {self.token}"',
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


def loadplan(environ: Mapping[str, str], rows: int, folder: Path, wide: int, output: str) -> tuple[Figures, float]:
    """One `apply` in a new project; what it cost, and the seconds from the job's end to the last page on record."""
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    (project / ".git").mkdir()
    (project / "plan.yaml").write_text(PLAN.format(soql=SOQL.format(rows=rows), wide=wide, output=output))
    cost = measure([*LOADPLAN, "apply", "plan.yaml", "-o", "env", "--auto-approve", "-q"], cwd=project, environ=environ)
    events = [json.loads(line) for line in next(project.rglob("journal.jsonl")).read_text().splitlines()[1:]]
    reconciled = next(e for e in events if e["type"] == "QueryReconciled")
    if not reconciled["agree"] or reconciled["rows"] != rows:
        raise RuntimeError(f"the extract is not whole: {reconciled}")
    complete = next(e for e in events if e.get("state") == "JobComplete")
    shutil.rmtree(project)
    return cost, _seconds(reconciled["at"]) - _seconds(complete["at"])


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


# -- the tables ----------------------------------------------------------------------------------------------------


def speed(folder: Path, *, rows: int = 5_000_000, runs: int = 2, page_size: int = 50_000) -> list[Line]:
    """All pages, one and five at a time, beside curl."""
    with served("--sink", "--set", f"page_size={page_size}") as environ:
        floor = Floor(environ, rows, folder)
        job, _ = floor.job()
        config = str(floor.config(job))
        raw, unpacked, waits = [], [], []
        ours: dict[str, list[Figures]] = {}
        # In turns, so that whatever else the machine does meets them all.
        for _ in range(runs):
            waits.append(floor.job()[1])
            raw.append(measure(["curl", "-H", "Accept-Encoding: gzip", "-K", config], cwd=folder))
            unpacked.append(measure(["curl", "--compressed", "-K", config], cwd=folder))
            for wide, output in ((1, "out/all.csv"), (5, "out/all.csv"), (5, "out/all/")):
                name = f"{wide} at a time -> {output.removeprefix('out/')}"
                ours.setdefault(name, []).append(loadplan(environ, rows, folder, wide, output)[0])
        size, wait = floor.size() / 1e6, min(waits)
        shutil.rmtree(folder / "curl")
    base = best(unpacked).wall + wait
    name = f"extract {million(rows)}"
    kept = f"{size:,.0f} MB; keeping the gzip bytes {best(raw).wall + wait:.2f} s; the job itself {wait:.2f} s"
    lines = [Line(f"{name}, the floor: curl --compressed", base, "s", note=kept)]
    for variant, costs in ours.items():
        cost = best(costs)
        beside = f"{cost.wall:.2f} s, {cost.cpu:.2f} s of CPU, best of {runs}"
        lines += [
            Line(f"{name}, {variant}: wall", cost.wall / base, "x floor", 1.1, note=beside),
            Line(f"{name}, {variant}: peak", cost.peak, "MB", 100.0),
        ]
    return lines


def latency(folder: Path, *, pages: int = 100, seconds: float = 0.2, page_size: int = 1_000) -> list[Line]:
    """Five pages at a time against one, when every answer takes its time."""
    with served("--sink", "--set", f"page_size={page_size}", "--set", f"request_latency={seconds}") as environ:
        found = {wide: loadplan(environ, pages * page_size, folder, wide, "out/all.csv") for wide in (1, 5)}
    (one, one_pages), (five, five_pages) = found[1], found[5]
    beside = f"{one.wall:.1f} and {five.wall:.1f} s; the pages alone {one_pages / five_pages:.1f} x"
    name = f"extract, {pages} pages at {seconds * 1000:.0f} ms: five at a time"
    return [Line(name, one.wall / five.wall, "x", 3.0, least=True, note=beside)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    parser.add_argument("--only", choices=["speed", "latency"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        lines = speed(Path(folder), rows=given.rows, runs=given.runs) if given.only != "latency" else []
        lines += latency(Path(folder)) if given.only != "speed" else []
    print(as_text(lines))


if __name__ == "__main__":
    main()
