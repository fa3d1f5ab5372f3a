"""Lines on the terminal, which CI systems keep and others read: no row values, no escapes."""

from __future__ import annotations

from typing import Any

import pytest
from loadplan.cli.events import describe
from loadplan.run import events as ev

ABOUT: dict[str, Any] = {"step": "a", "part": 1, "attempt": 1, "job": "750000000000001AAA"}
LINES: dict[str, tuple[ev.Event, str]] = {
    "a job's error": (
        ev.JobObserved(**ABOUT, state="Failed", error="InvalidBatch : Field name not found : 'Ada' (ada@acme.example)"),
        "750000000000001AAA Failed: InvalidBatch : Field name not found : '…' (<email>)",
    ),
    "a refused close": (
        ev.CloseRefused(**ABOUT, message="INVALIDJOB: bad value 'Ada'"),
        "the org would not close the upload: INVALIDJOB: bad value '…'",
    ),
    "a refused job": (
        ev.StepRefused("a", "the org refused the job: INVALIDJOB: no 'Ada'"), "the org refused the job: INVALIDJOB: no '…'",
    ),
    "a refusal of our own": (
        ev.StepRefused("a", "it would delete 6 rows and the org's entry allows 5 (max_delete_rows in orgs.yaml)"),
        "it would delete 6 rows and the org's entry allows 5 (max_delete_rows in orgs.yaml)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("event", "text"), LINES.values(), ids=LINES.keys())
def test_values_in_the_orgs_words_are_masked(event: ev.Event, text: str) -> None:
    """The shape of the message stays; the journal has it whole."""
    nothing: Any = None
    found = describe(event, nothing, nothing)
    assert found is not None
    assert found[2] == text
