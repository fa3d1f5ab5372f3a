"""One thread behind another: order kept, errors told, nothing done after them."""

from __future__ import annotations

import threading

import pytest
from loadplan.behind import BATCH, INLINE, WAITING, Behind

MANY = INLINE + BATCH * (WAITING + 3) + 1


@pytest.mark.parametrize("count", [0, 1, INLINE, INLINE + 1, INLINE + BATCH, MANY])
def test_every_block_is_worked_off_in_order(count: int) -> None:
    """A short stream by the caller, a long one by a thread; empty blocks are left out."""
    done: list[bytes] = []
    blocks = [b"%d" % n for n in range(count)]
    with Behind(done.append) as behind:
        for block in blocks:
            behind.put(block)
            behind.put(b"")
    assert done == blocks


def test_a_long_stream_has_a_thread_and_one_beside_it_has_none() -> None:
    """Several streams share the processors already."""
    workers: dict[str, set[str]] = {"first": set(), "second": set()}

    def work(name: str) -> None:
        workers[name].add(threading.current_thread().name)

    with Behind(lambda _: work("first")) as first:
        for _ in range(MANY):
            first.put(b"x")
        with Behind(lambda _: work("second")) as second:
            for _ in range(MANY):
                second.put(b"x")
    assert workers["first"] == {threading.current_thread().name, "loadplan-behind"}
    assert workers["second"] == {threading.current_thread().name}


@pytest.mark.parametrize("at", [0, INLINE - 1, INLINE + 2, MANY - 1])
def test_what_goes_wrong_is_told_to_the_caller_and_ends_the_work(at: int) -> None:
    """In a later `put`, or at the end; the caller never waits for a thread that gave up."""
    done: list[int] = []

    def work(block: bytes) -> None:
        if int(block) == at:
            raise OSError(28, "No space left on device")
        done.append(int(block))

    def hand_over() -> None:
        with Behind(work) as behind:
            for n in range(MANY):
                behind.put(b"%d" % n)

    with pytest.raises(OSError, match="No space"):
        hand_over()
    assert done == list(range(at))


def test_an_error_of_the_caller_is_not_hidden_by_one_of_the_thread() -> None:
    """What the caller raised is what it gets."""

    def work(_: bytes) -> None:
        raise OSError

    def hand_over() -> None:
        with Behind(work) as behind:
            behind._taken = INLINE
            behind.put(b"x")
            raise KeyError

    with pytest.raises(KeyError):
        hand_over()
