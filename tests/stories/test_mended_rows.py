"""`retry RUN --rows STEP=FILE`: rows mended in a file go out in the same run, and what waited for them goes on."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from support.processes import typed
from support.story import Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, retry: {max_attempts: 1}}
steps:
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    columns: {Legacy_Id__c: id, Name: name}
  contacts:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: contacts.csv
    columns: {Legacy_Id__c: id, LastName: last}
    lookups: {Account.Legacy_Id__c: account}
"""
ACCOUNTS = "id,name\nA1,Alder\nA2,\nA3,Cedar\nA4,\nA5,Elm\n"
CONTACTS = "id,last,account\nC1,Ana,A1\nC2,Ben,A2\nC3,Chloe,A4\n"


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Two accounts without a name fail, and the contacts are held; the run's folder."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    assert typed(tmp_path, os.environ, "apply", "plan.yaml", "-o", "embedded")[0] == 1
    (run,) = (tmp_path / ".loadplan" / "runs").iterdir()
    return run


def retried(run: Path, text: bytes, *more: str, name: str = "mended.csv") -> tuple[int, str]:
    """What a retry with this mended file says."""
    project = run.parents[2]
    (project / name).write_bytes(text)
    code, _, said = typed(project, os.environ, "retry", run.name, "--rows", f"accounts={name}", *more)
    return code, said


def rows_of(run: Path) -> dict[str, int]:
    rows: dict[str, int] = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return rows


def left(run: Path, step: str) -> list[list[str]]:
    file = run / "retry" / f"{step}.csv"
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))[1:]


WHOLE = {"sent": 8, "successful": 8, "failed": 0, "unprocessed": 0, "held": 0}


@pytest.mark.parametrize(
    "text",
    [
        b"id,name\nA2,Birch\nA4,Dogwood\n",
        b"name,id\r\nDogwood,A4\r\nBirch,A2\r\n",
        b"\xef\xbb\xbfid;name\nA4;Dogwood\nA2;Birch\n",
        "id\tname\nA4\tDogwood\nA2\tBirch\n".encode("utf-16"),
    ],
    ids=["as it was", "another order of rows and columns", "a spreadsheet's", "UTF-16"],
)
def test_mended_rows_land_and_their_children_follow(begun: Path, text: bytes) -> None:
    """Whatever the order of rows and columns, the delimiter and the mark at the beginning; the same run ends whole."""
    code, said = retried(begun, text)
    assert code == 0, said
    assert "Retry complete! Steps: 2 ok. Rows: 8 sent, 8 ok, 0 failed, 0 unprocessed." in said
    assert rows_of(begun) == WHOLE
    assert not (begun / "retry" / "accounts.csv").exists()
    book = json.loads((begun / "runbook.json").read_text(encoding="utf-8"))
    assert any("mended.csv" in incident["what"] for incident in book["incidents"])
    text_of_org = (begun / "journal.jsonl").read_text(encoding="utf-8")
    assert "Birch" not in text_of_org


def test_rows_that_are_not_in_the_file_stay_left_over(begun: Path) -> None:
    """One of two is mended: it lands, the other is not sent again, and the gate counts it."""
    code, said = retried(begun, b"id,name\nA4,Dogwood\n")
    assert code == 1, said
    assert rows_of(begun) == {"sent": 5, "successful": 4, "failed": 1, "unprocessed": 0, "held": 0}
    assert left(begun, "accounts") == [["A2", ""]]
    jobs = json.loads((begun / "runbook.json").read_text(encoding="utf-8"))["steps"][0]["jobs"]
    assert [job["sent"] for job in jobs] == [5, 1]
    code, said = retried(begun, b"id,name\nA2,Birch\n")
    assert (code, rows_of(begun)) == (0, WHOLE), said


