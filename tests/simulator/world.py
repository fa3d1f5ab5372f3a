"""A world: one project, one org, and the commands of loadplan, run in it as often as it takes.

What stands in for the machine are three things that loadplan asks for at one place each: the session it sends with, the disk,
the clock. Everything else is what a user runs: `apply`, `resume` and `retry` of the command line.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
from loadplan import clock
from loadplan.cli import ending, flow, loading, planning, signals
from loadplan.cli.main import run
from loadplan.disk import using
from loadplan.emulator.faults import Faults
from loadplan.emulator.org import Org
from loadplan.emulator.settings import Settings
from loadplan.errors import BUG_EXIT_CODE
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import load_plan
from loadplan.run import ahead
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder, list_runs
from loadplan.run.journal import read_journal
from loadplan.run.resolution import part_name, undecided
from loadplan.run.state import Attempt, fold
from loadplan.salesforce import http

from simulator.clock import VirtualClock
from simulator.crash import Fuse, Killed
from simulator.scenarios import Scenario
from simulator.storage import SimulatedDisk
from simulator.wire import Fault, Wire

ORIGIN = "http://127.0.0.1:1"
ORGS = f"""\
version: 1
orgs:
  sim:
    instance_url: {ORIGIN}
    allow: [insert, update, upsert, delete, hardDelete, query]
    auth: {{flow: client_credentials, client_id: {{env: SIMULATOR_ID}}, client_secret: {{env: SIMULATOR_SECRET}}}}
