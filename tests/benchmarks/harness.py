"""What the benchmarks share: rows to load, the embedded org as a sink in a process of its own, and a process measured from
start to exit."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOADPLAN = [sys.executable, "-m", "loadplan"]
HEADER = "Legacy_Id__c,Name,AccountNumber,Site,Phone,Opened__c,Amount__c,Long_Code__c,Notes__c,Parent_Ref__c"
NAMES = (
    "Acme Industrial",
    "Blue Harbour",
    "Nordwind GmbH",
    "Kestrel Foods",
    "Tallow & Sons",
    "Jura SA",
    "Ostrava Steel",
)
NOTES = ('"line one\nline two"', '"said ""hello"" twice"', '"a, b, c"', '"Žluťoučký kůň, €5"')


@dataclass(frozen=True)
class Figures:
    """One process: seconds of wall clock, seconds of CPU (user and system), and its peak memory in MB."""

    wall: float
    cpu: float
    peak: float


def measure(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str] | None = None) -> Figures:
    """Run to the end. Raises RuntimeError, with what it said, when it fails."""
    began = time.perf_counter()
    with (cwd / "said.txt").open("w+b") as said:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={k: v for k, v in (environ or os.environ).items() if k != "PYTHONDONTWRITEBYTECODE"},
            stdout=said,
            stderr=said,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}: {said.read()[-3000:].decode()}")
    return Figures(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure_here(work: Callable[[], None]) -> Figures:
    """The same for work of child processes that this process waits for (curl, one process a request)."""
    before, began = os.times(), time.perf_counter()
    work()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Figures(time.perf_counter() - began, cpu, 0.0)


def write_rows(to: Path, rows: int, *, parents: int = 1_000_000) -> None:
    """`rows` rows of 10 columns and about 142 bytes; one in a hundred has quotes, line breaks or letters beyond ASCII."""
    chance = random.Random(1)
    with to.open("w", encoding="utf-8", newline="", buffering=1 << 20) as file:
        file.write(HEADER + "\n")
        for i in range(rows):
            r = chance.getrandbits(31)
            notes = NOTES[r % 4] if r % 100 == 7 else "call back soon please"
            file.write(
                f"EXT-{i:010d},{NAMES[r % 7]} {i % 997},{i * 7919 % 100000000:012d},Site {r % 1000},0044 {r % 10000000:07d},"
                f"2024-{r % 12 + 1:02d}-{r % 28 + 1:02d},{r % 100000}.{r % 10}0,{10**19 + i * 37},{notes},"
                f"ACC-{r % parents:07d}\n"
            )


def cut_rows(source: Path, folder: Path, rows: int) -> list[Path]:
    """Ready-made parts of a file in which no line break stands alone, for whoever does not cut parts itself."""
    folder.mkdir(exist_ok=True)
    parts: list[Path] = []
    with source.open(encoding="utf-8", newline="") as file:
        header = file.readline()
        out = None
        count, open_quote = rows, False
        for line in file:
            if count >= rows and not open_quote:
                if out:
                    out.close()
                parts.append(folder / f"{len(parts) + 1:04d}.csv")
                out = parts[-1].open("w", encoding="utf-8", newline="")
                out.write(header)
                count = 0
            assert out is not None
            out.write(line)
            open_quote ^= line.count('"') % 2 == 1
            count += not open_quote
        if out:
            out.close()
    return parts


@contextmanager
def served(*arguments: str) -> Iterator[dict[str, str]]:
    """`loadplan emulator serve`; the environment for `-o env`."""
    with subprocess.Popen([*LOADPLAN, "emulator", "serve", *arguments], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        yield {**os.environ, "SF_ACCESS_TOKEN": ready["access_token"], "SF_ORG_INSTANCE_URL": ready["instance_url"]}
        server.terminate()


class Curl:
    """Bulk API 2.0 by curl, one process a request: the least that a client can do."""

    def __init__(self, environ: Mapping[str, str], version: str = "66.0") -> None:
        self._base = f"{environ['SF_ORG_INSTANCE_URL']}/services/data/v{version}/jobs"
        self._token = f"Authorization: Bearer {environ['SF_ACCESS_TOKEN']}"

    def __call__(self, path: str, *arguments: str) -> bytes:
        command = ["curl", "-sS", "--fail", "-H", self._token, *arguments, self._base + path]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def load(self, parts: Sequence[Path], body: Mapping[str, str], to: Path) -> None:
        """Create, upload, close, poll, fetch the three result files decoded to disk; a part after the other."""
        json_type = ("-H", "Content-Type: application/json")
        for part in parts:
            job = json.loads(self("/ingest", *json_type, "-d", json.dumps(body)))["id"]
            self(f"/ingest/{job}/batches", "-H", "Content-Type: text/csv", "-T", str(part))
            self(f"/ingest/{job}", *json_type, "-X", "PATCH", "-d", '{"state":"UploadComplete"}')
            while json.loads(self(f"/ingest/{job}"))["state"] not in {"JobComplete", "Failed"}:
                time.sleep(0.1)
            for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
                self(f"/ingest/{job}/{kind}", "--compressed", "-H", "Accept-Encoding: gzip", "-o", str(to / kind))
