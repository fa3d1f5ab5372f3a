"""Jobs go on by themselves on the machine's clock, and requests get their turns meanwhile."""

from __future__ import annotations

import threading
import time

import pytest
from loadplan.emulator.locks import Turns
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.wire import Org


class Live(Org):
    """An org on the machine's clock."""

    def __init__(self, **settings: float) -> None:
        chosen = Settings(**{"latency": 0.0, "rows_per_second": float("inf"), **settings})  # type: ignore[arg-type]
        self.server = EmbeddedOrg(settings=chosen)
        self.version = "66.0"

    def ends(self, job: str) -> None:
        """Wait until the org says that a job has ended, without asking it."""
        kept = self.server.org.jobs.get(job)
        assert kept is not None
        end = time.monotonic() + 60
        while not kept.has_ended:
            assert time.monotonic() < end
            threading.Event().wait(0.001)


def test_a_job_ends_though_nobody_polls_it() -> None:
    """Ingest and query, one after the other and side by side."""
    with Live() as org:
        jobs = []
        for n in range(4):
            job = org.create()["id"]
            org.put(job, "Name\n" + f"A{n}\n" * 3_000)
            org.close(job)
            jobs.append(job)
        for job in jobs:
            org.ends(job)
        assert org.server.org.count("Account") == 12_000
        query = org.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).json["id"]
        org.ends(query)
        assert len(org.page({"id": query}).rows) == 12_001


def test_requests_are_answered_while_rows_are_worked_off() -> None:
    """A long job does not make others wait for its end; it can be aborted."""
    with Live() as org:
        job = org.create()["id"]
        org.put(job, "Name\n" + "Acme\n" * 150_000)
        org.close(job)
        for _ in range(20):
            assert org.call("GET", "/limits").status == 200
        assert org.info(job)["state"] == "InProgress"
        assert org.call("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"}).json["state"] == "Aborted"
        done = org.info(job)["numberRecordsProcessed"]
        assert 0 < done < 150_000
        assert org.server.org.count("Account") == done
        assert len(org.results({"id": job}, "unprocessedrecords").rows) == 150_001 - done


def test_an_error_of_the_worker_is_told_and_tried_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in one slice does not end the thread."""
    monkeypatch.setattr("loadplan.emulator.worker._AFTER_AN_ERROR", 0.01)
    with Live() as org:
        real, failures = org.server.org.processor.advance, [1, 1]

        def advance(*args: object) -> float:
            if failures:
                failures.pop()
                raise RuntimeError("a bug")
            return real(*args)  # type: ignore[arg-type]

        job = org.create()["id"]
        org.put(job, "Name\nAcme\n")
        monkeypatch.setattr(org.server.org.processor, "advance", advance)
        kept = org.server.org.jobs.get(job)
        assert kept is not None
        kept.state, kept.closed = "UploadComplete", time.time()
        org.server.org.save(kept, time.time())
        org.server.org.store.commit()
        assert org.server.org.wake is not None
        org.server.org.wake(0.0)
        end = time.monotonic() + 30
        while org.server.org.count("Account") == 0:
            assert time.monotonic() < end
        assert failures == []
    assert capsys.readouterr().err.count("RuntimeError: a bug") == 2


def test_who_waits_goes_before_who_has_just_finished() -> None:
    """The lock's order: a thread that takes it over and over lets the waiting one in."""
    turns, order, started, waiting = Turns(), [], threading.Event(), threading.Event()

    def greedy() -> None:
        for n in range(3):
            with turns, turns:  # re-entrant
                order.append("greedy")
                started.set()
                if n == 0:
                    waiting.wait(10)
                    # the other thread stands in the queue by now, or will before we can come back
                    while not turns._next.locked():
                        threading.Event().wait(0.001)

    thread = threading.Thread(target=greedy)
    thread.start()
    started.wait(10)
    waiting.set()
    with turns:
        order.append("polite")
    thread.join()
    assert order == ["greedy", "polite", "greedy", "greedy"]
