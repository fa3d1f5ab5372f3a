"""The Salesforce CLI against the embedded org, logged in with `sf org login access-token`. Each command takes seconds."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.clients import FOLDER, client, node_command, why_not

NAME = "sf"
PROGRAM = FOLDER / "sf" / "node_modules" / "@salesforce" / "cli" / "bin" / "run.js"
QUIET = ("SF_DISABLE_TELEMETRY", "SF_AUTOUPDATE_DISABLE", "SF_SKIP_NEW_VERSION_CHECK", "SF_DISABLE_LOG_FILE",
         "SF_USE_GENERIC_UNIX_KEYCHAIN")  # fmt: skip


@dataclass(frozen=True)
class Cli:
    """The CLI in a home folder of its own, and the org that it knows as `twin`."""

    org: EmbeddedOrg
    home: Path

    def run(self, line: str, *more: str, org: bool = True, code: int = 0) -> Any:
        """What a command answers with --json; its exit code is checked."""
        command = [node_command(), str(PROGRAM), *line.split(), *more, "--json", *(["-o", "twin"] if org else [])]
        env = {
            **os.environ,
            **dict.fromkeys(QUIET, "true"),
            "HOME": str(self.home),
            "SF_ACCESS_TOKEN": self.org.access_token(),
        }
        done = subprocess.run(
            command,
            cwd=self.home,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        answer = json.loads(done.stdout)
        assert done.returncode == code, answer
        return answer["result"] if code == 0 else answer

    def file(self, name: str, *lines: str, ending: str = "\n") -> str:
        """A file in the home folder."""
        (self.home / name).write_text("".join(f"{line}{ending}" for line in lines), encoding="utf-8", newline="")
        return name

    def rows(self, name: str) -> list[dict[str, str]]:
        """A CSV file that the CLI wrote."""
        with (self.home / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def ids(self, name: str, kind: str = "Account") -> str:
        """A file with the ids of the records of an object."""
        return self.file(name, "Id", *(str(record["Id"]) for record in self.org.org.records(kind)))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """One login for all tests."""
    if why_not(NAME):
        pytest.skip(str(why_not(NAME)))
    folder = tmp_path_factory.mktemp("sf")
    settings = Settings(latency=0.0, rows_per_second=inf, page_size=10, rest_page_size=10)
    with EmbeddedOrg(folder / "org", settings=settings) as org:
        made = Cli(org, folder)
        url = org.instance_url
        told = made.run(f"org login access-token --instance-url {url} --no-prompt --alias twin", org=False)
        assert (told["username"], told["orgId"]) == (org.org.username, org.org.settings.org_id)
        yield made


@pytest.fixture
def sf(shared: Cli) -> Iterator[Cli]:
    """The org is empty again after each test."""
    yield shared
    with shared.org.org.lock:
        for kind in ("account", "contact"):
            shared.org.org.saver.tables.erase(shared.org.org.schema.objects[kind], [
                str(record["Id"]) for record in shared.org.org.records(kind)
            ])  # fmt: skip
        shared.org.org.store.commit()
    shared.org.faults.clear()


@client(NAME, "login and display")
def test_the_org_is_shown(sf: Cli) -> None:
    """`org display`, limits, objects and their describe, any REST call."""
    shown = sf.run("org display")
    assert (shown["connectedStatus"], shown["apiVersion"], shown["alias"]) == ("Connected", "67.0", "twin")
    limits = {entry["name"]: entry["max"] for entry in sf.run("org list limits")}
    assert limits["DailyBulkApiBatches"] == 15_000
    assert {"Account", "Contact"} <= set(sf.run("sobject list"))
    assert "Legacy_Id__c" in [field["name"] for field in sf.run("sobject describe --sobject Account")["fields"]]


@client(NAME, "login and display")
def test_a_session_that_ended_is_told(sf: Cli) -> None:
    """With an access token there is nothing to renew."""
    sf.org.faults.expire_tokens()
    failed = sf.run("data query --query", "SELECT Id FROM Account", code=1)
    assert failed["name"] == "INVALID_SESSION_ID"
    assert sf.run("org display")["connectedStatus"] == "Session expired or invalid"
    sf.run(f"org login access-token --instance-url {sf.org.instance_url} --no-prompt --alias twin", org=False)


@client(NAME, "data import bulk")
def test_rows_are_imported(sf: Cli) -> None:
    """Three thousand of them; each was applied once."""
    path = sf.file("a.csv", "Name,Legacy_Id__c", *(f"Account {n},I{n}" for n in range(3_000)))
    done = sf.run(f"data import bulk --file {path} --sobject Account --wait 1")
    assert (done["processedRecords"], done["successfulRecords"], done["failedRecords"]) == (3_000, 3_000, 0)
    applied = sf.org.org.ledger.applied("Account")
    assert all(applied[f"I{n}"] == 1 for n in range(3_000))


@client(NAME, "data import bulk")
def test_rows_that_fail_and_the_result_files(sf: Cli) -> None:
    """The command fails, names the job, and `data bulk results` writes who succeeded and who failed."""
    path = sf.file("b.csv", "Name,Legacy_Id__c", "Good,B1", ",B2")
    failed = sf.run(f"data import bulk --file {path} --sobject Account --wait 1", code=1)
    assert (failed["name"], failed["data"]["state"]) == ("FailedRecordDetailsError", "JobComplete")
    results = sf.run(f"data bulk results --job-id {failed['data']['jobId']}")
    assert [results[key] for key in ("processedRecords", "successfulRecords", "failedRecords")] == [2, 1, 1]
    (bad,) = sf.rows(results["failedFilePath"])
    assert bad["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert [row["Name"] for row in sf.rows(results["successFilePath"])] == ["Good"]


@client(NAME, "data import bulk")
def test_a_job_that_fails_midway_leaves_unprocessed_rows(sf: Cli) -> None:
    """`data bulk results` writes them too."""
    path = sf.file("m.csv", "Name,Legacy_Id__c", *(f"Account {n},M{n}" for n in range(25)))
    sf.org.faults.fail_job_midway("Account", after_rows=10)
    failed = sf.run(f"data import bulk --file {path} --sobject Account --wait 1", code=1)
    assert failed["name"] == "JobFailedError"
    job = list(sf.org.org.jobs)[-1]
    results = sf.run(f"data bulk results --job-id {job.id}")
    assert (results["status"], len(sf.rows(results["successFilePath"]))) == ("Failed", 10)
    assert len(sf.rows(results["unprocessedFilePath"])) == 15


@client(NAME, "data import bulk")
def test_an_import_is_gone_on_with_later(sf: Cli) -> None:
    """Without `--wait` only the job's id comes back; `resume` finds it."""
    path = sf.file("l.csv", "Name", "Later")
    job = sf.run(f"data import bulk --file {path} --sobject Account")["jobId"]
    done = sf.run(f"data import resume --job-id {job} --wait 1", org=False)
    assert (done["jobId"], done["successfulRecords"]) == (job, 1)


