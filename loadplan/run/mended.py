"""Mended rows: a retry file that a person corrected, matched row by row to what the run left over.

Decisions
- A row is told by its key as it is sent (external id, `Id`, or the column that `key` names). With the column that the
  specification names (`row_column`) it is told by the number of its source row instead, and then its key may be another.
- Rows without a key and without that column are taken in the order of the retry file, which only works for all of them.
- Columns are told by name, in any order. The file is UTF-8 or says that it is UTF-16; its delimiter is read off its header.
- A row that is not left over is refused with its line: nothing of the file is taken then.
- Rows that are not in the file stay left over, except those of a part that was never sent: they were not refused.

It writes the rows into the run folder and says so in a value; nothing is sent, and nothing counts before that is on record.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import field, replace
from pathlib import Path

from loadplan.diagnostics import Diagnostic, Place, did_you_mean
from loadplan.durable import make_private
from loadplan.errors import InvalidInputError, StaleError, UsageError
from loadplan.lean import dataclass
from loadplan.plan.model import FileSource, Step
from loadplan.run import events as ev
from loadplan.run.errorgroups import group_errors
from loadplan.run.rows import Rows
from loadplan.run.state import PartRun
from loadplan.sources.base import InputDigest, Reader, SourceRow
from loadplan.sources.encode import row_encoder
from loadplan.sources.matching import Fate
from loadplan.sources.problems import refuse, refuse_file
from loadplan.sources.rowsfile import put_aside, step_over
from loadplan.sources.shape import RowFaultError, Shape, compile_shape

ROW_COLUMN = "source_row"
DELIMITERS = ",;\t|"
SHOWN = 20
WAITS = "it waits for its parent"


def row_column(columns: Sequence[str]) -> str:
    """The name of the column that tells a row by its number: one that the source does not have."""
    name = ROW_COLUMN
    while name in columns:
        name = f"_{name}"
    return name


def take_mended(rows: Rows, step_id: str, file: Path, name: str, expected: InputDigest | None = None) -> ev.Mended:
    """The rows of `file` (called `name` in messages) in the run folder, with what they take the place of.

    Raises InvalidInputError with every row that does not fit, UsageError when the step has nothing left over, StaleError when
    the source is no longer what was sent, LocalError when the disk refuses."""
    step = _step(rows, step_id)
    left = _left_over(rows, step)
    if not left:
        raise UsageError(
            f"no rows of `{step_id}` are left over", hint="`loadplan status` shows which steps have some",
            next_commands=[f"loadplan status {rows.folder.id}"],
        )  # fmt: skip
    with closing(rows.reader(step)) as source:
        shape = compile_shape(replace(step, where=None), source.header, source.name)
        try:
            with closing(_open(file, name, source.header, step)) as mended:
                found = _Match(step, shape, source, mended, left, rows.mended_cells(step, left), expected).rows()
        except InvalidInputError as error:
            # The plan names the encoding of its sources, not of this file.
            wrong = [replace(d, hint="save it as CSV in UTF-8") if d.code == "LP0303" else d for d in error.diagnostics]
            raise InvalidInputError(error.summary, wrong, code=error.code) from None
    return _keep(rows, step, found, left, name, hashlib.sha256(file.read_bytes()).hexdigest())


def _step(rows: Rows, name: str) -> Step:
    step = rows.plan.steps.get(name)
    if step is None or step.is_query:
        what = f"there is no step `{name}`" if step is None else f"`{name}` is a query: it has no rows to mend"
        raise UsageError(
            what, hint=did_you_mean(name, [s.id for s in rows.plan.steps.values() if not s.is_query]) or None,
            next_commands=[f"loadplan status {rows.folder.id}"],
        )  # fmt: skip
    return step


# -- what is left over ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where a row left over is: in an attempt at a part, in a part that was never sent, or (part 0) held back."""

    part: int = 0
    attempt: int = 0
    fate: Fate | None = None

    @property
    def failed(self) -> bool:
        return self.fate is not None and self.fate.kind == "failed"


