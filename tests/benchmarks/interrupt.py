"""Seconds from SIGINT or SIGTERM to the end of the process while a request stalls. Target: p99 under 1 s.

python tests/benchmarks/interrupt.py [RUNS]
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from stories.conftest import PLAN
from stories.test_signals import STALLS
from support.processes import APPLY, started
from support.stalling import StallingWire


def main() -> None:
    """Print each kind of stall and the whole."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    took: dict[str, list[float]] = {stall: [] for stall in STALLS}
    kinds = itertools.cycle(itertools.product(STALLS, (False, True), (signal.SIGINT, signal.SIGTERM)))
    for _, (stall, answered, number) in zip(range(runs), kinds, strict=False):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / ".git").mkdir()
            (folder / "plan.yaml").write_text(PLAN)
            (folder / "accounts.csv").write_text("Name,Legacy_Id__c\nAlder,A1\nBrook,A2\n")
            (folder / "contacts.csv").write_text("last,account\nAna,A1\n")
            with started(folder, os.environ, "emulator", "serve", "--data", str(folder / "org")) as server:
                assert server.stdout is not None
                ready = json.loads(server.stdout.readline())
                with StallingWire(ready["instance_url"], STALLS[stall], answered=answered) as wire:
                    environ = {"SF_ACCESS_TOKEN": ready["access_token"], "SF_ORG_INSTANCE_URL": wire.url}
                    with started(folder, {**os.environ, **environ}, *APPLY) as process:
                        assert wire.silent.wait(60)
                        began = time.monotonic()
                        process.send_signal(number)
                        process.communicate(timeout=60)
                        took[stall].append(time.monotonic() - began)
                        assert process.returncode == 128 + number
    for stall, seconds in took.items():
        if seconds:
            print(f"{stall:8} {len(seconds):3} runs, longest {max(seconds):.2f} s")
    everything = sorted(itertools.chain.from_iterable(took.values()))
    p99 = everything[min(len(everything) - 1, int(len(everything) * 0.99))]
    print(
        f"all      {runs:3} runs, median {statistics.median(everything):.2f} s, p99 {p99:.2f} s, longest {everything[-1]:.2f} s"
    )


main()
