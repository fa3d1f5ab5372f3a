"""Start-up times over `python -c pass` in the same run, and a plan of 2,000 steps. Run: python tests/benchmarks/startup.py"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 9


def wall(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def median(command: list[str]) -> float:
    wall(command)
    return statistics.median(wall(command) for _ in range(RUNS))


def plan(steps: int) -> str:
    lines = ["version: 1", "name: big", "steps:"]
    for i in range(steps):
        after = f", depends_on: [s{i - 1}]" if i % 10 else ""
        lines.append(f"  s{i}: {{operation: query, soql: SELECT Id FROM Account, output: out/{i}.csv{after}}}")
    return "\n".join(lines) + "\n"


def rich(steps: int) -> str:
    """Groups of four: accounts with mapped columns, contacts that look them up, a query with a template, a delete of it."""
    lines = ["version: 1", "name: rich", "vars: {day: {type: date, default: 2026-01-01}}", "steps:"]
    for i in range(0, steps, 4):
        lines += [
            f"  a{i}: {{object: Account{i}__c, operation: upsert, external_id: Key__c, source: a.csv,",
            "    columns: {Key__c: id, Name: {column: n, empty: '#N/A'}, Code__c: {template: '{{ row.a }}-{{ row.b }}'}}}",
            f"  c{i}: {{object: Contact{i}__c, operation: upsert, external_id: Key__c, source: a.csv,",
            f"    lookups: {{Account{i}__r.Key__c: account}}, gate: {{max_failed_percent: 1}}, where: {{column: n, is: present}}}}",
            f"  q{i}: {{operation: query, soql: 'SELECT Id FROM Case WHERE D < {{{{ day | soql_date }}}}', output: out/{i}.csv}}",
            f"  d{i}: {{object: Case, operation: delete, source: {{step: q{i}}}, depends_on: [c{i}]}}",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        small, big = Path(folder) / "small.yaml", Path(folder) / "big.yaml"
        small.write_text(plan(20), encoding="utf-8")
        big.write_text(plan(2000), encoding="utf-8")
        full = Path(folder) / "full.yaml"
        full.write_text(rich(2000), encoding="utf-8")
        (Path(folder) / "a.csv").write_text("id,n\n", encoding="utf-8")
        run = [sys.executable, "-m", "loadplan"]
        floor = median([sys.executable, "-c", "pass"])
        rows = [
            ("python -c pass", floor, None),
            ("loadplan --help", median([*run, "--help"]), 0.120),
            ("loadplan validate (20 steps)", median([*run, "validate", str(small)]), 0.450),
            ("loadplan validate (2,000 steps)", median([*run, "validate", str(big)]), 2.0),
            ("loadplan graph (2,000 steps)", median([*run, "graph", str(big)]), 2.0),
            ("loadplan validate (2,000 rich)", median([*run, "validate", str(full)]), 2.0),
            ("loadplan graph (2,000 rich)", median([*run, "graph", str(full)]), 2.0),
        ]
        for name, seconds, target in rows:
            over = seconds - floor
            verdict = "" if target is None else f"  over the floor {over * 1000:6.0f} ms, target {target * 1000:.0f} ms"
            print(f"{name:34} {seconds * 1000:7.0f} ms{verdict}")


if __name__ == "__main__":
    main()
