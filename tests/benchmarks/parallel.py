"""Independent steps whose jobs take a while: how close a run comes to the optimum, how often it asks, how soon it notices.

    python tests/benchmarks/parallel.py [--jobs 20] [--seconds 10]

Everything is measured at the org: its own job records say when a job was closed and when it had ended, its access log says
when it was asked. The optimum is jobs / parallelism x seconds, and the makespan is from the first create to the moment the
last job was noticed to be done.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import LOADPLAN, measure, served
from table import Line, as_text

PARALLELISM = 4
ROWS = 20
JOB = re.compile(r"/jobs/ingest/(\w{15,18})\Z")


def plan(jobs: int) -> str:
    """`jobs` steps that know nothing of each other."""
    steps = "".join(f"  s{i:02d}: {{object: Account, operation: insert, source: rows.csv}}\n" for i in range(jobs))
    return f"version: 1\nname: parallel\nsteps:\n{steps}"


def figures(folder: Path, *, jobs: int = 20, seconds: float = 10.0) -> list[Line]:
    """One run with the default schedule of looks, against an org whose jobs take `seconds` each."""
    log = folder / "access.jsonl"
    (folder / ".git").mkdir()
    (folder / "plan.yaml").write_text(plan(jobs), encoding="utf-8")
    (folder / "rows.csv").write_text("Name\n" + "".join(f"row {i}\n" for i in range(ROWS)), encoding="utf-8")
    slow = ("--set", f"latency={seconds / 2}", "--set", f"rows_per_second={ROWS / (seconds / 2)}")
    with served(*slow, "--access-log", str(log)) as environ:
        used = measure(
            [*LOADPLAN, "apply", "plan.yaml", "-o", "env", "--auto-approve", "-q", "--parallelism", str(PARALLELISM)],
            cwd=folder, environ=environ,
        )  # fmt: skip
        with urllib.request.urlopen(environ["SF_ORG_INSTANCE_URL"] + "/__control__/jobs") as answer:
            known = {job["id"]: job for job in json.load(answer)}
    requests = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [*judged(requests, known, jobs, seconds), Line("parallel: client's CPU", used.cpu, "s")]


def judged(
    requests: list[dict[str, Any]], known: Mapping[str, dict[str, Any]], jobs: int, seconds: float
) -> list[Line]:
    """The three figures of the target, from the org's side alone."""
    asked: dict[str, list[float]] = {}
    for entry in requests:
        found = JOB.search(entry["path"])
        if found and entry["method"] == "GET":
            asked.setdefault(found[1], []).append(datetime.fromisoformat(entry["time"]).timestamp())
    ended = [job for job in known.values() if job["state"] == "JobComplete"]
    if len(ended) != jobs:
        raise RuntimeError(f"{len(ended)} of {jobs} jobs are complete")
    lengths = {job["id"]: job["ended"] - job["closed"] for job in ended}
    late = {job["id"]: max(0.0, asked[job["id"]][-1] - job["ended"]) for job in ended}
    often = {job: len(times) / (lengths[job] + late[job]) for job, times in asked.items()}
    makespan = max(times[-1] for times in asked.values()) - min(job["created"] for job in ended)
    optimum = -(-jobs // PARALLELISM) * seconds
    share = sum(late[j] / lengths[j] for j in late) / jobs
    spent = f"{makespan:.1f} of {optimum:g} s, {jobs} jobs of {seconds:g} s, {PARALLELISM} at a time"
    return [
        Line("parallel: makespan over the optimum", makespan / optimum, "x", 1.1, note=spent),
        Line("parallel: looks per job and second", max(often.values()), "", 1.0, note="the job asked about most often"),
        Line("parallel: mean delay in noticing", 100 * share, "%", 10.0, note="of a job's length"),
    ]


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--jobs", type=int, default=20)
    given.add_argument("--seconds", type=float, default=10.0)
    chosen = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(as_text(figures(Path(folder), jobs=chosen.jobs, seconds=chosen.seconds)))


if __name__ == "__main__":
    main()
