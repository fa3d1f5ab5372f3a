"""Guards taken away, one at a time. A harness that finds nothing then is blind.

Each mutation names the guard, how it is taken away, and the stories in which its absence has to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from loadplan.cli import flow
from loadplan.gunzip import Gunzip
from loadplan.run import decide, lifecycle, perform
from loadplan.run import events as ev
from loadplan.run.journal import FileJournal
from loadplan.run.rows import UNPROCESSED, Left, Rows
from loadplan.salesforce import download

from simulator import grid
from simulator.judge import check, compare
from simulator.scenarios import SCENARIOS
from simulator.storage import SimulatedDisk
from simulator.stories import Story, boundaries, place, single_crashes, tell, undisturbed
from simulator.wire import Fault
from simulator.world import World


@dataclass(frozen=True)
class Mutation:
    guard: str
    without: Callable[[], AbstractContextManager[Any]]
    problems: Callable[[], Iterator[str]]
    """What the stories break, story by story; empty texts for those that break nothing."""


def _told(*stories: Story) -> Callable[[], Iterator[str]]:
    return lambda: (tell(story) for story in stories)


def _crashes(name: str, power: str = "kill") -> Callable[[], Iterator[str]]:
    """From the first close on: before it there is nothing to lose."""

    def stories() -> Iterator[str]:
        first = boundaries(name).index("send close")
        yield from (
            tell(s) for s in single_crashes([name]) if s.power == power and first <= (s.crashes[0] or 0) < first + 40
        )

    return stories


# -- taking guards away --------------------------------------------------------------------------------------------


@contextmanager
def _ids_written_late() -> Iterator[None]:
    """The id of a job goes to the disk only after its upload was closed, with all that happened since it was created."""
    real = FileJournal.append
    waiting: list[ev.Event] = []

    def append(journal: FileJournal, event: ev.Event) -> ev.Recorded:
        if isinstance(event, ev.JobCreated) or (waiting and not isinstance(event, ev.UploadClosed)):
            waiting.append(event)
            return ev.Recorded(0, journal._clock.now(), event)
        for late in waiting:
            real(journal, late)
        waiting.clear()
        return real(journal, event)

    def begin(journal: FileJournal, *args: Any, **rest: Any) -> None:
        waiting.clear()
        real_init(journal, *args, **rest)

    real_init = FileJournal.__init__
    with patch.object(FileJournal, "append", append), patch.object(FileJournal, "__init__", begin):
        yield


@contextmanager
def _without(*operations: str) -> Iterator[None]:
    """A disk that leaves operations out without a word."""
    real = SimulatedDisk.__init__

    def init(disk: SimulatedDisk, *args: Any) -> None:
        real(disk, *args)
        disk.skipped = set(operations)

    with patch.object(SimulatedDisk, "__init__", init):
        yield


@contextmanager
def _table(**changes: Any) -> Iterator[None]:
    """Other rules in the table of phases; a name is `phase__Event`."""
    table = {(key.partition("__")[0], getattr(ev, key.partition("__")[2])): value for key, value in changes.items()}
    with patch.dict(lifecycle.INGEST, table):
        yield


def _open_means_never_closed(attempt: Any, event: Any) -> str:
    """`Open` after the PATCH: the mutant takes it for a PATCH that never arrived, and begins another job at once."""
    return "lost" if event.state == "Open" else lifecycle._after_close_seen(attempt, event)


@contextmanager
def _both(*contexts: AbstractContextManager[Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


@contextmanager
def _any_body_is_whole() -> Iterator[None]:
    def raw(name: str, answer: Any, length: int | None) -> Iterator[bytes]:
        del name, length
        while block := answer.raw.read(1 << 16, decode_content=False):
            yield block

    def save(name: str, answer: Any, to: Any, **rest: Any) -> Any:
        rest["rows"] = None
        return real(name, answer, to, **rest)

    def cut_is_fine(*_: Any) -> None:
        return

    real = download.save
    with ExitStack() as stack:
        stack.enter_context(patch.object(download, "_raw", raw))
        stack.enter_context(patch.object(download, "_check_end", cut_is_fine))
        stack.enter_context(patch.object(Gunzip, "finish", lambda _: iter(())))
        stack.enter_context(patch("loadplan.salesforce.bulk2.save", save))
        stack.enter_context(patch("loadplan.run.extract.reconcile_query", lambda **_: ""))
        yield


@contextmanager
def _whole_part_again() -> Iterator[None]:
    """A retry sends every row of the part, not only those that did not land."""

    def everything(rows: Rows, step: Any, attempt: Any) -> Left:
        return Left(rows._of_attempt(step, attempt), dict.fromkeys(range(attempt.rows), UNPROCESSED))

    with patch.object(Rows, "left", everything):
        yield


@contextmanager
def _no_gate() -> Iterator[None]:
    with patch.object(decide, "shut_parent", lambda *_: None), patch.object(perform, "shut_parent", lambda *_: None):
        yield


@contextmanager
def _no_lock() -> Iterator[None]:
    @contextmanager
    def nothing(*_: Any, **__: Any) -> Iterator[None]:
        yield

    with patch.object(flow, "hold_lock", nothing):
        yield


@contextmanager
def _no_counting() -> Iterator[None]:
    """Counts that do not meet are taken as they are."""
    with patch.object(perform, "reconcile_job", lambda **_: ""), patch.object(Rows, "_is_settled", lambda *_: True):
        yield


# -- stories that need more than crashes and faults ------------------------------------------------------------------


def two_runners(name: str, at: int) -> str:
    """While one runner sends its `at`-th request another one resumes the same run, to its end. What broke, or the empty text."""
    wanted = undisturbed(name)[0]
    with World(place(), SCENARIOS[name]) as world:
        sent = 0

        def second(*_: Any) -> None:
            nonlocal sent
            sent += 1
            if sent != at or not world.has_begun:
                return
            world.wire.before = None
            passed, dead = world.fuse.passed, world.fuse.dead
            world.resume()
            world.fuse.passed, world.fuse.dead = passed, dead

        world.wire.before = second
        try:
            world.to_the_end()
            check(world)
            compare(world, wanted)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


def vanished(name: str, nth: int) -> str:
    """Somebody deletes a job after its upload was closed. The run has to say that it cannot know (exit 5), and send nothing again."""
    with World(place(), SCENARIOS[name]) as world:
        seen = 0

        def remove(request: Any, kind: str) -> None:
            nonlocal seen
            seen += kind == "job info"
            if kind == "job info" and seen == nth:
                world.clock.seconds += 5
                job = world.org.jobs.get(next(part for part in request.path.split("/") if part.startswith("750")))
                assert job is not None
                world.org._advance(world.clock.epoch(), 1_000)
                world.org.forget(job)

        world.wire.before = remove
        codes = [world.go_on(), world.go_on()]
        applied = [(entry.object, entry.key) for entry in world.org.ledger.entries()]
        twice = len(set(applied)) != len(applied)
    return "" if codes == [5, 5] and not twice else f"exits {codes}, {'rows twice' if twice else 'each row once'}"


def _cells(kind: str, effect: str) -> Iterator[str]:
    """What the grid of faults says of some of its cells."""
    return (grid.problem_of(cell) for cell in grid.cells() if (cell.row.kind, cell.effect) == (kind, effect))


def _runners(name: str) -> Iterator[str]:
    for at in range(5, len(undisturbed(name)[2]) + 1):
        yield two_runners(name, at)


MUTATIONS = (
    Mutation("the id of a job is on record before its upload", _ids_written_late, _crashes("keyless")),
    Mutation(
        "each record is synced before the next effect", lambda: _without("fsync"), _crashes("keyless", "power cut")
    ),
    Mutation(
        "the names of new files are synced too", lambda: _without("sync folder"), _crashes("keyless", "power cut")
    ),
    Mutation(
        "`Open` after the PATCH is no proof: the same job is closed again, or aborted, before another begins",
        lambda: _table(closing__JobObserved=_open_means_never_closed),
        _told(
            *(
                Story("keyless", faults=(Fault("close", "delayed", nth, late),))
                for nth in (1, 2)
                for late in range(1, 16)
            )
        ),
    ),
    Mutation(
        "an uncertain upload is not repeated into the same job",
        lambda: _table(uploading__UploadLost="created"),
        lambda: _cells("upload", "reset after"),
    ),
    Mutation(
        "a job that is given up is aborted, and seen so, before another begins",
        lambda: _table(uploading__UploadLost="lost"),
        lambda: _cells("upload", "reset after"),
    ),
    Mutation(
        "an abort is only believed when the job is seen `Aborted`",
        lambda: _table(aborting__AbortAnswered="abandoned"),
        lambda: _cells("upload", "reset after"),
    ),
    Mutation(
        "a job that vanished after its upload was closed is not sent again",
        lambda: _table(closing__JobGone="lost", processing__JobGone="lost"),
        lambda: (vanished("keyless", nth) for nth in (1, 2)),
    ),
    Mutation("one runner", _no_lock, lambda: _runners("keyless")),
    Mutation(
        "a body is proven whole",
        _any_body_is_whole,
        _told(
            *(Story("queries", faults=(Fault("page", cut, 1),)) for cut in ("short", "close cut", "gzip cut length"))
        ),
    ),
    Mutation(
        "only rows that did not land are sent again", _whole_part_again, _told(Story("cut-files"), Story("retried"))
    ),
    Mutation("a shut gate holds the children", _no_gate, _told(Story("shut"))),
    Mutation(
        "results are counted against what was sent",
        lambda: _both(_any_body_is_whole(), _no_counting()),
        _told(
            *(
                Story("retried", faults=(Fault("unprocessed", cut, 3),))
                for cut in ("short", "gzip cut length", "close cut")
            )
        ),
    ),
)


def found(mutation: Mutation) -> tuple[int, str]:
    """How many stories it takes until the missing guard shows, and what shows; (stories, "") when it never does."""
    for name in ("keyless", "retried", "queries", "shut", "cut-files", "chain"):
        undisturbed(name)  # with all guards
    list(grid.cells())
    number = 0
    with mutation.without():
        for number, problem in enumerate(mutation.problems(), 1):
            if problem:
                return number, problem
    return number, ""