@client(NAME, "data import bulk")
def test_an_import_that_is_refused(sf: Cli) -> None:
    """An unknown object at once; an unknown field and a wrong line ending when the job ends."""
    path = sf.file("r.csv", "Name,Nope__c", "x,y")
    assert sf.run(f"data import bulk --file {path} --sobject Nothing__c --wait 1", code=1)["name"] == "INVALIDJOB"
    failed = sf.run(f"data import bulk --file {path} --sobject Account --wait 1", code=1)
    assert "InvalidBatch : Field name not found : Nope__c" in failed["message"]
    wrong = sf.file("w.csv", "Name", "x", ending="\r\n")
    failed = sf.run(f"data import bulk --file {wrong} --sobject Account --line-ending LF --wait 1", code=1)
    assert "LineEnding is invalid on user data. Current LineEnding setting is LF" in failed["message"]


@client(NAME, "data upsert bulk")
def test_rows_are_upserted_from_a_file_with_bars(sf: Cli) -> None:
    """The delimiter is found out, the line ending is said; in two runs."""
    lines = [f'"Acc ""{n}"" | x"|U{n}' for n in range(25)]
    path = sf.file("u.csv", "Name|Legacy_Id__c", *lines, ending="\r\n")
    command = f"data upsert bulk --file {path} --sobject Account --external-id Legacy_Id__c --line-ending CRLF --wait 1"
    done = sf.run(command, "--column-delimiter", "PIPE")
    assert (done["jobInfo"]["columnDelimiter"], done["jobInfo"]["numberRecordsProcessed"]) == ("PIPE", 25)
    again = sf.run(command, "--column-delimiter", "PIPE")["records"]["successfulResults"]
    assert [row["sf__Created"] for row in again] == ["false"] * 25
    assert sf.org.org.has("Account", Name='Acc "3" | x', Legacy_Id__c="U3")


@client(NAME, "data update bulk")
def test_rows_are_updated(sf: Cli) -> None:
    """By their ids."""
    sf.run(f"data import bulk --file {sf.file('n.csv', 'Name', 'A', 'B')} --sobject Account --wait 1")
    ids = [str(record["Id"]) for record in sf.org.org.records("Account")]
    path = sf.file("p.csv", "Id,Phone", *(f"{record},7" for record in ids))
    assert sf.run(f"data update bulk --file {path} --sobject Account --wait 1")["successfulRecords"] == 2
    assert [record["Phone"] for record in sf.org.org.records("Account")] == ["7", "7"]


