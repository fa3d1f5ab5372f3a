"""What is shown of a run under way: counts that are true, one line per running step, one line per change in a log."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loadplan.cli.console import Console
from loadplan.cli.events import listeners, watching
from loadplan.cli.loading import check_data, fresh_run
from loadplan.cli.progress import Board, Row
from loadplan.cli.rates import moved, progress
from loadplan.emulator.settings import Settings
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import load_plan
from loadplan.run import activity
from loadplan.run import events as ev
from loadplan.run.activity import Activity, Work
from loadplan.run.journal import read_journal
from loadplan.run.state import apply

from support.story import START, FakeClock, Story

PLAN = """\
version: 1
name: watched
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv, parts: {max_rows: 40}}
  contacts: {object: Contact, operation: insert, source: contacts.csv, columns: {LastName: last, Title: {value: CEO}}}
  back: {operation: query, soql: SELECT Name FROM Account, max_records: 50, output: back.csv, depends_on: [accounts]}
"""
FILES = {
    "accounts.csv": [["Name"], *[[f"Account {i:04d}"] for i in range(100)]],
    "contacts.csv": [["last"], *[[f"Contact {i:04d}"] for i in range(30)]],
}


class Watcher:
    """An activity that keeps all work that ended, and what the board showed at every moment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(activity, "BEAT", 0.0)  # every block is told
        self.works: list[Work] = []
        self.shown: list[Row] = []

    def board(self, clock: FakeClock) -> dict[str, Any]:
        """For `Story.drive`."""
        self.activity = Activity(clock, self.look, lambda work, _: self.works.append(work))
        self._board = Board(clock, self.activity)

        def on_event(record: ev.Recorded, run: Any) -> None:
            self._board.on_event(record, run)
            self.look()

        def on_poll(*poll: Any) -> None:
            self._board.on_poll(*poll)
            self.look()

        return {"watched": self.activity, "listeners": (on_event,), "poll_listeners": (on_poll,)}

    def look(self, _: Work | None = None) -> None:
        self.shown += [row for row in self._board.rows() if row not in self.shown]


def test_what_is_counted_is_what_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of every part, result file and page, against the journal; each step's line says its part of how many."""
    watcher = Watcher(monkeypatch)
    settings = Settings(rows_per_second=10.0)
    with Story(tmp_path, PLAN, FILES, settings=settings) as story:
        story.drive(**watcher.board(story.clock))
        records, _, _ = read_journal(story.run_folder.journal)
    events = [record.event for record in records]
    counted = [(w.kind, w.step, w.part, w.moved) for w in watcher.works if w.kind in {"sending", "fetching"}]
    facts = {(e.step, f.part): f.bytes for e in events if isinstance(e, ev.StepPrepared) for f in e.parts}
    expected = [("sending", e.step, e.part, facts[e.step, e.part]) for e in events if isinstance(e, ev.PartUploaded)]
    expected += [("fetching", e.step, e.part, e.bytes) for e in events if isinstance(e, ev.ResultSaved)]
    expected += [("fetching", e.step, e.page, e.bytes) for e in events if isinstance(e, ev.PageFetched)]
    assert sorted(counted) == sorted(expected)
    assert len({work.part for work in watcher.works if work.kind == "sending"}) == 3
    lines = {f"{step} | {part} | {doing}" for step, part, doing in watcher.shown}
    size = facts["accounts", 2]
    assert f"accounts | part 2 of 3 | sending {size} B of {size} B; waiting for 1 job: 0 of 40 rows" in lines
    assert any(line.startswith("accounts | part 1 of 3 | waiting for 3 jobs: ") for line in lines)
    assert any(line.endswith("rows, 7 rows/s") for line in lines)
    assert any(line.endswith("of 80 rows, next look in 1 s") for line in lines)
    assert any(line.startswith("accounts | part 3 of 3 | fetching ") for line in lines)
    assert any(line.startswith("back | page 2 | fetching ") for line in lines)
    assert any(line.startswith("contacts |  | sending ") for line in lines)  # it has one part
    assert "cutting" in {work.kind for work in watcher.works}


def test_one_line_per_running_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many jobs it has; a step that waits for others or has ended has none."""
    watcher = Watcher(monkeypatch)
    most: list[int] = []
    with Story(tmp_path, PLAN, FILES) as story:
        given = watcher.board(story.clock)

        def on_event(record: ev.Recorded, run: Any) -> None:
            given["listeners"][0](record, run)
            rows = watcher._board.rows()
            assert [row[0] for row in rows] == [s.id for s in run.steps.values() if s.state == "running"]
            most.append(len(rows))

        story.drive(watched=given["watched"], listeners=(on_event,))
    assert (max(most), most[-1]) == (2, 0)


@pytest.mark.parametrize("name", ["plain.csv", "careful.csv"])
def test_reading_a_source_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By bytes where the fast pass reads, by rows where the careful reader does; before there is a run."""
    watcher = Watcher(monkeypatch)
    rows = [["Name", "Site"], *[[f"Account {i:05d}", "x"] for i in range(12_000)]]
    files = {"accounts.csv": rows}
    plan = "version: 1\nname: w\nsteps:\n  a: {object: Account, operation: insert, source: accounts.csv}\n"
    if name == "careful.csv":
        plan = plan.replace("source: accounts.csv", "source: {path: accounts.csv, encoding: latin-1}")
    with Story(tmp_path, plan, files) as story:
        watcher.board(story.clock)
        loaded = load_plan(story.plan_file)
        run = fresh_run(compile_graph(loaded))
        digests = check_data(loaded, run, story.run_folder, activity=watcher.activity)
    (work,) = watcher.works
    size = (tmp_path / "accounts.csv").stat().st_size
    assert (work.kind, work.step, work.rows, work.bytes) == ("reading", "a", 12_000, size)
    assert digests["a"].rows == 12_000
    if name == "plain.csv":
        assert work.moved == size
        assert any("reading" in doing and doing.endswith(f"of {size // 1000} KB") for _, _, doing in watcher.shown)
    else:
        assert work.counted == 10_000  # told every 5,000 rows
        assert ("a", "", "reading 5,000 rows") in watcher.shown


