"""May the steps behind this one start? Pure: counts in, a verdict with its reasons out."""

from __future__ import annotations

from loadplan.lean import dataclass
from loadplan.plan.model import Gate
from loadplan.run.state import Counts, StepRun
from loadplan.words import count


@dataclass(frozen=True)
class Verdict:
    """`is_open`, the rule in words, and the numbers that decided. Thresholds are inclusive."""

    is_open: bool
    rule: str
    because: str


def decide_gate(
    gate: Gate, counts: Counts, *, is_query: bool, reconciled: bool, problem: str, excused: int = 0
) -> Verdict:
    """Judge a settled step. A step whose counts do not reconcile never opens its gate, whatever the thresholds; rows that
    Salesforce left unprocessed, and rows that wait for their parents, count like failed ones: they did not land.
    Percentages are of the rows that were sent or wait.

    `excused` rows of a rehearsal do not count: the twin, which has none of the org's records, cannot tell of them. Of a query 1 says
    that it may have fewer rows than its gate asks for."""
    rule = describe_rule(gate, is_query=is_query)
    if problem:
        return Verdict(False, rule, problem)
    if not reconciled:
        return Verdict(False, rule, "the counts do not reconcile")
    reasons = list(_broken(gate, counts, is_query, excused))
    if is_query and excused and _broken(gate, counts, is_query) != reasons:
        reasons_told = f"{_too_few(gate, counts)}; the twin has none of the org's records"
        return Verdict(not reasons, rule, "; ".join([*reasons, reasons_told]))
    if reasons:
        more = (
            f"; the twin cannot tell of {excused:,} more, and {_none_counts(excused)}"
            if excused and not is_query
            else ""
        )
        return Verdict(False, rule, "; ".join(reasons) + more)
    if is_query:
        return Verdict(True, rule, count(counts.sent, "row"))
    if not counts.left_over:
        return Verdict(True, rule, _all_landed(counts.meant))
    failed = counts.left_over - excused
    told = f"{failed:,} of {count(counts.meant, 'row')} did not land ({_percent(counts, excused)}%)"
    if excused:
        told = f"{told if failed else 'no row failed for sure'}; the twin cannot tell of {excused:,}{' more' if failed else ''}"
        told += f", and {_none_counts(excused)}"
    return Verdict(True, rule, told)


def _none_counts(excused: int) -> str:
    return "it does not count" if excused == 1 else "they do not count"


def _all_landed(rows: int) -> str:
    return {0: "there was no row to send", 1: "the one row landed"}.get(rows, f"all {count(rows, 'row')} landed")


def _broken(gate: Gate, counts: Counts, is_query: bool, excused: int = 0) -> list[str]:
    reasons = []
    if is_query:
        if gate.min_rows is not None and counts.sent < gate.min_rows and not excused:
            reasons.append(_too_few(gate, counts))
        if gate.max_rows is not None and counts.sent > gate.max_rows:
            reasons.append(f"{count(counts.sent, 'row')}, the gate allows {gate.max_rows:,}")
        return reasons
    left = counts.left_over - excused
    if gate.max_failed_rows is not None and left > gate.max_failed_rows:
        reasons.append(f"{count(left, 'row')} did not land, the gate allows {gate.max_failed_rows:,}")
    # Integers are compared crosswise, so that 0.1 % of 1,000 rows is exactly one row.
    if gate.max_failed_percent is not None and left * 100 > gate.max_failed_percent * counts.meant:
        reasons.append(
            f"{_percent(counts, excused)}% of the rows did not land, the gate allows {gate.max_failed_percent:g}%"
        )
    return reasons


def _too_few(gate: Gate, counts: Counts) -> str:
    return f"{count(counts.sent, 'row')}, the gate asks for at least {gate.min_rows or 0:,}"


def _percent(counts: Counts, excused: int = 0) -> str:
    return f"{(counts.left_over - excused) * 100 / counts.meant:.2f}" if counts.meant else "0"


def describe_rule(gate: Gate, *, is_query: bool) -> str:
    """The thresholds in words, for plan, runbook and messages."""
    if is_query:
        words = []
        if gate.min_rows is not None:
            words.append(f"rows >= {gate.min_rows:,}")
        if gate.max_rows is not None:
            words.append(f"rows <= {gate.max_rows:,}")
        return " and ".join(words) or "pages agree with the job"
    words = []
    if gate.max_failed_rows is not None:
        words.append(f"failed rows <= {gate.max_failed_rows:,}")
    if gate.max_failed_percent is not None:
        words.append(f"failed <= {gate.max_failed_percent:g}%")
    return " and ".join(words) or "reconciled"


def settle_state(step: StepRun, verdict: Verdict) -> str:
    """How a finished step is called: `succeeded` means every row landed (or every page was fetched)."""
    attempts = step.attempts
    if any(a.aborted_by_a_person for a in attempts) and not verdict.is_open:
        return "aborted"
    if verdict.is_open:
        return "partial" if step.counts.left_over else "succeeded"
    return "partial" if step.counts.successful and not step.problem else "failed"
