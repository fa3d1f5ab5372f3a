"""What a run gives to its sources, before it has begun and after."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from loadplan.errors import InvalidInputError
from loadplan.plan.model import PostgresSource, StdinSource
from loadplan.run.surroundings import discard_unbegun, inputs_folder, surroundings_of
from loadplan.sources.registry import open_source

from support.story import Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv}
  found: {operation: query, soql: SELECT Id FROM Account}
"""


def story(folder: Path) -> Story:
    (folder / "orgs.yaml").write_text(
        "version: 1\norgs: {embedded: {embedded: {}, sql_sources: true}}\n", encoding="utf-8"
    )
    return Story(folder, PLAN, {"accounts.csv": [["Name"], ["Acme"]]})


def test_pages_results_and_leave_come_from_the_run(tmp_path: Path) -> None:
    """The org of a run that has begun is the one on record, whatever is said now."""
    with story(tmp_path) as told:
        told.drive()
        around = surroundings_of(told.plan, told.run, told.run_folder, "another")
        assert [page.name for page in around.pages("found")] == ["00001.csv"]
        assert [outcome.rows for outcome in around.outcomes("accounts", "successful")] == [1]
        assert around.outcomes("accounts", "failed") == []
        assert around.allow_sql()
        told.run.header = None
        assert not surroundings_of(told.plan, told.run, told.run_folder, "another").allow_sql()
        assert surroundings_of(told.plan, told.run, told.run_folder, "embedded").allow_sql()


def test_a_run_that_has_begun_never_reads_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI a resume has something else there, or nothing."""

    class Piped(io.StringIO):
        buffer = io.BytesIO(b"Name\nwrong\n")

    monkeypatch.setattr(sys, "stdin", Piped())
    with story(tmp_path) as told:
        told.drive()
        around = surroundings_of(told.plan, told.run, told.run_folder)
        with pytest.raises(InvalidInputError) as caught:
            open_source(StdinSource(), around=around)
        assert caught.value.code == "LP0383"
        told.run.header = None
        reader = open_source(StdinSource(), around=surroundings_of(told.plan, told.run, told.run_folder))
        assert [row.cells for row in reader] == [["wrong"]]
        reader.close()
        (kept,) = inputs_folder(told.run_folder).iterdir()
        assert kept.read_bytes() == b"Name\nwrong\n"


def test_what_was_taken_in_for_a_run_that_never_began_is_removed(tmp_path: Path) -> None:
    """A run that has a journal keeps everything."""
    with story(tmp_path) as told:
        told.drive()
        kept = sorted(told.run_folder.root.rglob("*"))
        discard_unbegun(told.run_folder)
        assert sorted(told.run_folder.root.rglob("*")) == kept
        told.run_folder.journal.unlink()
        discard_unbegun(told.run_folder)
        assert not told.run_folder.root.exists()


def test_a_connection_string_comes_from_the_environment_of_the_process(tmp_path: Path) -> None:
    """Its variable is not set, and the message says which."""
    with story(tmp_path) as told:
        told.drive()
        around = surroundings_of(told.plan, told.run, told.run_folder)
        with pytest.raises(InvalidInputError, match="NO_SUCH_VARIABLE"):
            open_source(PostgresSource("NO_SUCH_VARIABLE", "t"), around=around)
