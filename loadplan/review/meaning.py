"""Meaning: a step as what it does, aspect by aspect, so that two versions of a plan are compared by what they mean and not by how
they are written. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from loadplan.plan.model import (
    Cell,
    Column,
    Composed,
    Constant,
    FileSource,
    FromColumn,
    Gate,
    Hashed,
    PostgresSource,
    ResultsSource,
    Source,
    SqliteSource,
    SqlSource,
    StdinSource,
    Step,
    StepSource,
    Where,
)

RISKS = ("R0", "R1", "R2", "R3")


@dataclass(frozen=True)
class Change:
    """One thing that is different. `path` is `step.aspect`, `before` and `after` are texts ("" where there is none)."""

    path: str
    step: str
    kind: str
    before: str
    after: str
    risk: str
    why: str


def aspects(step: Step) -> dict[str, str]:
    """Everything that a step means, as texts. Gates, order and sources' rows are looked at on their own."""
    found = {
        "operation": step.operation, "object": step.object or "", "external_id": step.external_id or "", "key": step.key or "",
        "source": source_text(step.source), "where": where_text(step.where), "dedupe": step.dedupe,
        "limit": "" if step.limit is None else str(step.limit), "on_parent_failure": step.on_parent_failure,
        "assignment_rule_id": step.assignment_rule_id or "", "soql": step.soql or "", "output": step.output or "",
        "max_records": "" if step.max_records is None else str(step.max_records),
        "columns": "the header passes through" if step.columns is None and not step.is_query else "",
        "upload": step.upload, "csv": f"{step.csv.delimiter} {step.csv.line_ending}",
        "parts": f"{step.parts.max_rows:,} rows, {step.parts.max_bytes:,} bytes", "poll": flat(asdict(step.poll)),
        "retry": retry_text(step), "parallel_pages": str(step.parallel_pages), "description": step.description,
    }  # fmt: skip
    for column in step.columns or ():
        found[f"columns.{column.field}"] = column_text(column)
    if step.idempotency is not None:
        found["idempotency"] = f"{step.idempotency.field} {column_text(step.idempotency)}"
    for lookup in step.lookups:
        found[f"lookups.{lookup.header}"] = f"<- {lookup.column}"
    for reference in step.ids:
        found[f"lookups.{reference.header}"] = f"<- id of {reference.step} by {reference.column}"
    if step.hierarchy is not None:
        found["hierarchy"] = (
            f"{step.hierarchy.header} <- {step.hierarchy.column}, at most {step.hierarchy.max_depth} levels"
        )
    for field, how in (step.masks.how if step.masks is not None else {}).items():
        found[f"mask.{field}"] = how
    return {name: text for name, text in found.items() if text}


def source_text(source: Source | None) -> str:
    """Where rows come from, with how they are read."""
    match source:
        case None:
            return ""
        case FileSource() | StdinSource():
            told = [source.path]
            told += [f"delimiter {source.delimiter!r}"] if source.format == "csv" and source.delimiter != "," else []
            told += [f"encoding {source.encoding}"] if source.encoding != "utf-8" else []
            told += [f"quote {source.quote!r}"] if source.quote != '"' else []
            told += [f"null {', '.join(source.null)}"] if source.null else []
            return ", ".join(told)
        case SqliteSource():
            return f"{source.path}: {source.table or source.query}"
        case PostgresSource():
            return f"{source.path}: {source.table or source.query}"
        case SqlSource():
            return f"sql: {source.sql}"
        case ResultsSource():
            return source.path
        case StepSource():
            return f"rows of {source.step}"


def column_text(column: Column) -> str:
    """How a field gets its value."""
    match column:
        case Constant():
            return f"= {column.value}"
        case Composed():
            return "<- " + "".join(f"{{{p.column}}}" if isinstance(p, Cell) else p.text for p in column.pieces)
        case Hashed():
            return f"<- made of {column.column}"
        case FromColumn():
            told = [f"<- {column.column}"]
            if column.empty is not None:
                told.append(f"empty becomes {column.empty}")
            if column.values is not None:
                told.append("map " + ", ".join(f"{k}: {v}" for k, v in column.values.items()))
            if column.map_file is not None:
                told.append(f"map {column.map_file.path}")
            if column.default is not None:
                told.append(f"default {column.default}")
            return ", ".join(told)


def where_text(where: Where | None) -> str:
    """A filter as one line."""
    if where is None:
        return ""
    if where.parts:
        return f"{where.test}({'; '.join(where_text(p) for p in where.parts)})"
    return f"{where.column} {where.test} {', '.join(where.values)}".strip()


def retry_text(step: Step) -> str:
    retry = step.retry
    return (
        f"{retry.max_attempts} attempts, codes {', '.join(retry.codes) or 'none'}, "
        f"unprocessed {'yes' if retry.unprocessed else 'no'}, {flat(asdict(retry.backoff))}"
    )


def flat(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


# -- gates ---------------------------------------------------------------------------------------------------------

_ANY = float("inf")


def gate_loosened(before: Gate, after: Gate, *, is_query: bool) -> bool:
    """Whether a run may pass that was stopped before: the effective gate counts, not each threshold by itself."""
    if after.on_fail == "continue" and before.on_fail == "stop":
        return True
    if is_query:
        return _num(after.min_rows, 0) < _num(before.min_rows, 0) or _num(after.max_rows, _ANY) > _num(
            before.max_rows, _ANY
        )
    old, new = _most(before), _most(after)
    # Of n rows, min(rows, percent * n / 100) may fail. For many rows the first decides, for few the second.
    steeper = _num(after.max_failed_percent, 100.0) > _num(before.max_failed_percent, 100.0)
    return new > old or (steeper and new > 0)


def _most(gate: Gate) -> float:
    """Rows that may fail however many are sent."""
    return 0 if gate.max_failed_percent == 0 else _num(gate.max_failed_rows, _ANY)


def _num(value: float | None, default: float) -> float:
    return default if value is None else value