def _left_over(rows: Rows, step: Step) -> dict[int, _Place]:
    """Every row left over by its source record."""
    found: dict[int, _Place] = {}
    run_step = rows.run.steps[step.id]
    for part in run_step.parts.values():
        if part.is_unsent:
            found.update(dict.fromkeys(_unsent(rows, step, part), _Place(part.number)))
        for attempt in part.left_over:
            for record, fate in rows.left_records(step, part, attempt):
                found[record] = _Place(part.number, attempt.number, fate)
    for fact in run_step.held:
        found.update(dict.fromkeys(rows.rows_file(fact).records(), _Place()))
    if 0 in found:
        raise StaleError(
            f"the rows of `{step.id}` that did not land cannot be told from the source any more", code="LP0331",
            where=str(rows.folder.retry(step.id)), hint="send them with a plan of their own",
        )  # fmt: skip
    return found


def _unsent(rows: Rows, step: Step, part: PartRun) -> Sequence[int]:
    return rows.part(step, part.number, part.round).source_records()


# -- reading the file ----------------------------------------------------------------------------------------------


def _open(file: Path, name: str, columns: Sequence[str], step: Step) -> Reader:
    """A reader over the file in whatever delimiter its header is written."""
    from loadplan.sources.delimited import open_delimited

    encoding = _encoding(file, name)
    null = tuple(getattr(step.source, "null", ()))
    sources = [FileSource(name, file, "csv", delimiter, encoding=encoding, null=null) for delimiter in DELIMITERS]
    first: InvalidInputError | None = None
    for source in sources:
        try:
            reader = open_delimited(source)
        except InvalidInputError as error:
            first = first or error
            continue
        if set(columns) <= set(reader.header):
            return reader
        reader.close()
    if first is not None:
        raise first
    return open_delimited(sources[0])


def _encoding(file: Path, name: str) -> str:
    try:
        with file.open("rb") as opened:
            mark = opened.read(2)
    except OSError as error:
        refuse_file("LP0302", f"cannot be read: {error.strerror or error}", name)
    return "utf-16" if mark in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8"


