"""The error clinic: rows counted once, causes told apart, and a next command that can help."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from loadplan.reports.artifacts import write_artifacts
from loadplan.reports.clinic import TABLE, UNKNOWN, brief, clusters, diagnose, next_commands
from loadplan.run.journal import read_journal

from support.story import Story

PACKAGE = Path(__file__).parents[2] / "loadplan"
PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, retry: {backoff: {first: 1s, factor: 2, max: 4s}}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, gate: {max_failed_percent: 90}}
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last}
    lookups: {Account.Legacy_Id__c: account}
"""
ACCOUNTS = [["Name", "Legacy_Id__c"], *[[f"Company {i}", f"A{i}"] for i in range(5)]]
CONTACTS = [["last", "account"], ["Ana", "A1"], ["Ben", "A9"]]


def story(folder: Path, accounts: list[list[str]] = ACCOUNTS, contacts: list[list[str]] = CONTACTS) -> Story:
    return Story(folder, PLAN, {"accounts.csv": accounts, "contacts.csv": contacts})


def written(told: Story) -> list[str]:
    """The report page and the runbook, made from the journal as it is on disk."""
    write_artifacts(told.plan, told.run, read_journal(told.run_folder.journal)[0], told.run_folder, [])
    return [(told.run_folder.root / name).read_text(encoding="utf-8") for name in ("report.html", "runbook.md")]


def told(run: object) -> list[tuple[str, str, int, str]]:
    return [(c.step, c.code, c.rows, c.ailment.cure) for c in clusters(run)]  # type: ignore[arg-type]


def test_a_row_that_was_sent_three_times_counts_once(tmp_path: Path) -> None:
    """Its lock never ends: one row is left over, whatever the attempts."""
    with story(tmp_path, contacts=CONTACTS[:2]) as one:
        one.faults.lock_rows("Account", times=9, where={"Legacy_Id__c": "A3"})
        run = one.drive()
        assert len(run.steps["accounts"].attempts) == 3
        assert told(run) == [("accounts", "UNABLE_TO_LOCK_ROW", 1, "time")]
        assert [c["command"] for c in next_commands(run)] == [f"loadplan retry {one.run_folder.id}"]


def test_a_row_that_healed_is_not_in_the_clinic(tmp_path: Path) -> None:
    """The same code, but the second attempt landed it."""
    with story(tmp_path, contacts=CONTACTS[:2]) as one:
        one.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "A3"})
        run = one.drive()
        assert (clusters(run), next_commands(run)) == ([], [])


def test_rows_that_only_a_mended_file_can_save_are_not_proposed_as_they_are(tmp_path: Path) -> None:
    """A name is missing: the next command takes a corrected file."""
    with story(tmp_path, accounts=[*ACCOUNTS, ["", "A7"]], contacts=CONTACTS[:2]) as one:
        run = one.drive()
        assert told(run) == [("accounts", "REQUIRED_FIELD_MISSING", 1, "rows")]
        (line,) = brief(clusters(run))
        assert line.startswith("1 of accounts: REQUIRED_FIELD_MISSING (Name): a field that the object needs is empty")
        assert [c["command"] for c in next_commands(run)] == [f"loadplan retry {one.run_folder.id} --rows accounts"]


def test_mixed_reasons_propose_both_ways(tmp_path: Path) -> None:
    """A missing parent helps when it is loaded; a missing name needs the file."""
    with story(tmp_path, contacts=[*CONTACTS, ["", "A1"]]) as one:
        run = one.drive()
        assert sorted(told(run)) == [
            ("contacts", "INVALID_FIELD", 1, "org"), ("contacts", "REQUIRED_FIELD_MISSING", 1, "rows"),
        ]  # fmt: skip
        name = one.run_folder.id
        assert [c["command"] for c in next_commands(run)] == [
            f"loadplan retry {name}", f"loadplan retry {name} --rows contacts",
        ]  # fmt: skip


def test_rows_that_went_out_by_hand_leave_their_clusters(tmp_path: Path) -> None:
    """The retry sends two rows again and both fail once more: they count once, for the last reason."""
    with story(tmp_path, contacts=[*CONTACTS, ["Chloe", "A9"]]) as one:
        one.drive()
        run = one.drive(retry=["contacts"])
        assert told(run) == [("contacts", "INVALID_FIELD", 2, "org")]


def test_a_job_that_the_org_could_not_read_needs_another_plan(tmp_path: Path) -> None:
    """An unknown column fails the whole job: sending it again is no use."""
    accounts = [["Name", "Legacy_Id__c", "Nonsense__c"], ["Alder", "A1", "x"]]
    with story(tmp_path, accounts=accounts, contacts=CONTACTS[:2]) as one:
        run = one.drive()
        assert told(run) == [("accounts", "InvalidBatch", 1, "plan")]
        assert [c["command"] for c in next_commands(run)] == ["loadplan apply plan.yaml -o embedded"]


ID_OF = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, gate: {max_failed_rows: 9}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, key: ref, columns: {Name: name}}
  tasks:
    object: Task
    operation: insert
    source: tasks.csv
    columns: {Subject: subject}
    lookups: {WhatId: {id_of: accounts, column: account}}
