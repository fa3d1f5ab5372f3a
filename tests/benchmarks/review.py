"""Time and memory of `plan` and `diff` on large sources. Run: python tests/benchmarks/review.py [ROWS].

Each line is a process of its own, as a user types it; memory is its peak. The plan is checked against a description of the object
(`--offline --describe`), the diffs compare two files by key: one row in a hundred changed, one in a thousand added and removed, rows in
another order; then every row changed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAN = """\
version: 1
name: bench
steps:
  accounts: {{object: Account, operation: upsert, external_id: Legacy_Id__c, source: {file}}}
"""
KIN = """\
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    lookups: {Account.Legacy_Id__c: account}
"""
HEADER = (
    "Legacy_Id__c,Name,Industry,BillingCity,BillingCountry,Phone,NumberOfEmployees,AnnualRevenue,Website,Description\n"
)
FIELDS = {
    "Legacy_Id__c": {"type": "string", "length": 80, "externalId": True}, "Name": {"type": "string", "length": 255},
    "Industry": {"type": "picklist", "restrictedPicklist": True, "picklistValues": [{"value": f"I{n}"} for n in range(9)]},
    "BillingCity": {"type": "string", "length": 40}, "BillingCountry": {"type": "string", "length": 80},
    "Phone": {"type": "phone", "length": 40}, "NumberOfEmployees": {"type": "int", "digits": 8},
    "AnnualRevenue": {"type": "currency", "precision": 18, "scale": 2}, "Website": {"type": "url", "length": 255},
    "Description": {"type": "textarea", "length": 32000},
}  # fmt: skip


def row(n: int, salt: int = 0) -> str:
    return (
        f"EXT-{n:09d},Blue Harbour {n % 997},I{n % 9},Town {n % 313},Land {n % 61},+49 30 {n % 999_999 + salt},{n % 5_000},"
        f"{n * 7 % 100_000}.50,https://www.example.com/{n},see ticket {n}\n"
    )


def make(folder: Path, rows: int) -> None:
    """The files, in a process of its own: a child would inherit the peak of its parent."""
    order = list(range(rows))
    with (folder / "old.csv").open("w") as file:
        file.write(HEADER)
        file.writelines(map(row, order))
    random.Random(7).shuffle(order)
    with (folder / "new.csv").open("w") as file:
        file.write(HEADER)
        file.writelines(row(n, n % 100 == 0) for n in order if n % 1000)
        file.writelines(row(n) for n in range(rows, rows + rows // 1000))
    with (folder / "all.csv").open("w") as file:
        file.write(HEADER)
        file.writelines(row(n, 1) for n in range(rows))
    for name in ("old", "new", "all"):
        (folder / f"{name}.yaml").write_text(PLAN.format(file=f"{name}.csv"))
    with (folder / "contacts.csv").open("w") as file:
        file.write("Legacy_Id__c,LastName,account\n")
        file.writelines(f"CON-{n:09d},Name {n % 997},EXT-{n * 7 % rows:09d}\n" for n in range(rows))
    (folder / "kin.yaml").write_text(PLAN.format(file="old.csv") + KIN)
    (folder / "describe").mkdir()
    fields = [{"name": name, **facts} for name, facts in FIELDS.items()]
    (folder / "describe" / "Account.json").write_text(
        json.dumps({"name": "Account", "keyPrefix": "001", "fields": fields})
    )
    (folder / "orgs.yaml").write_text("version: 1\norgs: {}\n")


def measured(folder: Path, *arguments: str) -> tuple[float, float, int, str]:
    """Seconds, CPU seconds (what a machine shared with others can tell), peak MiB, last line of stdout."""
    started = time.perf_counter()
    out = folder / "out.txt"
    with out.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "loadplan", *arguments], cwd=folder, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    cpu = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - started, cpu, usage.ru_maxrss // 1024, out.read_text().strip().splitlines()[-1]


def main() -> None:
    if len(sys.argv) == 4:
        make(Path(sys.argv[2]), int(sys.argv[3]))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "make", name, str(rows)], check=True)
        size = (folder / "old.csv").stat().st_size / 1e6
        print(f"{rows:,} rows, {len(FIELDS)} columns, {size:,.0f} MB a file")
        for what, arguments in (
            ("plan --offline", ["plan", "old.yaml", "--offline"]),
            ("plan --offline --describe", ["plan", "old.yaml", "--offline", "--describe", "describe"]),
            ("plan, as many children too", ["plan", "kin.yaml", "--offline"]),
            ("diff, 1 % changed, shuffled", ["diff", "old.yaml", "new.yaml"]),
            ("diff, every row changed", ["diff", "old.yaml", "all.yaml"]),
        ):
            seconds, cpu, memory, last = measured(folder, *arguments)
            print(f"{what:30} {seconds:6.1f} s {cpu:6.1f} CPU-s {memory:5} MiB   {last}")


if __name__ == "__main__":
    main()
