"""What is left over after a run: `retry/<step>.csv` with the source's own columns, and its specification."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadplan.disk import disk
from loadplan.durable import make_private
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.model import Step
from loadplan.run.mended import row_column
from loadplan.run.rows import Rows
from loadplan.run.state import PartRun, StepRun
from loadplan.sources.base import InputDigest
from loadplan.sources.leftover import write_retry_file
from loadplan.sources.matching import Fate


@dataclass(frozen=True)
class Leftover:
    step: str
    file: Path
    rows: int
    edited: Path | None = None
    """Where a file is kept now that a person had edited in the place of this one."""


def write_leftovers(rows: Rows, inputs: Mapping[str, InputDigest] | None = None) -> list[Leftover]:
    """Write the retry file of every step whose rows did not all land; remove those of steps that are whole by now.

    A pure rendering of the journal and the files it names: safe to repeat. Raises `StaleError` when a source is no longer
    what `inputs` says it was: its rows would not be those that were sent."""
    written = []
    for run_step in rows.run.steps.values():
        step = rows.plan.steps[run_step.id]
        if step.is_query:
            continue
        records, codes = _left_records(rows, step, run_step)
        if not records:
            _put_by(rows, step, rows.folder.retry(step.id))
            disk().unlink(rows.folder.retry(step.id))
            disk().unlink(rows.folder.retry(step.id, "json"))
            continue
        written.append(_write(rows, step, run_step, records, codes, (inputs or {}).get(step.id)))
    return written


def _put_by(rows: Rows, step: Step, file: Path) -> Path | None:
    """A retry file that a person edited in its place is not lost when another takes it: unless the run has taken its rows,
    it is kept as `<step>.edited.csv`."""
    if not was_edited(file):
        return None
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if any(found == mended.sha256 for mended in rows.run.steps[step.id].mended):
        return None
    disk().rename(file, edited(file))
    return edited(file)


def was_edited(file: Path) -> bool:
    """Whether a retry file is another than the one that was written."""
    try:
        told = json.loads(file.with_suffix(".json").read_bytes())["sha256"]
        return bool(hashlib.sha256(file.read_bytes()).hexdigest() != told)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def edited(file: Path) -> Path:
    """Where an edited retry file is kept when another takes its place."""
    return file.with_suffix(".edited.csv")


def _left_records(rows: Rows, step: Step, run_step: StepRun) -> tuple[set[int], dict[str, int]]:
    """Record numbers in the source of rows that have not landed, and how many failed with which code."""
    left: set[int] = set()
    codes: dict[str, int] = {}
    for part in run_step.parts.values():
        if not run_step.is_settled and not part.left_over:
            continue
        for record, fate in rows.left_of_part(step, part) if run_step.is_settled else _reconciled(rows, step, part):
            left.add(record)
            if fate.error:
                codes[fate.error.code] = codes.get(fate.error.code, 0) + 1
    for fact in run_step.held:
        left.update(rows.rows_file(fact).records())
        for why, number in fact.why.items():
            codes[why] = codes.get(why, 0) + number
    return left, codes


def _reconciled(rows: Rows, step: Step, part: PartRun) -> list[tuple[int, Fate]]:
    return [found for attempt in part.left_over for found in rows.left_records(step, part, attempt)]


def _write(
    rows: Rows, step: Step, run_step: StepRun, records: set[int], codes: dict[str, int], expected: InputDigest | None
) -> Leftover:
    assert step.source is not None
    to = rows.folder.retry(step.id)
    make_private(to.parent)
    reader = rows.open(step.source)
    try:
        put_by = _put_by(rows, step, to)
        # Between the two files of a retry a crash must not make the new one look edited.
        disk().unlink(rows.folder.retry(step.id, "json"))
        made = write_retry_file(reader, records, to, expected=expected, mended=rows.mended_cells(step, records))
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the retry file of `{step.id}` cannot be written: {error.summary}", error.diagnostics
        ) from error
    finally:
        reader.close()
    spec: dict[str, Any] = {
        "step": step.id,
        "object": step.object,
        "operation": step.operation,
        "columns": list(made.columns),
        "key": step.key,
        "codes": dict(sorted(codes.items())),
        "rows": made.rows,
        "origin": getattr(step.source, "path", None) or f"step {getattr(step.source, 'step', '')}",
        "source_lines": list(made.lines),
        "source_rows": list(made.records),
        "row_column": row_column(made.columns),
        "sha256": made.sha256,
        "why": run_step.gate.because if run_step.gate else run_step.problem,
        "next": f"loadplan retry {rows.folder.id} --rows {step.id}=FILE",
    }
    rows.folder.write_json(f"retry/{step.id}.json", spec)
    return Leftover(step.id, to, made.rows, put_by)
