"""Outcomes of a run: where the rows of a step with one fate are, for a step that has them as its source.

The counts are those on record. A row that failed and was sent again is the business of the later attempt.
"""

from __future__ import annotations

from loadplan.plan.model import DELIMITERS, Step
from loadplan.run.folder import RunFolder
from loadplan.run.state import Attempt, StepRun
from loadplan.sources.problems import refuse_file
from loadplan.sources.results import ResultKind
from loadplan.sources.surroundings import Outcome


def outcomes_of(step: Step, run_step: StepRun, folder: RunFolder, kind: ResultKind) -> list[Outcome]:
    """The result files that hold the rows of `step` with the fate `kind`. Raises InvalidInputError (LP0386) when the step has
    not ended, or rows of this fate are in no result file."""
    name = f"{kind} results of {step.id}"
    if not run_step.is_settled:
        refuse_file("LP0386", f"step `{step.id}` has not ended", name, hint="its results are known when it has")
    found = [o for a in run_step.attempts if a.reconciled and (o := _outcome(step, a, folder, kind)) is not None]
    on_record = getattr(run_step.counts, kind)
    if sum(outcome.rows for outcome in found) != on_record:
        hint = f"the rows left over are in the retry file: {folder.retry(step.id)}"
        summary = f"of {on_record:,} {kind} rows of `{step.id}` not all are in a result file"
        refuse_file("LP0386", summary, name, hint=hint)
    return found


def _outcome(step: Step, attempt: Attempt, folder: RunFolder, kind: ResultKind) -> Outcome | None:
    assert attempt.reconciled is not None
    saved = attempt.results.get(kind)
    resent: frozenset[str] = frozenset()
    rows = getattr(attempt.reconciled, kind)
    if attempt.mended and kind != "successful" and rows:
        return None  # some of them were mended: no result file says which are left
    if kind == "failed" and attempt.resent_failed:
        # Either all failed rows were sent again, by hand, or those whose code the plan lists.
        rows -= attempt.resent_failed
        resent = frozenset(step.retry.codes)
    elif kind == "unprocessed":
        rows -= attempt.resent_unprocessed
    if rows <= 0:
        return None
    if not attempt.was_closed:
        # Somebody ended the job before its upload was closed: the part itself holds its rows.
        return Outcome(folder.path(attempt.file), DELIMITERS[step.csv.delimiter], rows) if attempt.file else None
    if saved is None:
        return None
    return Outcome(folder.path(saved.file), DELIMITERS[step.csv.delimiter], rows, resent)
