"""A real browser without a network: what a page asks for, what it complains about, how it measures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CONSOLE = re.compile(r'CONSOLE[:(]\S*\s+"?(.*)')


def find() -> str | None:
    """The browser's program, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass(frozen=True)
class Visit:
    """What became of a visit: the page's tree as text, the addresses asked for (the page itself aside), console lines."""

    tree: str
    asked: tuple[str, ...]
    console: tuple[str, ...]


def visit(page: Path, work: Path, *, more: Sequence[str] = ()) -> Visit:
    """Open the file with every network address unreachable. The browser's own log of the network is what counts requests."""
    program = find()
    assert program is not None
    log = work / "net.json"
    done = subprocess.run(
        [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",

            f"--user-data-dir={work / 'profile'}",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-default-apps", "--host-resolver-rules=MAP * ~NOTFOUND", f"--log-net-log={log}", "--enable-logging=stderr",
            *more, "--dump-dom", page.resolve().as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    text = log.read_text(encoding="utf-8").rstrip().removesuffix(",")
    try:
        events = json.loads(text)["events"]
    except ValueError:  # the browser ended before it closed the list
        events = json.loads(text + "]}")["events"]
    requests = [p for e in events if isinstance(p := e.get("params"), dict) and "url" in p and "initiator" in p]
    # What the browser asks for itself (updates, the time) has no page behind it.
    asked = {p["url"] for p in requests if p["initiator"] != "not an origin"}
    return Visit(done.stdout, tuple(sorted(asked)), tuple(CONSOLE.findall(done.stderr)))
