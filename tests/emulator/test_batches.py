"""A batch does what its rows would do one after the other: any rows, cut into any chunks, leave the same org behind."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.emulator.faults import Faults
from loadplan.emulator.jobs import Job
from loadplan.emulator.load import Load
from loadplan.emulator.org import Org
from loadplan.emulator.process import Processor
from loadplan.emulator.settings import Settings
from loadplan.emulator.wire import make_id

from support.wire import Org as WireOrg

NAMES = st.sampled_from(["", "#N/A", "Acme", "acme", "x" * 256, "Žluť"])
KEYS = st.sampled_from(["", "#N/A", "K1", "k1", "K2", "K3"])
RATINGS = st.sampled_from(["", "Hot", "Terrible", "#N/A"])
NUMBERS = st.sampled_from(["", "5", "1e2", "x", "#N/A"])
PARENTS = st.sampled_from(["", "P1", "P9", "#N/A"])
ROWS = st.lists(st.tuples(NAMES, KEYS, RATINGS, NUMBERS, PARENTS), min_size=1, max_size=12)
HEADER = ["Name", "Legacy_Id__c", "Rating", "AnnualRevenue", "Parent.Legacy_Id__c"]


def after(rows: Sequence[Sequence[str]], operation: str, chunk: int, folder: Path) -> tuple[Any, Any]:
    """(records without their ids and times, fate of each row) when rows are processed by chunks of that size."""
    org = Org(folder, Settings(latency=0.0, rows_per_second=float("inf"), shuffle_results=False), [], Faults(), 0.0)
    kind = org.schema.objects["account"]
    for key in ("P1", "K3"):
        org.saver.insert(kind, {"Name": key, "Legacy_Id__c": key}, 0.0)
    first = [record["Id"] for record in org.records("Account")]
    header = HEADER
    if operation in ("update", "delete"):
        ids = st_ids(first, len(rows))
        # Parents are looked up once for a chunk, so an update of the parent's own key is not among these rows.
        header = ["Id", *HEADER[:4]] if operation == "update" else ["Id"]
        rows = [[i, *row[:4]] if operation == "update" else [i] for i, row in zip(ids, rows, strict=True)]
    text = "\n".join([",".join(header), *(",".join(f'"{cell}"' for cell in row) for row in rows)]) + "\n"

    key_name = "Legacy_Id__c" if operation == "upsert" else None
    job = Job("750Em0000000001IAA", 1, "ingest", operation, "Account", 66, 0.0, 0.0, key=key_name)
    org.files.make(job)
    org.files.upload(job).write_text(text, encoding="utf-8")
    load = Load(job, org.files.upload(job), org.saver, org.settings, org.faults, org.ledger)
    good, bad = b"", b""
    done = 0
    while done < len(rows):
        outcome = load.chunk(min(chunk, len(rows) - done), 0.0)
        assert outcome.count
        done += outcome.count
        job.done = done
        good += outcome.good
        bad += outcome.bad
    load.close()
    numbers = {record["Id"]: f"#{n}" for n, record in enumerate(org.records("Account"))}
    shown = [{k: numbers.get(v, v) for k, v in record.items()} for record in org.records("Account")]
    texts = [body.decode() for body in (good, bad)]
    for record, number in numbers.items():
        texts = [text.replace(record, number) for text in texts]
    org.close()
    return shown, texts


def st_ids(known: Sequence[str], count: int) -> list[str]:
    """Ids of the first records, one that never was, and none, over and over."""
    choice = [*known, "001Em0000009999IAA", "", *known]
    return [choice[n % len(choice)] for n in range(count)]


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_the_size_of_a_chunk_does_not_matter(operation: str, rows: list[tuple[str, ...]]) -> None:
    """One row at a time, a few, or all at once: the same records, the same results, in the same order."""
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as few,
        tempfile.TemporaryDirectory() as every,
    ):
        expected = after(rows, operation, 1, Path(one))
        assert after(rows, operation, 3, Path(few)) == expected
        assert after(rows, operation, 200, Path(every)) == expected


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(NAMES, KEYS, RATINGS, NUMBERS, PARENTS), max_size=8, unique_by=lambda row: row[1].lower())
)
def test_the_size_of_a_chunk_does_not_matter_to_upserts_of_different_keys(rows: list[tuple[str, ...]]) -> None:
    """The rule of the same key twice in a chunk is the only one that sees chunks."""
    rows = [row for row in rows if row[1]]
    if not rows:
        return
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as every:
        assert after(rows, "upsert", 200, Path(every)) == after(rows, "upsert", 1, Path(one))


def test_a_unique_value_that_a_row_clears_is_free_for_the_next(tmp_path: Path) -> None:
    """In one chunk as in two: one record lets go of its key with #N/A, and another takes it."""
    blank = ("", "", "", "", "")
    rows = [("", "K1", "", "", ""), blank, blank, blank, ("", "#N/A", "", "", ""), ("", "K1", "", "", "")]
    expected = after(rows, "update", 1, tmp_path / "one")
    assert "DUPLICATE_VALUE" not in expected[1][1]
    assert after(rows, "update", 200, tmp_path / "every") == expected


def test_a_large_job_is_worked_off_by_many_requests() -> None:
    """One request never works longer than it is allowed to; counters, results and ledger agree at the end."""
    with WireOrg(max_rows_per_request=1_000) as org:
        job = org.create("Account", "upsert", externalIdFieldName="Legacy_Id__c")["id"]
        org.put(job, "Name,Legacy_Id__c\n" + "".join(f"{'A' if n % 10 else chr(34) * 2},K{n}\n" for n in range(4_500)))
        org.close(job)
        seen = [org.info(job)["numberRecordsProcessed"] for _ in range(5)]
        assert seen == [1_000, 2_000, 3_000, 4_000, 4_500]
        done = org.info(job)
        assert (done["state"], done["numberRecordsFailed"]) == ("JobComplete", 450)
        good, bad = org.results(done).rows[1:], org.results(done, "failedResults").rows[1:]
        assert (len(good), len(bad)) == (4_050, 450)
        assert org.server.org.ledger.applied("Account") == {row[3]: 1 for row in good}


def test_a_thousand_waiting_jobs_cost_a_request_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request looks only at the jobs that are due; jobs that wait, are open or have ended are not touched."""
    with WireOrg(latency=3_600.0) as org:
        for n in range(1_000):
            made = org.server.org.store.next("job")

            job = Job(make_id("750", made), made, "ingest", "insert", "Account", 66, org.clock.now, org.clock.now)
            job.state = ("Open", "UploadComplete", "JobComplete", "Aborted")[n % 4]
            job.closed = job.ended = org.clock.now
            due = {"Open": org.clock.now + 86_400, "UploadComplete": org.clock.now + 3_600}.get(
                job.state, org.clock.now + 7 * 86_400
            )
            org.server.org.jobs.save(job, due)
        looked: list[str] = []
        real = Processor.advance

        def advance(self: Processor, job: Any, now: float, most: int) -> float:
            looked.append(job.id)
            return real(self, job, now, most)

        monkeypatch.setattr(Processor, "advance", advance)
        last = make_id("750", made)
        for _ in range(3):
            assert org.call("GET", f"/jobs/ingest/{last}").status == 200
        assert looked == []
        assert len(org.call("GET", "/jobs/ingest").json["records"]) == 1_000
