"""A story: one plan, one embedded org over real HTTP, one clock that never sleeps. Killing and resuming are one call each."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from loadplan.cli import loading
from loadplan.emulator.faults import Faults
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import InvalidInputError, LoadplanError
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import load_plan
from loadplan.run import events as ev
from loadplan.run.engine import Engine, Patience
from loadplan.run.folder import RunFolder
from loadplan.run.journal import FileJournal
from loadplan.run.quotas import Quota
from loadplan.run.state import Run, fold
from loadplan.salesforce.http import Timeouts
from loadplan.salesforce.info import limits_now
from loadplan.salesforce.orgs import connect_with_token

START = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


class FakeClock:
    """Time moves only when somebody waits; the org reads the same clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds) + 0.001

    def wake(self) -> None:
        """Nothing sleeps."""

    def epoch(self) -> float:
        return self.now().timestamp()


class Killed(BaseException):
    """The process ends here: nothing may catch it."""


@dataclass
class KillPoint:
    """Ends the process at the n-th call of an org method, before it is sent or after it was answered."""

    at: int
    when: str
    calls: int = 0
    names: list[str] = field(default_factory=list)
    counting: threading.Lock = field(default_factory=threading.Lock)


class KillableOrg:
    """The real client; a kill point in front of it or behind it."""

    def __init__(self, org: Any, point: KillPoint) -> None:
        self._org, self._point = org, point

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._org, name)
        if not callable(real):
            return real

        def call(*args: Any, **rest: Any) -> Any:
            with self._point.counting:
                self._point.calls += 1
                self._point.names.append(name)
                here = self._point.calls == self._point.at
            if here and self._point.when == "before":
                raise Killed
            answer = real(*args, **rest)
            if here:
                raise Killed
            return answer

        return call


class KillableJournal:
    """Ends the process just before the n-th record would become durable."""

    def __init__(self, journal: FileJournal, at: int) -> None:
        self._journal, self._at, self.appended = journal, at, 0

    def append(self, event: ev.Event) -> ev.Recorded:
        self.appended += 1
        if self.appended == self._at:
            raise Killed
        return self._journal.append(event)


@dataclass
class Story:
    """Everything of one run, ready to be driven, killed and driven again."""

    folder: Path
    plan_text: str
    files: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    parallelism: int = 4
    max_delete_rows: int | None = None
    describe: Sequence[Path] = ()
    limits: Mapping[str, int] | None = None
    """`limits:` of the org's entry; None does not ask the org at all."""

    mended: tuple[ev.Mended, ...] = ()
    """Rows that the next retry takes."""

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.tokens = 0
        self.plan_file = self.folder / "plan.yaml"
        self.plan_file.write_text(self.plan_text, encoding="utf-8")
        for name, rows in self.files.items():
            with (self.folder / name).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
        self.org = EmbeddedOrg(None, settings=self.settings, describe=self.describe, clock=self.clock.epoch)
        self.run_folder = RunFolder(self.folder / ".loadplan" / "runs" / "20261123T101500Z-story-0000")

    def __enter__(self) -> Story:
        self.org.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.org.stop()

    @property
    def faults(self) -> Faults:
        return self.org.faults

    def drive(
        self,
        *,
        kill: KillPoint | None = None,
        kill_record: int | None = None,
        retry: Sequence[str] | None = None,
        patience: Patience | None = None,
        **watching: Any,
    ) -> Run:
        """Start the run, or go on with it if it has begun; `watching` are listeners of the engine. Raises `Killed` at the kill
        point."""
        self.plan = load_plan(self.plan_file)
        graph = compile_graph(self.plan)
        run = loading.fresh_run(graph)
        digests = loading.check_data(self.plan, run, self.run_folder)
        client: Any = connect_with_token(
            self.org.instance_url, self._hand_out, clock=self.clock, timeouts=Timeouts(5, 5)
        )
        quota = None
        if self.limits is not None:
            plain = client
            quota = Quota(
                self.limits, lambda: limits_now(plain, self.clock, "66.0"), lambda: plain.http.requests, self.clock
            )
        if kill:
            client = KillableOrg(client, kill)
        if self.run_folder.journal.exists():
            journal, records = FileJournal.reopen(self.run_folder.journal, self.clock)
            run = fold(run, records)
        else:
            self.run_folder.create()
            journal, records = FileJournal.create(self.run_folder.journal, self.clock), []
        first: list[ev.Event] = [
            ev.RunResumed("tester", "here", "0")
            if records
            else ev.RunStarted(
                self.run_folder.id,
                "story",
                "plan.yaml",
                "0" * 64,
                "embedded",
                "00D",
                "x",
                "tester",
                "66.0",
                "0",
                "tester",
                "h",
            )
        ]
        if retry is not None:
            first.append(ev.RetryRequested(tuple(retry), "tester", self.mended))
        self.journal: Any = KillableJournal(journal, kill_record) if kill_record else journal
        self.engine = engine = Engine(
            self.plan, run, client, self.journal, self.run_folder, self.clock, digests,
            parallelism=self.parallelism, patience=patience or Patience(), max_delete_rows=self.max_delete_rows,
            quota=quota, **watching,
        )  # fmt: skip
        try:
            for event in first:
                engine.emit(event)
            engine.go()
        finally:
            journal.close()
            self.run = engine.run
        return engine.run

    def _hand_out(self) -> str:
        self.tokens += 1
        return self.org.access_token()

    def applied(self, name: str) -> dict[str, int]:
        """How often the org applied each row of an object."""
        return self.org.org.ledger.applied(name)


__all__ = ["Callable", "FakeClock", "InvalidInputError", "KillPoint", "Killed", "LoadplanError", "Story"]
