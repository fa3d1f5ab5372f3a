"""Which rows are sent again by themselves. Pure.

Only rows that Salesforce says it did not save are candidates: failed rows whose status code the plan lists, and unprocessed
rows, unless a person aborted the job or the job failed for a reason that sending again cannot mend.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadplan.lean import dataclass
from loadplan.plan.model import Retry
from loadplan.run.state import Attempt, PartRun

# Codes of a whole job that passed Salesforce's door by fault of the moment. Everything else (`InvalidBatch`,
# `ClientInputError`, …) fails the same way again. Bulk API 2.0 Developer Guide, "Errors".
PASSING_JOB_ERRORS = ("TooManyLockFailure", "Timeout", "InternalServerError", "Unknown")


PIECES = 4
"""Into so many parts at most are the rows cut that are sent again by themselves,"""
SMALLEST = 200
"""and into none with fewer rows: Salesforce saves so many at a time (Bulk API 2.0 Developer Guide, "Limits")."""


@dataclass(frozen=True)
class Again:
    """Send these rows of the attempt again, not before `delay` seconds after it was reconciled."""

    failed: bool
    unprocessed: bool
    delay: float


def select_retry(policy: Retry, part: PartRun) -> Again | None:
    """What the policy sends again after the part's newest attempt was reconciled; None when nothing is."""
    attempt = part.current
    if attempt is None or attempt.reconciled is None or not attempt.reconciled.agree:
        return None
    if part.round >= policy.max_attempts or attempt.aborted_by_a_person:
        return None
    if attempt.mended or attempt.adopted:
        return None  # a person has taken the rest of it in hand, or the run that was lost may have sent it again
    failed = attempt.reconciled.retriable > 0
    unprocessed = policy.unprocessed and attempt.reconciled.unprocessed > 0 and _may_pass(attempt)
    if not failed and not unprocessed:
        return None
    delay = min(policy.backoff.max, policy.backoff.first * policy.backoff.factor ** (part.round - 1))
    return Again(failed, unprocessed, delay)


def smaller(rows: Sequence[int]) -> list[Sequence[int]]:
    """Rows in their order, cut into smaller parts. Rows of one parent stand together in them, save where a part ends."""
    pieces = min(PIECES, -(-len(rows) // SMALLEST)) or 1
    size = -(-len(rows) // pieces)
    return [rows[at : at + size] for at in range(0, len(rows), size)] or [rows]


def _may_pass(attempt: Attempt) -> bool:
    if attempt.state != "Failed":
        return True
    return bool(attempt.processed) or attempt.error.partition(" : ")[0].strip() in PASSING_JOB_ERRORS
