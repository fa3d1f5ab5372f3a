"""Ties tests to the rows of docs/reference/protocol-facts.md."""

from __future__ import annotations

import pytest


def fact(*names: str) -> pytest.MarkDecorator:
    """The test shows these rows of the page of facts."""
    return pytest.mark.fact(*names)
