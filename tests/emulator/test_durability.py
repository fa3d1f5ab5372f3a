"""A killed org goes on from its folder: no row lost, none applied twice, no result row lost or doubled."""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from loadplan.emulator.jobs import Job
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.emulator.spool import Spool

from support.wire import Org

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
    return process, f"{url}/services/data/v60.0/jobs", {"Authorization": f"Bearer {token}"}


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_job_killed_midway_applies_each_row_once(tmp_path: Path) -> None:
    """Kill the server while a job is in progress, start it again on the folder, and the job ends complete."""
    process, url, headers = _serve(tmp_path)
    job = requests.post(f"{url}/ingest", json={"object": "Account", "operation": "insert"}, headers=headers).json()[
        "id"
    ]
    data = "Name,Legacy_Id__c\n" + "".join(f"{'A' if n % 9 else ''},K{n}\n" for n in range(4500))
    requests.put(f"{url}/ingest/{job}/batches", data=data, headers={**headers, "Content-Type": "text/csv"})
    requests.patch(f"{url}/ingest/{job}", json={"state": "UploadComplete"}, headers=headers)
    done = 0
    while not done:
        done = requests.get(f"{url}/ingest/{job}", headers=headers).json()["numberRecordsProcessed"]
    _end(process)
    assert done < 4500
    process, url, headers = _serve(tmp_path)
    while requests.get(f"{url}/ingest/{job}", headers=headers).json()["state"] != "JobComplete":
        pass
    good = requests.get(f"{url}/ingest/{job}/successfulResults", headers=headers).text.splitlines()[1:]
    bad = requests.get(f"{url}/ingest/{job}/failedResults", headers=headers).text.splitlines()[1:]
    _end(process)
    org = EmbeddedOrg(tmp_path)
    applied = org.org.ledger.applied("Account")
    org.stop()
    assert set(applied.values()) == {1}
    assert len(applied) == 4000
    assert sorted(line.rsplit('"', 2)[1] for line in good) == sorted(applied)
    assert len(set(bad)) == len(bad) == 500


def test_what_a_killed_process_wrote_too_much_is_cut_off(org: Org) -> None:
    """The job's record says which bytes of a result file are true."""
    made = org.server.org
    job = Job("750Em0000000001IAA", 1, "ingest", "insert", "Account", 66, 0.0, 0.0)
    made.files.make(job)
    made.files.append(job, [b"one\n"], [b"bad\n"])
    with made.files.good(job).open("ab") as file:
        file.write(b"half a ro")
    made.files.append(job, [b"two\n"], [])
    assert made.files.good(job).read_bytes() == b"one\ntwo\n"
    assert (job.good_size, job.bad_size) == (8, 4)


def test_an_error_in_the_middle_of_a_request_changes_nothing(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """500, and memory says again what the file says: the rows of the broken transaction are processed once, later."""
    job = org.create()["id"]
    org.put(job, "Name\n" + "".join(f"A{n}\n" for n in range(5_000)))
    org.close(job)
    real, calls = type(org.server.org.files).append, []

    def append(self: object, *args: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("no space left on device")
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(type(org.server.org.files), "append", append)
    assert org.call("GET", f"/jobs/ingest/{job}").status == 500
    done = org.info(job)
    assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 5_000)
    assert set(org.server.org.ledger.applied("Account").values()) == {1}
    assert org.server.org.count("Account") == len(org.results(done).rows) - 1 == 5_000


def test_an_org_of_another_layout_is_not_opened(tmp_path: Path) -> None:
    """Rather than read wrongly: which file, and what to do."""
    db = sqlite3.connect(tmp_path / "org.db")
    db.execute("create table records(id text)")
    db.commit()
    db.close()
    with pytest.raises(ValueError, match=r"org\.db was written by another version .* remove its folder"):
        EmbeddedOrg(tmp_path)


def test_a_field_that_becomes_a_key_later_finds_older_records(tmp_path: Path) -> None:
    """Descriptions may change between two starts: new fields, and keys over what is there already."""
    describe, data = tmp_path / "describe", tmp_path / "data"
    describe.mkdir()
    for key in (False, True):
        more = ', {"name": "New__c", "type": "double"}' if key else ""
        field = f'{{"name": "Code__c", "type": "string", "length": 9, "externalId": {str(key).lower()}}}{more}'
        (describe / "Account.json").write_text(f'{{"name": "Account", "fields": [{field}]}}', encoding="utf-8")
        server = EmbeddedOrg(data, describe=[describe])
        kind = server.org.schema.objects["account"]
        if not key:
            server.org.saver.insert(kind, {"Name": "A", "Code__c": "Ž1"}, 0.0)
        found = server.org.saver.find(kind, kind.fields["code__c"], ["ž1"]) if key else {}
        assert len(found) == int(key)
        assert ("New__c" in server.org.records("Account")[0]) is key
        server.stop()


def test_rows_of_a_spool_are_found_by_number(tmp_path: Path) -> None:
    """Any range, in bytes, whatever the width of a character."""
    spool = Spool(tmp_path / "rows.csv")
    spool.clear()
    rows = [f'"{"ž" * (n % 7)}{n}"\n' for n in range(2_500)]
    for start in range(0, 2_500, 600):
        spool.add(rows[start : start + 600])
    data = spool.path.read_bytes()
    for start, count in ((0, 1), (0, 2_500), (599, 3), (2_499, 10), (2_500, 5), (17, 0)):
        first, size = spool.range(start, count)
        assert data[first : first + size].decode() == "".join(rows[start : start + count])


def test_a_folder_belongs_to_one_org_at_a_time(tmp_path: Path) -> None:
    """A second one is refused, with the folder named; after the end of the first it starts."""
    first = EmbeddedOrg(tmp_path)
    with pytest.raises(ValueError, match=r"in use by another embedded org"):
        EmbeddedOrg(tmp_path)
    first.stop()
    EmbeddedOrg(tmp_path).stop()


def test_a_restart_forgets_tokens_that_have_ended_and_lists_in_the_middle(tmp_path: Path) -> None:
    """A token that is good stays good; the next page of a query before the restart is an invalid locator."""
    now = [1_000.0]

    def ask(server: EmbeddedOrg, token: str, path: str) -> tuple[int, bytes]:
        link = http.client.HTTPConnection(server.instance_url.removeprefix("http://"), timeout=20)
        link.request("GET", f"/services/data/v66.0/{path}", headers={"Authorization": f"Bearer {token}"})
        answer = link.getresponse()
        found = answer.status, answer.read()
        link.close()
        return found

    settings = Settings(rest_page_size=1, token_lifetime=100.0)
    with EmbeddedOrg(tmp_path, settings=settings, clock=lambda: now[0]) as server:
        token = server.access_token()
        for name in "AB":
            server.org.saver.insert(server.org.schema.objects["account"], {"Name": name}, 0.0)
        status, body = ask(server, token, "query?q=SELECT+Id+FROM+Account")
        following = json.loads(body)["nextRecordsUrl"].partition("v66.0/")[2]
        assert ask(server, token, following)[0] == status == 200
    with EmbeddedOrg(tmp_path, settings=settings, clock=lambda: now[0]) as server:
        assert ask(server, token, "limits")[0] == 200
        status, body = ask(server, token, following)
        assert (status, json.loads(body)[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
    now[0] += 200
    with EmbeddedOrg(tmp_path, settings=settings, clock=lambda: now[0]) as server:
        assert ask(server, token, "limits")[0] == 401
        assert server.org.store.token(token) is None
