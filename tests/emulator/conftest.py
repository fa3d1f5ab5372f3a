"""An org for each test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.wire import Org


@pytest.fixture
def org() -> Iterator[Org]:
    """An org whose clock stands still, without latency."""
    with Org() as running:
        yield running


@pytest.fixture
def org_with_external_id(tmp_path: Path) -> Iterator[Org]:
    """The org of the recordings: opportunities with an external id, and objects of its own."""
    field = {"name": "external_id__c", "type": "string", "length": 40, "externalId": True, "unique": True}
    (tmp_path / "Opportunity.json").write_text(json.dumps({"name": "Opportunity", "fields": [field]}), encoding="utf-8")
    with Org(describe=[tmp_path]) as running:
        yield running
