"""Cutting: a step's rows checked, and cut into the parts that are sent: at once, a level of a hierarchy at a time, or when the
parents they waited for have landed. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadplan.diagnostics import Diagnostic, has_errors
from loadplan.disk import disk
from loadplan.durable import make_private
from loadplan.errors import InvalidInputError, StaleError
from loadplan.plan.model import FileSource, Step
from loadplan.run import events as ev
from loadplan.run.family import StepFamily, family_of
from loadplan.sources.base import InputDigest, Reader, Tick
from loadplan.sources.check import check_step
from loadplan.sources.level_files import find_step_levels, write_levels
from loadplan.sources.level_problems import level_problems
from loadplan.sources.partdata import changed
from loadplan.sources.parts import cut_parts, require_unchanged
from loadplan.sources.rawrows import raw_delimiter
from loadplan.sources.rowindex import index_path
from loadplan.sources.rowsfile import put_aside, step_over

if TYPE_CHECKING:
    from loadplan.run.rows import Rows


def check(
    rows: Rows, step: Step, told: list[Diagnostic] | None = None, tick: Tick | None = None,
    selected: dict[str, int] | None = None,
) -> InputDigest:  # fmt: skip
    """One pass over the step's rows; `tick` hears how far it is. Raises `InvalidInputError` with every problem found; where none
    is an error, the warnings go to `told`. How many rows `where` and `limit` let pass goes to `selected`, by step."""
    assert step.source is not None
    reader = rows.open(step.source)
    try:
        found = check_step(step, reader, tick)
    finally:
        reader.close()
    problems = list(found.diagnostics)
    if found.ok and found.digest is not None and step.hierarchy is not None:
        problems += _level_problems(rows, step, plain=found.digest.plain)
    if has_errors(problems) or found.digest is None:
        raise InvalidInputError(f"the rows of `{step.id}` cannot be sent as they are", problems)
    if told is not None:
        told.extend(problems)
    if selected is not None:
        selected[step.id] = found.rows_selected
    return found.digest


def _level_problems(rows: Rows, step: Step, *, plain: bool) -> list[Diagnostic]:
    assert step.hierarchy is not None
    reader = rows.reader(step)
    try:
        levels = find_step_levels(step, reader, rows.shape(step), rows.folder.root.parent, plain=plain)
        return level_problems(
            levels, source=reader.name, column=step.hierarchy.column, max_depth=step.hierarchy.max_depth
        )
    finally:
        reader.close()


def cut(rows: Rows, step: Step, expected: InputDigest | None) -> ev.StepPrepared:
    """The step's parts: ranges of the source where it can be sent as it stands, else files, durable before this returns;
    or the levels of its hierarchy. Raises `StaleError` when the source is no longer what was checked."""
    assert step.source is not None
    family = family_of(rows, step)
    try:
        if expected is not None and expected.ranges and family.has_nothing_to_say:
            _require_size(step, expected)
            facts = tuple(
                ev.PartFact(n, "", "", r.rows, r.bytes, r.sha256, r.start, r.end, r.first, r.digest)
                for n, r in enumerate(expected.ranges, 1)
            )
            return ev.StepPrepared(step.id, facts, expected.rows, expected.rows, expected.sha256, expected.header)
        if step.hierarchy is not None:
            return _levels(rows, step, expected)
        reader = rows.open(step.source)
        try:
            facts, held, digest = _cut(rows, step, reader, family, 1, expected=expected)
        finally:
            reader.close()
    finally:
        family.close()
    selected = sum(f.rows for f in facts) + sum(f.rows for f in held)
    return ev.StepPrepared(step.id, facts, digest.rows, selected, digest.sha256, held=held)


def _require_size(step: Step, expected: InputDigest) -> None:
    """The bytes of each range are compared when they are sent; that nothing was added behind the last one, here."""
    assert isinstance(step.source, FileSource)
    try:
        size = step.source.file.stat().st_size
    except OSError:
        size = -1
    if size != expected.bytes:
        raise changed(step.source.file)


def _cut(
    rows: Rows, step: Step, reader: Reader, family: StepFamily, first_part: int, *, expected: InputDigest | None = None,
    plain: bool = False, records: Sequence[int] | None = None, piece: int = 1,
) -> tuple[tuple[ev.PartFact, ...], tuple[ev.RowsFact, ...], InputDigest]:  # fmt: skip
    """Parts from number `first_part` on, and the rows that have to wait."""
    folder = rows.folder.parts(step.id)
    make_private(folder)
    aside = rows.folder.held(step.id, rows.run.steps[step.id].cuts + 1, piece)
    delimiter = raw_delimiter(step, plain=plain or (expected is not None and expected.plain))
    with put_aside(aside, reader.header, delimiter) as held:
        parts, digest = cut_parts(
            step, reader, folder, first_part=first_part, expected=expected, plain=plain, family=family, held=held,
            records=records,
        )  # fmt: skip
    facts = tuple(rows.fact(p) for p in parts)
    if not held.records:
        disk().unlink(aside)
        disk().unlink(index_path(aside))
        return facts, (), digest
    waiting = ev.RowsFact(rows.folder.relative(aside), len(held.records), delimiter, dict(sorted(held.why.items())))
    return facts, (waiting,), digest


def _next_part(rows: Rows, step: Step) -> int:
    return max(rows.run.steps[step.id].parts, default=0) + 1


def _cut_aside(
    rows: Rows, step: Step, facts: Sequence[ev.RowsFact], first_part: int
) -> tuple[tuple[ev.PartFact, ...], tuple[ev.RowsFact, ...]]:
    """The same for rows that were put aside."""
    parts: list[ev.PartFact] = []
    held: list[ev.RowsFact] = []
    family = family_of(rows, step)
    try:
        for piece, fact in enumerate(facts, 1):
            aside = rows.rows_file(fact)
            over = step_over(step, aside)
            assert over.source is not None
            reader = rows.open(over.source)
            try:
                made, waiting, _ = _cut(
                    rows,
                    over,
                    reader,
                    family,
                    first_part + len(parts),
                    plain=True,
                    records=aside.records(),
                    piece=piece,
                )
            finally:
                reader.close()
            parts.extend(made)
            held.extend(waiting)
    finally:
        family.close()
    return tuple(parts), tuple(held)


def cut_level(rows: Rows, step: Step, level: int) -> ev.LevelCut:
    """The parts of one level of the step's hierarchy, and its rows whose parents did not land."""
    prepared = rows.run.steps[step.id].prepared
    assert prepared is not None
    parts, held = _cut_aside(rows, step, [prepared.levels[level - 1]], _next_part(rows, step))
    return ev.LevelCut(step.id, level, parts, held)


