"""The project of the stories, for attacks on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    (tmp_path / ".git").mkdir()
    return tmp_path
