"""Moves an ingest job forward to a moment: judges its file, applies its rows as fast as the org may, ends it.

Ten chunks make one transaction with their result rows and the job's counters. Which rows are right is not decided here.
"""

from __future__ import annotations

from math import inf

from .contention import Contention
from .csvfile import DELIMITERS, FileError, Strictness, scan
from .faults import Faults
from .jobfiles import JobFiles
from .jobs import Job, Jobs
from .ledger import Ledger
from .load import Load
from .records import Records
from .resultrows import CHUNK
from .settings import Settings
from .usage import Usage

BATCH = 10_000
_CHUNKS = 10
_OPEN_LOADS = 50
_QUOTA = "ExceededQuota : ApiBatchItems Limit exceeded"
_RECORDS = "ExceededQuota : Daily Bulk API records Limit exceeded"


class Processor:
    """Applies rows. Keeps readers of running jobs only to avoid re-reading; everything durable is in the store."""

    def __init__(
        self,
        records: Records,
        jobs: Jobs,
        files: JobFiles,
        ledger: Ledger,
        usage: Usage,
        settings: Settings,
        faults: Faults,
    ) -> None:
        self.records, self.jobs, self.files, self.ledger, self.usage = records, jobs, files, ledger, usage
        self.settings, self.faults = settings, faults
        self._loads: dict[str, Load] = {}
        self.contention = Contention(settings, records.tables, self._running)

    def advance(self, job: Job, now: float, most: int) -> float:
        """Bring a running job to `now`, by at most `most` rows. Answers when it wants to be looked at again."""
        begins = job.closed + self.settings.latency
        if job.state == "UploadComplete":
            if now < begins:
                return begins
            self._begin(job, begins)
        if job.state == "InProgress":
            return self._apply(job, now, most)
        return inf

    def drop(self, job: Job) -> None:
        """Let go of a job's reader, and of what its rows hold."""
        self.contention.forget(job)
        held = self._loads.pop(job.id, None)
        if held is not None:
            held.close()

    def _running(self, job_id: str) -> Job | None:
        job = self.jobs.get(job_id)
        return job if job is not None and job.state == "InProgress" else None

    def _begin(self, job: Job, begins: float) -> None:
        job.started = job.modified = begins
        fault = self.faults.job_fault(job.object)
        if fault is not None:
            job.midway, job.midway_state, job.rate = fault.after_rows, fault.state, fault.rows_per_second
            job.midway_message, job.midway_retries = fault.message or _QUOTA, fault.retries
        path = self.files.upload(job)
        try:
            if path.stat().st_size:
                strict = Strictness(
                    self.settings.line_endings_in_quotes, self.settings.crlf_at_end_required, self.settings.bom_ignored
                )
                scanned = scan(path, DELIMITERS[job.delimiter], job.line_ending, strict)
                job.loose_quotes = scanned.loose_quotes
                self._load(job)
                job.total = max(0, scanned.records - 1)
            elif self.settings.empty_upload_fails:
                raise FileError("InvalidBatch : Records not found")
            job.state = "InProgress"
        except FileError as problem:
            job.end("Failed", begins, str(problem))

    def _load(self, job: Job) -> Load:
        held = self._loads.pop(job.id, None)
        if held is None or held.place != job.done:
            if held is not None:
                held.close()
            held = Load(
                job, self.files.upload(job), self.records, self.settings, self.faults, self.ledger, self.contention
            )
        self._loads[job.id] = held  # the one used last goes last
        while len(self._loads) > _OPEN_LOADS:
            self._loads.pop(next(iter(self._loads))).close()
        return held

    def _apply(self, job: Job, now: float, most: int) -> float:
        rate = job.rate or self.settings.rows_per_second
        allowed = job.total if rate == inf else int((now - job.started) * rate + 1e-6)
        stop = min(job.total, job.done + most)
        while job.state == "InProgress" and job.done < stop:
            if not self._transaction(job, now, allowed, stop):
                break
        if job.state == "InProgress" and job.done >= job.total:
            job.worked = job.worked or now
            if now < job.worked + self.settings.finishing:
                return job.worked + self.settings.finishing
            job.end("JobComplete", now)
        if job.state != "InProgress":
            self.drop(job)
            return inf
        if rate == inf:
            return now
        return max(now, job.started + min(job.done + CHUNK, job.total) / rate)

    def _transaction(self, job: Job, now: float, allowed: int, stop: int) -> bool:
        """A few chunks and their durable traces. False when the job must wait."""
        good: list[bytes] = []
        bad: list[bytes] = []
        before = job.done
        for _ in range(_CHUNKS):
            size = min(CHUNK, job.total - job.done, BATCH - job.done % BATCH)
            if job.midway is not None:
                size = min(size, job.midway - job.done)
            if job.done >= stop or (size > 0 and job.done + size > allowed):
                break
            if self._refused(job, size, now):
                break
            done = self._load(job).chunk(size, now)
            job.done += done.count
            job.failed += done.failed
            good.append(done.good)
            bad.append(done.bad)
            self.usage.add("records", done.count, now)
            if job.done % BATCH == 0:
                self.files.append(job, good, bad)
                good, bad = [], []
                job.batches.append([job.good_size, job.bad_size])
        self.files.append(job, [part for part in good if part], [part for part in bad if part])
        self.jobs.save(job)
        self.usage.save()
        self.records.store.commit()
        return job.done > before and job.state == "InProgress"

    def _refused(self, job: Job, size: int, now: float) -> bool:
        """Whether an allocation (or a fault) ends the job here. Beyond the batches no results are recorded at all."""
        if size <= 0:
            job.retries += job.midway_retries
            job.end(job.midway_state, now, job.midway_message if job.midway_state == "Failed" else None)
        elif job.done % BATCH == 0:
            if self.usage.used("batches", now) >= self.settings.batches_max:
                job.unrecorded = True
                job.end("Failed", now, _QUOTA)
            else:
                self.usage.add("batches", 1, now)
        if job.state == "InProgress" and self.usage.used("records", now) + size > self.settings.records_max:
            job.end("Failed", now, _RECORDS)
        return job.state != "InProgress"
