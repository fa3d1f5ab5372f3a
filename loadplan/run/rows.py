"""Rows of a run: from sources into parts, from result files back to fates. Joins `sources` with the run folder; what is
counted is decided in `reconcile`, what is sent again in `retry`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from loadplan.durable import make_private, open_atomic
from loadplan.errors import InvalidInputError
from loadplan.masking import mask
from loadplan.plan.model import Plan, Source, Step
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder
from loadplan.run.retry import Again
from loadplan.run.state import Attempt, PartRun, Run
from loadplan.run.surroundings import surroundings_of
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.check import check_step, step_shape
from loadplan.sources.leftover import rewrite_part
from loadplan.sources.matching import Fate, Fates, ResultPaths, match_results
from loadplan.sources.parts import PartFile, cut_parts
from loadplan.sources.registry import open_source


@dataclass(frozen=True)
class Reckoning:
    """What the result files of one job say beyond their counts: failed rows by code, the commonest errors (masked, with
    field and rows), how many failed rows the step retries, and a mismatch between rows sent and rows returned."""

    codes: dict[str, int] = field(default_factory=dict)
    errors: tuple[dict[str, Any], ...] = ()
    retriable: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Rows:
    """The rows of one run. Every method streams; memory is bounded by one part."""

    plan: Plan
    run: Run
    folder: RunFolder
    org: str | None = None
    """The org that is meant, for a run that has not begun."""

    def open(self, source: Source) -> Reader:
        """A reader over `source`; what it asks of the run is in `surroundings`."""
        return open_source(source, around=surroundings_of(self.plan, self.run, self.folder, self.org))

    def check(self, step: Step) -> InputDigest:
        """One pass over the step's rows. Raises `InvalidInputError` with every problem found."""
        assert step.source is not None
        reader = self.open(step.source)
        try:
            found = check_step(step, reader)
        finally:
            reader.close()
        if not found.ok or found.digest is None:
            raise InvalidInputError(f"the rows of `{step.id}` cannot be sent as they are", found.diagnostics)
        return found.digest

    def cut(self, step: Step, expected: InputDigest | None) -> ev.StepPrepared:
        """Cut the step's rows into part files, durable before this returns. Raises `StaleError` when the source is no
        longer what was checked."""
        assert step.source is not None
        folder = self.folder.parts(step.id)
        make_private(folder)
        reader = self.open(step.source)
        try:
            facts = tuple(self._fact(p) for p in cut_parts(step, reader, folder, expected=expected))
            digest = reader.digest()
        finally:
            reader.close()
        return ev.StepPrepared(step.id, facts, digest.rows, sum(f.rows for f in facts), digest.sha256)

    def _fact(self, part: PartFile) -> ev.PartFact:
        return ev.PartFact(
            part.number, self.folder.relative(part.path), self.folder.relative(part.index), part.rows, part.bytes,
            part.sha256,
        )  # fmt: skip

    def reckon(self, step: Step, attempt: Attempt) -> Reckoning:
        """Read the three result files of a job against the part that was sent.

        Where rows carry no key they are told apart by content, which Salesforce may spell another way (numbers): then
        the counts decide, and rows are sent again only when every one of them was recognised."""
        fates = self.fates(step, attempt)
        codes: Counter[str] = Counter()
        groups: Counter[tuple[str, tuple[str, ...], str]] = Counter()
        for fate in fates.rows:
            if fate is not None and fate.error is not None:
                codes[fate.error.code] += 1
                groups[fate.error.code, fate.error.fields, mask(fate.error.message)] += 1
        errors = tuple(
            {"code": code, "fields": list(fields), "message": message, "rows": rows}
            for (code, fields, message), rows in groups.most_common(20)
        )
        retriable = sum(n for code, n in codes.items() if code in step.retry.codes) if fates.agree else 0
        return Reckoning(dict(sorted(codes.items())), errors, retriable, fates.problem if fates.by_key else "")

    def fates(self, step: Step, attempt: Attempt) -> Fates:
        """The fate of each row of the attempt's part, by its position there."""
        if not attempt.was_closed:
            # Somebody ended the job before its upload was closed: nothing of it was ever processed.
            return Fates((Fate("unprocessed"),) * attempt.rows, Counter(), 0, by_key=False)
        files = {k: self.folder.path(v.file) for k, v in attempt.results.items()}
        results = ResultPaths(files.get("successful"), files.get("failed"), files.get("unprocessed"))
        return match_results(self.folder.path(attempt.file), results, dialect=step.csv, key=self._sent_key(step))

    def _sent_key(self, step: Step) -> str | None:
        assert step.source is not None
        reader = self.open(step.source)
        try:
            return step_shape(step, reader).sent_key
        finally:
            reader.close()

    def left_over_part(
        self, step: Step, part: PartRun, attempt: Attempt, again: Again, *, only_codes: bool
    ) -> tuple[ev.PartFact, int, int]:
        """A new file with the rows of `attempt` to be sent again; how many of them had failed, how many were unprocessed."""
        fates = self.fates(step, attempt)
        failed = [
            i
            for i, f in enumerate(fates.rows)
            if again.failed and f and f.error and (not only_codes or f.error.code in step.retry.codes)
        ]
        unprocessed = fates.indices("unprocessed") if again.unprocessed else []
        target = self.folder.parts(step.id) / f"{part.number:04d}-{part.round + 1}.csv"
        made = rewrite_part(self.folder.path(attempt.file), [*failed, *unprocessed], target, number=part.number)
        return self._fact(made), len(failed), len(unprocessed)

    def join_pages(self, step: Step, attempt: Attempt) -> ev.OutputWritten:
        """All pages in one file at the step's `output`, with one header; in place only when whole."""
        assert step.output_file is not None
        digest = hashlib.sha256()
        rows = 0
        with open_atomic(step.output_file) as out:
            for number, page in enumerate(attempt.pages):
                with self.folder.path(page.file).open("rb") as file:
                    if number:
                        _skip_header(file)
                    while block := file.read(1 << 20):
                        digest.update(block)
                        out.write(block)
                rows += page.rows
        return ev.OutputWritten(step.id, step.output or "", rows, digest.hexdigest())


def _skip_header(file: Any) -> None:
    """A quoted column name may hold a newline: the header ends at the first newline outside quotes."""
    quotes = 0
    while line := file.readline():
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return
