"""Runs the tests of other people's clients and writes docs/reference/clients.md from what came of them.

`python tests/support/generate_clients.py`, when `tests/clients/install.sh` has installed all of them. A case that fails or is skipped
is an error: the page is what a whole run showed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.clients import FOLDER, INSTALLED

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "clients.md"
ABOUT = {
    "simple-salesforce": "Python. A `session` of its own takes its requests to the org, since it speaks https alone.",
    "jsforce": "JavaScript, Node 22. `instanceUrl` or `loginUrl` is the org's address.",
    "sf": "The Salesforce CLI, Node 22. `sf org login access-token --instance-url http://127.0.0.1:PORT`.",
    "tap-salesforce": "A Singer tap, Python, with `api_type: REST` (in bulk it speaks Bulk API 1.0). A launcher leads it to the org.",
    "aiosalesforce": "Python, asyncio. A transport of its own takes its requests to the org, since it takes Salesforce's hosts alone.",
}
HEAD = """# Clients that others wrote

Each of these clients, unmodified, goes through the embedded org with every bulk operation it has: small files and several jobs
or parts, result files, pages of query results, and what Salesforce refuses. The page is written from a run by
`python tests/support/generate_clients.py`; `tests/clients/install.sh && pytest -m clients` repeats it. In `.ci/run` the quick
ones are installed; a client that is not there is skipped, with the reason. How your own program finds the org:
[Test your Salesforce integration offline](../howto/offline.md).

A limit of a client is one that it has with Salesforce too: a test shows it here, so that you know it before the org does.
"""
TAIL = """
## What is not answered

Bulk API 1.0 (`sf.bulk` of simple-salesforce, `connection.bulk` of jsforce, `sf data resume`, CumulusCI's loads), the Tooling,
Metadata and Apex APIs, search, streaming, layouts, `updated` and `deleted`, composite graphs, and the browser part of OAuth:
404, or 405.
"""
Case = tuple[str, str, str | None]


def measured() -> list[Case]:
    """(client, operation, sentence of a limit or None) of each case of a run; raises SystemExit unless all passed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "clients",
            "tests/clients",
            "-o",
            "junit_family=xunit1",
            f"--junitxml={report}",
        ]
        done = subprocess.run(command, cwd=ROOT, check=False)
        cases = []
        for entry in ElementTree.parse(report).iter("testcase"):
            told = {str(p.get("name")): str(p.get("value")) for p in entry.iter("property")}
            if done.returncode or entry.find("skipped") is not None:
                raise SystemExit("the page wants a whole run: tests/clients/install.sh, and every case has to pass")
            if told:
                cases.append((told["client"], told["operation"], told.get("limit")))
    return cases


def version_of(name: str) -> str:
    """The version that is installed."""
    if name == "simple-salesforce":
        return version(name)
    if name in ("aiosalesforce", "tap-salesforce"):
        text = (FOLDER / "python" / f"{name}.txt").read_text(encoding="utf-8")
        return str(re.findall(rf"^{name}==(\S+)", text, re.MULTILINE)[0])
    (found,) = json.loads((FOLDER / name / "package.json").read_text(encoding="utf-8"))["dependencies"].values()
    return str(found)


def page(cases: list[Case]) -> str:
    """The page."""
    text = HEAD
    for name in INSTALLED:
        own = [(operation, limit) for client, operation, limit in cases if client == name]
        if not own:
            continue
        text += f"\n## {name} {version_of(name)}\n\n{ABOUT[name]}\n\n| operation | cases passed |\n|---|--:|\n"
        for operation in dict.fromkeys(operation for operation, _ in own):
            text += f"| {operation} | {sum(operation == other for other, _ in own)} |\n"
        limits = list(dict.fromkeys(limit for _, limit in own if limit))
        if limits:
            text += "\nLimits of the client:\n\n" + "".join(f"- {limit}\n" for limit in limits)
    return text + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(measured()), encoding="utf-8")
