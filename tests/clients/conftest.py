"""An org for each test of a client, on the machine's clock; a client that is not installed is skipped with the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.clients import why_not


@pytest.fixture(autouse=True)
def _case(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Notes for the page of results which client and operation a test is a case of."""
    mark = request.node.get_closest_marker("clients")
    if mark is None:
        return
    name, operation, limit = mark.args
    record_property("client", name)
    record_property("operation", operation)
    if limit:
        record_property("limit", (request.function.__doc__ or "").strip())
    reason = why_not(name)
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def org(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    """Without latency; pages of query results have ten rows, so that a few rows are several."""
    settings = Settings(
        latency=0.0, rows_per_second=inf, page_size=10, rest_page_size=10,
        clients=(("app", "s3cret"),), users=(("ada@example.org", "pwTOKEN"),),
    )  # fmt: skip
    with EmbeddedOrg(tmp_path / "org", settings=settings) as running:
        yield running