def lines_of(story: Story, seconds: float) -> list[str]:
    """The log of a run in which every record came `seconds` after the one before."""
    out = io.StringIO()
    on_event, _ = listeners(Console(err=out), story.plan, story.clock)
    run = fresh_run(compile_graph(story.plan))
    records, _, _ = read_journal(story.run_folder.journal)
    for number, record in enumerate(records):
        late = replace(record, at=START + timedelta(seconds=seconds * number))
        apply(run, late)
        on_event(late, run)
    return [line[10:] for line in out.getvalue().splitlines()]


WAITING = """\
version: 1
name: watched
defaults: {gate: {max_failed_percent: 50}, retry: {max_attempts: 1}}
steps:
  units:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: units.csv
    columns: {Name: name, Legacy_Id__c: id}
    hierarchy: {lookup: Parent.Legacy_Id__c, column: parent}
"""


def test_rows_that_waited_are_no_part_of_what_was_cut_before(tmp_path: Path) -> None:
    """The one job of a row whose parent was mended was said to be `part 3 of 3`, behind two levels."""
    files = {
        "units.csv": [
            ["id", "name", "parent"],
            *[[f"U{i}", f"Unit {i}", p] for i, p in enumerate(["", "U0", "", "U2"])],
        ]
    }
    with Story(tmp_path, WAITING, files) as story:
        story.faults.lock_rows("Account", times=1, where={"Legacy_Id__c": "U0"})
        story.drive()
        story.drive(retry=["units"])
    created = [line.split("created, ")[1] for line in lines_of(story, 0.001) if " created, " in line]
    assert created == ["2 rows, level 1", "1 row, level 2", "1 row, level 1", "1 row"]


def test_a_log_says_how_fast_it_went(tmp_path: Path) -> None:
    """In the lines that are there anyway, and only where it took time worth naming."""
    with Story(tmp_path, PLAN, FILES) as story:
        story.drive()
    slow, quick = lines_of(story, 1.0), lines_of(story, 0.001)
    assert len(slow) == len(quick)
    text = "\n".join(slow)
    assert "750Em0000000001IAA created, 40 rows, part 1 of 3" in text
    assert "UploadComplete, sent 525 B in 1.0 s, 525 B/s, 40 rows/s" in text
    assert "JobComplete, 40 rows in " in text
    assert "reconciled, fetched " in text
    assert "757 B in 1.0 s, 757 B/s, 50 rows/s" in text
    assert "100 rows in 3 parts, cut in 1.0 s" in text
    assert not any("/s" in line or "cut in" in line for line in quick)


def test_long_work_is_heard_of_every_half_minute() -> None:
    """A log that is silent for minutes looks like a program that hangs."""
    clock, out = FakeClock(), io.StringIO()
    told = watching(Console(err=out), clock)
    with told.work("sending", "rows", 2, rows=500_000, bytes_=90_000_000) as work:
        for _ in range(10):
            clock.seconds += 7
            work.add(0, 7_000_000)
    with told.work("reading", "rows", bytes_=710_000_000) as work:
        clock.seconds += 5
        work.rows = 5_000_000
    assert [line[10:] for line in out.getvalue().splitlines()] == [
        "sending rows/2               sending 35 MB of 90 MB, 1.0 MB/s",
        "sending rows/2               sending 63 MB of 90 MB, 1.0 MB/s",
        "read    rows                 checked: 710 MB in 5.0 s, 142 MB/s, 1,000,000 rows/s",
    ]


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (Work("sending", "a", bytes=2_000_000, moved=1_000_000), "sending 1.0 MB of 2.0 MB, 500 KB/s"),
        (Work("fetching", "a", moved=1_000_000), "fetching 1.0 MB, 500 KB/s"),
        (Work("reading", "a", counted=5_000), "reading 5,000 rows, 2,500 rows/s"),
        (Work("cutting", "a"), "cutting for 2 s"),
    ],
)
def test_one_piece_of_work_in_words(work: Work, text: str) -> None:
    """As much as is known of it, two seconds after it began."""
    assert progress(work, 2.0) == text
    assert moved(0, 3, 2.0) == "3 rows in 2.0 s, 2 rows/s"
