"""A Singer tap, tap-salesforce, against the embedded org: it finds the objects out, and reads them over REST."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.auth import issue
from loadplan.emulator.server import EmbeddedOrg
from simple_salesforce.api import Salesforce

from support.clients import FOLDER, PYTHON, client, offline_session

NAME = "tap-salesforce"


class Tap:
    """The tap with a configuration, and the org behind it."""

    def __init__(self, org: EmbeddedOrg, folder: Path) -> None:
        self.org, self.folder = org, folder
        with org.org.lock:
            token = issue(org.org, time.time(), "refresh")
            org.org.store.commit()
        self.config = {
            "refresh_token": token, "client_id": "app", "client_secret": "s3cret", "start_date": "2020-01-01T00:00:00Z",
            "api_type": "REST", "select_fields_by_default": True,
        }  # fmt: skip

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        """One run."""
        (self.folder / "config.json").write_text(json.dumps(self.config), encoding="utf-8")
        command = [str(PYTHON), str(FOLDER / "python" / "tap.py"), "--config", "config.json", *more]
        env = {**os.environ, "SF_INSTANCE_URL": self.org.instance_url}
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def catalog(self, *streams: str) -> Any:
        """What it finds out; the streams that are wanted are marked, and the file is written."""
        found = json.loads(self.run("--discover").stdout)
        for stream in found["streams"]:
            for entry in stream["metadata"]:
                if not entry["breadcrumb"] and stream["stream"] in streams:
                    entry["metadata"].update(
                        {"selected": True, "replication-key": "SystemModstamp", "replication-method": "INCREMENTAL"}
                    )
        (self.folder / "catalog.json").write_text(json.dumps(found), encoding="utf-8")
        return found

    def sync(self, *more: str) -> list[Any]:
        """The messages of a run over the catalog."""
        done = self.run("--properties", "catalog.json", *more)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def tap(org: EmbeddedOrg, tmp_path: Path) -> Tap:
    return Tap(org, tmp_path)


@client(NAME, "discover")
def test_the_objects_and_their_fields_are_found_out(tap: Tap) -> None:
    """By a refresh token, describeGlobal and a describe of each."""
    streams = {stream["stream"]: stream for stream in tap.catalog()["streams"]}
    assert {"Account", "Contact", "Opportunity", "User"} <= set(streams)
    properties = streams["Account"]["schema"]["properties"]
    assert properties["Id"]["type"] == "string"
    assert properties["IsDeleted"]["type"] == ["null", "boolean"]
    assert properties["SystemModstamp"]["anyOf"][0]["format"] == "date-time"
    (about,) = (entry["metadata"] for entry in streams["Account"]["metadata"] if not entry["breadcrumb"])
    assert (about["table-key-properties"], about["valid-replication-keys"]) == (["Id"], ["SystemModstamp"])


@client(NAME, "sync")
def test_rows_are_read_page_by_page_and_later_only_what_is_new(org: EmbeddedOrg, tap: Tap) -> None:
    """Three pages by queryAll, deleted rows too; the next run begins at the bookmark."""
    with offline_session(org) as session:
        sf: Any = Salesforce(instance="x", session_id=org.access_token(), session=session, version="60.0")
        sf.bulk2.Account.insert(records=[{"Name": f"Account {n}", "AnnualRevenue": str(n)} for n in range(25)], wait=0)
        sf.Account.delete(org.org.records("Account")[0]["Id"])
        tap.catalog("Account")
        messages = tap.sync()
        records = [message["record"] for message in messages if message["type"] == "RECORD"]
        assert Counter(record["IsDeleted"] for record in records) == {False: 24, True: 1}
        assert {record["Name"] for record in records} == {f"Account {n}" for n in range(25)}
        assert (
            len([entry for entry in org.org.requests if "/query/" in entry.path]) == 2
        )  # where queryAll says that they are
        state = [message["value"] for message in messages if message["type"] == "STATE"][-1]
        state["bookmarks"]["Account"]["SystemModstamp"] = "2030-01-01T00:00:00Z"
        (tap.folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
        assert [message for message in tap.sync("--state", "state.json") if message["type"] == "RECORD"] == []


@client(NAME, "failures")
def test_a_token_that_is_refused(tap: Tap) -> None:
    """The tap ends with Salesforce's words."""
    tap.config["refresh_token"] = "revoked"
    done = tap.run("--discover")
    assert done.returncode != 0
    assert "expired access/refresh token" in done.stderr


@client(NAME, "failures")
def test_a_quota_that_is_nearly_used_up(org: EmbeddedOrg, tap: Tap) -> None:
    """It reads the quota of each answer, and stops before it would take more than it may."""
    tap.config["quota_percent_total"] = "0.001"
    done = tap.run("--discover")
    assert (done.returncode, "total REST quota used across all Salesforce Applications" in done.stderr) == (2, True)