def release(rows: Rows, step: Step) -> ev.HeldReleased:
    """The rows that waited, once more."""
    parts, held = _cut_aside(rows, step, rows.run.steps[step.id].held, _next_part(rows, step))
    return ev.HeldReleased(step.id, parts, held)


def _levels(rows: Rows, step: Step, expected: InputDigest | None) -> ev.StepPrepared:
    """The rows put aside level by level, as they stand."""
    reader, plain = rows.reader(step), expected is not None and expected.plain
    try:
        levels = find_step_levels(step, reader, rows.shape(step), rows.folder.step(step.id), plain=plain)
        if not levels.ok:
            raise StaleError("the source changed since it was checked", code="LP0331", where=reader.name)
        again = reader.reopen()
        try:
            files, digest = write_levels(
                step, again, rows.shape(step), levels, rows.folder.step(step.id) / "levels", plain=plain
            )
        finally:
            again.close()
        require_unchanged(digest, expected, reader.name)
    finally:
        reader.close()
    facts = tuple(
        ev.RowsFact(rows.folder.relative(f.path), f.rows, f.delimiter, level=n) for n, f in enumerate(files, 1)
    )
    return ev.StepPrepared(step.id, (), digest.rows, sum(f.rows for f in facts), digest.sha256, levels=facts)
