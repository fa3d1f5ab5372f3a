"""Room on the disk: estimated before a run begins, held against what is free, and near what the run then writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from loadplan.cli.loading import check_data
from loadplan.cli.main import run as main
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import LocalError
from loadplan.run import room
from loadplan.run.rows import Rows
from loadplan.words import size

from support.story import Story

PLAN = """\
version: 1
name: room
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, key: ref, columns: {Name: name, Site: site}}
  tasks: {object: Task, operation: insert, source: tasks.csv, columns: {Subject: subject},
    lookups: {WhatId: {id_of: accounts, column: account}}}
  tree: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: tree.csv,
    columns: {Legacy_Id__c: id, Name: name}, hierarchy: {lookup: Parent.Legacy_Id__c, column: parent}}
  contacts: {object: Contact, operation: insert, source: contacts.csv}
  few: {object: Contact, operation: insert, source: contacts.csv, where: {column: Title, equals: CEO}, limit: 100}
  back: {operation: query, soql: "SELECT Id, Name FROM Account", output: out/back.csv, depends_on: [accounts, tree]}
"""
COUNT = 1500
FILES = {
    "accounts.csv": [["ref", "name", "site"], *[[f"R{i:05d}", f"Account {i:05d}", "Prague"] for i in range(COUNT)]],
    "tasks.csv": [["subject", "account"], *[[f"Call number {i:05d}", f"R{i:05d}"] for i in range(COUNT)]],
    "tree.csv": [
        ["id", "name", "parent"],
        *[[f"T{i:05d}", f"Tree {i:05d}", f"T{i // 5 - 1:05d}" if i > 4 else ""] for i in range(COUNT)],
    ],
    "contacts.csv": [["LastName", "Title"], *[[f"Name {i:05d}", "CEO" if i % 2 else "CTO"] for i in range(COUNT)]],
}  # fmt: skip


def written(folder: Path, *patterns: str) -> int:
    return sum(path.stat().st_size for pattern in patterns for path in folder.glob(pattern))


def test_what_is_estimated_is_near_what_is_written(tmp_path: Path) -> None:
    """Parts, results, levels and ids, step by step: no less than nine tenths of it, and no more than half as much again."""
    with Story(tmp_path, PLAN, FILES) as story:
        run = story.drive()
    assert {step.state for step in run.steps.values()} == {"succeeded"}
    digests = check_data(story.plan, run, story.run_folder)
    needed = room.room_needed(Rows(story.plan, run, story.run_folder), digests)
    steps = story.run_folder.root / "steps"
    places = {"parts": ("parts/*",), "results": ("jobs/*/*",), "levels": ("levels/*",), "ids": ("ids/*", "ids/*")}
    found = {(n.step, n.what): n.bytes for n in needed.needs if n.step}
    assert set(found) == {
        ("accounts", "results"), ("accounts", "parts"), ("accounts", "ids"), ("tasks", "results"), ("tasks", "parts"),
        ("tree", "results"), ("tree", "parts"), ("tree", "levels"), ("contacts", "results"), ("few", "results"),
        ("few", "parts"),
    }  # fmt: skip
    for (step, what), bytes_ in found.items():
        real = written(steps / step, *places[what])
        assert 0.9 * real <= bytes_ <= 1.5 * real, (step, what, real)
    assert needed.unknown == ("back",)
    assert needed.total == sum(needed.by_kind().values()) > room.RESERVE


@pytest.fixture
def needed() -> room.RoomNeeded:
    return room.RoomNeeded(
        (room.Need("a", "results", 900_000_000, ""), room.Need("a", "parts", 100_000_000, "")), ("back",)
    )


def free(bytes_: int) -> Callable[[Path], int]:
    return lambda _: bytes_


def test_a_run_that_does_not_fit_is_not_begun(needed: room.RoomNeeded, tmp_path: Path) -> None:
    """What is needed and for what, what is free, how much to free, and the next command; one byte more and it passes."""
    room.require_room(needed, tmp_path, [], "loadplan apply p.yaml -o uat", free(1_000_000_000))
    with pytest.raises(LocalError) as caught:
        room.require_room(needed, tmp_path, [], "loadplan apply p.yaml -o uat", free(750_000_000))
    error = caught.value
    assert (error.exit_code, error.code) == (9, "LP0605")
    assert error.summary == "the run needs about 1.0 GB on this disk, and 750 MB are free; nothing was sent"
    assert error.details == ("results 900 MB, parts 100 MB",)
    assert "free 250 MB" in (error.hint or "")
    assert error.next_commands == ("loadplan apply p.yaml -o uat",)


def test_an_output_on_a_full_disk_is_told_before_the_run(needed: room.RoomNeeded, tmp_path: Path) -> None:
    """Its size is not known yet, but that nothing fits is."""
    out = tmp_path / "elsewhere" / "back.csv"

    def full_elsewhere(path: Path) -> int:
        return 0 if path.name == "elsewhere" else 10**12

    with pytest.raises(LocalError, match="no room for an output") as caught:
        room.require_room(needed, tmp_path, [out], "loadplan apply p.yaml -o uat", full_elsewhere)
    assert caught.value.where == str(out)


def test_the_preview_says_what_is_needed_and_what_nobody_knows(needed: room.RoomNeeded, tmp_path: Path) -> None:
    """In one line, and one more for the pages of queries."""
    lines = room.describe_room(needed, tmp_path, free(21_400_000_000))
    assert lines[0] == "disk: about 1.0 GB of 21 GB free (results 900 MB, parts 100 MB)"
    assert "the pages of back" in lines[1]


def test_what_is_free_is_that_of_the_disk_where_the_folder_will_be(tmp_path: Path) -> None:
    """A folder that does not exist yet is on the disk of the one above it."""
    assert room.free_space(tmp_path / "not" / "yet") > 0


def test_apply_on_a_disk_that_is_too_small_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 9 with the figures and the next command, no job in the org, no run; on a larger disk the preview shows them."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(
        "version: 1\nname: room\nsteps:\n  rows: {object: Account, operation: insert, source: rows.csv}\n"
    )
    (tmp_path / "rows.csv").write_text("Name\nAlder\n")
    monkeypatch.chdir(tmp_path)
    with EmbeddedOrg(None) as org:
        monkeypatch.setenv("SF_ACCESS_TOKEN", org.access_token())
        monkeypatch.setenv("SF_ORG_INSTANCE_URL", org.instance_url)
        monkeypatch.setattr(room, "statvfs_free", free(10_000_000))
        assert main(["apply", "plan.yaml", "-o", "env", "--auto-approve"]) == 9
        said = capsys.readouterr().err
        assert "LP0605" in said
        assert "about 16 MB on this disk, and 10 MB are free; nothing was sent" in said
        assert "loadplan apply plan.yaml -o env" in said
        assert len(org.org.jobs) == 0
        assert not (tmp_path / ".loadplan" / "runs").exists() or not list((tmp_path / ".loadplan" / "runs").iterdir())
        monkeypatch.setattr(room, "statvfs_free", free(20_000_000))
        assert main(["apply", "plan.yaml", "-o", "env", "--auto-approve"]) == 0
        assert "disk: about 16 MB of 20 MB free" in capsys.readouterr().err


@pytest.mark.parametrize(("parallel", "output"), [(1, "out/all.csv"), (1, "out/all/"), (5, "out/all.csv.gz")])
def test_pages_that_do_not_fit_stop_the_walk_and_it_goes_on_when_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel: int, output: str
) -> None:
    """Told after the first page, with exit 9; no page is fetched twice, and the output is whole."""
    pages = f"parallel_pages: {parallel}" if parallel > 1 else "max_records: 50"
    plan = (
        "version: 1\nname: room\nsteps:\n"
        "  rows: {object: Account, operation: insert, source: rows.csv}\n"
        f"  back: {{operation: query, soql: SELECT Name FROM Account, {pages}, "
        f"depends_on: [rows], output: {output}}}\n"
    )
    rows = {"rows.csv": [["Name"], *[[f"Account {i:04d}"] for i in range(400)]]}
    with Story(tmp_path, plan, rows, settings=Settings(page_size=50)) as story:
        monkeypatch.setattr(room, "statvfs_free", free(3_000))
        with pytest.raises(LocalError, match="needs about") as caught:
            story.drive()
        assert (caught.value.exit_code, caught.value.code) == (9, "LP0605")
        assert "1 page of 757 B with 50 rows are on disk" in caught.value.details[0]
        assert caught.value.next_commands[0].startswith("loadplan resume")
        monkeypatch.undo()
        run = story.drive()
        asked = [r.path for r in story.org.org.requests if r.path.endswith("/results")]
    query = run.steps["back"].query
    assert query is not None
    assert sum(page.rows for page in query.pages) == 400
    assert run.steps["back"].state == "succeeded"
    if parallel == 1:
        assert len(asked) == 8


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 KB"),
        (12_345, "12 KB"),
        (999_600, "1.0 MB"),
        (3.44e9, "3.4 GB"),
        (5e13, "50 TB"),
    ],
)
def test_a_size_is_written_in_two_digits(bytes_: float, text: str) -> None:
    """Powers of ten, as sizes in a plan are."""
    assert size(bytes_) == text
