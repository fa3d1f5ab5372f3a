"""Hostile rows: any bytes as a source or as a mended file give diagnostics, and values stay where row values may be (T9, T14)."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError, LoadplanError
from loadplan.plan.model import FileSource, FromColumn, Step
from loadplan.run.mended import take_mended
from loadplan.run.rows import Rows
from loadplan.sources.check import check_step
from loadplan.sources.delimited import open_delimited

from support.processes import typed
from support.story import Story

PIECES = st.lists(
    st.sampled_from([b"id", b"name", b",", b";", b'"', b'""', b"\n", b"\r\n", b"\r", b"A2", b"A1", b"x", b" ", b"\t", b"\0", b"\xff",
                     b"\xef\xbb\xbf", b"\xff\xfe", "é".encode(), b"#N/A", b"=1+1", b"source_row", b"2"]),
    max_size=30,
).map(b"".join)  # fmt: skip
ANY = PIECES | st.binary(max_size=120) | PIECES.map(lambda tail: b"id,name\n" + tail)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
STEP = Step(
    "a", "upsert", "Account", "Legacy_Id__c", key="id", columns=(FromColumn("Legacy_Id__c", "id"), FromColumn("Name", "name"))
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(data=ANY)
def test_any_bytes_as_a_source_give_only_diagnostics(data: bytes, tmp_path: Path) -> None:
    """A file that is one, or a problem with its place."""
    from dataclasses import replace

    file = tmp_path / "a.csv"
    file.write_bytes(data)
    source = FileSource("a.csv", file, "csv")
    with contextlib.suppress(InvalidInputError), contextlib.closing(open_delimited(source)) as reader:
        found = check_step(replace(STEP, source=source), reader)
        assert found.ok or found.diagnostics


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
"""


def test_any_bytes_as_a_mended_file_give_only_diagnostics(tmp_path: Path) -> None:
    """The file of a person who used whatever was at hand: taken, or refused with what is wrong."""
    with Story(tmp_path, PLAN, {"accounts.csv": [["id", "name"], ["A1", "Alder"], ["A2", ""]]}) as told:
        run = told.drive()
        file = tmp_path / "m.csv"

        @settings(max_examples=200, deadline=None)
        @given(data=ANY)
        def mend(data: bytes) -> None:
            file.write_bytes(data)
            with contextlib.suppress(LoadplanError):
                mended = take_mended(Rows(told.plan, run, told.run_folder), "accounts", file, "m.csv")
                assert mended.rows == 1

        mend()


CANARIES = ("canary-name-41", "canary-key-42", "canary-mended-43")


@pytest.mark.parametrize("effect", ["too long", "locked"])
def test_row_values_stay_where_they_may_be(tmp_path: Path, effect: str) -> None:
    """Names and keys of rows that failed, and of those that were mended, are under steps/ and retry/ and nowhere else."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    name = CANARIES[0] + ("x" * 300 if effect == "too long" else "")
    with (tmp_path / "accounts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "name"], ["A1", "Alder"], [CANARIES[1], name], [f"{CANARIES[1]}b", ""]])
    said = typed(tmp_path, os.environ, "apply", "plan.yaml", "-o", "embedded")[2]
    (run,) = (tmp_path / ".loadplan" / "runs").iterdir()
    mended = run / "retry" / "accounts.csv"
    mended.write_text(f"id,name\n{CANARIES[1]}b,{CANARIES[2]}{'y' * 300}\n", encoding="utf-8")
    said += typed(tmp_path, os.environ, "retry", run.name, "--rows", "accounts", "-v")[2]
    said += "".join(typed(tmp_path, os.environ, "status", *more)[1] for more in ([], ["--json"]))
    assert json.loads((run / "runbook.json").read_text(encoding="utf-8"))["errors"]
    texts = {"what was said": said}
    for path in run.rglob("*"):
        if path.is_file() and path.relative_to(run).parts[0] not in {"steps", "retry"}:
            texts[path.name] = path.read_text(encoding="utf-8")
    assert len(texts) > 6
    assert {where for where, text in texts.items() if any(c in text for c in CANARIES)} == set()
