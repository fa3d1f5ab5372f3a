"""Which rows of a rehearsal would have failed in the org, and of which only the org knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.plan.load import load_plan
from loadplan.plan.model import Plan
from loadplan.reports import rehearsal as module
from loadplan.reports.clinic import Cluster, diagnose

NO_PARENT = "Foreign key external ID: … not found for field Key__c in entity Account (source column `a`)"
TAKEN = "duplicate value found: Key__c duplicates value on record with id: <id>"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "c.csv").write_text("Key__c\n1\n", encoding="utf-8")
    (tmp_path / "plan.yaml").write_text(
        "version: 1\nname: t\nsteps:\n"
        "  up: {object: Contact, operation: upsert, external_id: Key__c, source: c.csv}\n"
        "  ins: {object: Lead, operation: insert, source: c.csv}\n",
        encoding="utf-8",
    )
    return load_plan(tmp_path / "plan.yaml", variables={}, var_files=[])


CASES = [
    ("up", "INVALID_FIELD", NO_PARENT, {}, False, True),
    ("up", "INVALID_FIELD", NO_PARENT, {"Account": 12_000}, False, True),
    ("up", "INVALID_FIELD", NO_PARENT, {"Account": 0}, False, False),
    ("up", "INVALID_FIELD", "Number of fields in header", {}, False, False),
    ("ins", "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", {}, False, True),
    ("ins", "INVALID_CROSS_REFERENCE_KEY", "Owner ID: cannot be blank", {}, False, False),
    ("up", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", {"Contact": 10}, False, True),
    ("up", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", {"Contact": 0}, False, False),
    ("ins", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", {"Lead": 10}, False, False),
    ("ins", "DUPLICATE_VALUE", TAKEN, {}, True, True),
    ("ins", "DUPLICATE_VALUE", TAKEN, {}, False, False),
    ("up", "DUPLICATE_VALUE", "Duplicate external id specified: …", {}, True, False),
    ("ins", "STRING_TOO_LONG", "data value too large", {}, True, False),
]


@pytest.mark.parametrize(("step", "code", "message", "records", "used", "doubtful"), CASES)
def test_a_row_that_fails_for_want_of_a_record_may_land_where_there_are_records(
    plan: Plan, step: str, code: str, message: str, records: dict[str, int], used: bool, doubtful: bool
) -> None:
    """Unless the org has none; what a description forbids fails in any case."""
    cluster = Cluster(step, code, "", message, 3, diagnose(code, message))
    assert bool(module.doubt_of(cluster, plan, records, used_before=used)) == doubtful


def test_the_headline_says_what_was_not_sent_and_what_cannot_be_told() -> None:
    """In one line, with numbers that add up to what was tried."""
    sure = module.Reason(Cluster("a", "STRING_TOO_LONG", "Name", "", 3, diagnose("STRING_TOO_LONG", "")))
    unsure = module.Reason(sure.cluster, "may be there")
    found = module.Rehearsal(1_000, (sure, unsure), waiting=1)
    assert module.headline(found, "`prod`", "describe") == (
        "Rehearsal: 3 of 1,000 rows would have failed in `prod`, by the snapshot in describe; of 3 rows the twin cannot tell; "
        "1 row would have waited for a parent"
    )
    assert module.headline(module.Rehearsal(1, ()), "the real org", "d") == (
        "Rehearsal: none of 1 row would have failed in the real org, by the snapshot in d"
    )
