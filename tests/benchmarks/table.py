"""One figure of a benchmark with its target, and a table of them as text or Markdown. Measures nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Line:
    """What was measured, the value and its unit, and the target: at most so much, or with `least` at least so much; None
    for a figure that stands there for comparison only. `note` says what it was measured against."""

    what: str
    value: float
    unit: str = ""
    target: float | None = None
    least: bool = False
    note: str = ""

    @property
    def passed(self) -> bool:
        """A figure without a target passes."""
        return self.target is None or (self.value >= self.target if self.least else self.value <= self.target)

    @property
    def verdict(self) -> str:
        return "" if self.target is None else "pass" if self.passed else "FALLS SHORT"

    def cells(self, *, judged: bool) -> list[str]:
        bound = (
            "" if self.target is None else f"{'≥' if self.least else '≤'} {_number(self.target)} {self.unit}".rstrip()
        )
        return [
            self.what,
            f"{_number(self.value)} {self.unit}".rstrip(),
            bound,
            self.verdict if judged else "",
            self.note,
        ]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


HEAD = ["what", "measured", "target", "", "beside it"]


def as_text(lines: Sequence[Line], *, judged: bool = True) -> str:
    """Columns under each other; without verdicts when not `judged`."""
    rows = [HEAD, *[line.cells(judged=judged) for line in lines]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_markdown(lines: Sequence[Line], *, judged: bool = True) -> str:
    """The same as a table of Markdown."""
    rows = [HEAD, ["---", "--:", "--:", "---", "---"], *[line.cells(judged=judged) for line in lines]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"


def million(rows: int) -> str:
    """`1M`, `250k`: how a line names its rows."""
    return f"{rows / 1e6:.3g}M" if rows >= 1_000_000 else f"{rows / 1e3:g}k"


def turn() -> float:
    """Nanoseconds of CPU that a turn of a loop takes now. On a core that is shared a second of CPU is worth less: 45 is a
    quiet core of the machine on which the targets were first held."""
    began, total = time.process_time(), 0
    for number in range(3_000_000):
        total += number & 3
    return (time.process_time() - began) / 3_000_000 * 1e9


def facts() -> dict[str, str]:
    """The machine and the versions, as they are now: whoever reads a figure has to know how busy the cores were."""
    load = ", ".join(f"{x:.2f}" for x in os.getloadavg())
    names = ("requests", "urllib3", "duckdb", "isal", "xxhash", "simple-salesforce")
    return {
        "cores": str(os.cpu_count()),
        "load average now (1, 5, 15 min)": load,
        "a turn of an empty loop": f"{turn():.0f} ns",
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "curl": _first_word_after("curl", ["curl", "--version"]),
        **{name: _version(name) for name in names},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _first_word_after(word: str, command: Sequence[str]) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return "not installed"
    return said[said.index(word) + 1] if word in said else "unknown"
