"""Files that cannot be written: what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.durable import write_atomic
from loadplan.errors import LocalError


@pytest.mark.parametrize(("mode", "moved"), [(0o600, True), (0o644, False)])
def test_only_what_belongs_to_the_state_may_be_moved_with_it(tmp_path: Path, mode: int, moved: bool) -> None:
    """A file that is made for others has its place from them."""
    (tmp_path / "file").touch()
    with pytest.raises(LocalError) as told:
        write_atomic(tmp_path / "file" / "below.json", b"{}", mode)
    assert told.value.code == "LP0601"
    assert ("--state-dir" in str(told.value.hint)) is moved
