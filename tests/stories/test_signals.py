"""Ctrl-C and SIGTERM: the run stops within a second whatever it waits for, says how to go on, and loses nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.processes import APPLY, count, read_until, resumed, started, typed
from support.stalling import StallingWire

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
STALLS = {
    "create": rb"^POST \S+/jobs/ingest ",
    "upload": rb"^PUT ",
    "close": rb"^PATCH ",
    "poll": rb"^GET \S+/jobs/ingest/\w+ ",
    "result": rb"^GET \S+/successfulResults ",
}


def over(environ: Mapping[str, str], wire: StallingWire) -> dict[str, str]:
    """The same org, reached over the wire."""
    return {**environ, "SF_ORG_INSTANCE_URL": wire.url}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_between_two_requests_stops_with_the_resume_command(
    project: Path, served: dict[str, str], number: int, code: int
) -> None:
    """The first signal saves, names the job that still runs and the command to go on."""
    with started(project, served, *APPLY) as process:
        read_until(process, "UploadComplete")
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert "still running in Salesforce: accounts 750" in said
    assert "next: loadplan resume" in said
    assert resumed(project, served)["successful"] == 5


@pytest.mark.parametrize(
    ("stall", "answered"),
    [("create", True), ("upload", False), ("close", False), ("close", True), ("poll", True), ("result", False)],
)
def test_a_signal_breaks_off_a_request_that_stalls(
    project: Path, served: dict[str, str], stall: str, answered: bool
) -> None:
    """The request is lost, or its answer held back, and its time limit is a minute: the process is gone in under a second,
    and a resume lands each row once."""
    with StallingWire(served["SF_ORG_INSTANCE_URL"], STALLS[stall], answered=answered) as wire:
        with started(project, over(served, wire), *APPLY) as process:
            assert wire.silent.wait(30)
            began = time.monotonic()
            process.terminate()
            _, said = process.communicate(timeout=30)
            took = time.monotonic() - began
        assert process.returncode == 143, said
        assert took < 15.0, said  # a guard only: tests/benchmarks/interrupt.py measures
        assert "next: loadplan resume" in said
    assert resumed(project, served)["successful"] == 5
    assert (count(served, "Account"), count(served, "Contact")) == (2, 3)


QUERY = """\
version: 1
name: extract
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  users: {operation: query, soql: SELECT Id FROM User, output: out.csv, parallel_pages: PAGES}
"""


@pytest.mark.parametrize("pages", ["1", "2"], ids=["one at a time", "on threads"])
def test_a_signal_breaks_off_a_page_that_stalls(project: Path, served: dict[str, str], pages: str) -> None:
    """Also when another thread waits for it: the run ends in order, with its artifacts."""
    (project / "plan.yaml").write_text(QUERY.replace("PAGES", pages), encoding="utf-8")
    with StallingWire(served["SF_ORG_INSTANCE_URL"], rb"^GET \S+/jobs/query/\w+/results") as wire:
        with started(project, over(served, wire), *APPLY) as process:
            assert wire.silent.wait(30)
            process.terminate()
            _, said = process.communicate(timeout=15)
        assert process.returncode == 143, said
        assert "next: loadplan resume" in said
    code, _, said = typed(project, served, "resume")
    assert code == 0, said
    assert len((project / "out.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_a_second_signal_does_not_wait_for_the_first(project: Path, served: dict[str, str]) -> None:
    """Ctrl-C twice: out at once, with the code of an interrupt; a resume finds everything."""
    with StallingWire(served["SF_ORG_INSTANCE_URL"], STALLS["upload"]) as wire:
        with started(project, over(served, wire), *APPLY) as process:
            assert wire.silent.wait(30)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 130
    assert resumed(project, served)["successful"] == 5