class _Match:
    """The rows of the mended file, each with the source record whose place it takes."""

    def __init__(
        self, step: Step, shape: Shape, source: Reader, mended: Reader, left: Mapping[int, _Place],
        as_mended: Mapping[int, list[str]], expected: InputDigest | None,
    ) -> None:  # fmt: skip
        self.step, self.shape, self.source, self.mended, self.left = step, shape, source, mended, left
        self.as_mended, self.expected = as_mended, expected
        self.columns = source.header
        self.numbers = row_column(self.columns)
        self.problems: list[Diagnostic] = []
        self.taken: dict[int, int] = {}

    def rows(self) -> list[tuple[int, list[str]]]:
        """(source record, cells as the source would have them), in the order of the file. Raises InvalidInputError."""
        self._check_columns()
        given = list(self._given())
        known = self._known({key for _, key, _, _ in given if key})
        places = list(self.left)
        if not self._tells(given):
            if len(given) != len(places) and not self.problems:
                self._say(
                    "LP0513", 0,
                    f"the file has {len(given):,} rows and {len(places):,} are left over, and rows of `{self.step.id}` have no key",
                    f"keep all of them in their order, or add the column `{self.numbers}` (`source_rows` in the .json file beside it)",
                )  # fmt: skip
            places.sort()
            self._done(given)
            return [(record, cells) for record, (_, _, _, cells) in zip(places, given, strict=True)]
        found = [(self._record(row, key, number, known), cells) for row, key, number, cells in given]
        self._done(given)
        return [(record, cells) for record, cells in found if record is not None]

    def _tells(self, given: Sequence[object]) -> bool:
        return self.numbers in self.mended.header or self.shape.key_of is not None or not given

    def _done(self, given: Sequence[object]) -> None:
        if not given and not self.problems:
            self._say("LP0511", 0, "the file has no rows", "leave the option away to send what is left over as it is")
        if self.problems:
            kept = self.problems[:SHOWN]
            more = len(self.problems) - len(kept)
            text = f"{len(self.problems):,} rows of the mended file cannot be taken; nothing was sent"
            if more:
                kept.append(Diagnostic("LP0511", f"and {more:,} more", Place(self.mended.name)))
            raise InvalidInputError(
                text if len(self.problems) > 1 else "the mended file cannot be taken; nothing was sent", kept
            )

    def _say(self, code: str, line: int, summary: str, hint: str = "") -> None:
        self.problems.append(Diagnostic(code, summary, Place(self.mended.name, line), hint=hint))

    def _check_columns(self) -> None:
        for column in self.columns:
            if column not in self.mended.header:
                self._say("LP0512", 1, f"the column `{column}` is missing", did_you_mean(column, self.mended.header))
        for column in self.mended.header:
            if column not in self.columns and column != self.numbers:
                hint = did_you_mean(column, [*self.columns, self.numbers]) or f"columns: {', '.join(self.columns)}"
                self._say("LP0512", 1, f"the column `{column}` is not one of the retry file", hint)
        if self.problems:
            refuse(*self.problems)

    def _given(self) -> Iterator[tuple[SourceRow, str, str, list[str]]]:
        """(row, key, number, cells in the source's order); rows that cannot be shaped are problems."""
        order = [self.mended.header.index(column) for column in self.columns]
        at = self.mended.header.index(self.numbers) if self.numbers in self.mended.header else None
        for row in self.mended:
            cells = [row.cells[i] for i in order]
            key = self._key(cells, row.line)
            if key is not None:
                yield row, key, row.cells[at].strip() if at is not None else "", cells

    def _key(self, cells: list[str], line: int) -> str | None:
        """The key as it would be sent; "" when rows have none, None when the row cannot be sent at all."""
        try:
            sent = self.shape.apply(cells)
        except RowFaultError as fault:
            self.problems.append(fault.diagnostic(Place(self.mended.name, line)))
            return None
        if self.shape.key_of is None or sent is None:
            return ""
        key = self.shape.key_of(cells, sent)
        if not key:
            self._say("LP0324", line, f"the key `{self.shape.key_name}` is empty", "every row needs its own key")
            return None
        return key

    def _known(self, keys: set[str]) -> dict[str, list[int]]:
        """The source records with these keys, and the digest of the source compared."""
        from loadplan.sources.parts import require_unchanged

        found: dict[str, list[int]] = {}
        for row in self.source:
            if self.shape.key_of is None:
                continue
            cells = self.as_mended.get(row.record, row.cells)
            try:
                sent = self.shape.apply(list(cells))
            except RowFaultError:
                continue  # `where` left it out: it was never sent
            key = self.shape.key_of(list(cells), sent or [])
            if key in keys:
                found.setdefault(key, []).append(row.record)
        require_unchanged(self.source.digest(), self.expected, self.source.name)
        return found

    def _record(self, row: SourceRow, key: str, number: str, known: Mapping[str, list[int]]) -> int | None:
        shown, line = f"`{key or number}`", row.line
        if number or self.numbers in self.mended.header:
            record = int(number) if number.isdecimal() else -1
            if record not in self.left:
                why = "has landed or was not sent" if record > 0 else "is not a number of a row"
                self._say(
                    "LP0511",
                    line,
                    f"`{self.numbers}` {number or '(empty)'} {why}",
                    "see `source_rows` in the .json file",
                )
                return None
            if others := [r for r in known.get(key, ()) if r != record and r not in self.left]:
                self._say("LP0511", line, f"the key {shown} is that of row {others[0]:,}, which has landed")
                return None
        else:
            records = known.get(key, [])
            open_ones = [r for r in records if r in self.left and r not in self.taken] or [
                r for r in records if r in self.left
            ]
            if not open_ones:
                hint = f"a key is changed only with the column `{self.numbers}` in the file; the .json file has the numbers"
                if records:
                    self._say("LP0511", line, f"the row {shown} has landed", "take it out of the file")
                else:
                    self._say("LP0511", line, f"no row left over has the key {shown}", hint)
                return None
            record = open_ones[0]
        if record in self.taken:
            self._say("LP0511", line, f"the row {shown} stands twice: line {self.taken[record]:,} is the first")
            return None
        self.taken[record] = line
        return record


