"""One runner per org: who holds the lock, how to wait for it, and what a dead owner leaves."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loadplan.errors import LockedError
from loadplan.run.lock import Waiting, hold_lock, is_alive, owner_now, process_start

START = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


class Clock:
    """Time moves when somebody waits; `then` happens at that moment."""

    def __init__(self, then: object = None) -> None:
        self.seconds, self.then = 0.0, then

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        if callable(self.then):
            self.then()

    def wake(self) -> None:
        """Nothing sleeps."""


def test_the_second_runner_is_told_owner_host_pid_run_and_age(tmp_path: Path) -> None:
    """Everything that is needed to find it."""
    clock = Clock()
    with hold_lock(tmp_path, "00D", owner_now("20261123T101500Z-x-0000", clock)):
        clock.seconds = 725
        with pytest.raises(LockedError) as caught, hold_lock(tmp_path, "00D", owner_now("other", clock), clock=clock):
            raise AssertionError("two runners")
    said = "\n".join(caught.value.details)
    assert "run    20261123T101500Z-x-0000" in said
    assert f" on {socket.gethostname()}, pid {os.getpid()}" in said
    assert "since  2026-11-23T10:15:00+00:00 (12 min ago)" in said
    assert "--lock-timeout" in str(caught.value.hint)


def test_who_waits_says_so_once_and_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    """The first runner ends after a while."""
    said: list[str] = []
    first = hold_lock(tmp_path, "00D", owner_now("first", Clock()))
    first.__enter__()
    clock = Clock()
    clock.then = lambda: first.__exit__(None, None, None) if clock.seconds > 3 and not done else None
    done: list[bool] = []

    def release() -> None:
        if clock.seconds > 3 and not done:
            done.append(True)
            first.__exit__(None, None, None)

    clock.then = release
    with hold_lock(tmp_path, "00D", owner_now("second", clock), clock=clock, waiting=Waiting(30.0, said.append)):
        assert json.loads((tmp_path / "locks" / "00D.lock").read_bytes())["run"] == "second"
    assert len(said) == 1
    assert "first" in said[0]
    assert "up to 30 s" in said[0]


def test_who_waits_in_vain_is_told_how_long(tmp_path: Path) -> None:
    """Exit 4 after the timeout, not before and not much later."""
    clock = Clock()
    with hold_lock(tmp_path, "00D", owner_now("first", clock)):
        waiting = Waiting(5.0, lambda _: None)
        with (
            pytest.raises(LockedError, match="after 5 s"),
            hold_lock(tmp_path, "00D", owner_now("second", clock), clock=clock, waiting=waiting),
        ):
            raise AssertionError("two runners")
    assert 5.0 <= clock.seconds <= 6.5


def test_a_dead_owner_does_not_block(tmp_path: Path) -> None:
    """Its name is still in the file, the lock is not held."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "00D.lock").write_text(json.dumps({"run": "dead", "who": "x on y, pid 1"}), encoding="utf-8")
    with hold_lock(tmp_path, "00D", owner_now("next", Clock())):
        pass


def test_an_owner_on_another_machine_is_not_guessed_dead(tmp_path: Path) -> None:
    """The hint says what to remove, for who is sure."""
    clock = Clock()
    other = {**owner_now("far", clock), "host": "elsewhere", "who": "anna on elsewhere, pid 17"}
    with (
        hold_lock(tmp_path, "00D", other),
        pytest.raises(LockedError) as caught,
        hold_lock(tmp_path, "00D", other, clock=clock),
    ):
        raise AssertionError("two runners")
    assert "elsewhere" in str(caught.value.hint)
    assert f"rm {tmp_path / 'locks' / '00D.lock'}" in str(caught.value.hint)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_id_that_was_given_to_another_process_is_not_its_owner() -> None:
    """The start time tells them apart."""
    mine = {"host": socket.gethostname(), "pid": str(os.getpid()), "start": process_start(os.getpid())}
    assert is_alive(mine)
    assert not is_alive({**mine, "start": "1"})
    assert not is_alive({**mine, "host": "elsewhere"})
    assert not is_alive({**mine, "pid": "4194303999"})
