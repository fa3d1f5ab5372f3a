"""Quotas: stop before a limit of the org, or one that orgs.yaml sets for a run, would stop us. Nothing is sent here but the question.

What the org has left is asked for (`/limits`, REST API Developer Guide) when a job is about to be created, once a minute at most;
jobs of this run that the answer cannot know yet are counted on top. A user who may not ask is not stopped by it. Batches are
counted as Salesforce makes them: 10,000 rows (Bulk API 2.0 Developer Guide, "Limits"); what a run has used of them is read off its
journal, so it counts over resumes. Requests are counted from the beginning of the command: the journal does not have all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from loadplan.clock import Clock
from loadplan.errors import DetachedError
from loadplan.lean import dataclass
from loadplan.run.state import Attempt, Run

BATCH_ROWS = 10_000
FRESH = 60.0
"""Seconds for which an answer about limits is good."""
REQUESTS_OF_A_JOB = 12
"""Create, upload, close, three results, and some looks."""

BATCHES, QUERIES, REQUESTS, STORAGE = (
    "DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DailyApiRequests", "DailyBulkV2QueryFileStorageMB",
)  # fmt: skip
NOUNS = {
    BATCHES: "batches", QUERIES: "query jobs", REQUESTS: "API requests", STORAGE: "MB of query results",
}  # fmt: skip
KEYS = {"max_batches": BATCHES, "max_query_jobs": QUERIES, "max_api_requests": REQUESTS, "max_query_mb": STORAGE}
"""Keys of `limits:` in orgs.yaml, and the limits that they cap for one run."""
PERCENT = "quota_percent_per_run"

Left = Mapping[str, tuple[int, int]]
"""What is left of a limit, and its most."""


def batches(rows: int) -> int:
    """Batches that Salesforce makes of so many rows."""
    return -(-rows // BATCH_ROWS)


def used_by(run: Run, requests: int) -> dict[str, int]:
    """What the run has used, jobs under way included."""
    jobs = [a for a in run.attempts() if a.job and not a.is_dead]
    return {
        BATCHES: sum(batches(a.rows) for a in jobs if a.kind == "ingest"),
        QUERIES: sum(1 for a in run.attempts() if a.job and a.kind == "query"),
        REQUESTS: requests,
        STORAGE: sum(a.pages.bytes for a in jobs) // 1_000_000,
    }


def needs_of(kind: str, rows: int) -> dict[str, int]:
    """What one more job uses at least."""
    if kind == "query":
        return {QUERIES: 1, REQUESTS: REQUESTS_OF_A_JOB, STORAGE: 0}
    return {BATCHES: batches(rows), REQUESTS: REQUESTS_OF_A_JOB}


def over(
    limits: Mapping[str, int], left: Left, used: Mapping[str, int], ahead: Mapping[str, int], needs: Mapping[str, int]
) -> str:
    """Why a job that `needs` so much must not be created; "" when it may. `ahead` is what `left` does not know of yet."""
    for name, need in needs.items():
        key = next(k for k, v in KEYS.items() if v == name)
        if (most := limits.get(key)) is not None and used[name] + need > most:
            return (
                f"orgs.yaml allows a run {most:,} {NOUNS[name]} ({key}); this one has used {used[name]:,}, "
                f"and the next job needs {need:,}"
            )
        if name not in left:
            continue
        remaining, total = left[name]
        if (percent := limits.get(PERCENT)) is not None and (used[name] + need) * 100 > percent * total:
            return (
                f"orgs.yaml allows a run {percent}% of the org's {total:,} {NOUNS[name]} ({PERCENT}); this one has used "
                f"{used[name]:,}, and the next job needs {need:,}"
            )
        free = remaining - ahead.get(name, 0)
        if free < need or (name == STORAGE and remaining <= 0):
            under_way = f", {ahead[name]:,} of them for jobs under way" if ahead.get(name) else ""
            return f"the org has {remaining:,} of {total:,} {NOUNS[name]} left ({name}){under_way}; the next job needs {max(1, need):,}"
    return ""


@dataclass
class Quota:
    """The limits of one command. `read` asks the org and gives nothing where it does not say; `requests` counts what was sent."""

    limits: Mapping[str, int]
    read: Callable[[], Left]
    requests: Callable[[], int]
    clock: Clock
    _left: Left = field(default_factory=dict)
    _asked: float | None = None
    _used_then: Mapping[str, int] = field(default_factory=dict)
    _under_way: Mapping[str, int] = field(default_factory=dict)

    def check(self, run: Run, kind: str, rows: int) -> None:
        """Raises `DetachedError` (exit 7) when one more job would go beyond a limit."""
        needs = needs_of(kind, rows)
        if self._asked is None or self.clock.monotonic() - self._asked > FRESH:
            self._ask(run)
        why = self._over(run, needs)
        if why and self.clock.monotonic() > (self._asked or 0.0):
            self._ask(run)  # it may be another by now
            why = self._over(run, needs)
        if why:
            by_org = "orgs.yaml" not in why
            raise DetachedError(
                why, code="LP0516",
                details=[f"still running in Salesforce: {a.step} {a.job} ({a.state or a.phase})" for a in run.running_jobs()],
                hint="daily limits count the last 24 hours: go on later" if by_org
                else "raise the key in orgs.yaml, or go on when the run may use more",
            )  # fmt: skip

    def _over(self, run: Run, needs: Mapping[str, int]) -> str:
        used = used_by(run, self.requests())
        ahead = {
            name: self._under_way.get(name, 0) + used[name] - self._used_then.get(name, 0)
            for name in (BATCHES, QUERIES)
        }
        return over(self.limits, self._left, used, ahead, needs)

    def _ask(self, run: Run) -> None:
        self._left = self.read()
        self._asked = self.clock.monotonic()
        self._used_then = used_by(run, self.requests())
        self._under_way = {BATCHES: sum(batches(a.rows) for a in run.attempts() if _not_counted_yet(a))}


def _not_counted_yet(attempt: Attempt) -> bool:
    """An ingest job that Salesforce may not have made batches of yet."""
    return attempt.kind == "ingest" and attempt.is_in_flight and bool(attempt.job) and attempt.phase != "terminal"
