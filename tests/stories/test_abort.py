"""`loadplan abort`: open jobs are asked to stop, whatever became of the plan, and what was asked is on record."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loadplan.cli.abort import _abort
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import OrgError
from loadplan.run import events as ev
from loadplan.run.state import Attempt
from loadplan.salesforce.orgs import connect_with_token

from support.client import JOB, JSON, V, Waits, error, org_at
from support.processes import APPLY, started, typed
from support.raw_server import RawServer, http
from support.stalling import StallingWire
from support.story import Killed, KillPoint, Story


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    """An org that does not begin with a job for an hour."""
    with EmbeddedOrg(tmp_path / "org", settings=Settings(latency=3600.0)) as org:
        yield org


def reach(org: EmbeddedOrg, url: str = "") -> dict[str, str]:
    """The environment for `-o env`."""
    return {**os.environ, "SF_ACCESS_TOKEN": org.access_token(), "SF_ORG_INSTANCE_URL": url or org.instance_url}


def jobs(org: EmbeddedOrg) -> list[str]:
    """The states of all jobs of the org, as it lists them."""
    client = connect_with_token(org.instance_url, org.access_token, clock=Waits())
    listed = client.http.json("GET", f"/services/data/v{V}/jobs/ingest")[1]["records"]
    return [str(job["state"]) for job in listed]


def test_open_jobs_are_aborted_and_the_events_say_so(project: Path, slow: EmbeddedOrg) -> None:
    """`--json` writes the events after the version line; a resume reads that nothing was saved, and the rows are left over."""
    environ = reach(slow)
    assert typed(project, environ, *APPLY, "--async")[0] == 7
    (project / "plan.yaml").write_text("changed since\n", encoding="utf-8")
    code, out, said = typed(project, environ, "abort", "two", "--json")
    assert code == 0, said
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0]["type"] == "version"
    assert [line["type"] for line in lines[1:]] == ["AbortIntended", "AbortAnswered"]
    assert (lines[2]["http"], lines[2]["detail"]) == (200, "Aborted")
    assert "next: loadplan resume" in said
    assert jobs(slow) == ["Aborted"]
    _, out, _ = typed(project, environ, "status")
    assert "abort asked for, the org said Aborted; seen last as UploadComplete" in out


def test_what_an_aborted_job_had_not_done_goes_to_the_retry_file(project: Path, slow: EmbeddedOrg) -> None:
    """The resume ends with exit 1, and does not send the rows again unasked."""
    environ = reach(slow)
    assert typed(project, environ, *APPLY, "--async")[0] == 7
    assert typed(project, environ, "abort", "two")[0] == 0
    code, _, said = typed(project, environ, "resume")
    assert code == 1, said
    [retry] = (project / ".loadplan" / "runs").glob("*/retry/accounts.csv")
    assert retry.read_text(encoding="utf-8") == "Name,Legacy_Id__c\nAlder,A1\nBrook,A2\n"
    assert slow.org.ledger.applied("Account") == {}
    code, _, said = typed(project, environ, "abort", "two")
    assert (code, "has no open jobs" in said, "next: loadplan retry" in said) == (0, True, True)


def test_a_job_whose_upload_was_cut_off_is_aborted_too(project: Path, slow: EmbeddedOrg) -> None:
    """It is open in the org, and would stay so for a day."""
    with (
        StallingWire(slow.instance_url, rb"^PUT ") as wire,
        started(project, reach(slow, wire.url), *APPLY) as process,
    ):
        assert wire.silent.wait(30)
        process.kill()
        process.communicate()
    assert jobs(slow) == ["Open"]
    code, _, said = typed(project, reach(slow), "abort", "two")
    assert (code, jobs(slow)) == (0, ["Aborted"]), said


# -- one job -------------------------------------------------------------------------------------------------------


def asked(*answers: bytes) -> tuple[str, bool, list[ev.Event], list[float], int]:
    """What is made of these answers to an abort: words, whether it was answered, events, waits, requests."""
    attempt: Any = Attempt("a", 1, 1, 1, "ingest", False, "66.0", "", 2, None, phase="processing", job=JOB)  # type: ignore[arg-type]
    events: list[ev.Event] = []
    clock = Waits()
    with RawServer(*answers) as server:
        said, answered = _abort(org_at(server.url), attempt, events.append, clock)
    return said, answered, events, clock.waited, len(server.asked)


ABORTED = http("200 OK", json.dumps({"id": JOB, "state": "Aborted"}).encode(), JSON)
DOWN = http("503 Service Unavailable", b"", "Retry-After: 7")


def test_an_abort_without_an_answer_is_asked_again() -> None:
    """It is safe to repeat; the org's wish to wait is heard."""
    said, answered, events, waited, requests = asked(DOWN, DOWN, ABORTED)
    assert (said, answered, waited, requests) == ("Aborted", True, [7.0, 7.0], 3)
    assert [e.TYPE for e in events] == ["AbortIntended", "AbortAnswered"]


