"""What the stories of real processes share: a project of two steps, and an org that processes reach."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg

PLAN = """\
version: 1
name: two
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
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
    """Two accounts, then three contacts of theirs."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text("Name,Legacy_Id__c\nAlder,A1\nBrook,A2\n", encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("last,account\nAna,A1\nBen,A2\nChloe,A2\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An org that other processes reach; the environment for `-o env`."""
    with EmbeddedOrg(tmp_path / "org") as org:
        yield {**os.environ, "SF_ACCESS_TOKEN": org.access_token(), "SF_ORG_INSTANCE_URL": org.instance_url}
