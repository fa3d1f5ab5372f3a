"""What several modules of this folder need: one PostgreSQL server a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A real server; the tests that need it are skipped, with the reason, where there is none."""
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.running() as found:
        yield found
