"""An org for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.wire import Org


@pytest.fixture
def org() -> Iterator[Org]:
    """An org whose clock stands still, without latency."""
    with Org() as running:
        yield running
