"""The pure core: gates, reconciliation, retry selection, the lifecycle tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from loadplan.plan.model import Gate, Retry
from loadplan.run import events as ev
from loadplan.run.gates import decide_gate
from loadplan.run.lifecycle import DEAD, FINAL, IN_FLIGHT, INGEST, QUERY, IllegalEvent, advance
from loadplan.run.reconcile import reconcile_job
from loadplan.run.retry import select_retry
from loadplan.run.state import Attempt, Counts, PartRun

AT = datetime(2026, 1, 1, tzinfo=UTC)
FACT = ev.PartFact(1, "f", "i", 10, 1, "0")


def attempt(phase: str, kind: str = "ingest", **rest: object) -> Attempt:
    made = Attempt("s", 1, 1, 1, kind, False, "66.0", "f", 10, AT, phase=phase, job="750Em0000000001IAA")
    for name, value in rest.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("gate", "sent", "failed", "unprocessed", "is_open"),
    [
        (Gate(), 10, 0, 0, True),
        (Gate(), 10, 1, 0, False),
        (Gate(), 10, 0, 1, False),
        (Gate(max_failed_rows=1), 10, 1, 0, True),
        (Gate(max_failed_rows=None, max_failed_percent=0.1), 1000, 1, 0, True),
        (Gate(max_failed_rows=None, max_failed_percent=0.1), 1000, 2, 0, False),
        (Gate(max_failed_rows=50, max_failed_percent=1), 100, 2, 0, False),
        (Gate(max_failed_rows=None, max_failed_percent=50), 0, 0, 0, True),
    ],
)
def test_thresholds_are_inclusive_and_all_must_hold(
    gate: Gate, sent: int, failed: int, unprocessed: int, is_open: bool
) -> None:
    """Failed and unprocessed rows both did not land; percentages are of rows sent."""
    counts = Counts(sent, sent - failed - unprocessed, failed, unprocessed)
    assert decide_gate(gate, counts, is_query=False, reconciled=True, problem="").is_open is is_open


def test_a_step_that_does_not_reconcile_never_opens_its_gate() -> None:
    """Whatever the thresholds say."""
    generous = Gate(max_failed_rows=None, max_failed_percent=100)
    assert not decide_gate(generous, Counts(10, 9, 0, 0), is_query=False, reconciled=False, problem="").is_open


def test_reconciliation_names_each_mismatch() -> None:
    """Rows missing from the result files, and counters that disagree with them."""
    assert reconcile_job(sent=10, successful=7, failed=2, unprocessed=1, processed=9, server_failed=2) == ""
    missing = reconcile_job(sent=10, successful=7, failed=2, unprocessed=0, processed=10, server_failed=3)
    assert "10 rows sent" in missing
    assert "the job says 10 rows processed" in missing
    assert "the job says 3 rows failed" in missing


def reconciled(state: str, error: str = "", **counts: int) -> PartRun:
    done = attempt(
        "reconciled", state=state, error=error, processed=counts.get("successful", 0) + counts.get("failed", 0)
    )
    done.reconciled = ev.JobReconciled("s", 1, 1, sent=10, agree=True, **counts)  # type: ignore[arg-type]
    return PartRun(1, [FACT], [done])


def test_only_rows_that_may_pass_are_sent_again() -> None:
    """Listed codes and unprocessed rows; not what a person aborted, not what fails the same way again."""
    policy = Retry()
    assert select_retry(policy, reconciled("JobComplete", successful=9, failed=1, retriable=1))
    assert select_retry(policy, reconciled("JobComplete", successful=9, failed=1)) is None
    assert select_retry(policy, reconciled("Failed", successful=4, unprocessed=6))
    assert select_retry(policy, reconciled("Failed", "InvalidBatch : Field name not found : X", unprocessed=10)) is None
    assert select_retry(policy, reconciled("Aborted", successful=4, unprocessed=6)) is None
    spent = reconciled("JobComplete", successful=9, failed=1, retriable=1)
    spent.facts *= policy.max_attempts
    assert select_retry(policy, spent) is None


@pytest.mark.parametrize("table", [INGEST, QUERY])
def test_an_unlisted_event_is_refused_and_changes_nothing(table: dict[tuple[str, type[ev.Event]], object]) -> None:
    """Every pair of phase and event that is not in the table raises."""
    kind = "ingest" if table is INGEST else "query"
    phases = {phase for phase, _ in table}
    kinds = {event for _, event in table}
    for phase in phases:
        for event in kinds:
            if (phase, event) not in table:
                made = attempt(phase, kind)
                with pytest.raises(IllegalEvent):
                    advance(made, event("s", 1, 1))  # type: ignore[call-arg]
                assert made.phase == phase


def test_every_phase_is_in_flight_or_final() -> None:
    """No phase is forgotten by the sets that the decision uses."""
    phases = {p for p, _ in (*INGEST, *QUERY)} | FINAL
    assert phases - IN_FLIGHT - FINAL == {"collected"}
    assert DEAD < FINAL


def test_nothing_is_sent_again_once_closing_was_announced() -> None:
    """From `closing` on no listed event leads back to a phase whose job may be replaced, unless the org says `Open`."""
    after_close = {"closing", "processing", "terminal", "collected"}
    for phase in after_close:
        for (at, event), following in INGEST.items():
            if at == phase and isinstance(following, str):
                assert following not in {"lost", "abandoned", "created", "uploading", "doubtful"}, (at, event)
