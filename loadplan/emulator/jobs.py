"""The jobs of the org: one record each, found by id, and in the order in which something falls due. No protocol here."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from .store import Store

TERMINAL = ("JobComplete", "Failed", "Aborted")
RUNNING = ("UploadComplete", "InProgress")


@dataclass(slots=True)
class Job:
    """An ingest or query job. Times are epoch seconds; 0 means not yet. Counters and offsets are what is durable."""

    id: str
    number: int
    kind: str
    operation: str
    object: str
    version: int
    created: float
    modified: float
    state: str = "Open"
    line_ending: str = "LF"
    delimiter: str = "COMMA"
    key: str | None = None
    assignment_rule: str | None = None
    query: str = ""
    columns: list[str] = field(default_factory=list)
    puts: int = 0
    closed: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    total: int = 0
    done: int = 0
    failed: int = 0
    millis: int = 0
    error: str | None = None
    midway: int | None = None
    loose_quotes: bool = False
    unrecorded: bool = False
    evaluated: bool = False
    good_size: int = 0
    bad_size: int = 0
    batches: list[list[int]] = field(default_factory=list)
    made: list[list[int]] = field(default_factory=list)
    retries: int = 0
    midway_state: str = "Failed"
    midway_message: str = ""
    midway_retries: int = 0
    rate: float = 0.0
    worked: float = 0.0
    due: float = 0.0

    @property
    def has_ended(self) -> bool:
        return self.state in TERMINAL

    @property
    def is_running(self) -> bool:
        return self.state in RUNNING

    def end(self, state: str, now: float, error: str | None = None) -> None:
        """Move to a terminal state."""
        self.state, self.error, self.modified, self.ended = state, error, now, now
        self.millis = max(1, int((now - self.started) * 1000)) if self.started and self.done else 0


_FIELDS = tuple(entry.name for entry in fields(Job))


class Jobs:
    """Every job in memory, each change written through to the store. Look-up and what is due next cost no scan.

    `due_of` says when a job of an earlier process wants to be looked at."""

    def __init__(self, store: Store, due_of: Callable[[Job], float]) -> None:
        self._store, self._due_of = store, due_of
        self.reload()

    def reload(self) -> None:
        """Read all jobs from the store again."""
        self._jobs: dict[str, Job] = {}
        self._due: list[tuple[float, int, str]] = []
        for (text,) in self._store.db.execute("select data from jobs order by number"):
            job = Job(**json.loads(text))
            job.due = self._due_of(job)
            self._jobs[job.id] = job
            self._queue(job)

    def __iter__(self) -> Iterator[Job]:
        """Oldest first."""
        return iter(self._jobs.values())

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def save(self, job: Job, due: float | None = None) -> None:
        """Write a job; `due` is when it wants to be looked at next (None: as before)."""
        if due is not None:
            job.due = due
        self._jobs[job.id] = job
        row = (job.id, job.number, json.dumps({name: getattr(job, name) for name in _FIELDS}))
        self._store.db.execute("insert or replace into jobs values(?,?,?)", row)
        if due is not None:
            self._queue(job)

    def remove(self, job: Job) -> None:
        """Forget a job."""
        del self._jobs[job.id]
        self._store.db.execute("delete from jobs where id=?", (job.id,))

    def _queue(self, job: Job) -> None:
        heapq.heappush(self._due, (job.due, job.number, job.id))

    def take_due(self, now: float, most: int | None = None) -> list[Job]:
        """The jobs whose time has come, longest due first. Each must be saved with its next time, or removed."""
        taken: dict[str, Job] = {}
        while self._due and self._due[0][0] <= now and len(taken) != most:
            due, _, job_id = heapq.heappop(self._due)
            job = self._jobs.get(job_id)
            if job is not None and job.due == due:
                taken[job_id] = job
        return list(taken.values())

    def next_due(self) -> float | None:
        """When the next job falls due (epoch seconds), or None."""
        while self._due:
            due, _, job_id = self._due[0]
            job = self._jobs.get(job_id)
            if job is not None and job.due == due:
                return due
            heapq.heappop(self._due)
        return None


def as_dict(job: Job) -> dict[str, Any]:
    """Everything known of a job, for the control endpoint."""
    return {name: getattr(job, name) for name in _FIELDS}
