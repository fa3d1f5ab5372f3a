"""`loadplan emulator serve` for other programs: what it prints, its settings, its access log."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import WORDS, Settings, with_texts


@contextmanager
def served(*arguments: str) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """(address, headers, what it has said on stderr when it has ended) of a running org; it must end with 0."""
    command = [sys.executable, "-m", "loadplan", "emulator", "serve", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"instance_url", "access_token"}
        said: list[str] = []
        yield ready["instance_url"], {"Authorization": f"Bearer {ready['access_token']}"}, said
    finally:
        process.send_signal(signal.SIGTERM)
        said[:] = process.communicate(timeout=30)[1].splitlines()
    assert process.returncode == 0


def refusal(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that does not start."""
    command = [sys.executable, "-m", "loadplan", "emulator", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_an_org_is_served_with_its_settings_faults_and_log(tmp_path: Path) -> None:
    """One line of JSON when it is ready; a line of the log for each request; exit 0 when it is told to end."""
    faults, log = tmp_path / "faults.json", tmp_path / "log" / "access.jsonl"
    log.parent.mkdir()
    faults.write_text('{"rules": [{"kind": "list", "effect": "status", "status": 503}]}', encoding="utf-8")
    options = [
        "--faults",
        str(faults),
        "--access-log",
        str(log),
        "--set",
        "page_size=7",
        "--set",
        "empty_results_as_204=true",
    ]
    with served(*options) as (url, headers, _):
        assert requests.get(f"{url}/services/data/v66.0/jobs/ingest", headers=headers).status_code == 503
        made = requests.post(
            f"{url}/services/data/v66.0/jobs/ingest", json={"object": "Account", "operation": "insert"}, headers=headers
        )
        assert made.json()["state"] == "Open"
        found = requests.get(f"{url}/__control__/settings").json()
        assert (found["page_size"], found["empty_results_as_204"]) == (7, True)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["method"], line["kind"], line["status"], line.get("fault")) for line in lines] == [
        ("GET", "list", 503, "status"), ("POST", "create ingest", 200, None), ("GET", "other", 200, None),
    ]  # fmt: skip
    assert 200 < lines[1]["sent"] < 1_000
    assert headers["Authorization"].removeprefix("Bearer ") not in log.read_text(encoding="utf-8")


def test_faults_that_nothing_met_are_told_at_the_end(tmp_path: Path) -> None:
    """Each with what did come: a test that leans on one of them tested nothing."""
    met = {"kind": "list", "effect": "status"}
    faults = {
        "rules": [met, {"kind": "list", "effect": "quota", "nth": 3},
                  {"kind": "page", "effect": "reset", "nth": None, "object": "lead"}],
        "rows": [{"object": "Account", "where": {"Name": "A"}}], "jobs": [{"object": "Account", "after_rows": 1}],
        "queries": [{"object": "Contact"}], "aborts": ["750Em0000000009IAA"],
    }  # fmt: skip
    (tmp_path / "f.json").write_text(json.dumps(faults), encoding="utf-8")
    with served("--faults", str(tmp_path / "f.json")) as (url, headers, said):
        for status in (503, 200):
            assert requests.get(f"{url}/services/data/v66.0/jobs/ingest", headers=headers).status_code == status
    assert said == [
        "note: the rule f2 (list, quota, nth 3) met no request; 2 of its kind came",
        "note: the rule f3 (page, reset) met no request; 0 of its kind on Lead came",
        "note: the fault of rows f4 (UNABLE_TO_LOCK_ROW) met no row of Account with {'Name': 'A'}",
        "note: the fault of jobs f5 met no ingest job on Account",
        "note: the fault of queries f6 met no query job on Contact",
        "note: the job 750Em0000000009IAA, which an administrator was to abort, was never there",
    ]


def test_an_upload_that_an_end_broke_off_takes_no_room(tmp_path: Path) -> None:
    """Its job is open still and takes a whole one; another server is not let into the folder meanwhile."""
    data = tmp_path / "org"
    job = {"object": "Account", "operation": "insert"}
    with served("--data", str(data)) as (url, headers, _):
        made = requests.post(f"{url}/services/data/v66.0/jobs/ingest", json=job, headers=headers).json()
        path = f"/services/data/v66.0/jobs/ingest/{made['id']}/batches"
        port = int(url.rpartition(":")[2])
        upload = socket.create_connection(("127.0.0.1", port))
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\nContent-Type: text/csv\r\n"
        )
        upload.sendall(f"{head}Content-Length: 9000000\r\n\r\nName\n".encode() + b"a\n" * 100_000)
        while not list((data / "spool").iterdir()):
            assert requests.get(f"{url}/services/data").status_code == 200
    upload.close()
    with served("--data", str(data)) as (url, headers, _):
        assert list((data / "spool").iterdir()) == []
        assert (
            requests.put(url + path, data="Name\na\n", headers={**headers, "Content-Type": "text/csv"}).status_code
            == 201
        )
        second = refusal("--data", str(data))
        assert (second.returncode, "is in use by another embedded org" in second.stderr) == (4, True)
        assert second.stderr.rstrip().endswith("next: loadplan emulator serve --data FOLDER")


