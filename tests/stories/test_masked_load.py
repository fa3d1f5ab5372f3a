"""A masked load, end to end: children find their hashed parents, and neither the key nor a person is where it must not be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.story import Story

KEY = "canary-of-the-mask-key-8c1f"
PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    mask: {Legacy_Id__c: hash, Name: fake, Phone: blank}
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {LastName: last, Email: mail, Legacy_Id__c: id}
    lookups: {Account.Legacy_Id__c: account}
    mask: {LastName: fake, Email: hash, Account.Legacy_Id__c: hash}
"""
ACCOUNTS = [["Legacy_Id__c", "Name", "Phone"]]
ACCOUNTS += [[f"ACC-{i}", f"Verrazzano {i}", f"+1 212 555 010{i}"] for i in range(5)]
CONTACTS = [["id", "last", "mail", "account"]]
CONTACTS += [[f"C{i}", "Vespucci", f"amerigo{i}@example.com", f"ACC-{i % 5}"] for i in range(9)]
PERSONAL = ("Verrazzano", "+1 212", "Vespucci", "amerigo", "ACC-")


def test_children_find_their_hashed_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row lands, under its parent; the org and the run folder hold no person and no key."""
    monkeypatch.setenv("LOADPLAN_MASK_KEY", KEY)
    with Story(tmp_path, PLAN, {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS}) as told:
        run = told.drive()
        assert [s.counts.failed for s in run.steps.values()] == [0, 0]
        accounts, contacts = told.org.org.records("Account"), told.org.org.records("Contact")
        assert (len(accounts), len(contacts)) == (5, 9)
        assert {c["AccountId"] for c in contacts} == {a["Id"] for a in accounts}
        assert all(str(c["Email"]).endswith("@masked.invalid") for c in contacts)
        text = repr((accounts, contacts)) + "".join(
            f.read_bytes().decode("utf-8", "replace") for f in (tmp_path / ".loadplan").rglob("*") if f.is_file()
        )
    assert [word for word in (*PERSONAL, KEY) if word in text] == []


def loadplan(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadplan", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env={k: v for k, v in os.environ.items() if k != "LOADPLAN_MASK_KEY"} | environ,
    )  # fmt: skip


def test_without_a_key_nothing_is_sent(tmp_path: Path) -> None:
    """Exit 2 with the variable to set, at the command line; with it, the same command succeeds and shows no key."""
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    for name, rows in (("accounts.csv", ACCOUNTS), ("contacts.csv", CONTACTS)):
        (tmp_path / name).write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    refused = loadplan(tmp_path, "apply", "plan.yaml", "-o", "embedded")
    assert refused.returncode == 2
    assert "LP0406" in refused.stderr
    assert "export LOADPLAN_MASK_KEY=" in refused.stderr
    assert not (tmp_path / ".loadplan" / "runs").exists()
    done = loadplan(tmp_path, "apply", "plan.yaml", "-o", "embedded", "-vv", LOADPLAN_MASK_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    left = "".join(
        f.read_bytes().decode("utf-8", "replace") for f in (tmp_path / ".loadplan").rglob("*") if f.is_file()
    )
    assert KEY not in left
