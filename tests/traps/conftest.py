"""Traps: files and plans on which other tools lost rows, changed values or said nothing. Each test names the thread it is
from (`cli` is forcedotcom/cli, `sfdmu` forcedotcom/SFDX-Data-Move-Utility, the others are named alike) and holds one of two
things: it is found before anything is sent, with file, line and column, or it reaches the org exactly as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sending import Sending


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    """A plan and its files in a folder of their own."""
    return Sending(tmp_path)
