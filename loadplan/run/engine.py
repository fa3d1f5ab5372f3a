"""The only loop: decide, perform, journal; again. It joins the pure core to the effects and has no rule of its own.

One thread: Salesforce does the parallel work, several jobs are kept in flight by asking in turn whichever is due. A run is
therefore a function of plan, answers and time, and can be replayed. Only pages of a query may be fetched by other threads
(`ahead`), and they too are taken, judged and put on record here, in their order.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import field

from loadplan.clock import Clock
from loadplan.errors import DetachedError, InterruptedRunError, LoadplanError, OrgError, UndecidedError
from loadplan.lean import dataclass
from loadplan.plan.model import Plan
from loadplan.run import decide as do
from loadplan.run.activity import Activity
from loadplan.run.ahead import LEAVE, LEAVE_NOW, Ahead
from loadplan.run.events import Event, JobEvent, Recorded, RequestFailed, RunEnded, RunInterrupted
from loadplan.run.folder import RunFolder
from loadplan.run.journal import Journal
from loadplan.run.quotas import Quota
from loadplan.run.resolution import heard, resolve_commands
from loadplan.run.rows import Rows
from loadplan.run.state import Attempt, Run, apply
from loadplan.salesforce.port import AuthRefused, Org, OrgFault, QuotaExceeded, Refused, Unavailable
from loadplan.sources.base import InputDigest

Listener = Callable[[Recorded, Run], None]
PollListener = Callable[[str, int, int, str, int | None, float], None]
Excused = Callable[[Run, str], int]
"""Of a settled step the rows that did not land and that its gate does not count."""


def none_excused(run: Run, step: str) -> int:
    """Outside of a rehearsal every row counts."""
    return 0


@dataclass(frozen=True)
class Patience:
    """How often in a row one request may go without a usable answer, and the seconds between tries."""

    tries: int = 8
    first: float = 1.0
    factor: float = 2.0
    max: float = 60.0

    def delay(self, failures: int) -> float:
        return min(self.max, self.first * self.factor ** (failures - 1))


class Interrupt(BaseException):
    """Raised by a signal handler in the middle of an action that does not end, such as a request that stalls. Breaking in
    there is as safe as a kill: the intent is on record, and a resume asks what became of it."""


@dataclass
class Stop:
    """Set by a signal handler; read between actions. `may_break` tells the handler that `Interrupt` may be raised: an action
    is under way, and no record is being written."""

    signal: int | None = None
    may_break: bool = False


@dataclass
class Engine:
    """Everything a run needs, given from outside. `inputs` are the digests of the sources as they were checked."""

    plan: Plan
    run: Run
    org: Org
    journal: Journal
    folder: RunFolder
    clock: Clock
    inputs: Mapping[str, InputDigest]
    parallelism: int = 4
    detach: bool = False
    max_delete_rows: int | None = None
    quota: Quota | None = None
    patience: Patience = field(default_factory=Patience)
    stop: Stop = field(default_factory=Stop)
    listeners: tuple[Listener, ...] = ()
    poll_listeners: tuple[PollListener, ...] = ()
    timers: do.Timers = field(default_factory=do.Timers)
    ahead: Ahead = field(default_factory=Ahead)
    watched: Activity | None = None
    excused: Excused = none_excused

    def __post_init__(self) -> None:
        self.rows = Rows(self.plan, self.run, self.folder)
        self.activity = self.watched or Activity(self.clock)

    def emit(self, event: Event) -> None:
        """Journal, fold, tell: in this order. Returns only when the event is durable."""
        breakable, self.stop.may_break = self.stop.may_break, False
        record = self.journal.append(event)
        apply(self.run, record)
        for listen in self.listeners:
            listen(record, self.run)
        self.stop.may_break = breakable

    def go(self) -> int:
        """Run to the end; the exit code (0 or 1). Raises what stops it before: the run stays resumable."""
        from loadplan.run.perform import perform

        try:
            while True:
                self.check_stop()
                decision = do.decide(
                    self.run, self.plan, self.timers, self.clock.monotonic(), parallelism=self.parallelism
                )
                match decision:
                    case do.Finished():
                        return self._end()
                    case do.Halt():
                        raise self._halted(decision)
                    case do.Wait():
                        if self.detach and self.run.running_jobs():
                            raise self.detached("jobs were left running, as --async asks")
                        self.clock.wait(decision.until - self.clock.monotonic())
                    case _:
                        self._try(perform, decision)
        except Interrupt:
            self.stop.may_break = False
            stopped = self._interrupted()
            self._note_stop(stopped)
            raise stopped from None
        except LoadplanError as error:
            if not error.next_commands:
                error.next_commands = (self.resume_command,)
            self._note_stop(error)
            raise
        finally:
            self.ahead.close(LEAVE if self.stop.signal is None else LEAVE_NOW)

    def _try(self, perform: Callable[[Engine, do.Action], None], action: do.Action) -> None:
        try:
            try:
                self.stop.may_break = True
                perform(self, action)
            finally:
                self.stop.may_break = False
        except Unavailable as fault:
            self._again_later(action, fault)
        except QuotaExceeded as fault:
            raise self._used_up(fault) from fault
        except AuthRefused as fault:
            raise self._gone_quiet(f"the org no longer accepts the credentials: {fault.detail}", fault) from fault
        except Refused as fault:
            raise self._gone_quiet(f"the org refused: {fault.detail}", fault) from fault
        else:
            self.timers.failures.pop(action.key, None)

    def _again_later(self, action: do.Action, fault: Unavailable) -> None:
        failures = self.timers.failures.get(action.key, 0) + 1
        self.timers.failures[action.key] = failures
        delay = max(self.patience.delay(failures), min(fault.retry_after or 0.0, 600.0))
        last = failures >= self.patience.tries
        attempt = next((a for a in self.run.steps[action.step].attempts if (a.part, a.number) == action.key[1:]), None)
        if attempt is not None:
            self.emit(
                RequestFailed(
                    step=action.step, part=action.part, attempt=action.attempt, job=attempt.job, request=fault.request,
                    http=fault.status, detail=fault.detail, tries=failures, next_try=0.0 if last else delay,
                )
            )  # fmt: skip
        if last:
            raise self._gone_quiet(f"no usable answer after {failures} tries: {fault.detail}", fault)
        self.timers.due[action.key] = self.clock.monotonic() + delay

    # -- ways to stop ----------------------------------------------------------------------------------------------

    @property
    def resume_command(self) -> str:
        return f"loadplan resume {self.run.header.run if self.run.header else self.folder.id}"

    def _jobs_line(self) -> list[str]:
        return [
            f"still running in Salesforce: {a.step} {a.job} ({a.state or a.phase})" for a in self.run.running_jobs()
        ]

    def detached(self, why: str) -> DetachedError:
        """Exit 7: jobs go on in Salesforce without us."""
        return DetachedError(
            why, code="LP0507", details=self._jobs_line(), next_commands=[self.resume_command, "loadplan status"]
        )

    def _used_up(self, fault: QuotaExceeded) -> DetachedError:
        """Exit 7: nothing was applied, and asking again soon is no use."""
        return DetachedError(
            f"a limit of the org is used up: {fault.message}", code="LP0516",
            details=[f"request: {fault.request}", *self._jobs_line()],
            hint="daily limits count the last 24 hours: go on later; nothing was lost",
            next_commands=[self.resume_command],
        )  # fmt: skip

    def _gone_quiet(self, why: str, fault: OrgFault) -> LoadplanError:
        details = [f"request: {fault.request}", *self._jobs_line()]
        if self.run.running_jobs():
            return DetachedError(why, code="LP0507", details=details, next_commands=[self.resume_command])
        return OrgError(
            why,
            code="LP0508",
            details=details,
            hint="check the network, the org's status page and the credentials; nothing was lost, the run can go on",
            next_commands=[
                "loadplan org check -o " + (self.run.header.org if self.run.header else "ORG"),
                self.resume_command,
            ],
        )

    def _halted(self, halt: do.Halt) -> LoadplanError:
        a = halt.attempt
        where = f"{a.step}/{a.part} {a.job}".rstrip()
        if a.phase != "undecided":
            return OrgError(
                f"{halt.why} for {where}", code="LP0508", details=self._jobs_line(),
                hint="the runbook lists each try; go on when the cause is mended", next_commands=[self.resume_command],
            )  # fmt: skip
        return UndecidedError(
            f"{where}: {halt.why}, so nobody can tell from here which of its {a.rows:,} rows were saved",
            code="LP0501",
            details=[
                f"the org had said {heard(a)}",
                f"the rows: {self._rows_of(a)}",
                "nothing was sent again",
                *self._jobs_line(),
            ],
            hint="look into the org for these rows, then say what is true; `loadplan resume` goes on from there",
            next_commands=resolve_commands(self.folder.id, a),
        )

    def _rows_of(self, attempt: Attempt) -> str:
        """Where the rows of a part can be looked at."""
        fact = self.run.steps[attempt.step].parts[attempt.part].fact_of(attempt.round)
        if not fact.end:
            return str(self.folder.path(fact.file))
        source = getattr(self.plan.steps[attempt.step].source, "path", "the source")
        return f"{source}, rows {fact.first:,} to {fact.first + fact.rows - 1:,}"

    def check_stop(self) -> None:
        """Raise `InterruptedRunError` when a signal asked the run to stop."""
        if self.stop.signal is not None:
            raise self._interrupted()

    def _interrupted(self) -> InterruptedRunError:
        return InterruptedRunError(
            "interrupted: no new request is sent, the state is saved",
            signal_number=self.stop.signal or signal.SIGINT,
            code="LP0506",
            details=self._jobs_line(),
            next_commands=[self.resume_command, f"loadplan abort {self.folder.id}"],
        )

    def _note_stop(self, error: LoadplanError) -> None:
        exit_code = 128 + error.signal_number if isinstance(error, InterruptedRunError) else error.exit_code
        if exit_code == 9:
            return  # the disk refused; the journal already ends at its last durable record
        jobs = tuple(a.job for a in self.run.running_jobs())
        self.emit(RunInterrupted(reason=error.summary, exit=exit_code, jobs=jobs))

    def _end(self) -> int:
        shut = [s for s in self.run.steps.values() if s.state == "blocked" or (s.gate and s.gate.verdict != "open")]
        left = sum(s.counts.left_over for s in self.run.steps.values())
        result = "failed" if shut else "succeeded with rows left over" if left else "succeeded"
        self.emit(RunEnded(result=result, exit=1 if shut else 0))
        return 1 if shut else 0


def where(action: do.Action, **rest: object) -> dict[str, object]:
    """Keyword arguments of a job event for this action."""
    return {"step": action.step, "part": action.part, "attempt": action.attempt, **rest}


__all__ = ["Engine", "JobEvent", "Patience", "Stop", "where"]
