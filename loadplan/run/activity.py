"""Activity: what is being read, sent and fetched at this moment, in bytes and rows that were really moved.

It counts and tells; it shows nothing. Whoever does the work adds to its own `Work` once a block, a page or some thousand rows, from
one thread; whoever shows it reads the numbers at any time. There is no lock and no thread: a number that is a block old does
no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field

from loadplan.clock import Clock
from loadplan.lean import dataclass
from loadplan.salesforce.port import Reader
from loadplan.sources.partdata import Body

BEAT = 30.0
"""Seconds between two lines of a log about the same work."""


@dataclass(eq=False)
class Work:
    """One piece: `kind` is reading, cutting, sending or fetching. `rows` and `bytes` are what it comes to when it is done, 0
    where nobody knows; `moved` and `counted` the bytes and rows so far."""

    kind: str
    step: str
    part: int = 0
    rows: int = 0
    bytes: int = 0
    began: float = 0.0
    moved: int = 0
    counted: int = 0
    _beat: float = 0.0
    _tell: Callable[[Work], None] | None = None
    _now: Callable[[], float] | None = None

    def add(self, rows: int, bytes_: int) -> None:
        """So much more was moved."""
        self.counted += rows
        self.moved += bytes_
        if self._tell is not None and self._now is not None and self._now() >= self._beat:
            self._beat += BEAT
            self._tell(self)


class ToldBody:
    """A part that is sent, telling how much of it was read; read again from its beginning, it counts anew."""

    def __init__(self, body: Body, work: Work) -> None:
        self._body, self._work = body, work

    def __len__(self) -> int:
        return len(self._body)

    def tell(self) -> int:
        return self._body.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        self._work.moved = 0
        return self._body.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        data = self._body.read(size)
        self._work.add(0, len(data))
        return data


class ToldReader:
    """A reader of an answer, telling how much of it came."""

    def __init__(self, reader: Reader, work: Work) -> None:
        self._reader, self._work = reader, work
        self.counted = reader.counted

    def feed(self, block: bytes) -> None:
        self._reader.feed(block)
        self._work.add(0, len(block))


@dataclass
class Activity:
    """All work under way. `tell` hears of work that takes long, every `BEAT` seconds; `ended` of all that is done, with the
    seconds it took."""

    clock: Clock
    tell: Callable[[Work], None] | None = None
    ended: Callable[[Work, float], None] | None = None
    now: list[Work] = field(default_factory=list)

    @contextmanager
    def work(self, kind: str, step: str, part: int = 0, *, rows: int = 0, bytes_: int = 0) -> Iterator[Work]:
        """Work that is under way until the block ends."""
        began = self.clock.monotonic()
        work = Work(kind, step, part, rows, bytes_, began, 0, 0, began + BEAT, self.tell, self.clock.monotonic)
        self.now.append(work)
        try:
            yield work
        finally:
            self.now.remove(work)
        if self.ended is not None:
            self.ended(work, self.clock.monotonic() - began)
