"""Meaning: a step as what it does, aspect by aspect, so that two versions of a plan are compared by what they mean and not by how
they are written. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from pathlib import Path

from loadplan.lean import dataclass
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


@dataclass(frozen=True, eq=False)
class Aspect:
    """One thing that a step means. `text` is for people; two aspects are the same when their `value` is: no text is so clever that it
    could stand for two meanings."""

    text: str
    value: object = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aspect) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.text)


def aspects(step: Step) -> dict[str, Aspect]:
    """Everything that a step means. Gates, order and sources' rows are looked at on their own."""
    retry = replace(step.retry, codes=tuple(sorted(step.retry.codes)))
    plain = {
        "operation": step.operation, "object": step.object or "", "external_id": step.external_id or "", "key": step.key or "",
        "dedupe": step.dedupe, "limit": "" if step.limit is None else str(step.limit), "on_parent_failure": step.on_parent_failure,
        "assignment_rule_id": step.assignment_rule_id or "", "soql": step.soql or "", "output": step.output or "",
        "max_records": "" if step.max_records is None else str(step.max_records),
        "columns": "the header passes through" if step.columns is None and not step.is_query else "",
        "upload": step.upload, "csv": f"{step.csv.delimiter} {step.csv.line_ending}",
        "parts": f"{step.parts.max_rows:,} rows, {step.parts.max_bytes:,} bytes", "poll": flat(asdict(step.poll)),
        "parallel_pages": str(step.parallel_pages), "description": step.description,
    }  # fmt: skip
    found = {name: Aspect(text, text) for name, text in plain.items()}
    found["source"] = Aspect(source_text(step.source), source_value(step.source))
    where = in_one_order(step.where)
    found["where"] = Aspect(where_text(where), where)
    found["retry"] = Aspect(retry_text(step), retry)
    for column in step.columns or ():
        found[f"columns.{column.field}"] = Aspect(column_text(column), column_value(column))
    if step.idempotency is not None:
        made = step.idempotency
        found["idempotency"] = Aspect(f"{made.field} {column_text(made)}", (made.field, made.column))
    for lookup in step.lookups:
        found[f"lookups.{lookup.header}"] = Aspect(f"<- {item(lookup.column)}", lookup)
    for reference in step.ids:
        text = f"<- id of {reference.step} by {item(reference.column)}"
        found[f"lookups.{reference.header}"] = Aspect(text, reference)
    if step.hierarchy is not None:
        above = step.hierarchy
        text = f"{above.header} <- {item(above.column)}, at most {above.max_depth} levels"
        found["hierarchy"] = Aspect(text, above)
    for name, how in (step.masks.how if step.masks is not None else {}).items():
        found[f"mask.{name}"] = Aspect(how, how)
    return {name: aspect for name, aspect in found.items() if aspect.text}


_BARE = re.compile(r"[^,:;()'\"{}\\]*")


def item(text: str) -> str:
    """A text of the plan between others: in quotes when it could be taken for more than itself."""
    return text if text and text == text.strip() and _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def source_value(source: Source | None) -> object:
    """What a source means, wherever the project lies."""
    match source:
        case FileSource() | SqliteSource():
            return replace(source, file=Path(), null=tuple(sorted(source.null)))
        case StdinSource():
            return replace(source, null=tuple(sorted(source.null)))
        case SqlSource():
            return replace(source, files=tuple(replace(f, file=Path()) for f in source.files))
        case _:
            return source


def source_text(source: Source | None) -> str:
    """Where rows come from, with how they are read."""
    match source:
        case None:
            return ""
        case FileSource() | StdinSource():
            told = [source.path]
            usual = {"csv": ",", "tsv": "\t"}.get(source.format, source.delimiter)
            told += [f"format {source.format}"] if not _ending_tells(source) else []
            told += [f"delimiter {source.delimiter!r}"] if source.delimiter != usual else []
            told += [f"encoding {source.encoding}"] if source.encoding != "utf-8" else []
            told += [f"quote {source.quote!r}"] if source.quote != '"' else []
            return ", ".join([*told, *_null_text(source.null)])
        case SqliteSource():
            return ", ".join([f"{source.path}: {source.table or source.query}", *_null_text(source.null)])
        case PostgresSource():
            return f"{source.path}: {source.table or source.query}"
        case SqlSource():
            return f"sql: {source.sql}"
        case ResultsSource():
            return source.path
        case StepSource():
            return f"rows of {source.step}"


def _ending_tells(source: FileSource | StdinSource) -> bool:
    if isinstance(source, StdinSource):
        return source.format == "csv"
    name = source.path.lower()
    packed = {"gzip": ".gz", "zstd": ".zst"}.get(source.compression or "", "")
    return name.endswith(f".{source.format}{packed}")


def _null_text(null: Sequence[str]) -> list[str]:
    return [f"null {', '.join(map(item, sorted(null)))}"] if null else []


def column_value(column: Column) -> object:
    """What a field's value means, wherever the project lies."""
    match column:
        case FromColumn():
            values = None if column.values is None else tuple(sorted(column.values.items()))
            table = column.map_file and replace(column.map_file, file=Path())
            return (column.column, column.empty, values, column.default, table)
        case Hashed():
            return ("made of", column.column)
        case _:
            return column


def column_text(column: Column) -> str:
    """How a field gets its value."""
    match column:
        case Constant():
            return f"= {column.value}"
        case Composed():
            pieces = [f"{{{p.column}}}" if isinstance(p, Cell) else p.text for p in column.pieces]
            return f"<- {''.join(pieces)}"
        case Hashed():
            return f"<- made of {item(column.column)}"
        case FromColumn():
            told = [f"<- {item(column.column)}"]
            if column.empty is not None:
                told.append(f"empty becomes {item(column.empty)}")
            if column.values is not None:
                told.append("map " + ", ".join(f"{item(k)}: {item(v)}" for k, v in sorted(column.values.items())))
            if (table := column.map_file) is not None:
                which = [
                    f"{w} {item(n)}" for w, n in (("from", table.from_column), ("to", table.to_column)) if n is not None
                ]
                told.append(" ".join([f"map {table.path}", *which]))
            if column.default is not None:
                told.append(f"default {item(column.default)}")
            return ", ".join(told)


def in_one_order(where: Where | None) -> Where | None:
    """The same filter with what may stand in any order in one."""
    if where is None:
        return None
    values = tuple(sorted(set(where.values))) if where.test in {"in", "not_in"} else where.values
    parts = [p for part in where.parts if (p := in_one_order(part)) is not None]
    return replace(
        where, values=values, parts=tuple(sorted(parts, key=where_text) if where.test in {"all", "any"} else parts)
    )


def where_text(where: Where | None) -> str:
    """A filter as one line."""
    if where is None:
        return ""
    if where.parts:
        return f"{where.test}({'; '.join(where_text(p) for p in where.parts)})"
    return f"{item(where.column or '')} {where.test} {', '.join(map(item, where.values))}".strip()


def retry_text(step: Step) -> str:
    retry = step.retry
    return (
        f"{retry.max_attempts} attempts, codes {', '.join(sorted(retry.codes)) or 'none'}, "
        f"unprocessed {'yes' if retry.unprocessed else 'no'}, {flat(asdict(retry.backoff))}"
    )


def flat(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


def differ(before: Aspect | None, after: Aspect | None) -> tuple[str, str]:
    """The texts of two aspects that are not the same; where they read alike, with what tells them apart."""
    old, new = before.text if before else "", after.text if after else ""
    if before is not None and after is not None and old == new:
        return f"{old} [{before.value!r}]", f"{new} [{after.value!r}]"
    return old, new


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
