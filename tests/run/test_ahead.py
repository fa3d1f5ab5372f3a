"""Work ahead of its turn: at most so many threads, results taken in any order, errors where they are taken."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from loadplan.run.ahead import Ahead, Crew


def nothing() -> None:
    """No reason to stop."""


def test_work_runs_ahead_on_so_many_threads_and_no_more() -> None:
    """Two of three wait for each other; the third begins when one of them is done."""
    crew, crowd = Crew(2), threading.Semaphore(0)
    begun: list[int] = []
    both = threading.Barrier(2, timeout=10)

    def work(number: int) -> int:
        begun.append(number)
        if number < 2:
            both.wait()
            crowd.acquire(timeout=10)
        return number * 10

    for number in range(3):
        crew.want(number, partial(work, number))
    crowd.release(2)
    assert crew.take(2, lambda: work(2), nothing) == 20
    assert crew.take(0, lambda: work(0), nothing) == 0
    assert crew.take(1, lambda: work(1), nothing) == 10
    assert sorted(begun[:2]) == [0, 1]
    assert sorted(begun) == [0, 1, 2]
    assert len({t for t in threading.enumerate() if t.name == "loadplan-ahead"}) >= 2
    crew.stop()


def test_work_may_want_more_work_but_not_without_end() -> None:
    """Each piece wants the next one; so many are not taken yet, and the one after them begins when it is asked for."""
    crew, ran = Crew(2), threading.Semaphore(0)

    def work(number: int) -> int:
        crew.want(number + 1, partial(work, number + 1), most=3)
        ran.release()
        return number

    crew.want(0, partial(work, 0))
    assert all(ran.acquire(timeout=10) for _ in range(3))
    assert not ran.acquire(timeout=0.05)
    assert [crew.take(n, partial(work, n), nothing) for n in range(5)] == [0, 1, 2, 3, 4]
    crew.stop()


def test_what_went_wrong_is_raised_where_it_is_taken_and_can_be_tried_again() -> None:
    """Whatever it was; a second try is work of its own."""
    crew = Crew(1)
    tries: list[int] = []

    def work() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise KeyboardInterrupt
        return 7

    with pytest.raises(KeyboardInterrupt):
        crew.take("a", work, nothing)
    assert crew.take("a", work, nothing) == 7
    crew.stop()


def test_waiting_ends_when_the_check_says_so() -> None:
    """A signal does not wait for a silent org."""
    crew, never = Crew(1), threading.Event()

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        crew.take("a", never.wait, stop)
    never.set()
    crew.stop()


def test_after_the_end_nothing_is_begun() -> None:
    """What was only asked for is left out; what is under way is waited for."""
    ahead, go, begun = Ahead(), threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        begun.set()
        go.wait(10)
        done.append("slow")

    walk = ahead.walk("s", 1, size=1)
    walk.pages.want(1, slow)
    walk.pages.want(2, lambda: done.append("never"))
    assert begun.wait(10)
    threading.Timer(0.1, go.set).start()
    ahead.close()
    assert done == ["slow"]
    assert ahead.walks == {}
    assert ahead.begins("s", 1)
    assert not ahead.begins("s", 1)