def test_an_abort_that_is_never_answered_is_told() -> None:
    """After four tries, with an event that says so; the command then exits 3."""
    said, answered, events, _, requests = asked(DOWN)
    assert (answered, requests) == (False, 4)
    assert "no usable answer" in said
    assert [e.TYPE for e in events] == ["AbortIntended", "AbortAnswered"]


def test_a_job_that_has_ended_is_not_an_error() -> None:
    """The org's words are shown; the resume reads its results."""
    said, answered, _, _, _ = asked(
        error("400 Bad Request", "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
    )
    assert (said, answered) == ("Aborting already Completed Job not allowed", True)


def test_a_job_that_is_gone_is_on_record_as_gone() -> None:
    """404: deleted, or older than seven days."""
    said, answered, events, _, _ = asked(error("404 Not Found", "NOT_FOUND"))
    assert (said, answered, events[-1].TYPE) == ("is gone from the org", True, "JobGone")


def test_credentials_that_ended_stop_the_command() -> None:
    """Exit 3 with what to do."""
    with pytest.raises(OrgError) as caught:
        asked(http("401 Unauthorized", b"[]", JSON))
    assert (caught.value.code, bool(caught.value.next_commands)) == ("LP0401", True)


# -- what the org says of an aborted job ---------------------------------------------------------------------------

REFUSAL = b'[{"errorCode":"INVALIDJOBSTATE","message":"Results are available when the job is complete"}]'
STORY = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv}
"""


@pytest.mark.parametrize("refused", [("successful", "failed"), ("successful", "failed", "unprocessed")], ids=len)
@pytest.mark.parametrize("closed", [False, True], ids=["before it was closed", "after it was closed"])
def test_results_that_an_org_has_only_of_completed_jobs_do_not_stop_the_run_for_ever(
    tmp_path: Path, refused: tuple[str, ...], closed: bool
) -> None:
    """The guide promises only the unprocessed rows of an aborted job. What the org refuses to show counts as no rows, and the
    counts must meet without them; a job that was never closed has done nothing, whatever the org shows."""
    rows = [["Name"], *[[f"Company {i}"] for i in range(4)]]
    with Story(tmp_path, STORY, {"accounts.csv": rows}) as told:
        if closed:
            with pytest.raises(Killed):
                told.drive(kill=KillPoint(3, "after"))
        told.faults.admin_abort("750Em0000000001IAA")
        for kind in refused:
            told.faults.add(kind, "status", None, 400, REFUSAL, {"Content-Type": "application/json"})
        run = told.drive()
        [attempt] = run.steps["accounts"].attempts
        assert run.exit == 1
        assert (attempt.state, attempt.was_closed) == ("Aborted", closed)
        assert attempt.reconciled is not None
        assert attempt.reconciled.agree is (not closed or "unprocessed" not in refused)
        assert told.applied("Account") == {}