"""
SAVED = "plan.lplan"
MOST_LIVES = 12
"""How often a person starts loadplan again before giving up."""


class StuckError(AssertionError):
    """The run did not come to its end, however often it was resumed."""


class BugError(AssertionError):
    """The command ended with the exit code of a bug."""


class Inline:
    """Work that is wanted ahead of its turn, done when it is taken: the order of requests is then a function of the plan."""

    def __init__(self, size: int) -> None:
        self._wanted: dict[Any, Callable[[], Any]] = {}

    def want(self, key: Any, call: Callable[[], Any]) -> None:
        self._wanted.setdefault(key, call)

    def take(self, key: Any, call: Callable[[], Any], check: Callable[[], None]) -> Any:
        check()
        return self._wanted.pop(key, call)()

    def stop(self) -> None:
        self._wanted.clear()

    def join(self, until: float) -> None:
        """Nothing is under way."""


class World:
    """A scenario in `folder`, which is made anew. `said` is what the commands printed, `exits` what they ended with."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder, self.scenario = folder, scenario
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        (self.project / "orgs.yaml").write_text(ORGS, encoding="utf-8")
        (self.project / "plan.yaml").write_text(scenario.plan, encoding="utf-8")
        for name, text in scenario.files.items():
            (self.project / name).write_text(text, encoding="utf-8")
        self.clock, self.fuse = VirtualClock(), Fuse()
        self.disk = SimulatedDisk(self.fuse, folder / "attic")
        self.wire = Wire(self.fuse, self.clock)
        shutil.copytree(_empty_org(), folder / "org")
        self.org = Org(folder / "org", scenario.settings, (), Faults(), self.clock.epoch())
        self.org.instance_url = ORIGIN
        self.wire.org = self.org
        scenario.arrange(self.org)
        self.exits: list[int | str] = []
        self.said = io.StringIO()
        self.passed: list[tuple[str, ...]] = []
        """The boundaries that each process passed."""
        self.chance: random.Random | None = None
        self.power_fails = False
        self._read: dict[Path, tuple[bytes, Sequence[Any]]] = {}
        """What each journal says, by the bytes it was read from."""
        if scenario.saved:
            self._save()

    def close(self) -> None:
        self.org.close()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # one process

    @contextmanager
    def _machine(self) -> Iterator[None]:
        def session(origin: str) -> requests.Session:
            real = _new_session(origin)
            real.mount(ORIGIN, self.wire)
            return real

        def finish(*args: Any) -> None:
            if self.fuse.dead:  # a dead process leaves no pages
                raise Killed
            _finish(*args)

        with ExitStack() as stack:
            stack.enter_context(using(self.disk))
            stack.enter_context(patch.object(http, "new_session", session))
            stack.enter_context(patch.object(flow, "SystemClock", lambda: self.clock))
            stack.enter_context(patch.object(planning, "SystemClock", lambda: self.clock))
            stack.enter_context(patch.object(clock, "SystemClock", lambda: self.clock))
            stack.enter_context(patch.object(flow, "finish", finish))
            # Signals are for the process that tells the stories, which somebody may want to stop.
            stack.enter_context(patch.object(signals, "stopping", lambda *_: contextlib.nullcontext()))
            stack.enter_context(patch.object(flow, "_git", lambda _: ""))
            stack.enter_context(patch.object(ahead, "Crew", Inline))
            stack.enter_context(contextlib.chdir(self.project))
            stack.enter_context(contextlib.redirect_stdout(self.said))
            stack.enter_context(contextlib.redirect_stderr(self.said))
            stack.enter_context(patch.dict("os.environ", {"SIMULATOR_ID": "id", "SIMULATOR_SECRET": "secret"}))
            yield

    def _process(self, command: Sequence[str], at: int | None) -> int | None:
        """One process from its start to its end: its exit code, or None when it was killed at boundary `at`. Raises `BugError`."""
        self.fuse.renew(at)
        try:
            with self._machine():
                code = run(command)
        except Killed:
            self.passed.append(tuple(self.fuse.passed))
            self.exits.append("killed")
            self.restart()
            return None
        self.passed.append(tuple(self.fuse.passed))
        self.exits.append(code)
        if code == BUG_EXIT_CODE:
            raise BugError(f"{self.scenario.name}: exits {self.exits}\n{self.said.getvalue()[-3000:]}")
        return code

    def restart(self) -> None:
        """The machine starts again: after a kill the disk is as it was, after a power cut what was not synced is gone."""
        if self.power_fails:
            self.disk.cut_power(self.project, self.chance)
        else:
            self.disk.settle()

    def apply(self, at: int | None = None) -> int | None:
        if self.scenario.saved:
            return self._process(["apply", SAVED, *self._wide], at)
        return self._process(["apply", "plan.yaml", "-o", "sim", "--auto-approve", *self._wide], at)

    def resume(self, at: int | None = None) -> int | None:
        return self._process(["resume", *self._wide], at)

    @property
    def _wide(self) -> tuple[str, str]:
        return "--parallelism", str(self.scenario.parallelism)

    def _save(self) -> None:
        """Somebody approves the plan. It is no part of the story."""
        self._process(["plan", "plan.yaml", "-o", "sim", "--out", SAVED], None)
        assert self.exits == [0], self.said.getvalue()
        self.disk.settle()
        self.exits.clear()
        self.passed.clear()
        self.wire.log.clear()

    def retry(self, at: int | None = None) -> int | None:
        folder = self.run_folder
        assert folder is not None
        rows = [word for step, file in self.scenario.mends.items() for word in ("--rows", f"{step}={file}")]
        return self._process(["retry", folder.id, *rows, *self._wide], at)

    def resolve(self, at: int | None = None) -> int | None:
        folder, (attempt, *_) = self.run_folder, self.undecided
        assert folder is not None
        said = ["--assume", self.scenario.assume, "--reason", "somebody looked"]
        return self._process(["resolve", folder.id, part_name(attempt), *said], at)

    # what a person does

    def go_on(self, at: int | None = None) -> int | None:
        """What somebody types who finds the machine like this: resume what was begun, else apply."""
        if self.scenario.assume and self.undecided:
            return self.resolve(at)
        return self.resume(at) if self.has_begun else self.apply(at)

    def to_the_end(
        self, crashes: Sequence[int | None] | None = None, *, between: Callable[[], None] | None = None
    ) -> None:
        """Start, and start again until the run has ended; then the retries of the scenario. The n-th process is killed at
        its boundary `crashes[n]`. Raises `StuckError`."""
        points = list(crashes or [])
        for retries in range(self.scenario.retries + 1):
            if retries:
                self.scenario.before_retry(self.org)
            self._until_it_ends(points, between, retries)
        self.wire.drain()
        self.disk.settle()

    def _until_it_ends(self, points: list[int | None], between: Callable[[], None] | None, retries: int) -> None:
        for _ in range(MOST_LIVES):
            at = points.pop(0) if points else None
            if self.has_ended and retries:
                self.retry(at)
            else:
                self.go_on(at)
            if self.has_ended and self._count(ev.RetryRequested) >= retries and self.exits[-1] != "killed":
                return
            if between is not None:
                between()
        raise StuckError(
            f"{self.scenario.name}: no end after {MOST_LIVES} starts: {self.exits}\n{self.said.getvalue()}"
        )

    # what is on the disk

    @property
    def run_folder(self) -> RunFolder | None:
        runs = [folder for folder in list_runs(self.project / ".loadplan") if self._records(folder)]
        return runs[-1] if runs else None

    def _records(self, folder: RunFolder) -> Sequence[Any]:
        """Read again only when it has changed: a story asks for it many times between two processes."""
        written = folder.journal.read_bytes() if folder.journal.exists() else b""
        if self._read.get(folder.root, (None, ()))[0] != written:
            self._read[folder.root] = (written, read_journal(folder.journal)[0])
        return self._read[folder.root][1]

    @property
    def has_begun(self) -> bool:
        """Whether there is a run that `resume` can go on with: its journal says more than that it is one."""
        runs = list_runs(self.project / ".loadplan")
        return bool(runs) and bool(self._records(runs[-1]))

    @property
    def has_ended(self) -> bool:
        """Whether the newest run is over: its last word about itself is that it ended."""
        folder = self.run_folder
        words = [type(r.event) for r in self._records(folder)] if folder else []
        return _last(words, ev.RunEnded) > _last(words, ev.RunResumed)

    @property
    def undecided(self) -> list[Attempt]:
        """The attempts that wait for a person."""
        folder = self.run_folder
        if folder is None:
            return []
        return undecided(
            fold(loading.fresh_run(compile_graph(load_plan(self.project / "plan.yaml"))), self._records(folder))
        )

    def _count(self, kind: type[ev.Event]) -> int:
        folder = self.run_folder
        return sum(isinstance(r.event, kind) for r in self._records(folder)) if folder else 0

    def planned(self, *faults: Fault) -> World:
        self.wire.plan = list(faults)
        return self


def _last(words: list[type[ev.Event]], word: type[ev.Event]) -> int:
    return max((place for place, found in enumerate(words, 1) if found is word), default=0)


@cache
def _empty_org() -> Path:
    """The folder of an org in which nothing has happened: copying it is quicker than making its tables each time."""
    folder = Path(tempfile.mkdtemp(prefix="empty-org-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Org(folder, Settings(), (), Faults(), VirtualClock().epoch()).close()
    return folder


_new_session = http.new_session
_finish = ending.finish
