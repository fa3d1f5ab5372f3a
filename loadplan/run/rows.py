"""Rows of a run: from sources into parts, from result files back to fates. Joins `sources` with the run folder; what is
counted is decided in `reconcile`, what is sent again in `retry`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from loadplan.errors import StaleError
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, FileSource, Plan, Source, Step
from loadplan.run import events as ev
from loadplan.run.errorgroups import group_errors
from loadplan.run.folder import RunFolder
from loadplan.run.retry import Again, smaller
from loadplan.run.state import Attempt, PartRun, Run
from loadplan.run.surroundings import surroundings_of
from loadplan.sources.base import Reader
from loadplan.sources.check import step_shape
from loadplan.sources.leftover import Piece, rewrite_part, write_echo
from loadplan.sources.leftrows import find_left
from loadplan.sources.matching import Fate, ResultPaths, match_results
from loadplan.sources.names import written
from loadplan.sources.partdata import PartData
from loadplan.sources.parts import PartFile
from loadplan.sources.registry import open_source
from loadplan.sources.rowindex import index_path
from loadplan.sources.rowsfile import RowsFile, step_over
from loadplan.sources.shape import Shape
from loadplan.sources.tally import Sum, Tally, tally_file

UNPROCESSED = Fate("unprocessed")


@dataclass(frozen=True)
class Reckoning:
    """What the result files of one job say beyond their counts: failed rows by code, the commonest errors (masked, with
    field and rows), how many failed rows the step retries, and a mismatch between rows sent and rows returned."""

    codes: dict[str, int] = field(default_factory=dict)
    errors: tuple[dict[str, Any], ...] = ()
    retriable: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Left:
    """The rows of an attempt that did not land: `fates` by their position in `data`. `exact` is False when they could not
    be told apart, and then they are as the org echoed them. `problem` is a mismatch of sent and returned rows."""

    data: PartData
    fates: Mapping[int, Fate]
    exact: bool = True
    problem: str = ""


@dataclass
class Rows:
    """The rows of one run. Every method streams; memory is bounded by one part, and for most by one block."""

    plan: Plan
    run: Run
    folder: RunFolder
    org: str | None = None
    """The org that is meant, for a run that has not begun."""
    _sums: dict[tuple[str, str], Sum] = field(default_factory=dict)
    _shapes: dict[str, Shape] = field(default_factory=dict)

    # -- sources ---------------------------------------------------------------------------------------------------

    def open(self, source: Source) -> Reader:
        """A reader over `source`; what it asks of the run is in `surroundings`."""
        return open_source(source, around=surroundings_of(self.plan, self.run, self.folder, self.org))

    # -- parts -----------------------------------------------------------------------------------------------------

    def fact(self, part: PartFile) -> ev.PartFact:
        return ev.PartFact(
            part.number, self.folder.relative(part.path), self.folder.relative(part.index), part.rows, part.bytes,
            part.sha256, digest=part.digest,
        )  # fmt: skip

    def rows_file(self, fact: ev.RowsFact) -> RowsFile:
        """Rows that were put aside."""
        return RowsFile(self.folder.path(fact.file), fact.rows, fact.delimiter)

    def reader(self, step: Step) -> Reader:
        """The step's source at its beginning. The caller closes it."""
        assert step.source is not None
        return self.open(step.source)

    def part(self, step: Step, number: int, round_: int) -> PartData:
        """The bytes of a part as they were, or will be, sent in this round."""
        run_step = self.run.steps[step.id]
        fact = run_step.parts[number].fact_of(round_)
        ending = LINE_ENDINGS[step.csv.line_ending]
        if fact.end:
            assert isinstance(step.source, FileSource)
            assert run_step.prepared is not None
            return PartData(
                step.source.file, fact.rows, fact.bytes, fact.sha256, ending, run_step.prepared.header.encode(),
                fact.start, fact.end, fact.first,
            )  # fmt: skip
        index = self.folder.path(fact.index)
        return PartData(self.folder.path(fact.file), fact.rows, fact.bytes, fact.sha256, ending, index=index)

    def _of_attempt(self, step: Step, attempt: Attempt) -> PartData:
        return self.part(step, attempt.part, attempt.round)

    def shape(self, step: Step) -> Shape:
        """The step's shape; its source is opened once for it."""
        if step.id not in self._shapes:
            assert step.source is not None
            reader = self.open(step.source)
            try:
                self._shapes[step.id] = step_shape(step, reader)
            finally:
                reader.close()
        return self._shapes[step.id]

    # -- results ---------------------------------------------------------------------------------------------------

    def tally(self, step: Step, attempt: Attempt, kind: str) -> Tally:
        """A tally for a result file of the attempt that is about to be received."""
        shape = self.shape(step)
        fact = self.run.steps[step.id].parts[attempt.part].fact_of(attempt.round)
        return Tally(kind, shape.header, shape.sent_key, DELIMITERS[step.csv.delimiter], fact.bytes)

    def keep(self, attempt: Attempt, kind: str, tally: Tally) -> None:
        """Remember what was tallied while the file came in; a crash forgets it, and the file is read again."""
        self._sums[attempt.job, kind] = tally.result()

    def _sum(self, step: Step, attempt: Attempt, kind: str) -> Sum:
        found = self._sums.get((attempt.job, kind))
        if found is None:
            found = tally_file(self.folder.path(attempt.results[kind].file), self.tally(step, attempt, kind))
            self._sums[attempt.job, kind] = found
        return found

    def reckon(self, step: Step, attempt: Attempt) -> Reckoning:
        """Read the three result files of a job against the part that was sent.

        Where rows carry no key they are told apart by content, which Salesforce may spell another way (numbers): then
        the counts decide, and rows are sent again only when every one of them was recognised."""
        left = self.left(step, attempt)
        codes = Counter(fate.error.code for fate in left.fates.values() if fate.error is not None)
        errors = group_errors(step, left.fates.values())
        retriable = sum(n for code, n in codes.items() if code in step.retry.codes) if left.exact else 0
        return Reckoning(dict(sorted(codes.items())), errors, retriable, left.problem)

    def left(self, step: Step, attempt: Attempt) -> Left:
        """The rows of the attempt that did not land. Those of a range are put aside on disk, so that they are still there
        when the source is not."""
        part = self._of_attempt(step, attempt)
        if not attempt.was_closed:
            # Somebody ended the job before its upload was closed: nothing of it was ever processed.
            return Left(part, dict.fromkeys(range(attempt.rows), UNPROCESSED))
        files = {k: self.folder.path(v.file) for k, v in attempt.results.items()}
        aside, echo = self.folder.left(step.id, attempt.job), self.folder.left(step.id, attempt.job, "echo")
        if echo.exists():
            return self._found(step, self._aside(step, echo), files, exact=False)
        if aside.exists():
            return self._found(step, self._aside(step, aside), files)
        try:
            left = self._left_of(step, attempt, part, files)
            if left.fates and part.is_range:
                rewrite_part([(part, left.fates)], aside, number=attempt.part)
                left = Left(self._aside(step, aside), dict(enumerate(left.fates.values())), left.exact, left.problem)
        except StaleError:
            # The source is no longer what was sent: take the rows as the org echoed them, so that they are not lost with it.
            write_echo(
                [files[k] for k in ("failed", "unprocessed") if k in files], self.shape(step).header, step.csv, echo
            )
            return self._found(step, self._aside(step, echo), files, exact=False)
        return left

    def _left_of(self, step: Step, attempt: Attempt, part: PartData, files: Mapping[str, Path]) -> Left:
        if attempt.results["unprocessed"].rows == attempt.rows == part.rows:
            return Left(part, dict.fromkeys(range(attempt.rows), UNPROCESSED))
        if self._is_settled(step, attempt):
            left = self._found(step, part, files)
            if left.exact:
                return left
        return self._matched(step, attempt, part, files)

    def _found(self, step: Step, part: PartData, files: Mapping[str, Path], *, exact: bool = True) -> Left:
        """The failed and unprocessed rows by their names; not `exact` when one of them is not in the part."""
        shape = self.shape(step)
        fates = find_left(part, shape.header, shape.sent_key, step.csv, files.get("failed"), files.get("unprocessed"))
        return Left(part, fates or {}, exact=exact and fates is not None)

    def _is_settled(self, step: Step, attempt: Attempt) -> bool:
        """Every row that was sent is in exactly one result file: the sums of their names agree."""
        fact = self.run.steps[step.id].parts[attempt.part].fact_of(attempt.round)
        kind = fact.digest.partition(":")[0]
        sums = [self._sum(step, attempt, k).names for k in ("successful", "failed", "unprocessed")]
        return None not in sums and written(kind, sum(s or 0 for s in sums)) == fact.digest

    def _matched(self, step: Step, attempt: Attempt, part: PartData, files: Mapping[str, Path]) -> Left:
        """Row by row, in whatever spelling."""
        path = self.as_file(step, part, attempt)
        results = ResultPaths(files.get("successful"), files.get("failed"), files.get("unprocessed"))
        fates = match_results(path, results, dialect=step.csv, key=self.shape(step).sent_key)
        left = {i: f for i, f in enumerate(fates.rows) if f is not None and f.kind != "successful"}
        problem = fates.problem if fates.by_key else ""
        return Left(part, left, fates.agree and not fates.unsure, problem)

    def as_file(self, step: Step, part: PartData, attempt: Attempt) -> Path:
        """A file that holds the part. Raises StaleError when it is a range of a source that is another by now."""
        if not part.is_range:
            return part.path
        path = self.folder.parts(step.id) / f"{attempt.part:04d}.csv"
        if not path.exists():
            part.write(path)
        return path

    def _aside(self, step: Step, aside: Path) -> PartData:
        size = aside.stat().st_size
        return PartData(aside, 0, size, "", LINE_ENDINGS[step.csv.line_ending], index=index_path(aside))

    def left_over_part(self, step: Step, part: PartRun, again: Again, *, by_hand: bool) -> ev.RetryPrepared:
        """A new file with the rows of the part to be sent again. By itself only the newest attempt's rows go out, with the
        codes that the step retries; by hand all that any attempt left over."""
        attempts = part.left_over if by_hand else [a for a in (part.current,) if a is not None]
        chosen: list[tuple[PartData, list[int]]] = []
        resent: list[ev.Resent] = []
        for attempt in attempts:
            left = self._exact(step, attempt)
            later = self._sent_later(step, part, attempt)
            records = left.data.source_records() if later else ()
            rows = [i for i in left.fates if not later or records[i] not in later]
            failed = [
                i for i in rows
                if again.failed and (e := left.fates[i].error) and (by_hand or e.code in step.retry.codes)
            ]  # fmt: skip
            unprocessed = [i for i in rows if again.unprocessed and left.fates[i].kind == "unprocessed"]
            chosen.append((left.data, sorted([*failed, *unprocessed])))
            errors = group_errors(step, (left.fates[i] for i in failed))
            resent.append(ev.Resent(attempt.number, len(failed), len(unprocessed), errors))
        folder, round_ = self.folder.parts(step.id), part.round + 1
        cut: list[list[Piece]] = (
            [list(chosen)] if by_hand else [[(chosen[0][0], rows)] for rows in smaller(chosen[0][1])]
        )
        made = [self._rewritten(step, cut[0], folder / f"{part.number:04d}-{round_}.csv", part.number)]
        for number, piece in enumerate(cut[1:], max(self.run.steps[step.id].parts) + 1):
            made.append(self._rewritten(step, piece, folder / f"{number:04d}.csv", number))
        *more, newest = resent
        return ev.RetryPrepared(
            step.id, part.number, newest.attempt, round_, made[0], newest.failed, newest.unprocessed,
            "asked for" if by_hand else "automatic", tuple(more), newest.errors, tuple(made[1:]),
            alone=not by_hand and round_ >= step.retry.max_attempts,
        )  # fmt: skip

    def _rewritten(self, step: Step, pieces: Sequence[Piece], target: Path, number: int) -> ev.PartFact:
        return self.fact(rewrite_part(pieces, target, number=number, naming=self._naming(step)))

    def _exact(self, step: Step, attempt: Attempt) -> Left:
        left = self.left(step, attempt)
        if not left.exact:
            raise StaleError(
                f"the rows of `{step.id}` that did not land cannot be told from the source any more", code="LP0331",
                where=str(left.data.path),
                hint="that file has them as the org echoed them: look at them, and send them with a plan of their own",
            )  # fmt: skip
        return left

    def _sent_later(self, step: Step, part: PartRun, attempt: Attempt) -> set[int]:
        """Source records of the part that were sent again after this attempt."""
        later: set[int] = set()
        for round_ in range(attempt.round + 1, part.round + 1):
            later.update(self.part(step, part.number, round_).source_records())
        for piece in self.run.steps[step.id].parts.values():
            if piece.origin == part.number and piece.first_round > attempt.round:
                later.update(self.part(step, piece.number, piece.first_round).source_records())
        return later | self.moved(step, part)

    def moved(self, step: Step, part: PartRun) -> set[int]:
        """Source records of rows that were mended, and so are sent in later parts than this one."""
        moved: set[int] = set()
        for mended in self.run.steps[step.id].mended:
            if part.number < mended.first_part:
                moved.update(self.rows_file(mended.fact).records())
        return moved

    def mended_cells(self, step: Step, records: Iterable[int]) -> dict[int, list[str]]:
        """The cells of mended rows among these source records, as they were mended last."""
        wanted = set(records)
        found: dict[int, list[str]] = {}
        for mended in self.run.steps[step.id].mended if wanted else ():
            aside = self.rows_file(mended.fact)
            over = step_over(step, aside)
            assert over.source is not None
            reader = self.open(over.source)
            try:
                for record, row in zip(aside.records(), reader, strict=True):
                    if record in wanted:
                        found[record] = list(row.cells)
            finally:
                reader.close()
        return found

    def _naming(self, step: Step) -> tuple[Sequence[str], str | None, str]:
        shape = self.shape(step)
        return shape.header, shape.sent_key, DELIMITERS[step.csv.delimiter]

    def left_records(self, step: Step, part: PartRun, attempt: Attempt) -> list[tuple[int, Fate]]:
        """(source record, fate) of the rows of the attempt that did not land and were not sent again; record 0 where it is
        not known."""
        left = self.left(step, attempt)
        later = self._sent_later(step, part, attempt)
        records = left.data.source_records()
        return [(records[i], fate) for i, fate in sorted(left.fates.items()) if records[i] not in later]

    def left_of_part(self, step: Step, part: PartRun) -> list[tuple[int, Fate]]:
        """(source record, fate) of every row of the part that has not landed; a part that was never sent has not at all."""
        if part.is_unsent:
            records = self.part(step, part.number, part.round).source_records()
            found = [(record, UNPROCESSED) for record in records]
        else:
            found = []
        for attempt in part.left_over:
            found.extend(self.left_records(step, part, attempt))
        return found

    def left_records_of(self, step: Step) -> list[int]:
        """Source records of the step's rows that have not landed, held ones included."""
        run_step = self.run.steps[step.id]
        left = [record for part in run_step.parts.values() for record, _ in self.left_of_part(step, part)]
        for fact in run_step.held:
            left.extend(self.rows_file(fact).records())
        return left

    def keys_of_records(self, step: Step, records: Iterable[int]) -> list[bytes]:
        """The keys of some rows, from the source: for steps whose key is not sent."""
        wanted = list(records)
        at = self.shape(step).key_name
        found: dict[int, bytes] = dict.fromkeys(wanted, b"")
        reader = self.reader(step)
        try:
            column = reader.header.index(at)
            for row in reader:
                if row.record in found:
                    found[row.record] = row.cells[column].encode()
        finally:
            reader.close()
        found.update({record: cells[column].encode() for record, cells in self.mended_cells(step, wanted).items()})
        return [found[record] for record in wanted]
