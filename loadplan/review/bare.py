"""Bare: source columns that were sent masked only, and are now sent as they are, under whatever field and by whatever step. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from loadplan.plan.model import Plan, Step
from loadplan.review.feeding import read_columns
from loadplan.review.meaning import Change, source_text

Read = tuple[str, str]
"""(source, column)"""


def unmasked(before: Plan, after: Plan) -> Iterator[Change]:
    """One change for each column that goes out bare. What the masks of its own field say is told there."""
    masked = {read for step in before.steps.values() for read, field in _reads(step) if step.mask_of(field) is not None}
    bare = {read for step in before.steps.values() for read, field in _reads(step) if step.mask_of(field) is None}
    bare |= {
        read for step in before.steps.values() for read, _ in _passing(step, masked) if step.mask_of(read[1]) is None
    }
    for step in after.steps.values():
        old = before.steps.get(step.id)
        told = set()
        for read, field in (*_reads(step), *_passing(step, masked)):
            if read not in masked or read in bare or step.mask_of(field) is not None or read in told:
                continue
            if old is not None and old.mask_of(field) is not None:
                continue  # the field lost its mask, and that is told
            told.add(read)
            why = f"the column {read[1]} was only ever sent masked: what is personal would go out as it is"
            yield Change(f"{step.id}.unmasked {read[1]}", step.id, "changed", "masked", f"{field}, as it is", "R3", why)


def _passing(step: Step, masked: Collection[Read]) -> Iterator[tuple[Read, str]]:
    """Of the columns that were masked somewhere, those of the source of a step whose header passes through."""
    if step.columns is None and not step.facts.id_only and not step.is_query:
        source = source_text(step.source)
        yield from ((read, read[1]) for read in sorted(masked) if read[0] == source)


def _reads(step: Step) -> Iterator[tuple[Read, str]]:
    """Each (source, column) with a field it is sent in. A step whose header passes through is known by its masks alone."""
    source = source_text(step.source)
    for column in step.columns or ():
        for name in read_columns(column):
            if column is not step.idempotency:
                yield (source, name), column.field
    for reference in step.references:
        yield (source, reference.column), reference.header
    if step.columns is None and step.masks is not None and not step.facts.id_only:
        for field in step.masks.how:
            yield (source, field), field