@client(NAME, "data delete bulk")
@pytest.mark.parametrize("hard", [False, True])
def test_rows_are_deleted(sf: Cli, hard: bool) -> None:
    """And with `--hard-delete` for good: `--all-rows` does not find them."""
    sf.run(f"data import bulk --file {sf.file('n.csv', 'Name', 'A', 'B')} --sobject Account --wait 1")
    path, mark = sf.ids("d.csv"), sf.org.org.records("Account")[0]["Id"]
    flag = ["--hard-delete"] if hard else []
    done = sf.run(f"data delete bulk --file {path} --sobject Account --wait 1", *flag)
    assert (done["jobInfo"]["operation"], done["jobInfo"]["numberRecordsProcessed"]) == (
        "hardDelete" if hard else "delete",
        2,
    )
    assert sf.org.org.count("Account") == 0
    soql = f"SELECT Id FROM Account WHERE Id='{mark}'"
    assert sf.run("data query --all-rows --query", soql)["totalSize"] == (0 if hard else 1)


@client(NAME, "data export bulk")
@pytest.mark.parametrize("form", ["csv", "json"])
def test_rows_are_exported_over_several_pages(sf: Cli, form: str) -> None:
    """Three locators, one header, every row once."""
    rows = (f"Account {n:02d},E{n}" for n in range(25))
    sf.run(f"data import bulk --file {sf.file('e.csv', 'Name,Legacy_Id__c', *rows)} --sobject Account --wait 1")
    query = "SELECT Legacy_Id__c, Name FROM Account ORDER BY Name"
    done = sf.run(f"data export bulk --output-file out.{form} --result-format {form} --wait 1 --query", query)
    assert done["totalSize"] == 25
    found = sf.rows("out.csv") if form == "csv" else json.loads((sf.home / "out.json").read_text("utf-8"))
    assert [row["Name"] for row in found] == [f"Account {n:02d}" for n in range(25)]


@client(NAME, "data export bulk")
def test_an_export_is_gone_on_with_later_and_one_that_is_refused(sf: Cli) -> None:
    """`export resume` writes the file; a query that is none is refused at once."""
    sf.run(f"data import bulk --file {sf.file('n.csv', 'Name', 'A', 'B')} --sobject Account --wait 1")
    job = sf.run("data export bulk --output-file late.csv --query", "SELECT Name FROM Account")["jobId"]
    assert sf.run(f"data export resume --job-id {job}", org=False)["totalSize"] == 2
    assert [row["Name"] for row in sf.rows("late.csv")] == ["A", "B"]
    refused = sf.run("data export bulk --output-file no.csv --wait 1 --query", "SELECT Nope FROM Account", code=1)
    assert refused["name"] == "INVALID_FIELD"


@client(NAME, "data query")
def test_queries_over_rest(sf: Cli) -> None:
    """Several pages, a parent's field, a count, a refusal."""
    accounts = sf.file("q.csv", "Name,Legacy_Id__c", *(f"Account {n:02d},Q{n}" for n in range(25)))
    sf.run(f"data import bulk --file {accounts} --sobject Account --wait 1")
    contacts = sf.file("c.csv", "LastName,Account.Legacy_Id__c", "Doe,Q3")
    sf.run(f"data import bulk --file {contacts} --sobject Contact --wait 1")
    assert len(sf.run("data query --query", "SELECT Id, Name FROM Account ORDER BY Name")["records"]) == 25
    (contact,) = sf.run("data query --query", "SELECT LastName, Account.Name FROM Contact")["records"]
    assert contact["Account"]["Name"] == "Account 03"
    assert sf.run("data query --query", "SELECT COUNT() FROM Account")["totalSize"] == 25
    assert sf.run("data query --query", "SELEKT Id FROM Account", code=1)["name"] == "MALFORMED_QUERY"


@client(NAME, "data records")
def test_records_one_by_one_and_as_a_tree(sf: Cli) -> None:
    """create, get, update and delete record; import tree."""
    made = sf.run("data create record --sobject Account --values", "Name='Acme Inc' Site=x")["id"]
    assert sf.run("data get record --sobject Account --where", "Name='Acme Inc'")["Id"] == made
    sf.run(f"data update record --sobject Account --record-id {made} --values", "Site=y")
    assert sf.org.org.has("Account", Site="y") == made
    sf.run(f"data delete record --sobject Account --record-id {made}")
    assert sf.org.org.count("Account") == 0
    contact = {"attributes": {"type": "Contact", "referenceId": "c1"}, "LastName": "Doe"}
    root = {"attributes": {"type": "Account", "referenceId": "a1"}, "Name": "Tree", "Contacts": {"records": [contact]}}
    sf.file("tree.json", json.dumps({"records": [root]}))
    assert [entry["refId"] for entry in sf.run("data import tree --files tree.json")] == ["a1", "c1"]
    assert sf.org.org.records("Contact")[0]["AccountId"] == sf.org.org.records("Account")[0]["Id"]
