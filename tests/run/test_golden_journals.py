"""Journals of earlier loadplans are read for ever, and tell what they told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from loadplan.errors import LocalError
from loadplan.run.journal import FORMAT, read_journal

from support.golden_journals import GOLDEN, told

JOURNALS = sorted(GOLDEN.glob("*/*.jsonl"))


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_journal_of_an_earlier_loadplan_tells_what_it_told(journal: Path, tmp_path: Path) -> None:
    """Standing, counts, errors, incidents and the next command."""
    expected = json.loads(journal.with_suffix(".json").read_text(encoding="utf-8"))
    assert told(journal, tmp_path) == expected


def test_every_state_of_the_format_has_its_journals() -> None:
    """From before and after each addition; the current version is among them."""
    heads = {path.parent.name: json.loads(path.read_bytes().partition(b"\n")[0]) for path in JOURNALS}
    assert set(heads) == {"1a", "1b"}
    assert {head["version"] for head in heads.values()} == {FORMAT["version"]}


def test_a_journal_that_needs_a_newer_loadplan_is_refused(tmp_path: Path) -> None:
    """It says which version it is; nothing is guessed."""
    line = json.dumps({**FORMAT, "version": 9, "min_reader": 9, "prev": "0" * 64}).encode() + b"\n"
    path = tmp_path / "journal.jsonl"
    path.write_bytes(line)
    with pytest.raises(LocalError, match="needs a newer loadplan") as caught:
        read_journal(path)
    assert "version 9" in caught.value.summary


def test_keys_that_a_newer_loadplan_adds_are_ignored(tmp_path: Path) -> None:
    """A journal of the same version with a key nobody knows here reads as if it had none."""
    path = tmp_path / "journal.jsonl"
    prev, lines = "0" * 64, []
    for line in JOURNALS[0].read_bytes().splitlines():
        data = {**json.loads(line), "brand_new": {"x": 1}, "prev": prev}
        lines.append(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        prev = hashlib.sha256(lines[-1]).hexdigest()
    path.write_bytes(b"".join(lines))
    assert [r.event for r in read_journal(path)[0]] == [r.event for r in read_journal(JOURNALS[0])[0]]