def test_a_row_that_is_mended_badly_can_be_mended_again(begun: Path) -> None:
    """The retry file has the row as it was sent last, not as the source had it."""
    code, said = retried(begun, f"id,name\nA2,{'x' * 300}\nA4,Dogwood\n".encode())
    assert code == 1, said
    assert left(begun, "accounts") == [["A2", "x" * 300]]
    code, said = retried(begun, b"id,name\nA2,Birch\n")
    assert (code, rows_of(begun)) == (0, WHOLE), said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"id,name\nA2,Birch\nA1,Alder\n", "error[LP0511]: the row `A1` has landed\n  --> mended.csv:3\n"),
        (b"id,name\nA9,Birch\n", "error[LP0511]: no row left over has the key `A9`\n  --> mended.csv:2\n"),
        (
            b"id,name\nA2,Birch\nA2,Beech\n",
            "error[LP0511]: the row `A2` stands twice: line 2 is the first\n  --> mended.csv:3\n",
        ),
        (b"id,title\nA2,Birch\n", "error[LP0512]: the column `name` is missing\n  --> mended.csv:1\n"),
        (
            b"id,name,extra\nA2,Birch,x\n",
            "error[LP0512]: the column `extra` is not one of the retry file\n  --> mended.csv:1\n",
        ),
        (b"id,name\n", "error[LP0511]: the file has no rows\n  --> mended.csv\n"),
        ("id,name\nA2,Bjørn\n".encode("latin-1"), "help: save it as CSV in UTF-8"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_before_anything_is_sent(begun: Path, text: bytes, words: str) -> None:
    """With the line and the reason; the run stays as it was."""
    before = (begun / "journal.jsonl").read_bytes()
    code, said = retried(begun, text)
    assert code == 2, said
    assert words in said
    assert (begun / "journal.jsonl").read_bytes() == before


def test_a_key_may_be_mended_where_the_row_is_told_by_its_number(begun: Path) -> None:
    """The column that the specification names says which row it is; then its key may be another."""
    spec = json.loads((begun / "retry" / "accounts.json").read_text(encoding="utf-8"))
    assert (spec["row_column"], spec["source_rows"]) == ("source_row", [2, 4])
    code, said = retried(begun, b"id,name,source_row\nA1,Dogwood,4\n")
    assert (code, "the key `A1` is that of row 1, which has landed" in said) == (2, True), said
    code, said = retried(begun, b"id,name,source_row\nA4,Dogwood,4\nA2b,Birch,2\n")
    book = json.loads((begun / "runbook.json").read_text(encoding="utf-8"))
    assert [step["successful"] for step in book["steps"]] == [5, 2], said
    # The contact still names A2, which is not in the org: it says so itself.
    assert (code, left(begun, "contacts")) == (1, [["C2", "Ben", "A2"]])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("=nothing.csv", "is not STEP=FILE"),
        ("acounts=mended.csv", "there is no step `acounts`"),
        ("contacts=mended.csv", "no rows of `contacts` are left over"),
    ],
)
def test_a_step_that_cannot_be_mended_is_said(begun: Path, given: str, words: str) -> None:
    """A name that is none, a step that has nothing left over."""
    (begun.parents[2] / "mended.csv").write_text("id,name\nA2,x\n", encoding="utf-8")
    code, _, said = typed(begun.parents[2], os.environ, "retry", begun.name, "--rows", given)
    assert (code, words in said) == (2, True), said


KEYLESS = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}, retry: {max_attempts: 1}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, columns: {Name: name}}
"""


def test_rows_without_a_key_are_told_by_their_number_or_by_their_place(tmp_path: Path) -> None:
    """As many rows as are left over are taken in order; fewer need the number."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(KEYLESS, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text("name,note\nAlder,x\n,second\n,third\n", encoding="utf-8")
    assert typed(tmp_path, os.environ, "apply", "plan.yaml", "-o", "embedded")[0] == 1
    (run,) = (tmp_path / ".loadplan" / "runs").iterdir()
    code, said = retried(run, b"name,note\nBirch,third\n")
    assert (code, "error[LP0513]" in said) == (2, True), said
    code, said = retried(run, b"name,note,source_row\nCedar,third,3\n")
    assert code == 1, said
    assert left(run, "accounts") == [["", "second"]]
    code, said = retried(run, b"name,note\nBirch,second\n")
    assert code == 0, said


def test_a_mended_file_is_never_overwritten_by_a_report(begun: Path) -> None:
    """The retry file was edited in its place: a rendering puts the new one beside the edited one."""
    file = begun / "retry" / "accounts.csv"
    file.write_text("id,name\nA2,Birch\nA4,Dogwood\n", encoding="utf-8")
    code, _, said = typed(begun.parents[2], os.environ, "report")
    assert code == 0, said
    kept = begun / "retry" / "accounts.edited.csv"
    assert kept.read_text(encoding="utf-8") == "id,name\nA2,Birch\nA4,Dogwood\n"
    assert "accounts.edited.csv" in said
    code, _, said = typed(begun.parents[2], os.environ, "retry", begun.name, "--rows", f"accounts={kept}")
    assert (code, rows_of(begun)) == (0, WHOLE), said


HELD = PLAN.replace("retry: {max_attempts: 1}", "retry: {max_attempts: 1}, gate: {max_failed_percent: 90}")