# -- keeping -------------------------------------------------------------------------------------------------------


@dataclass
class _Counts:
    failed: list[Fate] = field(default_factory=list)
    unprocessed: int = 0


def _keep(
    rows: Rows, step: Step, found: Sequence[tuple[int, list[str]]], left: Mapping[int, _Place], name: str, sha256: str
) -> ev.Mended:
    run_step = rows.run.steps[step.id]
    nth = len(run_step.mended) + 1
    with closing(rows.reader(step)) as reader:
        header = reader.header
    make_private(rows.folder.mended(step.id, nth).parent)
    fact = _aside(rows, rows.folder.mended(step.id, nth), header, found)
    taken: dict[tuple[int, int], _Counts] = {}
    withdrawn: set[int] = set()
    for record, _ in found:
        place = left[record]
        if place.attempt:
            counts = taken.setdefault((place.part, place.attempt), _Counts())
            if place.failed and place.fate is not None:
                counts.failed.append(place.fate)
            else:
                counts.unprocessed += 1
        elif place.part:
            withdrawn.add(place.part)
    mended = {record for record, _ in found}
    held = [fact, *_still_held(rows, step, nth, mended)]
    if rest := [r for r, place in left.items() if place.part in withdrawn and not place.attempt and r not in mended]:
        cells = dict(_cells(rows, step, set(rest)))
        held.append(
            _aside(rows, rows.folder.mended(step.id, nth, "-rest"), header, [(r, cells[r]) for r in sorted(rest)])
        )
    return ev.Mended(
        step.id, name, sha256, len(found), fact, tuple(held),
        tuple(
            ev.Taken(part, attempt, len(c.failed), c.unprocessed, group_errors(step, c.failed))
            for (part, attempt), c in sorted(taken.items())
        ),
        tuple(sorted(withdrawn)), max(run_step.parts, default=0) + 1,
    )  # fmt: skip


def _aside(rows: Rows, path: Path, header: Sequence[str], found: Sequence[tuple[int, list[str]]]) -> ev.RowsFact:
    encode = row_encoder(",", "")
    with put_aside(path, header, ",") as writer:
        for record, cells in found:
            writer.put(record, encode(cells))
    return ev.RowsFact(rows.folder.relative(path), len(found), ",")


def _still_held(rows: Rows, step: Step, nth: int, mended: set[int]) -> Iterator[ev.RowsFact]:
    """What was held back before, without the rows that were mended."""
    for piece, fact in enumerate(rows.run.steps[step.id].held, 1):
        aside = rows.rows_file(fact)
        records = aside.records()
        if mended.isdisjoint(records):
            yield fact
            continue
        over = step_over(step, aside)
        assert over.source is not None
        encode = row_encoder(fact.delimiter, "")
        path = rows.folder.mended(step.id, nth, f"-held-{piece}")
        kept = 0
        with closing(rows.open(over.source)) as reader, put_aside(path, reader.header, fact.delimiter) as writer:
            for record, row in zip(records, reader, strict=True):
                if record not in mended:
                    writer.put(record, encode(row.cells))
                    kept += 1
        if kept:
            why = {next(iter(fact.why)): kept} if len(fact.why) == 1 else {WAITS: kept}
            yield ev.RowsFact(rows.folder.relative(path), kept, fact.delimiter, why, fact.level)


def _cells(rows: Rows, step: Step, records: set[int]) -> Iterator[tuple[int, list[str]]]:
    with closing(rows.reader(step)) as reader:
        yield from ((row.record, list(row.cells)) for row in reader if row.record in records)
    yield from rows.mended_cells(step, records).items()
