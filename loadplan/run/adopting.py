"""Adopting: a run whose folder was lost, rebuilt from the org's jobs by comparing rows. Nothing is sent and nothing is changed.

Decisions
- A job is a part of this run when it did the part's operation on its object for this user, and its result files hold exactly the
  rows of the part, cell by cell, in any order. Then all of it goes on record as if the run had seen it itself.
- A part that no job holds was, as far as the list tells, not sent. For an insert that is not proof: a job can have been deleted, or
  its rows be spelled another way by the org. Such a part is undecided (`loadplan resolve`). Upserts, updates and deletes are
  left to be sent: the same rows twice end in the same records.
- Rows that failed are never sent again by themselves in an adopted run: the lost one may have done it already. `loadplan retry` does
  it, when somebody has looked.
- Steps behind one that has not ended are left to begin: behind its gate they cannot have begun before.

It cannot know: jobs that are no longer listed (deleted, or older than seven days), jobs of another user, queries (they are asked
again), and which rows a person had taken out or mended.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from loadplan.disk import disk
from loadplan.durable import make_private
from loadplan.errors import DetachedError, InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, Step, StepSource
from loadplan.run import decide as do
from loadplan.run import events as ev
from loadplan.run.engine import Engine
from loadplan.run.perform import perform
from loadplan.run.state import PartRun, StepRun
from loadplan.salesforce.joblist import Listed
from loadplan.salesforce.port import RESULT_KINDS, JobInfo, Received, Refused, ResultKind
from loadplan.sources.names import same, total
from loadplan.sources.tally import Tally, namer

DONE = frozenset({"JobComplete", "Failed", "Aborted"})
UNDER_WAY = frozenset({"UploadComplete", "InProgress"})


@dataclass
class Found:
    """What could be told: parts by their name. `strangers` are jobs of the right kind that hold the rows of no part; `twice` are
    jobs that hold the rows of a part which another job holds too."""

    adopted: dict[str, str] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)
    to_send: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    """A job whose results are here: where, what the org says of it, and its rows as a number that names them all."""

    listed: Listed
    info: JobInfo
    files: dict[str, Received]
    rows: int
    names: int | None


class Adopter:
    """Goes through the steps of the engine's run in their order. `jobs` are those of this user, the newest first."""

    def __init__(self, engine: Engine, jobs: Sequence[Listed]) -> None:
        self.engine, self.jobs = engine, jobs
        self.found = Found()
        self._aside = engine.folder.root / "steps" / ".adopt"

    def go(self) -> Found:
        """Everything that can be told is on record when this returns. Raises `DetachedError` when a job is still under way, and
        what the org's answers raise."""
        make_private(self._aside)
        try:
            for step in self.engine.run.steps.values():
                self._step(self.engine.plan.steps[step.id], step)
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)
        # A job may be of the kind of several steps: what holds the rows of one is no stranger to another.
        told = {*self.found.adopted.values(), *self.found.twice}
        self.found.strangers = [job for job in dict.fromkeys(self.found.strangers) if job not in told]
        return self.found

    def _step(self, spec: Step, step: StepRun) -> None:
        parents = [self.engine.run.steps[p] for p in step.parents]
        ended = all(p.is_settled for p in parents) and do.shut_parent(self.engine.plan, parents) is None
        of_kind = [job for job in self.jobs if not spec.is_query and _is_of(job, spec)]
        # What a query found, and the levels of a hierarchy, are known only as the run goes on.
        if not ended or spec.is_query or isinstance(spec.source, StepSource) or spec.hierarchy is not None:
            self.found.waiting.append(spec.id)
            self.found.strangers += [job.id for job in of_kind if job.state in DONE]
            return
        if under_way := [job.id for job in of_kind if job.state in UNDER_WAY]:
            header = self.engine.run.header
            raise DetachedError(
                f"under way on {spec.object}: {', '.join(under_way)}; the rows can be compared when it has ended",
                code="LP0507", hint="wait for it, then adopt again",
                next_commands=[f"loadplan adopt {self.engine.plan.file} -o {header.org if header else 'ORG'}"],
            )  # fmt: skip
        perform(self.engine, do.StartStep(spec.id))
        if step.problem:
            raise InvalidInputError(f"`{spec.id}` cannot be cut into parts: {step.problem}", code="LP0331")
        known = [self._fetch(spec, job) for job in of_kind if job.state in DONE]
        for part in step.parts.values():
            self._part(spec, part, known)
        self.found.strangers += [job.listed.id for job in known]
        if all(part.current and part.current.reconciled for part in step.parts.values()) and not step.held:
            perform(self.engine, do.SettleStep(spec.id))

    def _part(self, spec: Step, part: PartRun, known: list[_Job]) -> None:
        """Put on record which of `known` holds the rows of the part, and take it out of there; or that none does."""
        name = f"{spec.id}/{part.number}"
        holding = [job for job in known if job.rows == part.fact.rows and job.names is not None]
        names = self._names(spec, part) if holding else None
        holding = [j for j in holding if names is not None and j.names is not None and same(j.names, names)]
        about: dict[str, Any] = {"step": spec.id, "part": part.number, "attempt": 1}
        if not holding and spec.facts.repeatable:
            self.found.to_send.append(name)
            return
        self.engine.emit(
            ev.JobIntended(
                **about,
                kind="ingest",
                api_version=self.engine.plan.api_version,
                file=part.fact.file,
                rows=part.fact.rows,
            )
        )
        if not holding:
            self.engine.emit(ev.OutcomeLost(**about, detail="no job of the org holds its rows"))
            self.found.undecided.append(name)
            return
        for job in holding:
            known.remove(job)
        self.found.twice += [job.listed.id for job in holding[1:]]
        self._adopt(spec, part, holding[0])
        self.found.adopted[name] = holding[0].listed.id

    def _adopt(self, spec: Step, part: PartRun, job: _Job) -> None:
        info = job.info
        about: dict[str, Any] = {"step": spec.id, "part": part.number, "attempt": 1, "job": job.listed.id}
        self.engine.emit(
            ev.JobAdopted(
                **about,
                http=info.http,
                state=info.state,
                processed=info.processed,
                failed=info.failed,
                error=info.error or "",
            )
        )
        for kind in RESULT_KINDS:
            got, to = job.files[kind], self.engine.folder.result(spec.id, job.listed.id, kind)
            make_private(to.parent)
            disk().rename(got.path, to)
            self.engine.emit(
                ev.ResultSaved(
                    **about, http=got.http, kind=kind, file=self.engine.folder.relative(to), rows=got.rows, bytes=got.bytes,
                    sha256=got.sha256,
                )
            )  # fmt: skip
        perform(self.engine, do.ReconcileJob(spec.id, part.number, 1))

    # -- rows ------------------------------------------------------------------------------------------------------

    def _fetch(self, spec: Step, listed: Listed) -> _Job:
        """The three result files of a job, and the sum of its rows' names: whole rows, whatever their key."""
        version = self.engine.plan.api_version
        info = self.engine.org.job("ingest", listed.id, api_version=version)
        files: dict[str, Received] = {}
        rows, names = 0, 0
        whole = True
        for kind in RESULT_KINDS:
            tally = Tally(kind, self.engine.rows.shape(spec).header, None, DELIMITERS[spec.csv.delimiter])
            to = self._aside / listed.id / f"{kind}.csv"
            make_private(to.parent)
            files[kind] = self._received(spec, listed, kind, to, tally)
            seen = tally.result()
            rows += files[kind].rows
            whole = whole and (seen.names is not None or not files[kind].rows)
            names += seen.names or 0
        return _Job(listed, info, files, rows, names if whole else None)

    def _received(self, spec: Step, listed: Listed, kind: ResultKind, to: Path, tally: Tally) -> Received:
        from hashlib import sha256

        from loadplan.durable import write_atomic

        try:
            return self.engine.org.fetch_result(
                listed.id, kind, to, delimiter=spec.csv.delimiter, api_version=self.engine.plan.api_version, reader=tally
            )  # fmt: skip
        except Refused as fault:
            if listed.state != "Aborted":
                raise
            write_atomic(to, b"")  # only the unprocessed rows of an aborted job are promised
            return Received(to, 0, 0, sha256().hexdigest(), fault.status or 0)

    def _names(self, spec: Step, part: PartRun) -> int | None:
        """The same sum of the rows that the part would send."""
        name = namer(self.engine.rows.shape(spec).header, None, DELIMITERS[spec.csv.delimiter])
        whole = 0
        for batch in self.engine.rows.part(spec, part.number, 1).records():
            called = [name(record) for record in batch]
            if None in called:
                return None
            whole += total([c for c in called if c is not None])
        return whole


def _is_of(job: Listed, step: Step) -> bool:
    """Whether the job did what the step does, to the step's object."""
    return (
        job.object.lower() == (step.object or "").lower()
        and job.operation.lower() == step.operation.lower()
        and job.external_id.lower() == (step.external_id or "").lower()
    )