def test_a_held_row_is_mended_too(tmp_path: Path) -> None:
    """Its parent is named wrong: the mended row names one that landed, the other still waits."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(HELD, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    assert typed(tmp_path, os.environ, "apply", "plan.yaml", "-o", "embedded")[0] == 0
    (run,) = (tmp_path / ".loadplan" / "runs").iterdir()
    assert [row[0] for row in left(run, "contacts")] == ["C2", "C3"]
    (tmp_path / "contacts-mended.csv").write_text("id,last,account\nC3,Chloe,A1\n", encoding="utf-8")
    code, _, said = typed(tmp_path, os.environ, "retry", run.name, "--rows", "contacts=contacts-mended.csv")
    assert code == 0, said
    assert rows_of(run)["held"] == 1
    assert [row[0] for row in left(run, "contacts")] == ["C2"]


def test_a_kill_at_any_record_of_a_mended_retry_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The mended rows take their places in one record; a resume goes on from wherever it died."""
    from loadplan.run.mended import take_mended
    from loadplan.run.rows import Rows

    from support.story import Killed

    def told_at(name: str) -> Story:
        folder = tmp_path / name
        folder.mkdir()
        files = {
            "accounts.csv": list(csv.reader(ACCOUNTS.splitlines())),
            "contacts.csv": list(csv.reader(CONTACTS.splitlines())),
        }
        story = Story(folder, PLAN, files)
        story.__enter__()
        story.drive()
        (folder / "m.csv").write_text("id,name\nA2,Birch\nA4,Dogwood\n", encoding="utf-8")
        mended = take_mended(Rows(story.plan, story.run, story.run_folder), "accounts", folder / "m.csv", "m.csv")
        story.mended = (mended,)
        return story

    whole = told_at("whole")
    before = len(whole.run_folder.journal.read_bytes().splitlines())
    whole.drive(retry=["accounts"])
    records = len(whole.run_folder.journal.read_bytes().splitlines()) - before
    whole.__exit__(None, None, None)
    for at in range(3, records + 1, 4):
        told = told_at(str(at))
        with pytest.raises(Killed):
            told.drive(retry=["accounts"], kill_record=at)
        told.drive()
        assert told.applied("Account") == {f"A{i}": 1 for i in range(1, 6)}, at
        assert told.applied("Contact") == {f"C{i}": 1 for i in range(1, 4)}, at
        assert told.run.exit == 0
        told.__exit__(None, None, None)


QUERIES = """\
  landed: {operation: query, soql: "SELECT Name FROM Account", output: landed.csv, depends_on: [accounts]}
"""
FEEDS = """\
  found: {operation: query, soql: "SELECT Id, Name FROM Account", depends_on: [accounts]}
  named: {object: Account, operation: update, source: {step: found}}
"""


def test_a_query_that_looked_at_the_rows_is_asked_again(tmp_path: Path) -> None:
    """Its output has the mended rows; one whose rows another step was made of is not, and that is said."""
    (tmp_path / ".git").mkdir()
    accounts = HELD.partition("  contacts:")[0]
    (tmp_path / "plan.yaml").write_text(accounts + QUERIES + FEEDS, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    assert typed(tmp_path, os.environ, "apply", "plan.yaml", "-o", "embedded")[0] == 0
    (run,) = (tmp_path / ".loadplan" / "runs").iterdir()
    assert len((tmp_path / "landed.csv").read_text(encoding="utf-8").splitlines()) == 4
    code, said = retried(run, b"id,name\nA2,Birch\nA4,Dogwood\n")
    assert code == 0, said
    assert "query found is not asked again: the rows of named were made of its answer" in said
    assert len((tmp_path / "landed.csv").read_text(encoding="utf-8").splitlines()) == 6


def test_a_retry_file_that_was_edited_in_its_place_needs_no_name(begun: Path) -> None:
    """`--rows accounts` is the run's own file, which must be another than the run wrote."""
    project = begun.parents[2]
    code, _, said = typed(project, os.environ, "retry", begun.name, "--rows", "accounts")
    assert (code, "retry/accounts.csv is as the run wrote it" in said) == (2, True), said
    (begun / "retry" / "accounts.csv").write_text("id,name\nA2,Birch\nA4,Dogwood\n", encoding="utf-8")
    code, _, said = typed(project, os.environ, "retry", begun.name, "--rows", "accounts")
    assert (code, rows_of(begun)) == (0, WHOLE), said
    assert list((begun / "retry").iterdir()) == []
