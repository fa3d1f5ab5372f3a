"""Real processes: the embedded org served to another process, and loadplan killed with real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLAN = """\
version: 1
name: two
defaults: {poll: {first: 1s, factor: 1, max: 1s}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv}
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last}
    lookups: {Account.Legacy_Id__c: account}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text("Name,Legacy_Id__c\nAlder,A1\nBrook,A2\n", encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("last,account\nAna,A1\nBen,A2\nChloe,A2\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """`loadplan emulator serve` in a process of its own; the environment for `-o env`."""
    command = [sys.executable, "-m", "loadplan", "emulator", "serve", "--data", str(tmp_path / "org")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        yield {**os.environ, "SF_ACCESS_TOKEN": ready["access_token"], "SF_ORG_INSTANCE_URL": ready["instance_url"]}
        server.terminate()
        assert server.wait(10) == 0


def start(project: Path, environ: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "loadplan", *arguments]
    return subprocess.Popen(command, cwd=project, env=environ, stderr=subprocess.PIPE, text=True)


def read_until(process: subprocess.Popen[str], text: str, times: int = 1) -> None:
    """Read what the process says until `text` was said."""
    assert process.stderr is not None
    for line in process.stderr:
        times -= text in line
        if not times:
            return
    raise AssertionError(f"the process ended before it said `{text}`")


APPLY = ("apply", "plan.yaml", "-o", "env", "--auto-approve")


def finish(project: Path, environ: dict[str, str]) -> dict[str, int]:
    with start(project, environ, "resume") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    run = max((project / ".loadplan" / "runs").iterdir())
    rows: dict[str, int] = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return rows


def count(environ: dict[str, str], name: str) -> int:
    """Ask the org itself, with a client that shares nothing with the run."""
    import requests

    answer = requests.get(
        f"{environ['SF_ORG_INSTANCE_URL']}/services/data/v66.0/query",
        params={"q": f"SELECT Id FROM {name}"},
        headers={"Authorization": f"Bearer {environ['SF_ACCESS_TOKEN']}"},
        timeout=10,
    )
    return int(answer.json()["totalSize"])


@pytest.mark.parametrize("said", ["created", "UploadComplete", "JobComplete", "gate"])
@pytest.mark.parametrize("times", [1, 2])
def test_kill_9_and_resume(project: Path, served: dict[str, str], said: str, times: int) -> None:
    """SIGKILL at any line of progress; resume ends with each row in the org once."""
    before = count(served, "Account"), count(served, "Contact")
    with start(project, served, *APPLY) as process:
        read_until(process, said, times)
        process.kill()
    rows = finish(project, served)
    assert rows == {"sent": 5, "successful": 5, "failed": 0, "unprocessed": 0, "held": 0}
    assert (count(served, "Account") - before[0], count(served, "Contact") - before[1]) == (2, 3)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_with_the_resume_command(project: Path, served: dict[str, str], number: int, code: int) -> None:
    """The first signal saves, names the job that still runs and the command to go on."""
    with start(project, served, *APPLY) as process:
        read_until(process, "UploadComplete")
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert "still running in Salesforce: accounts 750" in said
    assert "next: loadplan resume" in said
    assert finish(project, served)["successful"] == 5


def test_async_leaves_and_resume_collects(project: Path, served: dict[str, str]) -> None:
    """--async exits 7 while the job runs on; resume reads its results and goes on with the children."""
    with start(project, served, *APPLY, "--async") as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 7, said
    assert finish(project, served)["successful"] == 5


def test_a_second_runner_is_told_who_holds_the_lock(project: Path, served: dict[str, str]) -> None:
    """Two applies on one org: the second exits 4 and says who."""
    with start(project, served, *APPLY) as first:
        read_until(first, "UploadComplete")
        with start(project, served, *APPLY) as second:
            _, said = second.communicate(timeout=30)
        assert second.returncode == 4, said
        assert "pid" in said
        first.communicate(timeout=60)
    assert first.returncode == 0


def test_a_changed_input_is_refused_on_resume(project: Path, served: dict[str, str]) -> None:
    """The children's file changed since the run began: exit 6, nothing of it is sent."""
    with start(project, served, *APPLY) as process:
        read_until(process, "UploadComplete")
        process.kill()
    (project / "contacts.csv").write_text("last,account\nEve,A1\n", encoding="utf-8")
    with start(project, served, "resume") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 6, said
    assert count(served, "Contact") == 0


def test_no_token_reaches_any_file_or_line(project: Path, served: dict[str, str]) -> None:
    """The access token is in no file of the run folder and in nothing that was said, at -vv too."""
    with start(project, served, *APPLY, "-vv") as process:
        _, said = process.communicate(timeout=60)
    token = served["SF_ACCESS_TOKEN"]
    assert token not in said
    for path in (project / ".loadplan").rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path