def test_rows_and_tokens_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Of a folder that was there the files; of one that is made the folder, too."""
    made, there = tmp_path / "made", tmp_path / "there"
    there.mkdir(mode=0o755)
    for folder in (made, there):
        with EmbeddedOrg(folder):
            modes = {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir() if path.name != "lock"}
        assert modes == dict.fromkeys(modes, 0)
        assert {"org.db", "files", "spool"} <= set(modes)
    assert made.stat().st_mode & 0o077 == 0


def test_a_sink_is_served_and_logs_to_stderr() -> None:
    """Any object, no validation."""
    with served("--sink", "--access-log", "-") as (url, headers, said):
        made = requests.post(
            f"{url}/services/data/v66.0/jobs/ingest", json={"object": "X__c", "operation": "insert"}, headers=headers
        )
        assert made.status_code == 200
    assert json.loads(said[0])["path"] == "/services/data/v66.0/jobs/ingest"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "nothing=1"], "is not a setting; settings are api_requests_max, "),
        (["--set", "page_size"], "'page_size' has no value: page_size=50000"),
        (["--set", "latncy=1"], "'latncy' is not a setting; did you mean latency?"),
        (["--set", "latency=-1"], "latency lies between 0 and 1e+12, and -1 does not"),
        (["--set", "page_size=many"], "'many' is no value like 50000"),
        (["--set", "sink=maybe"], "'maybe' is no value like False"),
        (["--faults", "{folder}/faults.json"], "rules 1: kind must be one of"),
        (["--describe", "{folder}"], "Bad.json: field 1: 'a b' is no API name"),
    ],
)
def test_what_cannot_be_served_is_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Exit 2, nothing on stdout."""
    (tmp_path / "faults.json").write_text('{"rules": [{}]}', encoding="utf-8")
    (tmp_path / "Bad.json").write_text('{"name": "Bad", "fields": [{"name": "a b"}]}', encoding="utf-8")
    if "--faults" in arguments:
        (tmp_path / "Bad.json").unlink()
    found = refusal(*[argument.format(folder=tmp_path) for argument in arguments])
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr


@pytest.mark.parametrize("name", WORDS)
def test_a_word_that_is_none_of_a_settings_words_is_refused(name: str) -> None:
    """Instead of being taken for another one; the known ones are named."""
    with pytest.raises(ValueError, match=f"{name} is .* or {WORDS[name][-1]}, not 'nothing'"):
        with_texts(Settings(), [f"{name}=nothing"])


def test_every_setting_can_be_given_as_text() -> None:
    """By the type of its default: numbers, switches, words, pairs and ranges."""
    texts = {"clients": "a:b,c:d:e", "users": "ada:pw", "bulk_unsupported": "Tag,Vote", "versions": "40,50",
             "hidden_fields": "Account.Site,Lead.Title", "read_only_fields": "Lead.Title"}  # fmt: skip
    expected: dict[str, Any] = {
        "clients": (("a", "b"), ("c", "d:e")), "users": (("ada", "pw"),), "bulk_unsupported": ("Tag", "Vote"),
        "versions": (40, 50), "hidden_fields": ("Account.Site", "Lead.Title"), "read_only_fields": ("Lead.Title",),
    }  # fmt: skip
    for entry in fields(Settings):
        default: Any = getattr(Settings(), entry.name)
        text: str
        value: Any
        if isinstance(default, bool):
            text, value = str(not default).lower(), not default
        elif isinstance(default, int | float):
            value = default + (1 if isinstance(default, int) else 0.25)  # a chance ends at 1
            text = str(value)
        elif isinstance(default, str):
            text = value = WORDS.get(entry.name, ("", "word"))[1]
        else:
            text, value = texts[entry.name], expected[entry.name]
        assert getattr(with_texts(Settings(), [f"{entry.name}={text}"]), entry.name) == value
    assert with_texts(Settings(), ["rows_per_second=inf"]).rows_per_second == float("inf")


def test_a_command_says_when_the_embedded_org_is_in_use(tmp_path: Path) -> None:
    """Exit 4, as for any lock, and what to do about it: not to remove what the other command works with."""
    with EmbeddedOrg(tmp_path / "state" / "embedded" / "embedded"):
        command = [
            sys.executable,
            "-m",
            "loadplan",
            "org",
            "check",
            "-o",
            "embedded",
            "--state-dir",
            str(tmp_path / "state"),
        ]
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert found.returncode == 4
    assert "is in use by another command" in found.stderr
    assert "wait for it to end" in found.stderr
    assert "rm -r" not in found.stderr


@pytest.mark.parametrize(
    "text",
    ["latency=-1", "latency=nan", "latency=inf", "page_size=0", "early_results_status=99999", "early_results_status=200",
     "lock_chance=2", "rows_per_second=0", "parallel_batches=0", "versions=60,50", "request_log=-1", "api_requests_max=-5"],
)  # fmt: skip
def test_a_number_that_no_org_could_have_is_refused(text: str) -> None:
    """With its bounds, before the org starts."""
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        with_texts(Settings(), [text])
