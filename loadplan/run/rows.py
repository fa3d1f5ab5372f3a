"""Rows of a run: from sources into parts, from result files back to fates. Joins `sources` with the run folder; what is
counted is decided in `reconcile`, what is sent again in `retry`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadplan.diagnostics import Diagnostic, has_errors
from loadplan.durable import make_private
from loadplan.errors import InvalidInputError, StaleError
from loadplan.masking import mask
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, FileSource, Plan, Source, Step
from loadplan.run import events as ev
from loadplan.run.family import StepFamily, family_of
from loadplan.run.folder import RunFolder
from loadplan.run.retry import Again
from loadplan.run.state import Attempt, PartRun, Run
from loadplan.sources.base import InputDigest, Reader
from loadplan.sources.check import check_step, step_shape
from loadplan.sources.leftover import Piece, rewrite_part, write_echo
from loadplan.sources.leftrows import find_left
from loadplan.sources.level_files import find_step_levels, write_levels
from loadplan.sources.level_problems import level_problems
from loadplan.sources.matching import Fate, ResultPaths, match_results
from loadplan.sources.names import written
from loadplan.sources.partdata import PartData
from loadplan.sources.parts import PartFile, cut_parts, require_unchanged
from loadplan.sources.rawrows import raw_delimiter
from loadplan.sources.registry import open_source
from loadplan.sources.rowindex import index_path
from loadplan.sources.rowsfile import RowsFile, put_aside, step_over
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
    _sums: dict[tuple[str, str], Sum] = field(default_factory=dict)
    _shapes: dict[str, Shape] = field(default_factory=dict)

    # -- sources ---------------------------------------------------------------------------------------------------

    def open(self, source: Source) -> Reader:
        """A reader over `source`; a query step's rows are its pages on disk."""
        return open_source(source, resolve_step=self._pages_of)

    def _pages_of(self, step: str) -> list[Any]:
        attempt = self.run.steps[step].query
        return [self.folder.path(p.file) for p in attempt.pages] if attempt else []

    def check(self, step: Step) -> InputDigest:
        """One pass over the step's rows. Raises `InvalidInputError` with every problem found."""
        assert step.source is not None
        reader = self.open(step.source)
        try:
            found = check_step(step, reader)
        finally:
            reader.close()
        problems = list(found.diagnostics)
        if found.ok and found.digest is not None and step.hierarchy is not None:
            problems += self._level_problems(step, plain=found.digest.plain)
        if has_errors(problems) or found.digest is None:
            raise InvalidInputError(f"the rows of `{step.id}` cannot be sent as they are", problems)
        return found.digest

    def _level_problems(self, step: Step, *, plain: bool) -> list[Diagnostic]:
        assert step.hierarchy is not None
        reader = self._reader(step)
        try:
            levels = find_step_levels(step, reader, self.shape(step), self.folder.root.parent, plain=plain)
            return level_problems(
                levels, source=reader.name, column=step.hierarchy.column, max_depth=step.hierarchy.max_depth
            )
        finally:
            reader.close()

    # -- parts -----------------------------------------------------------------------------------------------------

    def cut(self, step: Step, expected: InputDigest | None) -> ev.StepPrepared:
        """The step's parts: ranges of the source where it can be sent as it stands, else files, durable before this returns;
        or the levels of its hierarchy. Raises `StaleError` when the source is no longer what was checked."""
        assert step.source is not None
        family = family_of(self, step)
        try:
            if expected is not None and expected.ranges and family.has_nothing_to_say:
                facts = tuple(
                    ev.PartFact(n, "", "", r.rows, r.bytes, r.sha256, r.start, r.end, r.first, r.digest)
                    for n, r in enumerate(expected.ranges, 1)
                )
                return ev.StepPrepared(step.id, facts, expected.rows, expected.rows, expected.sha256, expected.header)
            if step.hierarchy is not None:
                return self._levels(step, expected)
            reader = self.open(step.source)
            try:
                facts, held, digest = self._cut(step, reader, family, 1, expected=expected)
            finally:
                reader.close()
        finally:
            family.close()
        selected = sum(f.rows for f in facts) + sum(f.rows for f in held)
        return ev.StepPrepared(step.id, facts, digest.rows, selected, digest.sha256, held=held)

    def _cut(
        self, step: Step, reader: Reader, family: StepFamily, first_part: int, *, expected: InputDigest | None = None,
        plain: bool = False, records: Sequence[int] | None = None, piece: int = 1,
    ) -> tuple[tuple[ev.PartFact, ...], tuple[ev.RowsFact, ...], InputDigest]:  # fmt: skip
        """Parts from number `first_part` on, and the rows that have to wait."""
        folder = self.folder.parts(step.id)
        make_private(folder)
        aside = self.folder.held(step.id, self.run.steps[step.id].cuts + 1, piece)
        delimiter = raw_delimiter(step, plain=plain or (expected is not None and expected.plain))
        with put_aside(aside, reader.header, delimiter) as held:
            parts, digest = cut_parts(
                step, reader, folder, first_part=first_part, expected=expected, plain=plain, family=family, held=held,
                records=records,
            )  # fmt: skip
        facts = tuple(self._fact(p) for p in parts)
        if not held.records:
            aside.unlink()
            index_path(aside).unlink()
            return facts, (), digest
        waiting = ev.RowsFact(self.folder.relative(aside), len(held.records), delimiter, dict(sorted(held.why.items())))
        return facts, (waiting,), digest

    def _next_part(self, step: Step) -> int:
        return max(self.run.steps[step.id].parts, default=0) + 1

    def _cut_aside(
        self, step: Step, facts: Sequence[ev.RowsFact], first_part: int
    ) -> tuple[tuple[ev.PartFact, ...], tuple[ev.RowsFact, ...]]:
        """The same for rows that were put aside."""
        parts: list[ev.PartFact] = []
        held: list[ev.RowsFact] = []
        family = family_of(self, step)
        try:
            for piece, fact in enumerate(facts, 1):
                rows = self.rows_file(fact)
                over = step_over(step, rows)
                assert over.source is not None
                reader = self.open(over.source)
                try:
                    made, waiting, _ = self._cut(
                        over, reader, family, first_part + len(parts), plain=True, records=rows.records(), piece=piece
                    )
                finally:
                    reader.close()
                parts.extend(made)
                held.extend(waiting)
        finally:
            family.close()
        return tuple(parts), tuple(held)

    def rows_file(self, fact: ev.RowsFact) -> RowsFile:
        return RowsFile(self.folder.path(fact.file), fact.rows, fact.delimiter)

    def cut_level(self, step: Step, level: int) -> ev.LevelCut:
        """The parts of one level of the step's hierarchy, and its rows whose parents did not land."""
        prepared = self.run.steps[step.id].prepared
        assert prepared is not None
        parts, held = self._cut_aside(step, [prepared.levels[level - 1]], self._next_part(step))
        return ev.LevelCut(step.id, level, parts, held)

    def release(self, step: Step) -> ev.HeldReleased:
        """The rows that waited, once more."""
        parts, held = self._cut_aside(step, self.run.steps[step.id].held, self._next_part(step))
        return ev.HeldReleased(step.id, parts, held)

    def _levels(self, step: Step, expected: InputDigest | None) -> ev.StepPrepared:
        """The rows put aside level by level, as they stand."""
        reader, plain = self._reader(step), expected is not None and expected.plain
        try:
            levels = find_step_levels(step, reader, self.shape(step), self.folder.step(step.id), plain=plain)
            if not levels.ok:
                raise StaleError("the source changed since it was checked", code="LP0331", where=reader.name)
            again = reader.reopen()
            try:
                files, digest = write_levels(
                    step, again, self.shape(step), levels, self.folder.step(step.id) / "levels", plain=plain
                )
            finally:
                again.close()
            require_unchanged(digest, expected, reader.name)
        finally:
            reader.close()
        facts = tuple(
            ev.RowsFact(self.folder.relative(f.path), f.rows, f.delimiter, level=n) for n, f in enumerate(files, 1)
        )
        return ev.StepPrepared(step.id, (), digest.rows, sum(f.rows for f in facts), digest.sha256, levels=facts)

    def _reader(self, step: Step) -> Reader:
        assert step.source is not None
        return self.open(step.source)

    def _fact(self, part: PartFile) -> ev.PartFact:
        return ev.PartFact(
            part.number, self.folder.relative(part.path), self.folder.relative(part.index), part.rows, part.bytes,
            part.sha256, digest=part.digest,
        )  # fmt: skip

    def part(self, step: Step, number: int, round_: int) -> PartData:
        """The bytes of a part as they were, or will be, sent in this round."""
        run_step = self.run.steps[step.id]
        fact = run_step.parts[number].facts[round_ - 1]
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

    def tally(self, step: Step, kind: str) -> Tally:
        """A tally for a result file of the step that is about to be received."""
        shape = self.shape(step)
        return Tally(kind, shape.header, shape.sent_key, DELIMITERS[step.csv.delimiter])

    def keep(self, attempt: Attempt, kind: str, tally: Tally) -> None:
        """Remember what was tallied while the file came in; a crash forgets it, and the file is read again."""
        self._sums[attempt.job, kind] = tally.result()

    def _sum(self, step: Step, attempt: Attempt, kind: str) -> Sum:
        found = self._sums.get((attempt.job, kind))
        if found is None:
            found = tally_file(self.folder.path(attempt.results[kind].file), self.tally(step, kind))
            self._sums[attempt.job, kind] = found
        return found

    def reckon(self, step: Step, attempt: Attempt) -> Reckoning:
        """Read the three result files of a job against the part that was sent.

        Where rows carry no key they are told apart by content, which Salesforce may spell another way (numbers): then
        the counts decide, and rows are sent again only when every one of them was recognised."""
        left = self.left(step, attempt)
        codes: Counter[str] = Counter()
        groups: Counter[tuple[str, tuple[str, ...], str]] = Counter()
        for fate in left.fates.values():
            if fate.error is not None:
                codes[fate.error.code] += 1
                groups[fate.error.code, fate.error.fields, mask(fate.error.message)] += 1
        errors = tuple(
            {"code": code, "fields": list(fields), "message": message, "rows": rows}
            for (code, fields, message), rows in groups.most_common(20)
        )
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
        fact = self.run.steps[step.id].parts[attempt.part].facts[attempt.round - 1]
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
        pieces: list[Piece] = []
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
            pieces.append((left.data, [*failed, *unprocessed]))
            resent.append(ev.Resent(attempt.number, len(failed), len(unprocessed)))
        target = self.folder.parts(step.id) / f"{part.number:04d}-{part.round + 1}.csv"
        made = rewrite_part(pieces, target, number=part.number, naming=self._naming(step))
        *more, newest = resent
        return ev.RetryPrepared(
            step.id, part.number, newest.attempt, part.round + 1, self._fact(made), newest.failed, newest.unprocessed,
            "asked for" if by_hand else "automatic", tuple(more),
        )  # fmt: skip

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
        return later

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
        last = part.current
        if last is None or not last.reconciled:
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
        reader = self._reader(step)
        try:
            column = reader.header.index(at)
            for row in reader:
                if row.record in found:
                    found[row.record] = row.cells[column].encode()
        finally:
            reader.close()
        return [found[record] for record in wanted]
