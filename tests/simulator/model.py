"""Model of the protocol of one part, explored state by state, with every fault in every place: the design, without the code.

Server job: (state, puts, applied), where O is Open, U UploadComplete or InProgress, D JobComplete, A Aborted. Journal: (id, uploaded,
done, version). Runner: (where it is, id, version seen). A request may be lost, have its effect with the answer lost, be delayed (it
waits in limbo and arrives at any later time) or arrive twice. Runners crash. One lets the guards be left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

GUARDS = frozenset({"id first", "abort first", "compare and set", "uploaded mark"})
"""The id is on record before the PATCH; an uncertain job is aborted and seen `Aborted` before another is made; a record is only
written on top of the last one that the writer knows (one runner); only a job that is known to be uploaded is closed again."""

Job = tuple[str, int, int]
Jobs = tuple[Job, ...]
Request = tuple[Any, ...]
Runner = tuple[str, int | None, int]
Journal = tuple[int | None, bool, bool, int]
State = tuple[Jobs, tuple[Runner, ...], Journal, tuple[Request, ...], int, int]
MOST_JOBS = 3


def serve(jobs: Jobs, request: Request) -> tuple[Jobs, tuple[Any, ...] | None]:
    """(jobs afterwards, answer); no answer when the model has no room for another job."""
    kind = request[0]
    if kind == "create":
        return (jobs, None) if len(jobs) == MOST_JOBS else ((*jobs, ("O", 0, 0)), ("id", len(jobs)))
    number = request[1]
    state, puts, applied = jobs[number]

    def changed(job: Job) -> Jobs:
        return (*jobs[:number], job, *jobs[number + 1 :])

    if kind == "put":
        return (changed((state, min(puts + 1, 2), applied)), ("ok",)) if state == "O" else (jobs, ("400",))
    if kind == "patch":
        if state != "O":
            return jobs, ("400",)
        if puts > 1:
            return jobs, ("two contents",)
        return changed(("U", puts, applied) if puts else ("D", 0, applied)), ("ok",)
    if kind == "abort":
        return (changed(("A", puts, applied)), ("ok",)) if state in "OU" else (jobs, ("400",))
    return jobs, ("state", state, applied)


@dataclass(frozen=True)
class Model:
    """The runners with some of the guards, and how much may go wrong."""

    guards: frozenset[str] = GUARDS
    faults: int = 3
    crashes: int = 2
    runners: int = 1

    def start(self, journal: Journal) -> tuple[str, int | None]:
        if journal[2]:
            return "end", None
        return ("recover", journal[0]) if journal[0] is not None else ("create", None)

    def asks(self, place: str, job: int | None) -> Request:
        kinds = {"create": "create", "put": "put", "patch": "patch", "patch again": "patch", "abort": "abort"}
        kind = kinds.get(place, "get")
        return (kind,) if kind == "create" else (kind, job)

    def after(self, place: str, job: int | None, journal: Journal, answer: tuple[Any, ...] | None) -> tuple[str, Any]:
        """Where a runner is after an answer; None is no answer."""
        said = answer[0] if answer else None
        again: tuple[str, Any] = ("abort", job) if "abort first" in self.guards else ("create", None)
        if place == "create":
            if said != "id" or answer is None:
                return "create", None
            return ("note id" if "id first" in self.guards else "put"), answer[1]
        if place == "put":
            return (("note upload" if "uploaded mark" in self.guards else "patch"), job) if said == "ok" else again
        if place in {"patch", "patch again"}:
            if said == "ok":
                return ("poll", job) if "id first" in self.guards else ("note id", job)
            return again if said == "two contents" else ("recover", job)
        if place == "abort":
            return "verify", job
        if said != "state" or answer is None:
            return place, job
        return self._seen(place, job, journal, answer[1], answer[2], again)

    def _seen(
        self, place: str, job: int | None, journal: Journal, state: str, applied: int, again: tuple[str, Any]
    ) -> tuple[str, Any]:
        if state == "U":
            return "poll", job
        if state in "DA":
            return ("note done", job) if applied else ("create", None)
        known = "uploaded mark" in self.guards and journal[1] and journal[0] == job
        return ("patch again", job) if known and place != "verify" else again

    # all that may happen next

    def steps(self, now: State) -> Iterator[tuple[State, str]]:
        jobs, runners, journal, limbo, faults, crashes = now
        for number, (state, puts, applied) in enumerate(jobs):
            if state == "U":
                done = (*jobs[:number], ("D", puts, applied + 1), *jobs[number + 1 :])
                yield (done, runners, journal, limbo, faults, crashes), f"the org works off job {number}"
        for number, request in enumerate(limbo):
            left = (*limbo[:number], *limbo[number + 1 :])
            yield (serve(jobs, request)[0], runners, journal, left, faults, crashes), f"{request} arrives late"
        for number in range(len(runners)):
            yield from self._runner_steps(now, number)

    def _runner_steps(self, now: State, number: int) -> Iterator[tuple[State, str]]:
        jobs, runners, journal, limbo, faults, crashes = now
        place, job, version = runners[number]

        def state(
            runner: Runner, jobs: Jobs = jobs, journal: Journal = journal, limbo: tuple[Request, ...] = limbo,
            faults: int = faults, crashes: int = crashes,
        ) -> State:  # fmt: skip
            return jobs, (*runners[:number], runner, *runners[number + 1 :]), journal, limbo, faults, crashes

        if place == "end":
            return
        if crashes < self.crashes:
            yield state((*self.start(journal), journal[3]), crashes=crashes + 1), f"runner {number} crashes at {place}"
        if place.startswith("note"):
            yield self._noted(state, place, job, version, journal), f"runner {number}: {place} {job}"
            return
        request = self.asks(place, job)
        changed, answer = serve(jobs, request)
        if answer is None:
            return
        yield state((*self.after(place, job, journal, answer), version), jobs=changed), f"{request} -> {answer}"
        if faults < self.faults and request[0] != "get":
            unheard = (*self.after(place, job, journal, None), version)
            yield state(unheard, faults=faults + 1), f"{request} is lost"
            yield state(unheard, jobs=changed, faults=faults + 1), f"the answer to {request} is lost"
            if len(limbo) < 2:
                waiting = (*limbo, request)
                heard = (*self.after(place, job, journal, answer), version)
                yield state(unheard, limbo=waiting, faults=faults + 1), f"{request} is delayed"
                yield state(heard, jobs=changed, limbo=waiting, faults=faults + 1), f"{request} will arrive twice"

    def _noted(self, state: Any, place: str, job: int | None, version: int, journal: Journal) -> State:
        if "compare and set" in self.guards and version != journal[3]:
            refused: State = state((*self.start(journal), journal[3]))
            return refused
        following = journal[3] + 1
        first = "id first" in self.guards
        notes: dict[str, tuple[Runner, Journal]] = {
            "note id": (("put" if first else "poll", job, following), (job, False, journal[2], following)),
            "note upload": (("patch", job, following), (journal[0], True, journal[2], following)),
            "note done": (("end", job, following), (journal[0], journal[1], True, following)),
        }
        runner, written = notes[place]
        noted: State = state(runner, journal=written)
        return noted


@dataclass(frozen=True)
class Explored:
    """`states` were seen; `violation` is how rows came to be applied twice, or lost, step by step; empty when they never were."""

    states: int
    steps: int
    violation: tuple[str, ...]


def explore(model: Model) -> Explored:
    """Every state that can be reached. Rows are applied at most once, and once when the journal says that it is done."""
    journal: Journal = (None, False, False, 0)
    first: State = ((), tuple((*model.start(journal), 0) for _ in range(model.runners)), journal, (), 0, 0)
    came: dict[State, tuple[State, str] | None] = {first: None}
    waiting, steps = deque([first]), 0
    while waiting:
        now = waiting.popleft()
        applied = sum(job[2] for job in now[0])
        if applied > 1 or (now[2][2] and applied != 1):
            return Explored(len(came), steps, _way(came, now))
        for following, what in model.steps(now):
            steps += 1
            if following not in came:
                came[following] = (now, what)
                waiting.append(following)
    return Explored(len(came), steps, ())


def _way(came: dict[State, tuple[State, str] | None], end: State) -> tuple[str, ...]:
    way: list[str] = []
    before = came[end]
    while before is not None:
        way.append(before[1])
        before = came[before[0]]
    return tuple(reversed(way))