"""


def test_held_rows_are_told_by_their_causes(tmp_path: Path) -> None:
    """A key that no parent has is the row's own fault; parents that are alike are the plan's; only the rest waits for parents."""
    files = {
        "accounts.csv": [["ref", "name"], ["r1", "Alder"], ["r2", "Same"], ["r3", "Same"], ["r4", ""]],
        "tasks.csv": [
            ["subject", "account"],
            *[[f"s{i}", ref] for i, ref in enumerate(["r1", "r2", "r3", "r4", "r4", "r4", "no"])],
        ],
    }
    with Story(tmp_path, ID_OF, files) as one:
        run = one.drive()
        assert told(run) == [
            ("tasks", "(held)", 3, "parents"), ("tasks", "(held)", 2, "plan"),
            ("accounts", "REQUIRED_FIELD_MISSING", 1, "rows"), ("tasks", "(held)", 1, "rows"),
        ]  # fmt: skip
        assert [line.partition(":")[0] for line in brief(clusters(run))] == [
            "2 of tasks", "1 of accounts", "1 of tasks", "3 of tasks",
        ]  # fmt: skip
        assert "they follow by themselves" in list(brief(clusters(run)))[-1]
        assert [c["command"] for c in next_commands(run)] == [
            f"loadplan retry {one.run_folder.id} --rows accounts --rows tasks"
        ]


def test_a_new_run_is_said_to_send_what_landed_again(tmp_path: Path) -> None:
    """Its parents are alike: nothing but another plan helps, and an insert would make the other records twice."""
    files = {
        "accounts.csv": [["ref", "name"], ["r2", "Same"], ["r3", "Same"]],
        "tasks.csv": [["subject", "account"], ["s", "r2"]],
    }
    with Story(tmp_path, ID_OF, files) as one:
        (entry,) = next_commands(one.drive())
        assert entry["command"] == "loadplan apply plan.yaml -o embedded"
        assert entry["why"].endswith("it sends all rows again, and inserts make second records")


def test_pages_promise_a_way_out_only_to_rows_that_have_one(tmp_path: Path) -> None:
    """Parents that are alike are not mended by a retry: rows under them were said to go out when one is."""
    files = {
        "accounts.csv": [["ref", "name"], ["r1", "Alder"], ["r2", "Same"], ["r3", "Same"], ["bad", ""]],
        "tasks.csv": [["subject", "account"], ["s", "r2"], ["t", "r1"]],
    }
    promise, why = "go out when a retry mends", "its parent is two records (1 row)"
    with Story(tmp_path, ID_OF, files) as one:
        one.drive()
        pages = written(one)
        assert all(why in page and promise not in page for page in pages)
    files["tasks.csv"].append(["u", "bad"])
    (tmp_path / "waiting").mkdir()
    with Story(tmp_path / "waiting", ID_OF, files) as one:
        one.drive()
        assert all(why in page and f"its parent did not land (1 row): they {promise}" in page for page in written(one))


@pytest.mark.parametrize(("refused", "first"), [("Account", "apply plan.yaml -o embedded"), ("Contact", "retry RUN")])
def test_a_refused_job_names_both_ways(tmp_path: Path, refused: str, first: str) -> None:
    """A new run when a name in the plan is mended, the same when the org is; what sends rows twice comes second."""
    plan = PLAN.replace(f"object: {refused}", f"object: {refused}s") + "    depends_on: [accounts]\n"
    tables = {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS[:2]}
    with Story(tmp_path, plan, tables) as one:
        run = one.drive()
        told = {c["command"].replace(one.run_folder.id, "RUN"): c["why"] for c in next_commands(run)}
        assert next(iter(told)) == f"loadplan {first}"
        assert set(told) == {"loadplan apply plan.yaml -o embedded", "loadplan retry RUN"}
        assert ("sends all rows again" in told["loadplan apply plan.yaml -o embedded"]) is (refused == "Contact")


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        ("INVALID_FIELD", "Foreign key external ID: … not found for field X in entity Y", "no record has this external id"),
        ("INVALID_FIELD", "Due to, '…' is not a valid value for the type xsd:date", "a value is not of"),
        ("INVALID_FIELD", "Number of fields in header is different from the row.", "another number of cells"),
        ("DUPLICATE_VALUE", "Duplicate external id specified: …", "stands twice among these rows"),
        ("DUPLICATE_VALUE", "duplicate value found: X duplicates value on record with id: <id>", "is there already"),
        ("InvalidBatch", "Field name not found : X", "does not know a column"),
        ("InvalidBatch", "The 'delete' batch must contain only ids", "nothing but `Id`"),
    ],
)  # fmt: skip
def test_one_code_with_several_causes_is_told_apart_by_its_message(code: str, message: str, cause: str) -> None:
    """As the masked messages have it."""
    assert cause in diagnose(code, message).cause


def test_every_code_that_the_embedded_org_gives_is_known() -> None:
    """A code that the trials show and the clinic does not know would be a gap."""
    source = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "emulator").glob("*.py"))
    given = set(re.findall(r'RowError\(\s*"([A-Z_]{6,})"', source))
    assert len(given) > 10
    assert given - {a.code for a in TABLE} == set()


def test_a_code_nobody_knows_still_has_an_answer() -> None:
    """Rules of an org can be anything."""
    assert diagnose("SOMETHING_NEW", "x") is UNKNOWN
