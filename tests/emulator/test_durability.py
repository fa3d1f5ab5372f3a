"""A killed org goes on from its folder: no row lost, none applied twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import requests
from loadplan.emulator.server import EmbeddedOrg

_SERVE = """
import sys
from pathlib import Path
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
org = EmbeddedOrg(Path(sys.argv[1]), settings=Settings(rows_per_second=4000)).start()
print(org.instance_url, org.access_token(), flush=True)
sys.stdin.read()
"""


def _serve(folder: Path) -> tuple[subprocess.Popen[str], str, dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url, token = process.stdout.readline().split()
    return process, f"{url}/services/data/v60.0/jobs/ingest", {"Authorization": f"Bearer {token}"}


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_job_killed_midway_applies_each_row_once(tmp_path: Path) -> None:
    """Kill the server while a job is in progress, start it again on the folder, and the job ends complete."""
    process, url, headers = _serve(tmp_path)
    job = requests.post(url, json={"object": "Account", "operation": "insert"}, headers=headers).json()["id"]
    data = "Name,Legacy_Id__c\n" + "".join(f"A,K{number}\n" for number in range(4000))
    requests.put(f"{url}/{job}/batches", data=data, headers={**headers, "Content-Type": "text/csv"})
    requests.patch(f"{url}/{job}", json={"state": "UploadComplete"}, headers=headers)
    done = 0
    while not done:
        done = requests.get(f"{url}/{job}", headers=headers).json()["numberRecordsProcessed"]
    _end(process)
    assert done < 4000
    process, url, headers = _serve(tmp_path)
    while requests.get(f"{url}/{job}", headers=headers).json()["state"] != "JobComplete":
        pass
    _end(process)
    org = EmbeddedOrg(tmp_path)
    applied = org.org.ledger.applied("Account")
    org.stop()
    assert set(applied.values()) == {1}
    assert len(applied) == 4000
