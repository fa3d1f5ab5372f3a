"""Feeding: how the rows of a step find their records, and whose rows a step decides upon, however many steps lie between. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from loadplan.lean import dataclass
from loadplan.plan.model import Cell, Column, Composed, Constant, FromColumn, Hashed, Plan, Step, StepSource
from loadplan.review.meaning import column_value


def found_by(step: Step) -> str | None:
    """The field by which the rows of a step find records: `Id`, an external id, or None where every row is a new record."""
    return "Id" if step.facts.needs_id else step.external_id


def how_found(step: Step) -> object:
    """How that field gets its value: equal when it gets it alike; () where there is none."""
    field = found_by(step)
    if field is None:
        return ()
    told: list[object] = [(type(r).__name__, r.column) for r in step.references if r.header == field]
    told += [column_value(c) for c in step.columns or () if c.field == field]
    told += [r.step for r in step.ids if r.header == field]
    if not told and step.columns is None:
        told = [column_value(FromColumn(field, field))]
    return (*told, step.mask_of(field))


def read_columns(column: Column) -> Iterator[str]:
    """The source columns that a field is made of."""
    match column:
        case FromColumn() | Hashed():
            yield column.column
        case Composed():
            yield from (p.column for p in column.pieces if isinstance(p, Cell))
        case Constant():
            return


def key_columns(step: Step) -> frozenset[str]:
    """The source columns that decide which records are found."""
    field = found_by(step)
    found = {name for c in step.columns or () if c.field == field for name in read_columns(c)}
    found |= {r.column for r in step.references if r.header == field}
    return frozenset(found or ({field} if field and step.columns is None else set()))


def sent_columns(step: Step) -> frozenset[str] | None:
    """The source columns that something is sent of; None where all pass through."""
    if step.facts.id_only:
        return key_columns(step)
    if step.columns is None:
        return None
    return frozenset({n for c in step.columns for n in read_columns(c)} | {r.column for r in step.references})


NOWHERE: Mapping[Path, str] = MappingProxyType({})


@dataclass(frozen=True)
class Feeding:
    """Of one plan: the steps that decide which rows a delete has, and those that decide which records an update finds, each with the
    step that does it."""

    deletes: Mapping[str, str]
    updates: Mapping[str, str]


def feeding(plan: Plan, elsewhere: Mapping[Path, str] = NOWHERE) -> Feeding:
    """Through `{step: …}`, `{results_of: …}`, an `Id` that is the id of another step's row, and an output that a delete of another plan
    reads: `elsewhere` has those files, and what the delete is called."""
    deletes = [s.id for s in plan.steps.values() if s.facts.destructive]
    updates = [s.id for s in plan.steps.values() if s.facts.needs_id and not s.facts.destructive]
    written = {
        s.id: elsewhere[s.output_file]
        for s in plan.steps.values()
        if s.output_file is not None and s.output_file in elsewhere
    }
    return Feeding(_above(plan, deletes, written), _above(plan, updates, {}))


def _above(plan: Plan, ends: list[str], written: Mapping[str, str]) -> dict[str, str]:
    found = dict(written)
    queue = [*((end, end) for end in ends), *written.items()]
    for name, end in queue:
        step = plan.steps.get(name)
        if step is None:
            continue
        parents = [step.source.step] if isinstance(step.source, StepSource) else []
        parents += [r.step for r in step.ids if r.header == found_by(step)]
        for parent in parents:
            if parent not in found:
                found[parent] = end
                queue.append((parent, end))
    return found
